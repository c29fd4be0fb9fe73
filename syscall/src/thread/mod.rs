//! Threads of the program.

pub(crate) mod control;

use alloc::sync::Arc;

use control::ControlBlock;

/// A thread of this program.
#[derive(Clone)]
pub struct Handle {
    block: Option<Arc<ControlBlock>>,
}

impl Handle {
    /// The thread's name; `main` for the first one, `?` for one without.
    pub fn name(&self) -> &str {
        let block = control::resolve(&self.block);
        match &block.name {
            Some(name) => name,
            None if self.block.is_none() => "main",
            None => "?",
        }
    }

    /// The thread's number, counted from 1 for the main thread, never used twice.
    pub fn id(&self) -> u64 {
        control::resolve(&self.block).id
    }
}

/// The calling thread.
pub fn current() -> Handle {
    Handle { block: control::current_counted() }
}

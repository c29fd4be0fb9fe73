//! What a victim finds that no program should ever see. The supervisor reports the first of them.

use core::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// Something that the kernel must not do.
#[derive(Clone, Copy)]
#[repr(usize)]
pub enum Finding {
    /// A register that a system call preserves was changed.
    Register = 1,
    /// A thread that runs for the first time has registers that another task's thread had.
    Leak,
    /// A page reads as the one that was mapped at its place before.
    Memory,
    /// A capability arrived at a slot beside those that it was mapped to.
    Window,
}

/// The first finding of this seed, or 0.
pub static FOUND: AtomicUsize = AtomicUsize::new(0);

/// Reports a finding.
pub fn report(finding: Finding) {
    let _ = FOUND.compare_exchange(0, finding as usize, Relaxed, Relaxed);
}

/// What was found.
pub fn first() -> Option<&'static str> {
    const TEXTS: [&str; 4] = [
        "a system call changed a register that it preserves",
        "a new thread has another one's registers",
        "memory reads as what was unmapped",
        "a capability arrived outside the window",
    ];
    TEXTS.get(FOUND.load(Relaxed).checked_sub(1)?).copied()
}

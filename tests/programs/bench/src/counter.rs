//! Counts instructions.

use syscall::println;

/// How often an operation is repeated.
pub const ROUNDS: u64 = 1000;

/// Counts the operations, or repeats one of them for ever.
#[derive(Clone, Copy)]
pub struct Counter {
    repeated: Option<&'static str>,
}

impl Counter {
    /// Counts all operations.
    pub const fn new() -> Self {
        Self { repeated: None }
    }

    /// Repeats the first operation with this word in its name.
    pub const fn repeating(word: &'static str) -> Self {
        Self { repeated: Some(word) }
    }

    /// Ticks for each of [`ROUNDS`] repetitions, without those of the loop.
    pub fn count(&self, name: &str, operation: impl FnMut()) {
        self.count_parts(name, 1, operation);
    }

    /// Ticks of an operation that takes long: it is done once.
    pub fn count_once(&self, name: &str, operation: impl FnOnce()) {
        if self.repeated.is_none() {
            let start = ticks();
            operation();
            println!("bench: {name}: {}", ticks() - start);
        }
    }

    /// The same for each of `parts` equal parts of the operation.
    pub fn count_parts(&self, name: &str, parts: u64, mut operation: impl FnMut()) {
        if let Some(word) = self.repeated {
            if !name.contains(word) {
                return;
            }
            println!("repeating: {name}");
            loop {
                operation();
            }
        }
        operation();
        let start = ticks();
        for _ in 0..ROUNDS {
            core::hint::black_box(());
        }
        let middle = ticks();
        for _ in 0..ROUNDS {
            operation();
        }
        let end = ticks();
        let each = ((end - middle).saturating_sub(middle - start)) / ROUNDS / parts;
        println!("bench: {name}: {each}");
    }
}

fn ticks() -> u64 {
    // The kernel's clock code counts in nanoseconds; under -icount one tick of the counter is one.
    syscall::time::Instant::now().since_boot().as_nanos() as u64
}

//! What the fuzzing threads do: calls and, now and then, a stunt, and count them.

use crate::random::Random;
use core::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Calls so far, by all tasks of this seed.
pub static CALLS: AtomicU64 = AtomicU64::new(0);
/// Those that succeeded.
pub static SUCCEEDED: AtomicU64 = AtomicU64::new(0);

/// Makes calls for ever.
pub fn calls(seed: u64) {
    let mut random = Random::new(seed);
    loop {
        if random.once_in(300) {
            crate::stunt::one(&mut random);
        }
        let succeeded = crate::call::one(&mut random);
        CALLS.fetch_add(1, Relaxed);
        SUCCEEDED.fetch_add(u64::from(succeeded), Relaxed);
    }
}

/// The number of a stack for a thread that the victims make themselves. Two of them can meet there.
pub fn stack(random: &mut Random) -> usize {
    2 + random.below(8) as usize
}

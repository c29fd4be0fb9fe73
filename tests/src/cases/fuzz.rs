//! The fuzzer of the kernel interface, a machine for each seed, on the kernel that checks its invariants; and the
//! same with a bug planted in that kernel, which the fuzzer must find.

use crate::case::{Case, modules_only};
use furore_tools::build::CHECKED_KERNEL;

/// Seeds of `make test`.
const SEEDS: u64 = 20;
/// Calls for each seed.
const CALLS: u64 = 100_000;
/// Seconds that a seed may take.
const PATIENCE: u64 = 600;

/// Bugs by their names (`kernel/src/planted.rs`), and what is said when they are found.
const PLANTED: [(&str, &str); 7] = [
    ("timeout-kept", "broken invariant: who waits for the clock waits for something"),
    ("sender-kept", "broken invariant: who sends is in a line, and nobody else"),
    ("reference-kept", "broken invariant: an object counts those who refer to it"),
    ("capability-counted", "broken invariant: capabilities that count are counted"),
    ("quota-kept", "broken invariant: a quota is charged for what there is"),
    ("node-kept", "broken invariant: an entry that maps nothing has no node"),
    ("unmap-flat", "assertion failed: node.first_child(budget).is_none()"),
];

/// A machine that makes this seed's calls on `kernel`. Its time is counted in instructions, so that a seed does the
/// same whenever the same programs run it.
fn machine(name: String, kernel: &str, seed: u64) -> Case {
    let fuzzer = format!("fuzz first={seed} seeds=1 calls={CALLS}");
    modules_only(name.leak(), &[kernel, "sigma0", &fuzzer, "l4re", "ned"])
        .qemu("-icount shift=0,align=off,sleep=off -rtc base=2000-01-01,clock=vm")
}

/// The machine of a seed.
pub fn seed(seed: u64) -> Case {
    machine(format!("fuzzer: seed {seed}"), CHECKED_KERNEL, seed)
        .says_within(PATIENCE, "fuzz: 1 seeds, 0 failed")
        .never_says("FAIL")
        .powers_off()
}

pub fn cases() -> Vec<Case> {
    let planted = PLANTED.iter().map(|(bug, said)| {
        machine(format!("fuzzer: planted bug {bug} is found"), &format!("{CHECKED_KERNEL} -planted={bug}"), 1)
            .says_within(PATIENCE, said)
    });
    (1..=SEEDS).map(seed).chain(planted).collect()
}

//! The fuzzer of the kernel interface, a machine for each seed, on the kernel that checks its invariants; and the
//! same with a bug planted in that kernel, which the fuzzer must find.

use crate::case::{Case, modules_only};
use furore_tools::build::{CHECKED_KERNEL, MEASURING_KERNEL};

/// Seeds of `make test`.
const SEEDS: u64 = 20;
/// Seeds on the kernel that measures how long interrupts are off, and the first of them.
const MEASURED_SEEDS: u64 = 10;
const FIRST_MEASURED: u64 = 1001;
/// Calls for each seed.
const CALLS: u64 = 100_000;
/// Seconds that a seed may take.
const PATIENCE: u64 = 240;

/// Seconds within which a planted bug is found.
const SOON: u64 = 150;

/// The kernel's checks found it: an invariant, or an assertion of the kernel's own.
const CHECKS: &str = "Furore kernel: panic at kernel/src/";

/// Bugs by their names (`kernel/src/planted.rs`), and what is said when they are found. Behind it: what the checks said.
const PLANTED: [(&str, &str); 11] = [
    ("timeout-kept", CHECKS),       // who waits for the clock waits for something
    ("sender-kept", CHECKS), // who sends is in a line, and nobody else; or: who is in a line waits for what it is for
    ("reference-kept", CHECKS), // an object counts those who refer to it
    ("capability-counted", CHECKS), // capabilities that count are counted
    ("quota-kept", CHECKS),  // a quota is charged for what there is
    ("node-kept", CHECKS),   // an entry that maps nothing has no node
    ("unmap-flat", CHECKS),  // the assertion that a page which is removed has no children
    ("right-unchecked", "FAIL: a gate was bound without the right to do that"),
    ("window-too-large", "FAIL: a capability arrived outside the window"),
    ("flush-forgotten", "FAIL: memory reads as what was unmapped"),
    ("fpu-leaked", "FAIL: a new thread has another one's registers"),
];

/// Calls of the seed after each of which all tables are looked at, whether they have changed or not, which takes some twenty
/// times as long.
const CALLS_WITH_SWEEPS: u64 = 2_000;

/// A machine that makes so many calls for each of these seeds on `kernel`. Its time is counted in instructions, so that a seed does
/// the same whenever the same programs run it.
fn machine(name: String, kernel: &str, first: u64, seeds: u64, calls: u64) -> Case {
    let fuzzer = format!("fuzz first={first} seeds={seeds} calls={calls}");
    modules_only(name.leak(), &[kernel, "sigma0", &fuzzer, "l4re", "ned"])
        .qemu("-icount shift=0,align=off,sleep=off -rtc base=2000-01-01,clock=vm")
}

/// The machine of a seed. Every other one has a processor of every feature.
pub fn seed(seed: u64) -> Case {
    let machine = machine(format!("fuzzer: seed {seed}"), CHECKED_KERNEL, seed, 1, CALLS);
    passes(if seed.is_multiple_of(2) { machine.qemu("-cpu max") } else { machine })
}

fn passes(machine: Case) -> Case {
    machine.says_within(PATIENCE, "fuzz: 1 seeds, 0 failed").never_says("FAIL").powers_off()
}

pub fn cases() -> Vec<Case> {
    let planted = PLANTED.iter().map(|(bug, said)| {
        machine(
            format!("fuzzer: planted bug {bug} is found"),
            &format!("{CHECKED_KERNEL} -planted={bug}"),
            1,
            SEEDS,
            CALLS,
        )
        .says_within(SOON, said)
    });
    let measured =
        machine("fuzzer: how long interrupts are off".into(), MEASURING_KERNEL, FIRST_MEASURED, MEASURED_SEEDS, CALLS)
            .says_within(PATIENCE, ": the longest stretch with interrupts off: ")
            .says_within(PATIENCE, " seeds, 0 failed")
            .never_says("FAIL")
            .powers_off();
    let kernel = format!("{CHECKED_KERNEL} -sweep=1");
    let name = "fuzzer: all tables are looked at after each entry".to_owned();
    let thorough = passes(machine(name, &kernel, SEEDS + 1, 1, CALLS_WITH_SWEEPS));
    (1..=SEEDS).map(seed).chain(planted).chain([measured, thorough]).collect()
}

//! The kernel's interface: the conformance suite and the fuzzer, which stand in moe's place.

use crate::case::{Case, modules_only};

pub fn cases() -> Vec<Case> {
    vec![
        modules_only("kernel: conformance suite", &["kernel", "sigma0", "suite", "l4re", "ned"])
            .says_within(180, " tests, 0 failed")
            .never_says("FAIL")
            .powers_off(),
        modules_only("kernel: fuzzer", &["kernel", "sigma0", "fuzz seeds=20 calls=100000", "l4re", "ned"])
            .says_within(600, "fuzz: 20 seeds, 0 failed")
            .never_says("FAIL")
            .powers_off(),
    ]
}

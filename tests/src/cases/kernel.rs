//! The kernel's interface: the conformance suite, in moe's place and started by moe.

use crate::case::{Boot, Case, case, modules_only, script};
use crate::menu::menu;
use furore_tools::build::{CHECKED_KERNEL, MEASURING_KERNEL};

/// Time is what the guest has executed: what tests measure does not depend on how busy the host is.
pub const GUEST_TIME: &str = "-icount shift=0,align=off,sleep=off";

pub fn cases() -> Vec<Case> {
    let on_cd = menu("bootstrap-vbe -serial", &[MEASURING_KERNEL, "sigma0", "bounds", "l4re", "ned"]);
    vec![
        suite(),
        // With AVX registers, and the protections that the kernel uses where they are.
        modules_only(
            "kernel: conformance suite on a processor of every feature",
            &["kernel", "sigma0", "suite", "l4re", "ned"],
        )
        .qemu(GUEST_TIME)
        .qemu("-cpu max")
        .says(&[" avx ", " smep smap "])
        .says_within(180, " tests, 0 failed")
        .never_says("FAIL")
        .powers_off(),
        // As an ordinary program: what stands in moe's place otherwise is given by moe.
        modules_only(
            "kernel: conformance suite, started by moe",
            &["kernel", "sigma0", "moe --init=rom/suite", "l4re", "suite"],
        )
        .qemu(GUEST_TIME)
        .says_within(180, " tests, 0 failed")
        .never_says("FAIL")
        .powers_off(),
        // Without what a test needs, none runs.
        script(
            "kernel: conformance suite, not given the interrupt controller",
            "require('L4').default_loader:start({}, 'rom/suite')",
            &["suite"],
        )
        .says(&["suite: cannot start", "no capability 'icu'"])
        .never_says(" ok"),
        // The same on the kernel that checks itself after each entry.
        modules_only("kernel: conformance suite, with checks", &[CHECKED_KERNEL, "sigma0", "suite", "l4re", "ned"])
            .qemu(GUEST_TIME)
            .says_within(300, " tests, 0 failed")
            .never_says("FAIL")
            .powers_off(),
        modules_only(
            "kernel: conformance suite, with memory counted",
            &[MEASURING_KERNEL, "sigma0", "suite", "l4re", "ned"],
        )
        .qemu(GUEST_TIME)
        .says_within(180, "bytes of kernel memory are free, as after the first test")
        .says(&[" tests, 0 failed"])
        .never_says("FAIL")
        .powers_off(),
        // A thread that faults again and again must not fill the console.
        modules_only(
            "kernel: a thread that nobody handles is named once",
            &["kernel", "sigma0", "suite only=unhandled_again", "l4re", "ned"],
        )
        .says_within(60, "suite: 2 tests, 0 failed")
        .said("stopped: no pager", 1)
        .said("waits for ever: no exception handler", 1)
        .powers_off(),
        // Each as wide as its opcode says.
        modules_only(
            "kernel: what the debugger writes",
            &["kernel", "sigma0", "suite only=objects.debugger_output", "l4re", "ned"],
        )
        .says(&[
            "OK 76543210 43210 3210 210 10 18364758544493064720 00000005 00005 0005 005 05 5\n",
            "asks for the kernel debugger, ip 0x",
            ": test\n",
            "suite: 2 tests, 0 failed",
        ])
        .powers_off(),
        bounds(modules_only(
            "kernel: longest stretches with interrupts off",
            &[MEASURING_KERNEL, "sigma0", "bounds", "l4re", "ned"],
        )),
        bounds(case("kernel: longest stretches with interrupts off, on a framebuffer", Boot::Cd(on_cd))),
    ]
}

/// A machine that runs the program `bounds` on the kernel that measures.
fn bounds(machine: Case) -> Case {
    machine
        .qemu(GUEST_TIME)
        .qemu("-m 512")
        .says_within(300, "bounds: type")
        .types(&"\r".repeat(100))
        .says_within(300, "bounds: round 1000: ")
        .says(&[" rows, 0 failed"])
        .never_says("FAIL")
        .powers_off()
}

/// The conformance suite.
pub fn suite() -> Case {
    modules_only("kernel: conformance suite", &["kernel", "sigma0", "suite", "l4re", "ned"])
        .qemu(GUEST_TIME)
        .says_within(180, " tests, 0 failed")
        .never_says("FAIL")
        // Tests ask the console to write this in ways that it must refuse.
        .never_says("unseen")
        .powers_off()
}

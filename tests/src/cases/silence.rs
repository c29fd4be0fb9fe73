//! Never silent: a failure of any stage, from bootstrap's first instructions on, ends in a line that says what failed, on the
//! screen and on the serial line.

use crate::broken;
use crate::case::{Boot, Case, modules_only};

const CHAIN: [&str; 5] = ["kernel", "sigma0", "moe", "l4re", "ned"];

/// Bootstrap broken by `change`; without the option `-serial`, because failures need none.
fn broken_bootstrap(name: &'static str, change: fn(Vec<u8>) -> Vec<u8>) -> Case {
    let modules = CHAIN.iter().map(|&module| module.to_owned()).collect();
    let boot = Boot::Kernel { image: "broken", arguments: String::new(), modules };
    Case { boot, ..modules_only(name, &[]) }.changed("broken", "bootstrap", change)
}

pub fn cases() -> Vec<Case> {
    vec![
        broken_bootstrap("silence: an exception in bootstrap's 32-bit part", broken::fault_in_32_bit)
            .says(&["bootstrap: CPU exception 0x06 at 0x0010", "before 64-bit mode", "report this line"])
            .shows("bootstrap: CPU exception 0x06 at 0x0010"),
        broken_bootstrap("silence: an exception in bootstrap's 64-bit part", broken::fault_in_64_bit)
            .says(&["bootstrap: invalid opcode (vector 6", "This is a fault in bootstrap: report it"])
            .shows("bootstrap: invalid opcode"),
        modules_only("silence: an exception in the kernel's first instruction", &CHAIN)
            .options("")
            .changed("kernel", "kernel", broken::fault_at_entry)
            .says(&["kernel, before it had its own fault handlers: invalid opcode (vector 6", "report it"])
            .shows("invalid opcode"),
        modules_only("silence: a panic of the kernel has a backtrace by names", &CHAIN)
            .options("")
            .qemu("-cpu qemu64,-apic")
            .says(&[
                "Furore kernel: panic at kernel/src/arch/x86_64/timer.rs",
                "this CPU has no local APIC",
                "-cpu qemu64",
            ])
            .says(&[
                "called from",
                "kernel::arch::x86_64::timer::init+",
                "kernel::kernel_main+",
                "The kernel has stopped",
            ])
            .shows("this CPU has no local APIC"),
    ]
}

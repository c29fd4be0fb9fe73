//! Never silent: a failure of any stage, from bootstrap's first instructions on, ends in a line that says what failed, on the
//! screen and on the serial line.

use crate::broken;
use crate::case::{Boot, Case, case, modules_only, script};
use crate::menu::menu;

const CHAIN: [&str; 5] = ["kernel", "sigma0", "moe", "l4re", "ned"];

/// Bootstrap broken by `change`; without the option `-serial`, because failures need none.
fn broken_bootstrap(name: &'static str, change: fn(Vec<u8>) -> Vec<u8>) -> Case {
    let modules = CHAIN.iter().map(|&module| module.to_owned()).collect();
    let boot = Boot::Kernel { image: "broken", arguments: String::new(), modules };
    Case { boot, ..modules_only(name, &[]) }.changed("broken", "bootstrap", change)
}

/// The boot chain with `module` replaced by one that loops at its first instruction.
fn looping(name: &'static str, module: &'static str) -> Case {
    modules_only(name, &CHAIN).changed(module, module, broken::loops_at_entry)
}

/// Starts a program that loops and one that does not.
const STUCK: &str = "local L4 = require(\"L4\");\nlocal p = L4.default_loader:start({}, \"rom/stuck\");\n\
    L4.default_loader:start({}, \"rom/hello\"):wait();\nL4.sleep(11);\nprint(\"the other still waits for it\");\n\
    p:kill();\nL4.Env.icu:shutdown();\n";

/// Starts a program that computes, once it has got as far as its own code.
const BUSY: &str = "local L4 = require(\"L4\");\nL4.default_loader:start({}, \"rom/looper\");\nL4.sleep(12);\n\
    print(\"12 s are over\");\nL4.Env.icu:shutdown();\n";

/// How long, in real seconds, a machine may take for ten of its own.
const TEN_SECONDS: u64 = 60;

pub fn cases() -> Vec<Case> {
    let waiting = ["kernel -wait", "sigma0", "moe", "l4re", "ned"];
    vec![
        looping("silence: a sigma0 that loops", "sigma0")
            .says(&["Started sigma0 at"])
            .says_within(TEN_SECONDS, "kernel: still waiting for sigma0: 10 s after its start it has not said a word")
            .says(&["It computes at 0x30", "module /sigma0"])
            .shows("kernel: still waiting for sigma0"),
        looping("silence: a moe that loops", "moe")
            .says(&["sigma0: root pager"])
            .says_within(
                TEN_SECONDS,
                "kernel: still waiting for the root task: 10 s after its start it has not said a word",
            )
            .says(&["It computes at 0x3", "module /moe"])
            .never_says("waiting for sigma0")
            .shows("kernel: still waiting for the root task"),
        looping("silence: a service code that loops", "l4re")
            .says(&["moe: starting rom/ned"])
            .says_within(TEN_SECONDS, "moe: still waiting for rom/l4re")
            .says(&["10 s after its start", "module /l4re"])
            .shows("moe: still waiting for rom/l4re"),
        looping("silence: a ned that loops", "ned")
            .says(&["moe: starting rom/ned"])
            .says_within(TEN_SECONDS, "moe: still waiting for rom/ned: 10 s after its start")
            .shows("moe: still waiting for rom/ned"),
        script("silence: a program that loops", STUCK, &["stuck", "hello"])
            .changed("stuck", "hello", broken::loops_at_entry)
            .says(&["Hello World!"])
            .says_within(TEN_SECONDS, "ned: still waiting for 'rom/stuck': 10 s after its start")
            .never_says("waiting for 'rom/hello'")
            .says(&["the other still waits for it"])
            .powers_off(),
        script("silence: a program that computes for long is left alone", BUSY, &["looper", "witness"])
            .says(&["spins from now on"])
            .says_within(TEN_SECONDS, "12 s are over")
            .never_says("still waiting")
            .powers_off(),
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
        modules_only("silence: an exception in the kernel before it has its own tables", &CHAIN)
            .options("")
            .changed("kernel", "kernel", broken::fault_behind_segments)
            .says(&["kernel, before it had its own fault handlers: invalid opcode (vector 6", "report it"])
            .shows("invalid opcode"),
        modules_only("silence: an exception in the kernel before it has its own page tables", &CHAIN)
            .options("")
            .changed("kernel", "kernel", broken::fault_behind_handlers)
            .says(&["Furore kernel: invalid instruction in the kernel", "kernel::arch::x86_64::"])
            .says(&["The kernel has stopped"])
            .shows("Furore kernel: invalid instruction in the kernel"),
        case("silence: the same on a framebuffer", Boot::Cd(menu("bootstrap-vbe", &CHAIN)))
            .changed("kernel", "kernel", broken::fault_behind_handlers)
            .says(&["The kernel has stopped"])
            .shows("Starting kernel at")
            .shows("Furore kernel: invalid instruction in the kernel"),
        // The firmware does not set the screen up again.
        modules_only(
            "silence: an exception while the machine wakes up",
            &["kernel", "sigma0", "devices sleep", "l4re", "ned"],
        )
        .changed("kernel", "kernel", broken::fault_when_waking)
        .says(&["devices: sleeping 1"])
        .wakes()
        .says(&[
            "Furore kernel: invalid instruction in the kernel",
            "not in the kernel",
            "The kernel has stopped",
        ]),
        // COM2 leads to COM3 of the same machine, which takes nothing in.
        modules_only("silence: a serial line on which nobody listens does not hold up the screen", &waiting)
            .options("-serial -comport=2")
            .qemu("-chardev socket,id=out,path=line,server=on,wait=off -chardev socket,id=in,path=line")
            .qemu("-serial chardev:out -serial chardev:in")
            .shows("kernel: no output on the serial line: there is none, or it does not send")
            .shows("kernel: waiting for a key")
            .presses("spc")
            .shows("no script was named"),
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
                "kernel::kernel_main+",
                "kernel::arch::x86_64::boot::start+",
                "The kernel has stopped",
            ])
            .shows("this CPU has no local APIC"),
    ]
}

//! The options of bootstrap and of the kernel, each by what it changes.

use super::POWER_OFF;
use crate::case::{Case, kernel, modules_only};

/// A machine that runs hello, with these options for bootstrap.
fn hello(name: &'static str, options: &str) -> Case {
    script(kernel(name, "moe rom/test.lua", &["test.lua", "hello"])).options(options)
}

/// The same with these options for the kernel.
fn hello_kernel(name: &'static str, options: &str) -> Case {
    let line = format!("kernel {options}");
    script(modules_only(name, &[&line, "sigma0", "moe rom/test.lua", "l4re", "ned", "test.lua", "hello"]))
}

/// What runs hello; what follows it.
const SCRIPT: &str = "local L4 = require(\"L4\");\nL4.default_loader:start({}, \"rom/hello\"):wait();\n";

fn script(case: Case) -> Case {
    case.text("test.lua", &format!("{SCRIPT}{POWER_OFF}\n"))
}

pub fn cases() -> Vec<Case> {
    vec![
        hello("options: an unknown one is named and the boot goes on", "-serial -nonsense -mem=1")
            .says(&["bootstrap: -nonsense is ignored: unknown option; there are -serial", "-maxmem="])
            .says(&["bootstrap: -mem=1 is ignored: -mem= wants SIZE@OFFSET", "Hello World!"])
            .powers_off(),
        hello("options: -comport takes another serial line", "-serial -comport=2")
            .qemu("-serial file:second")
            .written("second", "Furore bootstrap")
            .written("second", "Furore microkernel")
            .written("second", "Hello World!")
            .serial_silent()
            .powers_off(),
        modules_only(
            "options: -comport and -comirq of a line in an unusual place",
            &["kernel", "sigma0", "moe -- --prompt", "l4re", "ned"],
        )
        .options("-serial -comport=0x2e0 -comirq=5")
        .qemu("-global isa-serial.iobase=0x2e0 -global isa-serial.irq=5")
        .says(&["Furore bootstrap", "ned> "])
        .types("6*7\r")
        .says(&["42", "ned> "]),
        hello("options: -noserial keeps the serial line silent", "-serial -noserial")
            .text("test.lua", SCRIPT)
            .shows("Hello World!")
            .serial_silent(),
        modules_only("options: -noserial keeps failures off the serial line", &["kernel"])
            .options("-noserial")
            .shows("module /sigma0")
            .serial_silent(),
        hello("options: -wait waits for a key", "-serial -wait")
            .says(&["bootstrap: waiting for a key"])
            .stays_up(1)
            .never_says("Memory map")
            .presses("a")
            .says(&["bootstrap: going on", "Hello World!"])
            .powers_off(),
        hello("options: -maxmem leaves memory alone", "-serial -maxmem=32")
            .says(&["100000 - 1ffffff", "Hello World!"])
            .powers_off(),
        hello("options: -mem says where RAM is", "-serial -mem=640K@0 -mem=15M@0x100000 -mem=8M@64M")
            .says(&["100000 - ffffff", "4000000 - 47fffff", "Hello World!"])
            .never_says("7fdffff   127")
            .powers_off(),
        hello("options: -presetmem fills free memory", "-serial -presetmem=0xa5")
            .says(&["Filling free memory below 4 GiB with 0xa5", "Hello World!"])
            .powers_off(),
        modules_only(
            "options: -presetmem has reached what nobody uses yet",
            &["kernel", "sigma0", "moe", "l4re", "ned"],
        )
        .options("-serial -presetmem=0xa5")
        .qemu("-m 512")
        .says(&["no script was named"])
        .memory_holds(0x1000_0000, 0x10_0000, 0xa5),
        hello("options: -modaddr says where the modules go", "-serial -modaddr=0x2000000")
            .says(&["moe: file rom/l4re: at 20", "moe: file rom/hello: at 2", "Hello World!"])
            .powers_off(),
        hello("options: -modaddr where there is no room", "-serial -modaddr=0x200000")
            .says(&["-modaddr= puts the modules at 0x200000..", "name another address"])
            .shows("-modaddr="),
        hello_kernel("options: an unknown one of the kernel", "-nonsense -nojdb")
            .says(&["kernel: -nonsense is ignored: unknown option; there are -serial", "-kmemsize="])
            .says(&["kernel: -nojdb is ignored: this kernel has no debugger", "Hello World!"])
            .powers_off(),
        hello_kernel("options: -noscreen of the kernel", "-noscreen")
            .says(&["Started sigma0"])
            .shows("Starting kernel at")
            .says(&["Hello World!"])
            .powers_off(),
        hello_kernel("options: -wait of the kernel", "-wait")
            .says(&["kernel: waiting for a key"])
            .stays_up(1)
            .never_says("Started sigma0")
            .presses("spc")
            .says(&["kernel: going on", "Hello World!"])
            .powers_off(),
        hello_kernel("options: -kmemsize of the kernel", "-kmemsize=8192")
            .says(&["Kernel memory: ", ", 8192 KiB of ", "Hello World!"])
            .powers_off(),
        hello_kernel("options: -noserial of the kernel", "-noserial")
            .text("test.lua", SCRIPT)
            .says(&["Starting kernel at"])
            .shows("Hello World!")
            .never_says("Furore microkernel"),
    ]
}

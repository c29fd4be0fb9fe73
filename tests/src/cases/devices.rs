//! Devices driven from user level, by the program `devices` in moe's place: ports, lines, messages, the console's input,
//! power; on machines with an I/O APIC, without one, and under UEFI.

use crate::case::{Boot, Case, case, modules_only};
use crate::menu::menu;

/// The last lines: all checks were done.
const PASSED: &str = " passed, 0 failed\ndevices: 0 left out";

/// A machine whose module line for the program is `devices`.
fn machine(name: &'static str, devices: &str, qemu: &str) -> Case {
    modules_only(name, &["kernel", "sigma0", devices, "l4re", "ned"]).qemu(qemu)
}

/// What the program `devices echo` says of a line.
fn heard(line: &str) -> String {
    let sum = line.bytes().fold(0_u32, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into()));
    format!("line of {} bytes, sum {sum:#x}, ", line.len())
}

/// A CD that starts `devices` with this word.
fn cd(name: &'static str, word: &str) -> Case {
    let modules = ["kernel", "sigma0", &format!("devices {word}"), "l4re", "ned"];
    case(name, Boot::Cd(menu("bootstrap -serial", &modules)))
}

const UEFI: &str = "-bios /usr/share/ovmf/OVMF.fd";

pub fn cases() -> Vec<Case> {
    let long: String = (0..900).map(|number| char::from(b'a' + (number * 7 % 26) as u8)).collect();
    let longer: String = (0..3500).map(|number| char::from(b'A' + (number * 11 % 26) as u8)).collect();
    vec![
        machine("devices: pc", "devices edu", "-device edu").says(&["24 lines (I/O APIC)", PASSED]).powers_off(),
        machine("devices: q35", "devices edu", "-machine q35 -device edu").says(&["I/O APIC", PASSED]).powers_off(),
        machine(
            "devices: q35 with four CPUs of every feature",
            "devices edu",
            "-machine q35 -device edu -smp 4 -cpu max",
        )
        .says(&[PASSED])
        .powers_off(),
        // Without ACPI this machine has nothing that could switch it off.
        machine("devices: pc without ACPI", "devices edu", "-device edu -no-acpi").says(&[
            "16 lines (8259, no I/O APIC)",
            " passed, 0 failed\ndevices: 6 left out",
            "could not switch off",
        ]),
        cd("devices: UEFI", "edu").qemu(UEFI).qemu("-device edu").says_within(60, PASSED).powers_off(),
        cd("devices: UEFI on q35", "edu")
            .qemu(UEFI)
            .qemu("-machine q35 -device edu")
            .says_within(60, PASSED)
            .powers_off(),
        machine("devices: reboot of pc", "devices reboot", "").says(&["moe and its clients"]).resets(),
        machine("devices: reboot of q35", "devices reboot", "-machine q35").says(&["moe and its clients"]).resets(),
        machine("devices: reboot of pc without ACPI", "devices reboot", "-no-acpi")
            .says(&["moe and its clients"])
            .resets(),
        cd("devices: reboot under UEFI", "reboot").qemu(UEFI).says_within(60, "moe and its clients").resets(),
        machine("devices: a driver takes the keyboard from the console", "devices keyboard", "")
            .says(&["press a key for the console"])
            .presses("a")
            .says(&["the console has 'a'", "press a key for the driver"])
            .presses("b")
            .says(&["the driver has 0x30", "the driver has 0xb0", "the console has 0 bytes more", "the end, Ok"])
            .powers_off(),
        sleeping("devices: pc sleeps", ""),
        // SeaBIOS does not set this machine's power management up again, so it sleeps once, and nothing switches it off.
        machine("devices: q35 sleeps", "devices sleep once", "-machine q35 -cpu max")
            .says(&["devices: sleeping 1"])
            .wakes()
            .says(&["devices: awake 1", "the end, Ok(())"]),
        machine("devices: pc without ACPI does not sleep", "devices sleep", "-no-acpi")
            .says(&["the end, Err(no such device"]),
        // OVMF sets it up again.
        sleeping_under_uefi("devices: pc sleeps under UEFI", ""),
        sleeping_under_uefi("devices: q35 sleeps under UEFI", "-machine q35"),
        typing("devices: what is typed arrives", "", &long, &longer),
        typing("devices: what is typed arrives without ACPI", "-no-acpi", &long, &longer),
    ]
}

/// The machine is suspended and goes on where it was, twice; then its console still hears.
fn sleeping(name: &'static str, qemu: &str) -> Case {
    let case = machine(name, "devices sleep echo", qemu);
    let case = case.says(&["devices: sleeping 1"]).wakes().says(&["devices: awake 1"]);
    let case = case.says(&["devices: sleeping 2"]).wakes().says(&[
        "segments of its own are as they were",
        "devices: awake 2",
        "devices: type",
    ]);
    case.stays_up(1).types("end\n").says(&[&heard("end"), "the end, Ok(())"]).powers_off()
}

/// The same with another firmware, which takes its time.
fn sleeping_under_uefi(name: &'static str, machine: &str) -> Case {
    let case = cd(name, "sleep").qemu(UEFI).qemu(machine);
    let case = case.says_within(60, "devices: sleeping 1").wakes().says_within(60, "devices: awake 1");
    let case = case.says(&["devices: sleeping 2"]).wakes();
    let case = case.says_within(60, "segments of its own are as they were");
    case.says(&["devices: awake 2", "the end, Ok(())"]).powers_off()
}

/// The program waits for input, hears every line whole, and echoes only while it is asked to; while it sleeps, more comes
/// than the kernel keeps.
fn typing(name: &'static str, qemu: &str, long: &str, longer: &str) -> Case {
    let pause = "devices: type";
    let case = machine(name, "devices echo", qemu).says(&[pause]).stays_up(1);
    let case = case.types("hello\r").says(&["hello\n", &heard("hello"), "after "]);
    // The echo ends when the program has answered, a moment after it has said so.
    let case = case.types("quiet\n").says(&["quiet\n", &heard("quiet")]).stays_up(1);
    let case = case.types(&format!("{long}\n{long}\n")).says(&[&heard(long), &heard(long)]);
    let case = case.types("slow\n").says(&[&heard("slow")]).types(&format!("{longer}\nslow\n"));
    let case = case.says(&[&heard(longer), &heard("slow")]).types(&format!("{longer}\nend\n"));
    // The largest message has 62 words of them.
    let case = case.says(&[&heard(longer), &heard("end"), "at most 496 bytes at once", "the end, Ok(())"]);
    case.never_says(long)
}

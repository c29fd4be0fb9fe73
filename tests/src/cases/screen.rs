//! The screen, read back from text memory and from the glyphs on framebuffers, against the log.

use crate::case::{Boot, Case, case};

const HELLO: &str =
    "local L4 = require(\"L4\");\nL4.default_loader:start({ log = { \"hello\", \"cyan\" } }, \"rom/hello\");\n";
const UEFI: &str = "-bios /usr/share/ovmf/OVMF.fd";
/// Columns of the narrowest graphics mode here; VGA text has 80.
const GRAPHICS: usize = 90;

/// An entry that starts `bootstrap` and runs `test.lua` with hello in rom/.
fn menu(bootstrap: &str) -> String {
    format!(
        "default 0\ntimeout 0\ntitle Test\nkernel /{bootstrap} -serial\nmodule /kernel\nmodule /sigma0\nmodule /moe rom/test.lua\n\
         module /l4re\nmodule /ned\nmodule /test.lua\nmodule /hello\n"
    )
}

/// The same by Multiboot 2, with these lines of GRUB's before and behind.
fn multiboot2(before: &str, behind: &str) -> String {
    format!(
        "#cfg\n{before}\nmultiboot2 /bootstrap -serial\nmodule2 /kernel kernel\nmodule2 /sigma0 sigma0\nmodule2 /moe moe rom/test.lua\n\
         module2 /l4re l4re\nmodule2 /ned ned\nmodule2 /test.lua test.lua\nmodule2 /hello hello\n{behind}\nboot\n"
    )
}

fn hello(name: &'static str, cd: String, columns: usize) -> Case {
    case(name, Boot::Cd(cd)).text("test.lua", HELLO).says(&["hello   | Hello World!"]).shows_log(columns)
}

pub fn cases() -> Vec<Case> {
    vec![
        hello("screen: VGA text under BIOS", menu("bootstrap"), 80),
        hello("screen: a graphics mode under BIOS", menu("bootstrap-vbe"), GRAPHICS),
        hello("screen: UEFI, Multiboot 1", menu("bootstrap"), GRAPHICS).qemu(UEFI),
        hello("screen: UEFI, Multiboot 2, q35", multiboot2("insmod efi_gop", ""), GRAPHICS)
            .qemu(UEFI)
            .qemu("-machine q35"),
        // Room for all lines, so that the kernel's are seen below bootstrap's.
        hello(
            "screen: from bootstrap's first line on",
            multiboot2("insmod vbe", "set gfxpayload=1600x1200x32"),
            GRAPHICS,
        )
        .qemu("-machine q35 -device VGA,vgamem_mb=32 -vga none")
        .shows("Starting kernel at")
        .shows("Furore microkernel"),
        hello("screen: pixels of 16 bits", multiboot2("insmod vbe", "set gfxpayload=1280x1024x16"), GRAPHICS),
        hello("screen: pixels of 24 bits", multiboot2("insmod vbe", "set gfxpayload=1280x1024x24"), GRAPHICS),
        case(
            "screen: a failure of bootstrap under UEFI",
            Boot::Cd("default 0\ntimeout 0\ntitle Test\nkernel /bootstrap\nmodule /kernel\n".to_owned()),
        )
        .qemu(UEFI)
        .says(&["bootstrap has stopped"])
        .shows("the module sigma0 is missing"),
    ]
}

//! How bootstrap and its modules come into memory: compressed modules, single images, the network.

use super::POWER_OFF;
use crate::broken;
use crate::case::{Boot, Case, IMAGE_ENTRY, case, modules_only};
use crate::menu::{grub_cfg, menu};
use furore_tools::net;

const CHAIN: [&str; 5] = ["kernel", "sigma0", "moe rom/test.lua", "l4re", "ned"];
/// The files of a system that runs hello, all compressed but the script.
const PACKED: [&str; 7] =
    ["kernel.gz", "sigma0.gz", "moe.gz rom/test.lua", "l4re.gz", "ned.gz", "test.lua", "hello.gz"];

fn hello() -> String {
    format!("local L4 = require(\"L4\");\nL4.default_loader:start({{}}, \"rom/hello\"):wait();\n{POWER_OFF}\n")
}

/// The case with the compressed files that [`PACKED`] names, and the script.
fn packed(case: Case) -> Case {
    ["kernel", "sigma0", "moe", "l4re", "ned", "hello"]
        .into_iter()
        .zip(["kernel.gz", "sigma0.gz", "moe.gz", "l4re.gz", "ned.gz", "hello.gz"])
        .fold(case.text("test.lua", &hello()), |case, (product, name)| case.changed(name, product, broken::compressed))
}

/// The chain with `moe` damaged by `change`: the failure names it, says why, and what to do.
fn damaged(name: &'static str, change: fn(Vec<u8>) -> Vec<u8>, complaint: &str) -> Case {
    modules_only(name, &["kernel", "sigma0", "moe.gz", "l4re", "ned"])
        .changed("moe.gz", "moe", change)
        .says(&["module \"moe\" is a damaged gzip file", complaint, "compress it again"])
        .shows("moe")
}

/// What the user's demo ends in.
const DEMO: [&str; 3] = ["unpacked kernel: ", "Hello World!", "a(3,5) = 253"];

/// QEMU's loader for the single image, with these arguments for bootstrap.
fn by_kernel(arguments: &str) -> Boot {
    Boot::Kernel { image: "image.elf", arguments: arguments.to_owned(), modules: Vec::new() }
}

/// A machine with the single image of the user's menu entry.
fn image(name: &'static str, boot: Boot) -> Case {
    case(name, boot).image("image.elf", broken::whole)
}

pub fn cases() -> Vec<Case> {
    let packed_menu = menu("bootstrap -serial", &PACKED);
    let by_multiboot2 = grub_cfg("", "multiboot2", &PACKED, "").replace("module2 ", "module2 --nounzip ");
    let mixed: Vec<&str> = CHAIN.iter().chain(&["test.lua", "hello.gz"]).copied().collect();
    vec![
        packed(modules_only("load: compressed modules by QEMU's own loader", &PACKED))
            .says(&["unpacked kernel: ", "unpacked hello: ", "Hello World!"])
            .powers_off(),
        packed(modules_only("load: compressed modules in 8 MB", &PACKED))
            .qemu("-m 8")
            .says(&["Hello World!"])
            .powers_off(),
        packed(modules_only("load: one compressed module among others", &mixed)).says(&["Hello World!"]).powers_off(),
        packed(case("load: compressed modules that GRUB unpacks", Boot::Cd(packed_menu.clone())))
            .says(&["Hello World!"])
            .never_says("unpacked kernel")
            .powers_off(),
        packed(case("load: compressed modules that GRUB leaves alone", Boot::Cd(packed_menu.replace("module ", "modulenounzip "))))
            .says(&["unpacked kernel: ", "Hello World!"])
            .powers_off(),
        packed(case("load: compressed modules by Multiboot 2", Boot::Cd(by_multiboot2)))
            .says(&["unpacked kernel: ", "Hello World!"])
            .powers_off(),
        image("load: a single image by QEMU's own loader", by_kernel("")).says(&DEMO).powers_off(),
        image("load: a single image, with options of the loader's own", by_kernel("-serial -what"))
            .says(&["-what"])
            .says(&DEMO)
            .powers_off(),
        image("load: a single image in 8 MB", by_kernel("")).qemu("-m 8").says(&DEMO).powers_off(),
        image(
            "load: a single image by GRUB",
            Boot::Cd(menu("image.elf", &[])),
        )
        .says(&DEMO)
        .powers_off(),
        image(
            "load: a single image by Multiboot 2",
            Boot::Cd("#cfg\nmultiboot2 /image.elf -serial\nboot\n".to_owned()),
        )
        .says(&DEMO)
        .powers_off(),
        case("load: a single image that is damaged", by_kernel(""))
            .image("image.elf", broken::image_cut)
            .says(&["the modules in this image are damaged", "make image"])
            .shows("this image"),
        case("load: over the network, BIOS", Boot::Net(net::BIOS_FILE, IMAGE_ENTRY))
            .says_within(120, "Hello World!")
            .says(&["a(3,5) = 253"])
            .powers_off(),
        case("load: over the network, UEFI", Boot::Net(net::UEFI_FILE, IMAGE_ENTRY))
            .qemu("-m 512 -bios /usr/share/ovmf/OVMF.fd -object rng-random,filename=/dev/urandom,id=rng -device virtio-rng-pci,rng=rng")
            .says_within(120, "Hello World!")
            .says(&["a(3,5) = 253"])
            .powers_off(),
        damaged("load: a compressed module with a wrong checksum", broken::compressed_badly, "checksum"),
        damaged("load: a compressed module that was cut", broken::compressed_truncated, ""),
    ]
}

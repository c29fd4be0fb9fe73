//! Network boot: the CD's tree as the folder that a TFTP server offers, with GRUB for BIOS (PXE) and UEFI in it. GRUB then reads the same
//! `grub.cfg` and `menu.lst` from there, and loads what they name from there.

use crate::cd;
use anyhow::{Context, Result, bail};
use std::path::Path;
use std::process::Command;

/// Per firmware: GRUB's name for it, the file that the firmware loads, and GRUB's modules that only this one has.
const PLATFORMS: [(&str, &str, &str); 2] = [("i386-pc", BIOS_FILE, ""), ("x86_64-efi", UEFI_FILE, "loadbios")];
/// What a BIOS machine is told to load, relative to the server's folder.
pub const BIOS_FILE: &str = "boot/grub/i386-pc/core.0";
/// What a UEFI machine is told to load.
pub const UEFI_FILE: &str = "boot/grub/x86_64-efi/core.efi";
const GRUB_MODULES: &str = "acpi all_video configfile echo gzio halt legacycfg minicmd multiboot multiboot2 normal reboot \
    regexp sleep smbios test tftp";

/// Makes the server's folder `folder` from the CD's tree.
pub fn write(tree: &Path, folder: &Path) -> Result<()> {
    if folder.exists() {
        std::fs::remove_dir_all(folder)?;
    }
    cd::copy_tree(tree, folder)?;
    for (platform, file, more) in PLATFORMS {
        let output = Command::new("grub-mknetdir")
            .arg(format!("--net-directory={}", folder.display()))
            .args(["--subdir=boot/grub", "--fonts=", "--locales=", "--themes="])
            .arg(format!("--install-modules={GRUB_MODULES} {more}"))
            .arg("--directory")
            .arg(Path::new(cd::GRUB).join(platform))
            .output()
            .context("cannot start grub-mknetdir")?;
        if !output.status.success() || !folder.join(file).is_file() {
            bail!("grub-mknetdir failed:\n{}", String::from_utf8_lossy(&output.stderr));
        }
    }
    Ok(())
}

/// QEMU's arguments for a machine that boots `file` of the server's folder `folder`. QEMU plays the server, too.
pub fn qemu_arguments(folder: &Path, file: &str) -> Vec<String> {
    let folder = folder.display().to_string().replace(',', ",,");
    let server = format!("user,id=net,tftp={folder},bootfile=/{file}");
    ["-netdev", &server, "-device", "virtio-net-pci,netdev=net,bootindex=1"].map(str::to_owned).to_vec()
}

//! Starts QEMU with the serial line on the terminal. Always under TCG, so that it runs the same on every machine.
//!
//! Which menu entry the CD boots is told to GRUB by the machine's version in SMBIOS, `furore-entry=TITLE`, which `grub.cfg` looks
//! for: the CD is the same one that boots its default entry elsewhere.

use crate::menu::Entry;
use crate::qmp::{End, Qmp};
use crate::workspace::Workspace;
use anyhow::{Context, Result};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

/// QEMU for 64 bits, under TCG, without window; ends instead of starting again after a reset.
pub fn command() -> Command {
    let mut qemu = Command::new("qemu-system-x86_64");
    qemu.args(["-accel", "tcg", "-display", "none", "-no-reboot"]);
    qemu
}

/// The arguments that make the CD boot the entry called `title`.
pub fn entry_arguments(title: &str) -> [String; 2] {
    ["-smbios".to_owned(), format!("type=1,version=furore-entry={}", title.replace(',', ",,"))]
}

/// The arguments for QEMU's own Multiboot loader: bootstrap and the modules of `entry`, without GRUB. Paths are relative to the CD's tree.
pub fn multiboot_arguments(entry: &Entry) -> Result<Vec<String>> {
    let kernel = entry.kernel.as_ref().context("this menu entry has no kernel line")?;
    let mut arguments = vec!["-kernel".to_owned(), kernel.path.clone()];
    if !kernel.arguments.is_empty() {
        arguments.extend(["-append".to_owned(), kernel.arguments.clone()]);
    }
    let modules: Vec<String> = entry.modules.iter().map(|m| m.command_line().replace(',', ",,")).collect();
    arguments.extend(["-initrd".to_owned(), modules.join(",")]);
    Ok(arguments)
}

/// A name for a machine-protocol socket that nobody else uses; `what` tells the machines of one process apart.
pub fn socket_path(what: &str) -> PathBuf {
    std::env::temp_dir().join(format!("furore-{}-{what}.qmp", std::process::id()))
}

/// Boots the CD's entry `title`.
pub fn run_cd(workspace: &Workspace, image: &Path, title: &str, more: &[&str]) -> Result<ExitCode> {
    let mut qemu = command();
    qemu.current_dir(&workspace.top).arg("-cdrom").arg(image).args(entry_arguments(title)).args(more);
    attend(qemu)
}

/// Boots `entry` by QEMU's own Multiboot loader; `debug` halts at the first instruction and waits for gdb.
pub fn run_entry(workspace: &Workspace, entry: &Entry, debug: bool, more: &[&str]) -> Result<ExitCode> {
    let mut qemu = command();
    qemu.current_dir(workspace.target_dir.join("iso")).args(multiboot_arguments(entry)?).args(more);
    if debug {
        qemu.args(["-s", "-S"]);
        let built = workspace.target_dir.strip_prefix(&workspace.top).unwrap_or(&workspace.target_dir);
        println!("QEMU waits for gdb. In another terminal, in this folder:");
        println!(
            "  gdb {}/x86_64-kernel/release/kernel -ex 'target remote :1234' -ex 'hbreak kernel::kernel_main' -ex continue",
            built.display()
        );
        println!("A program's symbols: (gdb) add-symbol-file {}/x86_64-furore/release/hello", built.display());
    }
    attend(qemu)
}

/// Runs QEMU on this terminal to its end. Fails if the guest reset instead of switching the power off.
fn attend(mut qemu: Command) -> Result<ExitCode> {
    let socket = socket_path("run");
    qemu.args(["-serial", "mon:stdio", "-qmp", &format!("unix:{},server=on,wait=off", socket.display())]);
    let mut child = qemu.spawn().context("cannot start qemu-system-x86_64")?;
    let end = Qmp::connect(&socket).map(Qmp::wait_for_end);
    let status = child.wait()?;
    // QEMU removes its socket when it ends in order; otherwise it is in nobody's way.
    let _ = std::fs::remove_file(&socket);
    match end {
        Ok(End::PowerOff | End::ByHand) if status.success() => Ok(ExitCode::SUCCESS),
        Ok(End::Reset) => {
            eprintln!("furore: the machine reset itself (a triple fault?) instead of switching the power off");
            Ok(ExitCode::FAILURE)
        }
        Ok(_) => Ok(ExitCode::FAILURE),
        Err(error) => Err(error),
    }
}

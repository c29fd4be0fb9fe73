//! `make screenshot`: the picture in the README, taken of the user's CD in a UEFI machine.

use crate::qemu;
use crate::qmp::Qmp;
use crate::workspace::Workspace;
use anyhow::{Context, Result, bail};
use serde_json::json;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

/// The entry to boot, and the line on the serial port after which the picture is complete.
const ENTRY: &str = "Hello and Ackermann";
const LAST_LINE: &str = "the sum of their results is 486";
const FIRMWARE: &str = "/usr/share/ovmf/OVMF.fd";
/// A screen that a README has room for.
const DISPLAY: [&str; 4] = ["-vga", "none", "-device", "VGA,edid=on,xres=1024,yres=768"];
/// The picture, as the README names it.
const PICTURE: &str = "docs/screenshot.png";
const PATIENCE: Duration = Duration::from_secs(180);

/// Ends QEMU when this goes, whatever became of it.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Boots the CD `image` and writes the picture; returns its name.
pub fn take(workspace: &Workspace, image: &Path) -> Result<PathBuf> {
    let (log, socket) = (workspace.target_dir.join("screenshot.log"), qemu::socket_path("screenshot"));
    let mut command = qemu::command();
    command
        .args(["-nic", "none", "-bios", FIRMWARE, "-cdrom"])
        .arg(image)
        .args(qemu::entry_arguments(ENTRY))
        .args(DISPLAY);
    command.args(["-serial", &format!("file:{}", log.display())]);
    command.args(["-qmp", &format!("unix:{},server=on,wait=off", socket.display())]);
    let mut running = Running(command.stdin(Stdio::null()).spawn().context("cannot start qemu-system-x86_64")?);
    let mut qmp = Qmp::connect(&socket)?;
    let until = Instant::now() + PATIENCE;
    while !String::from_utf8_lossy(&std::fs::read(&log)?).contains(LAST_LINE) {
        if running.0.try_wait()?.is_some() || Instant::now() > until {
            bail!("{ENTRY:?} does not get as far as {LAST_LINE:?}; see {}", log.display());
        }
        std::thread::sleep(Duration::from_millis(200));
    }
    // The serial line is ahead of the screen by a line at most.
    std::thread::sleep(Duration::from_secs(1));
    let file = workspace.path(PICTURE);
    qmp.command("screendump", json!({ "filename": file, "format": "png" }))?;
    // QEMU removes its socket when it ends in order; otherwise it is in nobody's way.
    let _ = std::fs::remove_file(&socket);
    Ok(PICTURE.into())
}

//! One QEMU: started with its serial line on a pipe and its monitor on a socket, ended by the guest's power-off or killed
//! when this value goes. Always TCG.

use crate::screen::{Picture, TEXT_COLUMNS};
use crate::serial::Log;
use anyhow::{Context, Result, ensure};
use console::Mode;
use furore_tools::qemu::socket_path;
use furore_tools::qmp::{End, Qmp};
use serde_json::json;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Columns and rows of the VGA text screen, and where it lies.
const VGA: (usize, usize, u64) = (TEXT_COLUMNS, 25, 0xb8000);

/// A running machine.
pub struct Machine {
    child: Child,
    qmp: Option<Qmp>,
    socket: PathBuf,
    framebuffer: Option<Mode>,
    /// What came over the serial line.
    pub serial: Log,
}

impl Machine {
    /// Starts `program` (`qemu-system-x86_64` or `-i386`) in `folder`. `name` tells the machines of this process apart.
    pub fn start(program: &str, name: &str, folder: &Path, arguments: &[String]) -> Result<Self> {
        let socket = socket_path(name);
        let mut child = Command::new(program)
            .current_dir(folder)
            .args(["-accel", "tcg", "-display", "none", "-no-reboot", "-serial", "stdio", "-nic", "none"])
            .args(["-qmp", &format!("unix:{},server=on,wait=off", socket.display())])
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start {program}"))?;
        let serial = Log::of(child.stdout.take().context("no pipe from QEMU")?);
        let mut machine = Self { child, qmp: None, socket, framebuffer: None, serial };
        machine.qmp = Some(Qmp::connect(&machine.socket).map_err(|error| match machine.complaint() {
            Some(text) => anyhow::anyhow!("QEMU says: {text}"),
            None => error,
        })?);
        Ok(machine)
    }

    /// Has its screen at this place in its memory, with 32 bits a pixel, where no device of QEMU's shows it.
    pub fn set_framebuffer(&mut self, mode: Mode) {
        self.framebuffer = Some(mode);
    }

    /// What a QEMU that ended at once wrote to its standard error.
    fn complaint(&mut self) -> Option<String> {
        self.child.try_wait().ok()??;
        let mut text = String::new();
        std::io::Read::read_to_string(self.child.stderr.as_mut()?, &mut text).ok()?;
        Some(text)
    }

    fn qmp(&mut self) -> Result<&mut Qmp> {
        self.qmp.as_mut().context("this machine has ended")
    }

    /// The content of physical memory.
    pub fn memory(&mut self, address: u64, size: u64) -> Result<Vec<u8>> {
        let file = self.socket.with_extension("memory");
        self.qmp()?.command("pmemsave", json!({ "val": address, "size": size, "filename": file }))?;
        let content = std::fs::read(&file)?;
        std::fs::remove_file(&file)?;
        Ok(content)
    }

    /// Presses a key, or several together, for a moment.
    pub fn press(&mut self, keys: &str) -> Result<()> {
        const MOMENT_MS: u64 = 20;
        let keys: Vec<_> = keys.split('-').map(|key| json!({ "type": "qcode", "data": key })).collect();
        self.qmp()?.command("send-key", json!({ "keys": keys, "hold-time": MOMENT_MS }))?;
        // QEMU lets go of keys later by itself; a key that is pressed meanwhile would be one of them.
        std::thread::sleep(Duration::from_millis(2 * MOMENT_MS));
        Ok(())
    }

    /// Wakes the machine up; waits until it has suspended itself.
    pub fn wake(&mut self) -> Result<()> {
        let until = Instant::now() + Duration::from_secs(10);
        while self.qmp()?.command("query-status", json!({}))?["status"] != "suspended" {
            anyhow::ensure!(Instant::now() < until, "the machine does not suspend itself");
            std::thread::sleep(Duration::from_millis(50));
        }
        self.qmp()?.command("system_wakeup", json!({}))?;
        Ok(())
    }

    /// Types on the serial line.
    pub fn type_text(&mut self, text: &str) -> Result<()> {
        let input = self.child.stdin.as_mut().context("no pipe to QEMU")?;
        input.write_all(text.as_bytes()).and_then(|()| input.flush()).context("QEMU takes no input")
    }

    /// The rows of text on the screen, without trailing blanks, and the number of columns.
    pub fn screen_text(&mut self) -> Result<(Vec<String>, usize)> {
        let picture = self.picture()?;
        let rows = if picture.is_text() { self.vga_text()? } else { picture.text() };
        Ok((rows, picture.columns()))
    }

    /// Carries out a command of QEMU's monitor.
    pub fn monitor(&mut self, command: &str) -> Result<()> {
        let answer = self.qmp()?.monitor(command)?;
        ensure!(answer.is_empty(), "QEMU answers {answer:?} to {command:?}");
        Ok(())
    }

    /// What the screen shows.
    pub fn picture(&mut self) -> Result<Picture> {
        if let Some(mode) = self.framebuffer {
            return Ok(Picture::of_memory(&mode, &self.memory(mode.address, mode.size())?));
        }
        let file = self.socket.with_extension("ppm");
        self.qmp()?.command("screendump", json!({ "filename": file }))?;
        let picture = Picture::parse(&std::fs::read(&file)?);
        std::fs::remove_file(&file)?;
        picture
    }

    /// The rows of the VGA text screen, without trailing blanks.
    fn vga_text(&mut self) -> Result<Vec<String>> {
        let (columns, rows, address) = VGA;
        let cells = self.memory(address, (columns * rows * 2) as u64)?;
        let character = |cell: &[u8]| if (0x20..0x7f).contains(&cell[0]) { cell[0] as char } else { ' ' };
        let row = |cells: &[u8]| cells.chunks(2).map(character).collect::<String>().trim_end().to_owned();
        Ok(cells.chunks(columns * 2).map(row).collect())
    }

    /// Writes a picture of the screen.
    pub fn screendump(&mut self, file: &Path) -> Result<()> {
        self.qmp()?.command("screendump", json!({ "filename": file, "format": "png" }))?;
        Ok(())
    }

    /// Waits for the machine's end and tells its reason; nothing when it is late.
    pub fn wait_for_end(&mut self, limit: Duration) -> Result<Option<End>> {
        let until = Instant::now() + limit;
        while self.child.try_wait()?.is_none() {
            if Instant::now() > until {
                return Ok(None);
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(self.qmp.take().map(Qmp::wait_for_end))
    }

    /// Whether QEMU still runs.
    pub fn is_up(&mut self) -> Result<bool> {
        Ok(self.child.try_wait()?.is_none())
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        // It may have ended by itself; either way it is gone after this, and nobody else's QEMU is touched.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_file(&self.socket);
    }
}

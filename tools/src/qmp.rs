//! A client of QEMU's machine protocol (QMP, JSON lines over a socket): commands, and why the machine stopped.

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

/// Why a machine ended, by its SHUTDOWN event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The guest switched the power off.
    PowerOff,
    /// The guest reset itself: by its own wish, or by a triple fault.
    Reset,
    /// Somebody outside ended QEMU.
    ByHand,
}

/// A connection in command mode.
#[derive(Debug)]
pub struct Qmp {
    stream: UnixStream,
    lines: BufReader<UnixStream>,
    /// The reason of the SHUTDOWN event, once it came.
    end: Option<End>,
}

impl Qmp {
    /// Connects to the socket that a QEMU just started makes; waits up to 10 s for it.
    pub fn connect(socket: &Path) -> Result<Self> {
        let limit = Instant::now() + Duration::from_secs(10);
        let stream = loop {
            match UnixStream::connect(socket) {
                Ok(stream) => break stream,
                Err(error) if Instant::now() > limit => {
                    return Err(error).with_context(|| format!("QEMU does not answer on {}", socket.display()));
                }
                Err(_) => std::thread::sleep(Duration::from_millis(10)),
            }
        };
        let lines = BufReader::new(stream.try_clone()?);
        let mut qmp = Self { stream, lines, end: None };
        qmp.next_message()?.context("QEMU sent no greeting")?;
        qmp.command("qmp_capabilities", json!({}))?;
        Ok(qmp)
    }

    /// Carries out a command and returns its result.
    pub fn command(&mut self, name: &str, arguments: Value) -> Result<Value> {
        writeln!(self.stream, "{}", json!({ "execute": name, "arguments": arguments }))?;
        loop {
            let mut message = self.next_message()?.with_context(|| format!("QEMU ended before it answered {name}"))?;
            if let Some(error) = message.get("error") {
                bail!("QEMU refuses {name}: {error}");
            }
            if let Some(result) = message.get_mut("return") {
                return Ok(result.take());
            }
        }
    }

    /// Carries out a command of the monitor that people use, and returns what it prints.
    pub fn monitor(&mut self, line: &str) -> Result<String> {
        let printed = self.command("human-monitor-command", json!({ "command-line": line }))?;
        Ok(printed.as_str().unwrap_or_default().to_owned())
    }

    /// Reads on until QEMU closes the connection; tells why it ended.
    pub fn wait_for_end(mut self) -> End {
        while let Ok(Some(_)) = self.next_message() {}
        self.end.unwrap_or(End::ByHand)
    }

    fn next_message(&mut self) -> Result<Option<Value>> {
        let mut line = String::new();
        if self.lines.read_line(&mut line)? == 0 {
            return Ok(None);
        }
        let message: Value = serde_json::from_str(&line)?;
        if message["event"] == "SHUTDOWN" {
            self.end = Some(match message["data"]["reason"].as_str() {
                Some("guest-shutdown") => End::PowerOff,
                Some("guest-reset" | "guest-panic") => End::Reset,
                _ => End::ByHand,
            });
        }
        Ok(Some(message))
    }
}

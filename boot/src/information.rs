//! What a boot loader told us, in one form for all loaders.
//!
//! [`Information`] owns copies of everything (strings included), so that the loader's own structures may
//! be overwritten as soon as it is gathered. `multiboot1` and `multiboot2` fill it.

use crate::{
    Failure,
    memory_map::{Entry, Kind},
};
use arrayvec::ArrayVec;

/// The most boot modules that are accepted.
pub const MAX_MODULES: usize = 128;
/// The most entries of a loader's memory map that are accepted.
pub const MAX_MEMORY_ENTRIES: usize = 128;
/// Room for all command lines together, in bytes.
pub const MAX_TEXT: usize = 12 * 1024;

/// Ending of the name of a compressed module.
const ENDING: &str = ".gz";

/// Which protocol the boot loader speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// Multiboot 1: GRUB's `kernel`/`module` (menu.lst) and `multiboot`, QEMU's `-kernel`.
    Multiboot1,
    /// Multiboot 2: GRUB's `multiboot2`/`module2`.
    Multiboot2,
}

/// A string kept in an [`Information`]; see [`Information::text`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Text {
    start: u16,
    len: u16,
}

/// A boot module as the loader left it in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Module {
    /// Physical address of its first byte.
    pub start: u64,
    /// Size in bytes.
    pub size: u64,
    /// The rest of its menu line: name and arguments.
    pub command_line: Text,
}

/// Everything a boot loader tells.
#[derive(Debug)]
pub struct Information {
    /// Who spoke.
    pub protocol: Protocol,
    /// The loader's name, if it gave one.
    pub loader_name: Text,
    /// Bootstrap's own command line, its name first.
    pub command_line: Text,
    /// The boot modules in the order of the menu.
    pub modules: ArrayVec<Module, MAX_MODULES>,
    /// The memory map as given: in any order, perhaps overlapping.
    pub memory: ArrayVec<Entry, MAX_MEMORY_ENTRIES>,
    /// A copy of the ACPI root pointer, if the loader gave one.
    pub rsdp: Option<crate::rsdp::Copy>,
    /// The graphics mode that the loader has set, if the console can draw in it.
    pub framebuffer: Option<console::Mode>,
    texts: ArrayVec<u8, MAX_TEXT>,
}

impl Information {
    /// Information from a loader that has said nothing yet.
    pub fn new(protocol: Protocol) -> Self {
        Self {
            protocol,
            loader_name: Text::default(),
            command_line: Text::default(),
            modules: ArrayVec::new(),
            memory: ArrayVec::new(),
            rsdp: None,
            framebuffer: None,
            texts: ArrayVec::new(),
        }
    }

    /// Keeps a copy of `bytes`; a tab becomes a blank, what is not printable ASCII or UTF-8 becomes `?`.
    ///
    /// # Errors
    /// [`Failure::TextTooLong`] when there is no room left.
    pub fn keep(&mut self, bytes: &[u8]) -> Result<Text, Failure<'static>> {
        let (start, len) = (self.texts.len(), bytes.len());
        self.texts.try_extend_from_slice(bytes).map_err(|_| Failure::TextTooLong)?;
        let is_utf8 = core::str::from_utf8(bytes).is_ok();
        for byte in &mut self.texts[start..] {
            if *byte == b'\t' {
                *byte = b' ';
            } else if byte.is_ascii_control() || (!is_utf8 && !byte.is_ascii()) {
                *byte = b'?';
            }
        }
        // Both fit: MAX_TEXT is less than 64 KiB.
        Ok(Text { start: start as u16, len: len as u16 })
    }

    /// The string that `text` stands for.
    pub fn text(&self, text: Text) -> &str {
        let start = usize::from(text.start);
        let bytes = self.texts.get(start..start + usize::from(text.len)).unwrap_or_default();
        core::str::from_utf8(bytes).unwrap_or_default()
    }

    /// Adds a module that lies at `start..end`. An ending `.gz` of its name is dropped: it is unpacked later, if the loader has not done so.
    ///
    /// # Errors
    /// If there are too many, or the range is not one.
    pub fn add_module(&mut self, start: u64, end: u64, command_line: &[u8]) -> Result<(), Failure<'static>> {
        let size = end.checked_sub(start).ok_or(Failure::LoaderInformation("a module that ends before it starts"))?;
        let mut command_line = self.keep(command_line)?;
        let line = self.text(command_line);
        let name = line.trim_start();
        let path = name.split_whitespace().next().unwrap_or_default();
        if path.strip_suffix(ENDING).is_some_and(|stem| !stem.is_empty() && !stem.ends_with('/')) {
            // The text that was kept last.
            let end = usize::from(command_line.start) + line.len() - name.len() + path.len();
            self.texts.drain(end - ENDING.len()..end);
            command_line.len -= ENDING.len() as u16;
        }
        self.modules.try_push(Module { start, size, command_line }).map_err(|_| Failure::TooManyModules)
    }

    /// Keeps the graphics mode, and its framebuffer out of the RAM, in which some devices have it.
    ///
    /// # Errors
    /// As for [`add_memory`](Self::add_memory); call it behind the last of those.
    pub fn set_framebuffer(&mut self, mode: Option<console::Mode>) -> Result<(), Failure<'static>> {
        self.framebuffer = mode;
        let Some(mode) = mode else { return Ok(()) };
        let taken = Entry::new(mode.address, mode.size(), Kind::Reserved);
        let in_ram = |e: &Entry| e.kind == Kind::Ram && e.start < taken.end && taken.start < e.end;
        if self.memory.iter().any(in_ram) { self.add_memory(taken) } else { Ok(()) }
    }

    /// Adds an entry of the memory map.
    ///
    /// # Errors
    /// If there are too many.
    pub fn add_memory(&mut self, entry: Entry) -> Result<(), Failure<'static>> {
        self.memory.try_push(entry).map_err(|_| Failure::LoaderInformation("a memory map with more than 128 entries"))
    }

    /// Bootstrap's options: the words of its line but its name, which Multiboot 2 leaves out.
    pub fn options(&self) -> impl Iterator<Item = &str> {
        let mut words = self.text(self.command_line).split_whitespace().peekable();
        words.next_if(|name| !name.starts_with('-'));
        words
    }

    /// Module `index`'s name: the first word of its line without folders.
    pub fn name(&self, index: usize) -> &str {
        let line = self.line(index);
        let path = line.split(' ').next().unwrap_or_default();
        path.rsplit('/').next().unwrap_or_default()
    }

    /// Module `index`'s arguments: what follows the first word of its line.
    pub fn arguments(&self, index: usize) -> &str {
        self.line(index).split_once(' ').map_or("", |(_, rest)| rest.trim())
    }

    /// Module `index`'s whole line; empty if there is no such module.
    pub fn line(&self, index: usize) -> &str {
        self.modules.get(index).map_or("", |m| self.text(m.command_line)).trim()
    }
}

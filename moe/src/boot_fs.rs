//! The boot modules as files: read-only in `rom/`, and in `rwfs/` those whose arguments ask for it.

use alloc::rc::Rc;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write;

use abi::l4re::l4mod::module_flag;
use abi::{Error, Rights};
use moe::options::{Options, module_is_writable, module_name};
use syscall::boot::BootModule;
use syscall::println;

use crate::machine::fetch_module;
use crate::server::object::{Kind, Named};
use crate::server::{Server, Space};

/// Name of the file that lists the others.
const DIRECTORY_FILE: &[u8] = b".dirinfo";

/// The files, and the kernel info page, which is none but offered likewise.
pub struct BootFs {
    files: Vec<(&'static str, Rc<Space>)>,
    /// The kernel info page.
    pub kip: Rc<Space>,
}

/// moe's own command line, empty where there is none.
pub fn own_command_line(modules: &[BootModule]) -> &'static str {
    let own = modules.iter().find(|module| module.flags & module_flag::MASK == module_flag::ROOTTASK);
    own.map_or("", |module| module.command_line)
}

/// Tells what to do when the first program or its service code is not among the files.
pub fn explain_missing(files: &BootFs, options: &Options<'_>) {
    for path in ["rom/l4re", options.init] {
        let name = path.rsplit_once('/').map_or(path, |(_, name)| name);
        if files.open(path).is_ok() {
            continue;
        }
        if files.files.iter().any(|(file, _)| *file == name) {
            println!("moe: the module '{name}' is there, but its path is rom/{name}, not {path}");
        } else {
            println!("moe: the module '{name}' is missing: add the line \"module /{name}\" to the menu");
        }
    }
}

impl BootFs {
    /// Makes dataspaces of the modules and registers them, with the kernel info page at `kip`, in name
    /// spaces of their own.
    pub fn new(server: &mut Server, modules: &[BootModule], kip: u64) -> syscall::Result<BootFs> {
        let mut files = Vec::new();
        let mut directories =
            ["rom", "rwfs"].map(|name| Directory { name, names: moe::names::Names::default(), list: String::new() });
        for module in modules.iter().filter(|module| module.flags & module_flag::MASK == 0) {
            let name = module_name(module.command_line);
            let writable = module_is_writable(module.command_line);
            let space = Rc::new(if writable {
                writable_copy(server, module.bytes)?
            } else {
                fetch_module(module.bytes)?;
                let start = module.bytes.as_ptr() as u64;
                Space::fixed(server.store(), start, module.bytes.len() as u64, Rights::RX)
            });
            let gate = server.add_permanent(Kind::Dataspace(space.clone()))?;
            let start = module.bytes.as_ptr() as u64;
            let end = start + module.bytes.len() as u64;
            let directory = &mut directories[usize::from(writable)];
            println!(
                "moe: file {}/{name}: at {start:x} - {:x}, capability {:x}",
                directory.name,
                end.max(1) - 1,
                gate.index().index()
            );
            directory.add(name, Named::borrowed(gate, writable));
            files.push((name, space));
        }
        for directory in directories {
            directory.register(server)?;
        }
        let kip = Rc::new(Space::fixed(server.store(), kip, abi::PAGE_SIZE as u64, Rights::RX));
        Ok(BootFs { files, kip })
    }

    /// The file at `path`, such as `rom/ned`.
    ///
    /// # Errors
    /// `NoEnt` where there is none.
    pub fn open(&self, path: &str) -> Result<Rc<Space>, Error> {
        let name = path.strip_prefix("rom/").or_else(|| path.strip_prefix("rwfs/"));
        let file = self.files.iter().find(|(file, _)| Some(*file) == name);
        file.map(|(_, space)| space.clone()).ok_or(Error::NoEnt)
    }
}

/// Memory with the contents of a module; the module itself never changes.
fn writable_copy(server: &Server, bytes: &[u8]) -> syscall::Result<Space> {
    let space = Space::anonymous(server.store(), server.quota(), bytes.len() as u64)?;
    space.write(0, bytes)?;
    Ok(space)
}

/// A name space under construction.
struct Directory {
    name: &'static str,
    names: moe::names::Names<Named>,
    /// Contents of the file that lists all: for each its name's length, a colon, its name.
    list: String,
}

impl Directory {
    fn add(&mut self, name: &str, entry: Named) {
        self.names.insert(name.as_bytes(), Some(entry), None);
        // Writing to a string cannot fail.
        let _ = writeln!(self.list, "{}:{name}", name.len());
    }

    /// Adds the list and enters the name space into the root name space.
    fn register(mut self, server: &mut Server) -> syscall::Result {
        let files = self.list.lines().count();
        if files > 0 {
            let list = writable_copy(server, self.list.as_bytes())?.read_only();
            let gate = server.add_permanent(Kind::Dataspace(Rc::new(list)))?;
            self.names.insert(DIRECTORY_FILE, Some(Named::borrowed(gate, false)), None);
        }
        let gate = server.add_permanent(Kind::Namespace(self.names))?;
        println!("moe: name space {}/: {files} files, capability {:x}", self.name, gate.index().index());
        server.offer(self.name, gate.cast());
        Ok(())
    }
}

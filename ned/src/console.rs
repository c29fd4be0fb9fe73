//! ned's surroundings for Lua, and what ned says of errors.

use alloc::{format, string::String, vec::Vec};
use lua::{Embedder, FileError};
use syscall::{
    Code, Error, env,
    l4re::{dataspace::Dataspace, rm::flags},
    memory::Mapping,
    print, println,
};

/// Output to ned's log, files from its name spaces.
pub const EMBEDDER: Embedder = Embedder { write, read_file };

fn write(text: &[u8]) {
    print!("{}", String::from_utf8_lossy(text));
}

/// Reads the file at a path such as `rom/hello.lua`. A boot module fills its last page with zeros, which
/// are no part of a script.
fn read_file(path: &str) -> Result<Vec<u8>, FileError> {
    let reason = |error: Error| match error {
        Error::Code(Code::NoEnt) => FileError::NotFound,
        Error::Code(Code::Perm | Code::Access) => FileError::Refused,
        _ => FileError::Unreadable,
    };
    let dataspace = env::open::<Dataspace>(path).map_err(reason)?;
    let size = dataspace.size().map_err(reason)?;
    let length = usize::try_from(size).map_err(|_| FileError::Unreadable)?;
    if length == 0 {
        return Ok(Vec::new());
    }
    let mapping = Mapping::attach(dataspace.cap(), length, flags::R).map_err(reason)?;
    let content = mapping.as_slice();
    let end = content.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    Ok(content[..end].to_vec())
}

/// Reports a Lua error: what and where, what to do about it, and how the script came there. Functions of
/// ned's prelude, of which no line numbers are known, are left out.
pub fn report(error: &lua::Error) {
    println!("ned: error: {}", error.message);
    if let Some(hint) = &error.hint {
        println!("ned: {hint}");
    }
    let lines = error.traceback.iter().flat_map(|traceback| traceback.lines());
    for line in lines.filter(|line| !line.starts_with("\t?:")) {
        println!("ned: {line}");
    }
}

/// Says that there is nothing to run, and how to change that.
pub fn explain_missing_script() {
    println!("ned: no script was named, so nothing is started; the system stays up.");
    println!("ned: to name one, change this entry of iso/boot/grub/menu.lst to");
    println!("         module /moe rom/hello.lua");
    println!("         module /hello.lua");
    println!("     with hello.lua in the folder iso, then run make iso.");
}

/// Adds to the error of a script that could not be read what to do about it.
pub fn advise(mut error: lua::Error, path: &str) -> lua::Error {
    if error.hint.is_none() && read_file(path).is_err() {
        error.hint = Some(match path.split_once('/') {
            Some(("rom", file)) => {
                format!("add the line  module /{file}  to the entry of menu.lst, and {file} to the folder iso")
            }
            _ => format!("boot modules are in rom/: is it rom/{path}?"),
        });
    }
    error
}

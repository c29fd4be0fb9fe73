//! The parent protocol (`l4re/include/parent`) for the first program: moe hears when it ends.

use alloc::string::String;

use abi::Error as Code;
use abi::l4re::parent::{OP_SIGNAL, SIGNAL_EXIT, SIGNAL_SILENT};
use moe::object_table::ObjectId;
use syscall::{Owned, Result, Task, Thread, println};

use super::Server;
use super::object::Kind;
use super::request::Request;

/// The first program.
pub struct FirstProgram {
    /// Its file.
    pub name: String,
    /// Its task.
    pub task: Owned<Task>,
    /// Its first thread.
    pub thread: Owned<Thread>,
    /// Its region map.
    pub region_map: ObjectId,
}

impl Server {
    /// Carries out a signal to the parent `id`.
    pub(super) fn serve_parent(&mut self, id: ObjectId, request: &mut Request<'_>) -> Result<i64> {
        if request.opcode()? != OP_SIGNAL {
            return Err(Code::NoSys.into());
        }
        let (signal, value): (u64, u64) = (request.reader.get()?, request.reader.get()?);
        let Some(object) = self.objects.get(id) else { return Err(Code::NoEnt.into()) };
        if let (SIGNAL_SILENT, Kind::Parent(program)) = (signal, &object.kind) {
            let name = &program.name;
            println!("moe: still waiting for {name}: {value} s after its start it has done nothing but compute");
            println!("  It has not left the page that its first instruction is on. Is that the right file?");
        }
        if signal != SIGNAL_EXIT {
            return Ok(0);
        }
        if let Kind::Parent(program) = &object.kind {
            println!("moe: {} ended with exit code {}", program.name, value as i64);
            let region_map = program.region_map;
            self.remove(id);
            self.remove(region_map);
        }
        Err(Code::NoReply.into())
    }
}

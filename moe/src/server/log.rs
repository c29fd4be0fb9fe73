//! The log protocol (`l4sys/include/vcon.h`), its output side.

use abi::Error as Code;
use abi::vcon::{OP_WRITE, OPCODE_MASK, WRITE_SIZE};
use moe::line::Line;
use moe::object_table::ObjectId;
use moe::row::Row;
use syscall::{Result, Vcon};

use super::request::Request;

/// Carries out a request to the log `id` of `line`, whose output ends up in `row`. Writing is a message without an answer.
pub fn serve(line: &mut Line, id: ObjectId, row: &mut Row, request: &mut Request<'_>) -> Result<i64> {
    if request.reader.word(0)? & OPCODE_MASK != OP_WRITE {
        return Err(Code::NoSys.into());
    }
    let _: u64 = request.reader.get()?;
    let claimed: u64 = request.reader.get()?;
    let present = (request.reader.tag().words() * 8).saturating_sub(16).min(WRITE_SIZE);
    let mut buffer = [0; WRITE_SIZE];
    let text = request.reader.get_raw(present.min(claimed as usize), &mut buffer)?;
    line.write(text, |text| row.write(id.label(), text, put_out));
    Err(Code::NoReply.into())
}

/// Sends text to the kernel's log.
pub fn put_out(text: &[u8]) {
    // There is no other place to report that the log does not work.
    let _ = Vcon::boot().write(text);
}

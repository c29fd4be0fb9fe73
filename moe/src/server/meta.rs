//! The meta protocol (`l4sys/include/meta`): which protocols an object speaks.

use abi::meta::{OP_INTERFACE, OP_NUM_INTERFACES, OP_SUPPORTS};
use abi::{Error as Code, protocol};
use syscall::Result;
use syscall::message::Writer;

use super::Words;
use super::request::Request;

/// Answers for an object that speaks `protocols`.
pub fn serve(
    protocols: &[(i64, &'static str)],
    request: &mut Request<'_>,
    output: &mut Writer<&mut Words>,
) -> Result<i64> {
    match request.reader.get::<u64>()? {
        OP_NUM_INTERFACES => Ok(protocols.len() as i64),
        OP_INTERFACE => {
            let index: u64 = request.reader.get()?;
            let (number, name) = protocols.get(index as usize).ok_or(Code::Range)?;
            output.put(*number);
            output.put_str(name);
            Ok(0)
        }
        OP_SUPPORTS => {
            let asked: i64 = request.reader.get()?;
            let known = [protocol::META, protocol::KOBJECT].contains(&asked)
                || protocols.iter().any(|(number, _)| *number == asked);
            Ok(known.into())
        }
        _ => Err(Code::NoSys.into()),
    }
}

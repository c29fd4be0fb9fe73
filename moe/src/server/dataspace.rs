//! The dataspace protocol (`l4re/include/dataspace`).

use alloc::rc::Rc;

use abi::item::Cacheability;
use abi::l4re::dataspace::{flags, op};
use abi::{Error as Code, MapItem, Rights};
use moe::dataspace::{Access, Window};
use syscall::Result;
use syscall::message::Writer;

use super::request::Request;
use super::{Space, Words};

/// Carries out a request to `space`.
pub fn serve(space: &Rc<Space>, request: &mut Request<'_>, output: &mut Writer<&mut Words>) -> Result<i64> {
    let writable = request.rights.contains(Rights::CAP_W);
    let rights = space.rights() & if writable { Rights::RWX } else { Rights::RX };
    let may_write = rights.contains(Rights::W);
    match request.opcode()? {
        op::MAP => {
            let (offset, spot, wanted): (u64, u64, u64) =
                (request.reader.get()?, request.reader.get()?, request.reader.get()?);
            let asked = Rights((wanted & flags::RIGHTS_MASK) as u8);
            let write = asked.contains(Rights::W);
            if write && !may_write || asked.contains(Rights::X) && !rights.contains(Rights::X) {
                return Err(Code::Perm.into());
            }
            let window = Window { spot, first: 0, last: u64::MAX };
            let page = space.map(offset, Access { allowed: asked & rights, write }, window)?;
            let item = MapItem::map_at(page, spot).with_flags(caching(space, wanted & flags::CACHING_MASK));
            output.item(item);
        }
        op::CLEAR if !may_write => return Err(Code::Access.into()),
        op::CLEAR => space.clear(request.reader.get()?, request.reader.get()?)?,
        op::INFO => {
            output.put(space.size());
            output.put(u64::from(rights.0) | if space.is_device() { flags::BUFFERABLE } else { flags::NORMAL });
        }
        op::COPY_IN if !may_write => return Err(Code::Access.into()),
        op::COPY_IN => {
            let (to, from, size): (u64, u64, u64) =
                (request.reader.get()?, request.reader.get()?, request.reader.get()?);
            let (source, _) = request.given.dataspace().map_err(|_| Code::Inval)?;
            space.copy_from(to, source, from, size)?;
        }
        op::ALLOCATE => {
            space.allocate(request.reader.get()?, request.reader.get()?, may_write)?;
        }
        // Every page-aligned address will do.
        op::MAP_INFO => {
            output.put(0_u64);
            output.put(0_u64);
        }
        _ => return Err(Code::NoSys.into()),
    }
    Ok(0)
}

/// Flags of a map item for the caching flags of a region of `space`.
pub fn caching(space: &Space, wanted: u64) -> u64 {
    let caching = match wanted {
        flags::NORMAL if space.is_device() => Cacheability::Bufferable,
        flags::BUFFERABLE => Cacheability::Bufferable,
        flags::UNCACHEABLE => Cacheability::Uncacheable,
        _ => Cacheability::Inherit,
    };
    (caching as u64) << 4
}

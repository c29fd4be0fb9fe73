//! Name spaces: directories of capabilities. A program's named capabilities are found by
//! [`crate::env::cap`], which also looks into name spaces when the name has a slash, as in `rom/hello`.

use abi::{
    Rights,
    l4re::{
        Opcode, PROTO_NAMESPACE,
        namespace::{PARTLY_RESOLVED, op},
    },
};

pub use abi::l4re::namespace::flags;

use crate::{Cap, Code, Kobject, Owned, Result, ipc::Message};

/// A name space.
pub struct Namespace;

impl Kobject for Namespace {
    const PROTOCOL: i64 = PROTO_NAMESPACE;
    const NAME: &'static str = "name space";
}

/// Longest name in bytes that a query can carry.
const NAME_MAX: usize = 256;

impl Cap<Namespace> {
    /// The capability registered as `name`, whose parts are separated by slashes. What is believed of
    /// its type is up to the caller.
    ///
    /// # Errors
    /// Those of the IPC; `NoEnt` when there is no such entry; `Again` when it is announced but not there
    /// yet; `NameTooLong`.
    pub fn query<T>(self, name: &str) -> Result<Owned<T>> {
        let mut buffer = [0; NAME_MAX];
        let mut rest = buffer.get_mut(..name.len()).ok_or(Code::NameTooLong)?;
        rest.copy_from_slice(name.as_bytes());
        let mut other = [0; NAME_MAX];
        let mut directory: Option<Owned<Namespace>> = None;
        loop {
            let slot = Owned::<T>::empty()?;
            let asked = directory.as_ref().map_or(self, Owned::cap);
            let mut reply = Message::new(PROTO_NAMESPACE)
                .with(op::QUERY)
                .with_bytes(rest)
                .receive_cap(slot.index())
                .call(asked.index())?;
            if reply.value() & PARTLY_RESOLVED == 0 {
                return Ok(slot);
            }
            let _: Opcode = reply.get()?;
            let length = reply.get_bytes(&mut other)?.len();
            if length == 0 || length >= rest.len() {
                return Err(Code::Inval.into());
            }
            rest = &mut rest[..length];
            rest.copy_from_slice(&other[..length]);
            directory = Some(slot.cast());
        }
    }

    /// Registers `cap` as `name` with the rights and options of `entry_flags`.
    ///
    /// # Errors
    /// Those of the IPC; `Exist` when there is such an entry; `Perm` without the write right.
    pub fn register<T>(self, name: &str, cap: Cap<T>, entry_flags: u32) -> Result {
        Message::new(PROTO_NAMESPACE)
            .with(op::REGISTER)
            .with(entry_flags)
            .with_bytes(name.as_bytes())
            .item(cap.item(Rights(entry_flags as u8 & 0xf | Rights::CAP_R.0)))
            .call(self.index())
            .map(drop)
    }

    /// Removes the entry `name`.
    ///
    /// # Errors
    /// Those of the IPC; `NoEnt` when there is none.
    pub fn unlink(self, name: &str) -> Result {
        Message::new(PROTO_NAMESPACE).with(op::UNLINK).with_bytes(name.as_bytes()).call(self.index()).map(drop)
    }
}

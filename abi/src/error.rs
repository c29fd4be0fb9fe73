//! Error codes (`l4sys/err.h`): returned negated in the label of a reply's message tag.

use crate::codes::codes;

codes! {
    /// An error code of L4Re. The variants' names are the header's without the prefix `L4_E`.
    Error: i64 {
        Perm = 1, "no permission";
        NoEnt = 2, "no such entity";
        Io = 5, "input or output failed";
        NxIo = 6, "no such device or address";
        TooBig = 7, "argument too big";
        Again = 11, "try again";
        NoMem = 12, "out of memory or quota";
        Access = 13, "permission denied";
        Fault = 14, "bad address";
        Busy = 16, "object in use, try later";
        Exist = 17, "already exists";
        NoDev = 19, "no such device";
        NotDir = 20, "not a directory";
        Inval = 22, "invalid argument";
        NoSpace = 28, "no space left";
        Range = 34, "out of range";
        NameTooLong = 36, "name too long";
        NoSys = 38, "operation not implemented by this object";
        BadProto = 39, "the object does not speak this protocol";
        AddrNotAvail = 99, "address not available";
        NoReply = 1000, "no reply";
        MsgTooShort = 1001, "message too short";
        MsgTooLong = 1002, "message too long";
        MsgMissArg = 1003, "message lacks a capability";
        MsgErrRange = 1004, "number in message out of range";
        DropReply = 1005, "no reply is to be sent";
    }
}

/// First number of the range in which `L4_EIPC_LO + code` stands for an IPC error.
pub const IPC_LOW: i64 = 2000;
/// Last number of that range.
pub const IPC_HIGH: i64 = 2000 + 0x1f;

impl Error {
    /// The positive error number.
    pub const fn code(self) -> i64 {
        self as i64
    }
}

impl core::fmt::Display for Error {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{} (-{})", self.text(), self.code())
    }
}

impl core::error::Error for Error {}

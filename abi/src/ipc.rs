//! IPC operations and errors (`l4sys/consts.h`, `l4sys/ipc.h`).

use crate::codes::codes;

/// The operation of a system call: bits in the low part of the register with the destination selector.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(transparent)]
pub struct Operation(u64);

impl Operation {
    /// Has a send phase.
    pub const SEND: Self = Self(0x01);
    /// Has a receive phase; closed (from the destination alone) unless open.
    pub const RECEIVE: Self = Self(0x02);
    /// Receives from anybody.
    pub const OPEN_WAIT: Self = Self(0x04);
    /// Sends to the caller that the thread owes a reply.
    pub const REPLY: Self = Self(0x08);
    /// Sends, then receives the answer.
    pub const CALL: Self = Self(0x03);
    /// Receives from anybody.
    pub const WAIT: Self = Self(0x06);
    /// Replies, without receiving.
    pub const REPLY_ONLY: Self = Self(0x09);
    /// Sends, then receives from anybody.
    pub const SEND_AND_WAIT: Self = Self(0x07);
    /// Replies, then receives from anybody.
    pub const REPLY_AND_WAIT: Self = Self(0x0f);
    /// The operation bits of the register.
    pub const MASK: u64 = 0x0f;

    /// The operation in a raw destination register.
    pub const fn from_raw(raw: u64) -> Self {
        Self(raw & Self::MASK)
    }

    /// The bits.
    pub const fn bits(self) -> u64 {
        self.0
    }

    /// Whether all bits of `other` are set.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

codes! {
    /// Why an IPC failed: the UTCB's error register. Odd codes are errors of the receive phase, even ones of the send phase.
    IpcError: u64 {
        NotExistent = 0x04, "the capability slot is empty, or the object is gone";
        SendTimeout = 0x02, "send timed out";
        ReceiveTimeout = 0x03, "receive timed out";
        SendCancelled = 0x06, "send was cancelled";
        ReceiveCancelled = 0x07, "receive was cancelled";
        SendCut = 0x08, "the message was cut (sender)";
        ReceiveCut = 0x09, "the message was cut (receiver)";
        SendSenderFault = 0x0a, "timeout of a page fault in the send phase (sender)";
        ReceiveSenderFault = 0x0b, "timeout of a page fault in the send phase (receiver)";
        SendReceiverFault = 0x0c, "timeout of a page fault in the receive phase (sender)";
        ReceiveReceiverFault = 0x0d, "timeout of a page fault in the receive phase (receiver)";
        SendAborted = 0x0e, "send was aborted";
        ReceiveAborted = 0x0f, "receive was aborted";
        SendMapFailed = 0x10, "a map item failed (sender)";
        ReceiveMapFailed = 0x11, "a map item failed (receiver)";
        NoReplyCap = 0x13, "no slot for the reply capability";
    }
}

impl IpcError {
    /// The error register's value.
    pub const fn code(self) -> u64 {
        self as u64
    }

    /// The same mishap as the receiver sees it.
    pub const fn receiver_side(self) -> u64 {
        self as u64 | 1
    }

    /// Whether the send phase failed.
    pub const fn in_send_phase(self) -> bool {
        self as u64 & 1 == 0
    }
}

impl core::fmt::Display for IpcError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{} (IPC error {:#x})", self.text(), self.code())
    }
}

/// The bits of the error register that hold the code.
pub const ERROR_MASK: u64 = 0x1f;

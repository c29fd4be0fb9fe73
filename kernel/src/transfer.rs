//! What an IPC carries from sender to receiver: words, register states of exceptions, FPU state, and, by
//! [`crate::items`], typed items.

use crate::arch;
use crate::ipc::Purpose;
use crate::message::UtcbPointer;
use crate::sched;
use crate::thread::Thread;
use abi::utcb::INHERIT_FPU;
use abi::{IpcError, Rights, Tag, exc_regs};

/// Copies words or registers of the message of `sender` to `receiver`, each given with its UTCB. The items, if it has some,
/// are left to be mapped.
#[inline(always)]
pub fn message(
    (sender, from): (&'static Thread, UtcbPointer),
    (receiver, to): (&'static Thread, UtcbPointer),
    tag: Tag,
) {
    if sender.pending.purpose.get() == Purpose::Exception {
        sender.frame.read_exc_regs(|index, value| to.set_mr(index, value));
    } else if receiver.pending.purpose.get() == Purpose::Exception {
        if tag.words() >= exc_regs::WORDS {
            receiver.frame.write_exc_regs(|index| from.mr(index));
        }
    } else {
        to.copy_words(from, tag.words());
    }
}

/// Ends the transfer of a message: hands the FPU on, or tells both sides of the error.
pub fn finish(
    sender: &'static Thread,
    receiver: &'static Thread,
    tag: Tag,
    result: Result<(), IpcError>,
) -> Result<(), ()> {
    let (Some(from), Some(to)) = (sender.utcb(), receiver.utcb()) else { return Err(()) };
    if let Err(error) = result {
        from.set_error(error.code());
        to.set_error(error.receiver_side());
        return Err(());
    }
    if hands_fpu_on(tag, sender.pending.rights.get(), to) {
        transfer_fpu(sender, receiver);
    }
    Ok(())
}

/// Whether a message that was sent by a capability with these rights hands the FPU's state on.
#[inline]
pub fn hands_fpu_on(tag: Tag, rights: Rights, to: UtcbPointer) -> bool {
    tag.flags() & Tag::TRANSFER_FPU != 0 && rights.contains(Rights::CAP_S) && to.bdr() & INHERIT_FPU != 0
}

fn transfer_fpu(sender: &'static Thread, receiver: &'static Thread) {
    if sched::is_current(sender) {
        sender.vcpu.lend_fpu();
        arch::fpu_save(&sender.fpu);
        sender.vcpu.return_fpu();
    }
    receiver.fpu.copy_from(&sender.fpu);
    if sched::is_current(receiver) {
        receiver.vcpu.lend_fpu();
        arch::fpu_restore(&receiver.fpu);
        receiver.vcpu.return_fpu();
    }
}

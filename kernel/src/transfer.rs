//! What an IPC carries from sender to receiver: words, register states of exceptions, FPU state, and, by
//! [`crate::items`], typed items.

use crate::arch;
use crate::ipc::Purpose;
use crate::sched;
use crate::thread::Thread;
use abi::utcb::INHERIT_FPU;
use abi::{IpcError, Rights, Tag, exc_regs};

/// Copies words or registers of the message of `sender` to `receiver`. The items, if it has some, are left to be mapped.
#[inline(always)]
pub fn message(sender: &'static Thread, receiver: &'static Thread, tag: Tag) -> Result<(), IpcError> {
    let (Some(from), Some(to)) = (sender.utcb(), receiver.utcb()) else { return Err(IpcError::SendAborted) };
    if sender.pending.purpose.get() == Purpose::Exception {
        sender.frame.read_exc_regs(|index, value| to.set_mr(index, value));
        return Ok(());
    }
    if receiver.pending.purpose.get() == Purpose::Exception {
        if tag.words() >= exc_regs::WORDS {
            receiver.frame.write_exc_regs(|index| from.mr(index));
        }
    } else {
        to.copy_words(from, tag.words());
    }
    Ok(())
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
    let may_transfer = sender.pending.rights.get().contains(Rights::CAP_S);
    if tag.flags() & Tag::TRANSFER_FPU != 0 && may_transfer && to.bdr() & INHERIT_FPU != 0 {
        transfer_fpu(sender, receiver);
    }
    Ok(())
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

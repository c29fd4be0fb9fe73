//! The operations of thread objects: `l4sys/thread.h`.

use crate::arch;
use crate::fault;
use crate::ipc::{self, Purpose};
use crate::lines::Bound;
use crate::message::{self, Answer, Message, UtcbPointer, expect_object};
use crate::modify_senders;
use crate::sched;
use crate::thread::{Leave, Thread};
use abi::ipc::Operation;
use abi::thread::*;
use abi::{CapIndex, Error, Rights, Tag, protocol};

impl Thread {
    /// Switches to this thread, if that is what a system call of `thread` asks for: it is the next of its priority then. One
    /// that cannot run, or is of lower priority, does not (decision 3). False if nothing was asked for.
    #[inline(always)]
    pub fn quick(&'static self, thread: &'static Thread, utcb: UtcbPointer) -> bool {
        let plain = Tag::from_raw(thread.frame.syscall_tag()) == Tag::new(protocol::THREAD, 1, 0, 0)
            && Operation::from_raw(thread.frame.dest()) == Operation::CALL;
        let switches = plain && utcb.mr(0) & OPCODE_MASK == OP_SWITCH;
        if switches {
            thread.frame.set_tag(Tag::new(0, 0, 0, 0).raw());
            sched::yield_to(thread, self);
        }
        switches
    }

    /// A message to the thread object.
    #[inline(never)]
    pub fn invoke(&'static self, message: &Message) -> Answer {
        if message.tag.label() != protocol::THREAD {
            return Err(Error::BadProto);
        }
        match message.opcode()? & OPCODE_MASK {
            OP_CONTROL => self.control(message),
            OP_EX_REGS => self.ex_regs(message),
            OP_SWITCH => {
                sched::yield_to_later(message.sender, self);
                message::ok(0)
            }
            OP_STATS => {
                message.answer(0, sched::consumed_us(self));
                message::ok_words(0, 1)
            }
            OP_REGISTER_DELETE_IRQ => {
                let (object, rights) = Bound::item(message)?;
                if !rights.contains(Rights::CAP_W) {
                    return Err(Error::Perm);
                }
                self.delete_line.bind(object)?;
                message::ok(0)
            }
            OP_MODIFY_SENDER => modify_senders::invoke(self, message),
            OP_SET_SEGMENT_BASE => {
                let base = message.word(1)?;
                let is_set = match message.word(0)? >> 16 {
                    SEGMENT_FS => self.frame.set_fs_base(base),
                    SEGMENT_GS => self.frame.set_gs_base(base),
                    _ => false,
                };
                if is_set { message::ok(0) } else { Err(Error::Inval) }
            }
            OP_SEGMENT_INFO => {
                let [data, code, code32] = arch::user_selectors();
                message.answer(0, data);
                message.answer(1, code);
                message.answer(2, code32);
                message::ok_words(0, 3)
            }
            OP_VCPU_CONTROL => self.vcpu_control(message),
            OP_VCPU_RESUME => self.vcpu_resume(message),
            OP_PF_TRAMPOLINE => self.pf_trampoline(message),
            OP_GDT => self.gdt(message),
            // There is no direct injection of interrupts, and no doorbell for it, as in Fiasco on this architecture.
            _ => Err(Error::NoSys),
        }
    }

    fn control(&'static self, message: &Message) -> Answer {
        message.require(Rights::CAP_S)?;
        if message.tag.words() < 6 {
            return Err(Error::Inval);
        }
        let flags = message.utcb.mr(CONTROL_MR_FLAGS);
        let old_pager = self.pager.get();
        let old_handler = self.exception_handler.get();
        let pager = CapIndex::from_raw(message.utcb.mr(CONTROL_MR_PAGER));
        let handler = CapIndex::from_raw(message.utcb.mr(CONTROL_MR_EXC_HANDLER));
        if flags & CONTROL_BIND_TASK != 0 {
            let (task, rights) = expect_object!(message, 0, Task);
            if !rights.contains(Rights::CAP_S) {
                return Err(Error::Perm);
            }
            let address = message.utcb.mr(CONTROL_MR_BIND_UTCB);
            let utcb = task.utcb_at(address).ok_or(Error::Inval)?;
            if task.is_deleted() || !self.bind(task, utcb, address) {
                return Err(Error::Inval);
            }
        }
        if flags & CONTROL_SET_PAGER != 0 {
            self.pager.set(pager);
        }
        if flags & CONTROL_SET_EXC_HANDLER != 0 {
            self.exception_handler.set(handler);
        }
        if flags & CONTROL_ALIEN != 0 {
            let alien = message.utcb.mr(CONTROL_MR_FLAG_VALUES) & CONTROL_ALIEN != 0;
            self.is_alien.set(alien);
            if self.alien_leave.get() == Leave::Taken {
                self.alien_leave.set(Leave::None);
            }
            self.reports_calls.set(alien || self.vcpu.in_user_task());
        }
        self.start_if_complete();
        message.answer(CONTROL_MR_PAGER, old_pager.raw());
        message.answer(CONTROL_MR_EXC_HANDLER, old_handler.raw());
        message::ok_words(0, 3)
    }

    fn ex_regs(&'static self, message: &Message) -> Answer {
        if message.tag.words() != 3 {
            return Err(Error::Inval);
        }
        let flags = message.utcb.mr(0) & !OPCODE_MASK;
        let (ip, sp) = (message.utcb.mr(1), message.utcb.mr(2));
        let old = (self.frame.flags(), self.frame.ip(), self.frame.sp());
        let in_exception = self.pending.purpose.get() == Purpose::Exception;
        if flags & EX_REGS_CANCEL != 0 || !in_exception {
            if flags & EX_REGS_CANCEL != 0 {
                ipc::cancel(self);
            }
            if ip != u64::MAX {
                self.frame.set_ip(ip);
            }
            if sp != u64::MAX {
                self.frame.set_sp(sp);
            }
            if flags & EX_REGS_TRIGGER_EXCEPTION != 0 {
                self.exception_due.set(Some(fault::Due::ExRegs));
                self.frame.set_work(true);
            }
            self.has_start.set(true);
            self.start_if_complete();
        }
        message.answer(0, old.0);
        message.answer(1, old.1);
        message.answer(2, old.2);
        message::ok_words(0, 3)
    }
}

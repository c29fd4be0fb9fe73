//! Threads as the kernel knows them. For threads of one's own program see [`crate::thread`].

use abi::{CapIndex, Flexpage, MapItem, Rights, protocol, thread::*};

use crate::{Cap, Result, arch::utcb, cap::Kobject, ipc, ipc::Message, object::irq::Irq, object::task::Task};

/// A thread.
pub struct Thread;

impl Kobject for Thread {
    const PROTOCOL: i64 = protocol::THREAD;
    const NAME: &'static str = "thread";
}

impl Thread {
    /// The program's first thread.
    pub const fn main() -> Cap<Thread> {
        Cap::new(CapIndex::THREAD)
    }

    /// Gives up the rest of the calling thread's time slice.
    pub fn yield_now() {
        // The receive from nobody times out at once; that it does is the purpose.
        let _ = ipc::receive(CapIndex::INVALID, ipc::Timeouts::ZERO);
    }

    /// Lets the calling thread, a virtual CPU, go on where its state says, after `items` were mapped to its user task.
    /// Returns only what was wrong: `Inval` for a thread that is no virtual CPU, `NoEnt` for user mode without a user
    /// task, `Perm` for a user task without the special right, the IPC errors of mapping.
    pub fn vcpu_resume(items: &[MapItem]) -> crate::Error {
        let registers = utcb();
        registers.set_bdr(0);
        registers.set_br(0, 0);
        registers.set_mr(0, OP_VCPU_RESUME);
        for (index, item) in items.iter().enumerate() {
            registers.set_mr(1 + 2 * index, item.control);
            registers.set_mr(2 + 2 * index, item.flexpage.raw());
        }
        // The invalid capability names the calling thread.
        let tag = abi::Tag::new(protocol::THREAD, 1, items.len(), 0);
        match ipc::call(CapIndex::INVALID, tag, ipc::Timeouts::NEVER) {
            Err(error) => error,
            Ok(tag) => crate::Error::from_label(tag.label()),
        }
    }
}

/// What [`Cap<Thread>::control`] sets; `None` leaves a setting as it is.
#[derive(Clone, Copy, Default)]
pub struct Control {
    /// Capability (of the thread's task) that page faults are sent to.
    pub pager: Option<CapIndex>,
    /// Capability (of the thread's task) that exceptions are sent to.
    pub exception_handler: Option<CapIndex>,
    /// Task to run in, and the address of the thread's UTCB there.
    pub bind: Option<(Cap<Task>, u64)>,
    /// Whether system calls become exceptions.
    pub alien: Option<bool>,
}

/// The segment whose base [`Cap<Thread>::set_segment_base`] sets.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Segment {
    /// FS: thread-local storage.
    Fs,
    /// GS: the UTCB.
    Gs,
}

impl Cap<Thread> {
    /// Changes settings of the thread.
    ///
    /// # Errors
    /// Those of the IPC; `Inval` for a bad UTCB address or a thread that is bound already.
    pub fn control(self, control: Control) -> Result {
        // Laid out by register number, not by a stream, so it is written to the UTCB directly.
        let registers = utcb();
        let mut flags = OP_CONTROL;
        registers.set_mr(CONTROL_MR_FLAG_VALUES, 0);
        if let Some(pager) = control.pager {
            flags |= CONTROL_SET_PAGER;
            registers.set_mr(CONTROL_MR_PAGER, pager.raw());
        }
        if let Some(handler) = control.exception_handler {
            flags |= CONTROL_SET_EXC_HANDLER;
            registers.set_mr(CONTROL_MR_EXC_HANDLER, handler.raw());
        }
        if let Some(alien) = control.alien {
            flags |= CONTROL_ALIEN;
            registers.set_mr(CONTROL_MR_FLAG_VALUES, if alien { CONTROL_ALIEN } else { 0 });
        }
        if let Some((task, address)) = control.bind {
            flags |= CONTROL_BIND_TASK;
            registers.set_mr(CONTROL_MR_BIND_UTCB, address);
            let item = MapItem::map(task.flexpage(Rights::CAP_RWS));
            registers.set_mr(CONTROL_MR_BIND_TASK, item.control);
            registers.set_mr(CONTROL_MR_BIND_TASK + 1, item.flexpage.raw());
        }
        registers.set_mr(CONTROL_MR_FLAGS, flags);
        registers.set_bdr(0);
        registers.set_br(0, 0);
        let tag = abi::Tag::new(protocol::THREAD, CONTROL_MR_BIND_TASK, usize::from(control.bind.is_some()), 0);
        let tag = ipc::call(self.index(), tag, ipc::Timeouts::NEVER)?;
        if tag.label() < 0 { Err(crate::Error::from_label(tag.label())) } else { Ok(()) }
    }

    /// Sets the thread's instruction and stack pointer (`u64::MAX` leaves one as it is), with
    /// [`EX_REGS_CANCEL`] and [`EX_REGS_TRIGGER_EXCEPTION`] as flags. The answer holds flags,
    /// instruction and stack pointer from before.
    ///
    /// # Errors
    /// Those of the IPC; `Inval` when the thread is not bound to a task.
    pub fn ex_regs(self, instruction_pointer: u64, stack_pointer: u64, flags: u64) -> Result<[u64; 3]> {
        let reply = Message::new(protocol::THREAD)
            .with(OP_EX_REGS | flags)
            .with(instruction_pointer)
            .with(stack_pointer)
            .call(self.index())?;
        Ok([reply.word(0).unwrap_or(0), reply.word(1).unwrap_or(0), reply.word(2).unwrap_or(0)])
    }

    /// Lets the thread run in place of the calling one, if it is ready and of the same priority.
    ///
    /// # Errors
    /// Those of the IPC.
    pub fn switch_to(self) -> Result {
        Message::new(protocol::THREAD).with(OP_SWITCH).call(self.index()).map(drop)
    }

    /// The CPU time that the thread has used, in microseconds.
    ///
    /// # Errors
    /// Those of the IPC.
    pub fn cpu_time_us(self) -> Result<u64> {
        Message::new(protocol::THREAD).with(OP_STATS).call(self.index())?.word(0)
    }

    /// Triggers `irq` whenever a gate that is bound to the thread is deleted, or no longer named by any
    /// capability.
    ///
    /// # Errors
    /// Those of the IPC.
    pub fn register_delete_irq(self, irq: Cap<Irq>) -> Result {
        Message::new(protocol::THREAD)
            .with(OP_REGISTER_DELETE_IRQ)
            .map(irq.flexpage(Rights::CAP_RWS))
            .call(self.index())
            .map(drop)
    }

    /// Rewrites the labels of messages that wait for the thread: where `label & mask == pattern`, the
    /// bits of `clear` are removed and those of `set` added. Needed before a bound gate's label is used
    /// anew.
    ///
    /// # Errors
    /// Those of the IPC.
    pub fn modify_sender(self, mask: u64, pattern: u64, clear: u64, set: u64) -> Result {
        Message::new(protocol::THREAD)
            .with(OP_MODIFY_SENDER)
            .with(mask)
            .with(pattern)
            .with(clear)
            .with(set)
            .call(self.index())
            .map(drop)
    }

    /// Turns the thread into a virtual CPU, with its [state](abi::vcpu::VcpuState) at `address`, in kernel-user memory
    /// of the thread's task. See [`crate::vcpu`] for one of the calling program.
    ///
    /// # Errors
    /// Those of the IPC; `Inval` when there is no such memory, or the thread has no task.
    pub fn vcpu_control(self, address: u64) -> Result {
        Message::new(protocol::THREAD).with(OP_VCPU_CONTROL).with(address).call(self.index()).map(drop)
    }

    /// As [`vcpu_control`](Self::vcpu_control), for the processor's hardware virtualisation.
    ///
    /// # Errors
    /// `NoSys` without hardware virtualisation; those of [`vcpu_control`](Self::vcpu_control).
    pub fn vcpu_control_ext(self, address: u64) -> Result {
        Message::new(protocol::THREAD)
            .with(OP_VCPU_CONTROL | VCPU_CONTROL_EXTENDED)
            .with(address)
            .call(self.index())
            .map(drop)
    }

    fn pf_trampoline(self, operation: u64) -> Message {
        Message::new(protocol::THREAD).with(OP_PF_TRAMPOLINE | operation)
    }

    /// Lets the thread handle its page faults itself, with its [state](abi::pf_trampoline::PfTrampoline) at `address`, in
    /// kernel-user memory of its task.
    ///
    /// # Errors
    /// Those of the IPC; `Inval` when there is no such memory, or the thread has no task.
    pub fn pf_trampoline_setup(self, address: u64) -> Result {
        self.pf_trampoline(PF_TRAMPOLINE_SETUP).with(address).call(self.index()).map(drop)
    }

    /// Sends the thread's page faults to its pager again. Says whether it handled them itself.
    ///
    /// # Errors
    /// Those of the IPC.
    pub fn pf_trampoline_disable(self) -> Result<bool> {
        Ok(self.pf_trampoline(PF_TRAMPOLINE_DISABLE).call(self.index())?.word(0)? != 0)
    }

    /// Lets the thread handle its page faults itself again.
    ///
    /// # Errors
    /// Those of the IPC; `Inval` when it has no trampoline.
    pub fn pf_trampoline_enable(self) -> Result {
        self.pf_trampoline(PF_TRAMPOLINE_ENABLE).call(self.index()).map(drop)
    }

    /// Ends the handler of the thread, which is the calling one: the instruction that faulted is executed again. Returns
    /// only what was wrong.
    pub fn pf_trampoline_resume(self) -> Option<crate::Error> {
        self.pf_trampoline(PF_TRAMPOLINE_RESUME).call(self.index()).err()
    }

    /// Ends the handler of the thread, which is the calling one: the fault becomes an exception. Returns only what was
    /// wrong.
    pub fn pf_trampoline_reflect(self) -> Option<crate::Error> {
        self.pf_trampoline(PF_TRAMPOLINE_REFLECT).call(self.index()).err()
    }

    /// Sets segment descriptors of the thread's own, in the processor's format, from number `first` (0 to 3) on. Returns the
    /// selector of the first.
    ///
    /// # Errors
    /// Those of the IPC; `Inval` for anything but data segments of user mode.
    pub fn set_gdt(self, first: u64, descriptors: &[u64]) -> Result<u16> {
        let message = Message::new(protocol::THREAD).with(OP_GDT).with(first);
        let message = descriptors.iter().fold(message, |message, &descriptor| message.with(descriptor));
        Ok(message.call(self.index())?.value() as u16)
    }

    /// Where in the global descriptor table the descriptors of a thread's own are.
    ///
    /// # Errors
    /// Those of the IPC.
    pub fn gdt_entry_offset(self) -> Result<u64> {
        Message::new(protocol::THREAD).with(OP_GDT).call(self.index())?.word(0)
    }

    /// The selectors of programs' data segment, code segment, and 32-bit code segment.
    ///
    /// # Errors
    /// Those of the IPC.
    pub fn segment_info(self) -> Result<[u64; 3]> {
        let reply = Message::new(protocol::THREAD).with(OP_SEGMENT_INFO).call(self.index())?;
        Ok([reply.word(0)?, reply.word(1)?, reply.word(2)?])
    }

    /// Sets the base address of a segment register.
    ///
    /// # Errors
    /// Those of the IPC; `Inval` for an address that is not canonical.
    pub fn set_segment_base(self, segment: Segment, base: u64) -> Result {
        let segment = match segment {
            Segment::Fs => SEGMENT_FS,
            Segment::Gs => SEGMENT_GS,
        };
        Message::new(protocol::THREAD).with(OP_SET_SEGMENT_BASE | segment << 16).with(base).call(self.index()).map(drop)
    }
}

/// The UTCB area of a task as a flexpage of `count` UTCBs (rounded up to a power of two and a page).
pub fn utcb_area(address: u64, count: usize) -> Flexpage {
    let bytes = (count * abi::utcb::SIZE).next_power_of_two().max(abi::PAGE_SIZE);
    Flexpage::memory(address, bytes.trailing_zeros() as u8, Rights::NONE)
}

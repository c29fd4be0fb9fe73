//! Segment descriptors of programs: a thread's own in the GDT, and the LDT of a task (`l4sys/segment.h`).

use crate::arch::{Descriptor, FIRST_USER_DESCRIPTOR, Ldt, USER_DESCRIPTORS};
use crate::memory::memory;
use crate::message::{self, Answer, Message};
use crate::sched;
use crate::task::Task;
use crate::thread::Thread;
use abi::{Error, PAGE_SIZE};

/// A selector of user mode, in its lowest bits.
const USER: u64 = 3;
/// Bits of the error code of a general protection fault: the selector is one of the LDT, and of no interrupt.
const SELECTOR_KIND: u64 = 7;
const LOCAL: u64 = 4;

impl Thread {
    /// Sets descriptors of the thread's own from the one in the second word on, and answers with the selector of that
    /// one; without further words, says where in the GDT they are.
    #[inline(never)] // keeps it out of the way of operations that matter more
    pub fn gdt(&'static self, message: &Message) -> Answer {
        let Ok(first) = message.word(1) else {
            message.answer(0, FIRST_USER_DESCRIPTOR as u64);
            return message::ok_words(0, 1);
        };
        for (entry, word) in (first..USER_DESCRIPTORS as u64).zip(2..message.tag.words()) {
            let descriptor = Descriptor(message.word(word)?);
            if !descriptor.is_allowed() {
                return Err(Error::Inval);
            }
            self.frame.set_descriptor(entry as usize, descriptor);
        }
        let selector = (first.wrapping_add(FIRST_USER_DESCRIPTOR as u64)).wrapping_mul(8) | USER;
        message::ok(selector as i64)
    }
}

impl Task {
    /// Sets descriptors of the LDT from the one in the second word on; the table ends behind the last of them.
    #[inline(never)] // as above
    pub fn set_ldt(&'static self, message: &Message) -> Answer {
        const FIRST_WORD: usize = 2;
        let count = message.tag.words().checked_sub(FIRST_WORD).filter(|&count| count > 0).ok_or(Error::Inval)?;
        let first = usize::try_from(message.word(1)?).map_err(|_| Error::Inval)?;
        if !Ldt::has_room(first, count) {
            return Err(Error::Inval);
        }
        self.make_ldt()?;
        self.ldt.set_end(first + count);
        let mut outcome = message::ok(0);
        for index in 0..count {
            let descriptor = Descriptor(message.word(FIRST_WORD + index)?);
            if !descriptor.is_allowed() {
                outcome = Err(Error::Inval);
                break;
            }
            self.ldt.set(first + index, descriptor);
        }
        if let Some(thread) = sched::current()
            && thread.space.get().is_some_and(|space| core::ptr::eq(space, self))
        {
            thread.frame.set_ldt(Some(&self.ldt));
        }
        outcome
    }

    /// The task's LDT, if it has one.
    pub fn ldt(&'static self) -> Option<&'static Ldt> {
        self.ldt.page().map(|_| &self.ldt)
    }

    #[allow(unsafe_code)] // hands a page over
    fn make_ldt(&self) -> Result<(), Error> {
        if self.ldt.page().is_some() {
            return Ok(());
        }
        self.quota().charge(PAGE_SIZE as u64).map_err(|_| Error::NoMem)?;
        let Some(page) = memory().alloc_zeroed(0) else {
            self.quota().release(PAGE_SIZE as u64);
            return Err(Error::NoMem);
        };
        // SAFETY: a page of zeroes that is the table's until `free_ldt`.
        unsafe { self.ldt.set_page(page) };
        Ok(())
    }

    /// Gives the LDT back: called when nobody refers to the task any more.
    #[allow(unsafe_code)] // frees the page
    pub fn free_ldt(&self) {
        if let Some(page) = self.ldt.take_page() {
            // SAFETY: `make_ldt` allocated it; threads that used it kept the task.
            unsafe { memory().free(page, 0) };
            self.quota().release(PAGE_SIZE as u64);
        }
    }
}

/// A thread that has raised a general protection fault uses its task's LDT from now on, if the fault is that it has not:
/// others of the task may have made it since the thread was started.
#[cold]
pub fn adopts_ldt(thread: &'static Thread, error_code: u64) -> bool {
    let ldt = thread.space.get().and_then(Task::ldt);
    let missed = error_code & SELECTOR_KIND == LOCAL && ldt.is_some() && !thread.frame.has_ldt();
    if missed {
        thread.frame.set_ldt(ldt);
    }
    missed
}

//! The machine below moe's dataspaces: memory from sigma0, the bytes of boot modules, and the kernel's
//! unmap operation.

use alloc::vec::Vec;
use core::cell::RefCell;
use core::ops::Range;

use abi::task::OP_UNMAP;
use abi::{CapIndex, Flexpage, protocol};
use moe::store::{Machine, PAGE};
use syscall::boot::{BootModule, Physical};
use syscall::ipc::Message;

/// Memory and mappings of this task.
pub struct Kernel {
    ram: RefCell<Physical>,
    modules: Vec<&'static [u8]>,
}

impl Kernel {
    /// With no memory yet but that of the boot modules, which is only read.
    pub fn new(modules: &[BootModule]) -> Kernel {
        let modules = modules.iter().map(|module| module.bytes).collect();
        Kernel { ram: RefCell::new(Physical::new()), modules }
    }

    /// What of a boot module lies at `address`, up to its end and at most `size` bytes.
    fn module_bytes(&self, address: u64, size: u64) -> &'static [u8] {
        let inside = self.modules.iter().find_map(|module| {
            let offset = address.checked_sub(module.as_ptr() as u64)?;
            module.get(usize::try_from(offset).ok()?..)
        });
        let inside = inside.unwrap_or_default();
        &inside[..inside.len().min(size as usize)]
    }
}

impl Machine for Kernel {
    fn more(&self, order: u8) -> Option<u64> {
        self.ram.borrow_mut().more(order).ok()
    }

    fn clear(&self, address: u64, size: u64) {
        self.ram.borrow().clear(address, size);
    }

    fn copy(&self, to: u64, from: u64, size: u64) {
        let ram = self.ram.borrow();
        if ram.contains(from, size) {
            return ram.copy(to, from, size);
        }
        // The last page of a module ends with zeros, whatever lies behind it.
        let bytes = self.module_bytes(from, size);
        ram.write(to, bytes);
        let done = bytes.len() as u64;
        if done < size {
            ram.clear(to + done, size - done);
        }
    }

    fn read(&self, from: u64, buffer: &mut [u8]) {
        let ram = self.ram.borrow();
        if ram.contains(from, buffer.len() as u64) {
            return ram.read(from, buffer);
        }
        let bytes = self.module_bytes(from, buffer.len() as u64);
        let (start, rest) = buffer.split_at_mut(bytes.len());
        start.copy_from_slice(bytes);
        rest.fill(0);
    }

    fn write(&self, to: u64, bytes: &[u8]) {
        self.ram.borrow().write(to, bytes);
    }

    fn unmap(&self, pages: &[Flexpage]) {
        for batch in pages.chunks(abi::utcb::MESSAGE_REGISTERS - 2) {
            // Mask 0: from all other tasks, not from this one.
            let message = Message::new(protocol::TASK).with(OP_UNMAP).with(0_u64);
            let message = batch.iter().fold(message, |message, page| message.with(page.raw()));
            // An own task and valid flexpages: this cannot fail.
            let _ = message.call(CapIndex::TASK);
        }
    }
}

/// Largest order in which memory is fetched: 1 GiB.
const MAX_ORDER: u8 = 30;

/// Has sigma0 map all pages of a module, so that they can be mapped on.
///
/// # Errors
/// Those of sigma0.
pub fn fetch_module(bytes: &'static [u8]) -> syscall::Result {
    let start = bytes.as_ptr() as u64;
    let end = (start + bytes.len() as u64).next_multiple_of(PAGE);
    fetch(start & !(PAGE - 1)..end, |block| syscall::l4re::sigma0::Sigma0::boot().memory(block))
}

/// Calls `ask` for the largest blocks that a range of whole pages consists of.
///
/// # Errors
/// The first of `ask`.
pub fn fetch(pages: Range<u64>, ask: impl Fn(Flexpage) -> syscall::Result) -> syscall::Result {
    let mut at = pages.start;
    while at < pages.end {
        let aligned = at.trailing_zeros() as u8;
        let fitting = (pages.end - at).ilog2() as u8;
        let order = aligned.min(fitting).min(MAX_ORDER);
        ask(Flexpage::memory(at, order, abi::Rights::RWX))?;
        at += 1 << order;
    }
    Ok(())
}

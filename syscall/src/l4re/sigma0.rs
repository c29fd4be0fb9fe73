//! sigma0, the root pager, as its clients see it: requests for physical memory, device memory, ports
//! and the kernel info page.

use abi::{CapIndex, Flexpage, MapItem, Rights, l4re::sigma0::*, protocol};

use crate::{Cap, Code, Kobject, Result, ipc::Message};

/// sigma0.
pub struct Sigma0;

impl Kobject for Sigma0 {
    const PROTOCOL: i64 = protocol::SIGMA0;
    const NAME: &'static str = "sigma0";
}

impl Sigma0 {
    /// The root task's gate to it.
    pub const fn boot() -> Cap<Sigma0> {
        Cap::new(CapIndex::PAGER)
    }
}

impl Cap<Sigma0> {
    /// A request without arguments beyond an optional flexpage, and a window for the answer.
    fn request(self, request: u64, page: Option<Flexpage>, window: Flexpage) -> Result<MapItem> {
        let mut message = Message::new(protocol::SIGMA0).with(request);
        if let Some(page) = page {
            message = message.with(page.raw());
        }
        let reply = message.receive_window(window).call(self.index())?;
        let item = reply.item(0).map_err(|_| Code::NoMem)?;
        // An object or memory item that brought nothing has its "nothing" bit set.
        if item.control & 0x6 == abi::item::Received::Nothing as u64 {
            return Err(Code::NoMem.into());
        }
        Ok(item)
    }

    /// RAM of 2^`order` bytes, anywhere, mapped where it lies; returns its address. Its contents are
    /// undefined.
    ///
    /// # Errors
    /// Those of the IPC; `NoMem` when there is no such piece left.
    pub fn any_memory(self, order: u8) -> Result<u64> {
        let wanted = Flexpage::memory(0, order, Rights::RWX);
        let item =
            self.request(REQ_FPAGE_ANY, Some(wanted), Flexpage::memory(0, Flexpage::WHOLE_SPACE, Rights::RWX))?;
        Ok(item.send_base())
    }

    /// The RAM of `page`, mapped where it lies.
    ///
    /// # Errors
    /// Those of the IPC; `NoMem` when it is no RAM or taken.
    pub fn memory(self, page: Flexpage) -> Result {
        self.request(REQ_FPAGE_RAM, Some(page), page).map(drop)
    }

    /// The device memory of `page`, mapped where it lies.
    ///
    /// # Errors
    /// As for [`memory`](Self::memory).
    pub fn device_memory(self, page: Flexpage, cached: bool) -> Result {
        let request = if cached { REQ_FPAGE_IOMEM_CACHED } else { REQ_FPAGE_IOMEM };
        self.request(request, Some(page), page).map(drop)
    }

    /// The I/O ports of `ports`.
    ///
    /// # Errors
    /// As for [`memory`](Self::memory).
    pub fn ports(self, ports: Flexpage) -> Result {
        let reply = Message::new(protocol::IO_PAGE_FAULT)
            .with(ports.raw())
            .with(0_u64)
            .receive_window(ports)
            .call(self.index())?;
        reply.item(0).map(drop)
    }

    /// Maps the kernel info page at `address`, read-only.
    ///
    /// # Errors
    /// Those of the IPC.
    pub fn kip(self, address: u64) -> Result {
        let window = Flexpage::memory(address, abi::PAGE_SHIFT, Rights::RX);
        self.request(REQ_KIP, None, window).map(drop)
    }

    /// A capability to sigma0 for another client, who gets its own account there.
    ///
    /// # Errors
    /// Those of the IPC; `NoMem`.
    pub fn new_client(self) -> Result<crate::Owned<Sigma0>> {
        self.cast::<crate::Factory>().create(&[])
    }

    /// Lets sigma0 print all its resources.
    ///
    /// # Errors
    /// Those of the IPC.
    pub fn dump(self) -> Result {
        Message::new(protocol::SIGMA0).with(REQ_DEBUG_DUMP).call(self.index()).map(drop)
    }
}

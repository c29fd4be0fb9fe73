//! Factories: make kernel objects, charged to their quota. L4Re's factories (moe's, ned's) speak the
//! same protocol and also make dataspaces, name spaces and the like.

use abi::{CapIndex, Flexpage, MapItem, Rights, factory::IPC_GATE, protocol};

use crate::{
    Cap, Result,
    cap::{Anything, Kobject, Owned},
    ipc::{Message, Reply},
    message::Argument,
    object::{gate::Gate, irq::Irq, semaphore::Semaphore, task::Task, thread::Thread},
};

/// A factory.
pub struct Factory;

impl Kobject for Factory {
    const PROTOCOL: i64 = protocol::FACTORY;
    const NAME: &'static str = "factory";
}

impl Factory {
    /// The kernel factory of a boot server.
    pub const fn boot() -> Cap<Factory> {
        Cap::new(CapIndex::FACTORY)
    }
}

impl Cap<Factory> {
    /// Asks for an object of type `protocol` with these arguments, and hands on `item`, if any; the
    /// capability comes into `slot`.
    ///
    /// # Errors
    /// Those of the IPC; `NoMem` when the quota does not suffice; `NoDev` or `BadProto` for types that
    /// this factory does not make; `Perm` without the special right.
    pub fn create_in(
        self,
        slot: CapIndex,
        protocol: i64,
        arguments: &[Argument<'_>],
        item: Option<MapItem>,
    ) -> Result<Reply> {
        self.request(slot, protocol, arguments, item)
    }

    /// [`create_in`](Self::create_in) for messages that are known when the program is compiled: a few stores then.
    #[inline(always)]
    fn request(
        self,
        slot: CapIndex,
        protocol: i64,
        arguments: &[Argument<'_>],
        item: Option<MapItem>,
    ) -> Result<Reply> {
        let message = Message::new(protocol::FACTORY).with(protocol).receive_cap(slot).with_arguments(arguments);
        let message = if let Some(item) = item { message.item(item) } else { message };
        message.call(self.index())
    }

    /// A new `T`.
    ///
    /// # Errors
    /// As for [`create_in`](Self::create_in).
    pub fn create<T: Kobject>(self, arguments: &[Argument<'_>]) -> Result<Owned<T>> {
        let slot = Owned::empty()?;
        self.create_in(slot.index(), T::PROTOCOL, arguments, None)?;
        Ok(slot)
    }

    /// A new object of type `protocol` that takes no arguments.
    fn create_plain(self, protocol: i64) -> Result<Owned<Anything>> {
        let slot = Owned::empty()?;
        self.request(slot.index(), protocol, &[], None)?;
        Ok(slot)
    }

    /// A new task whose UTCBs lie in `utcbs`; the answer's flexpage tells where they came to lie.
    ///
    /// # Errors
    /// As for [`create_in`](Self::create_in); `Inval` for a bad area.
    pub fn create_task(self, utcbs: Flexpage) -> Result<(Owned<Task>, Flexpage)> {
        let slot = Owned::empty()?;
        let reply = self.request(slot.index(), protocol::TASK, &[Argument::Flexpage(utcbs)], None)?;
        let utcbs = reply.word(0).map_or(utcbs, Flexpage::from_raw);
        Ok((slot, utcbs))
    }

    /// A new thread, to be bound by [`Cap::<Thread>::control`].
    ///
    /// # Errors
    /// As for [`create_in`](Self::create_in).
    pub fn create_thread(self) -> Result<Owned<Thread>> {
        self.create_plain(protocol::THREAD).map(Owned::cast)
    }

    /// A new factory that may use up to `quota` bytes of this one's.
    ///
    /// # Errors
    /// As for [`create_in`](Self::create_in).
    pub fn create_factory(self, quota: u64) -> Result<Owned<Factory>> {
        self.create(&[Argument::Unsigned(quota)])
    }

    /// A new gate; messages through it reach `thread` with `label`, whose two lowest bits are 0. Without
    /// a thread the gate is to be bound later, and senders wait until it is.
    ///
    /// # Errors
    /// As for [`create_in`](Self::create_in).
    pub fn create_gate(self, thread: Option<Cap<Thread>>, label: u64) -> Result<Owned<Gate>> {
        let slot = Owned::empty()?;
        let item = thread.map(|thread| thread.item(Rights::CAP_RWS));
        self.request(slot.index(), IPC_GATE, &[Argument::Unsigned(label)], item)?;
        Ok(slot)
    }

    /// A new IRQ object.
    ///
    /// # Errors
    /// As for [`create_in`](Self::create_in).
    pub fn create_irq(self) -> Result<Owned<Irq>> {
        self.create_plain(protocol::IRQ_SENDER).map(Owned::cast)
    }

    /// A new semaphore with count 0.
    ///
    /// # Errors
    /// As for [`create_in`](Self::create_in).
    pub fn create_semaphore(self) -> Result<Owned<Semaphore>> {
        self.create_plain(protocol::SEMAPHORE).map(Owned::cast)
    }
}

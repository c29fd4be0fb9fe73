//! How objects go: when the last capability to an object is gone, the kernel deletes its gate and
//! triggers an IRQ; moe then takes away the objects that have lost their gates. The IRQ does not say
//! which, so moe looks at all; as deletions come in bursts, it does so when a factory is asked for
//! something, when memory is short, or when nothing has come for a while.

use moe::object_table::{ObjectId, ObjectTable};
use syscall::ipc::Timeout;
use syscall::{Factory, Result, Thread, println};

use super::Server;
use super::log;
use super::object::{Kind, Object};

/// How long nothing may come before moe looks for objects that are gone.
pub fn patience() -> Timeout {
    Timeout::from_microseconds(2000)
}

/// Label of the IRQ; that of no object.
pub const DELETION_LABEL: u64 = !abi::gate::LABEL_RIGHTS_MASK;

impl Server {
    /// Has the kernel tell when gates go.
    pub(super) fn register_for_deletions(&mut self) {
        let register = || -> Result<_> {
            let irq = Factory::boot().create_irq()?;
            irq.bind_thread(Thread::main(), DELETION_LABEL)?;
            Thread::main().register_delete_irq(irq.cap())?;
            Ok(irq)
        };
        match register() {
            Ok(irq) => self.deletion = Some(irq),
            Err(error) => println!("moe: the kernel does not tell when objects go: {error}"),
        }
    }

    /// Removes all objects that nobody can reach any more. That can take the last capability of others,
    /// of which another IRQ will tell.
    pub(super) fn collect(&mut self) {
        self.deletion_pending = false;
        if self.remove_all(|_, object| !object.permanent && !object.gate.is_present()) {
            self.remove_orphans();
        }
    }

    /// Does so if there is reason to.
    pub(super) fn collect_pending(&mut self) {
        if self.deletion_pending {
            self.collect();
        }
    }

    /// Removes an object, and with a factory all that it made, whatever that made in turn.
    pub(super) fn remove(&mut self, id: ObjectId) {
        if self.remove_one(id) {
            self.remove_orphans();
        }
    }

    /// Removes all objects whose factory is gone.
    fn remove_orphans(&mut self) {
        while self.remove_all(|objects, object| objects.get(object.factory).is_none()) {}
    }

    /// Removes all objects that `doomed` picks. Returns whether there was a factory among them. Walks without
    /// a list of them, for which there might be no memory.
    fn remove_all(&mut self, doomed: impl Fn(&ObjectTable<Object>, &Object) -> bool) -> bool {
        let mut any_factory = false;
        for place in 0..self.objects.places() {
            let Some(id) = self.objects.id_at(place) else { continue };
            if self.objects.get(id).is_some_and(|object| doomed(&self.objects, object)) {
                any_factory |= self.remove_one(id);
            }
        }
        any_factory
    }

    /// Removes an object. Returns whether it was a factory, whose products are to follow.
    fn remove_one(&mut self, id: ObjectId) -> bool {
        let Some(object) = self.objects.remove(id) else { return false };
        let is_factory = matches!(object.kind, Kind::Factory(_));
        match object.kind {
            Kind::Log(mut line) => line.finish(|text| self.row.write(id.label(), text, log::put_out)),
            Kind::Parent(program) => {
                // Whoever else has capabilities to them loses them with the objects.
                let _ = program.thread.delete();
                let _ = program.task.delete();
            }
            _ => {}
        }
        // Clients that still have a capability learn by errors that the object is gone.
        let _ = object.gate.delete();
        is_factory
    }
}

//! Typed capabilities: [`Cap`] names a slot, [`Owned`] also empties and frees it when dropped, and
//! [`allocate`] finds free slots.
//!
//! A `Cap<T>` is a plain number with the type of object it is believed to name; using it on an empty
//! slot, or on an object of another type, is an error that the kernel reports, never more.
//!
//! ```no_run
//! use syscall::{Cap, Owned, Result, Semaphore, env};
//!
//! fn two_names_for_one_object() -> Result {
//!     let semaphore: Owned<Semaphore> = env::factory().create_semaphore()?;
//!     let again: Cap<Semaphore> = semaphore.cap();
//!     assert!(again.names_same(*semaphore)?);
//!     drop(semaphore); // the last capability goes, and the object with it
//!     assert!(!again.is_present());
//!     Ok(())
//! }
//! ```

use core::{
    fmt,
    marker::PhantomData,
    ops::Deref,
    sync::atomic::{AtomicU64, AtomicUsize, Ordering},
};

use abi::{CapIndex, Flexpage, MapItem, Rights, kobject, meta, protocol};

use crate::{Code, Result, ipc::Message, object::task::Task};

/// A kind of object that a capability can name.
pub trait Kobject {
    /// The protocol it speaks.
    const PROTOCOL: i64;
    /// What messages to people call it.
    const NAME: &'static str;
}

/// An object of unknown kind.
pub struct Anything;

impl Kobject for Anything {
    const PROTOCOL: i64 = protocol::KOBJECT;
    const NAME: &'static str = "object";
}

/// A capability for a `T`.
pub struct Cap<T> {
    index: CapIndex,
    kind: PhantomData<fn() -> T>,
}

impl<T> Clone for Cap<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Cap<T> {}

impl<T> PartialEq for Cap<T> {
    fn eq(&self, other: &Self) -> bool {
        self.index == other.index
    }
}

impl<T> Eq for Cap<T> {}

impl<T: Kobject> fmt::Debug for Cap<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_valid() {
            write!(f, "[C:{:x}] {}", self.index.index(), T::NAME)
        } else {
            write!(f, "[invalid] {}", T::NAME)
        }
    }
}

impl<T> Cap<T> {
    /// The capability that names nothing.
    pub const INVALID: Self = Self::new(CapIndex::INVALID);

    /// The capability in the slot `index`.
    pub const fn new(index: CapIndex) -> Self {
        Self { index, kind: PhantomData }
    }

    /// The slot.
    #[inline(always)]
    pub const fn index(self) -> CapIndex {
        self.index
    }

    /// Whether it names a slot at all (which may be empty: see [`is_present`](Self::is_present)).
    pub const fn is_valid(self) -> bool {
        self.index.is_valid()
    }

    /// The same slot, believed to hold a `U`.
    pub const fn cast<U>(self) -> Cap<U> {
        Cap::new(self.index)
    }

    /// The capability as a flexpage with these rights, for map items.
    pub const fn flexpage(self, rights: Rights) -> Flexpage {
        Flexpage::object(self.index, 0, rights)
    }

    /// A map item that hands on the capability with these rights.
    pub const fn item(self, rights: Rights) -> MapItem {
        MapItem::map(self.flexpage(rights))
    }

    /// A map item that hands on the capability with all rights that this task has.
    pub const fn item_full(self) -> MapItem {
        self.item(Rights::ALL).with_flags(abi::item::OBJECT_RIGHTS)
    }

    /// Whether the slot holds a capability.
    pub fn is_present(self) -> bool {
        self.is_valid() && Task::this().cap_valid(self).unwrap_or(false)
    }

    /// Whether both name the same object.
    ///
    /// # Errors
    /// Those of the IPC with the task.
    pub fn names_same<U>(self, other: Cap<U>) -> Result<bool> {
        Task::this().cap_equal(self, other)
    }

    /// Empties the slot.
    ///
    /// # Errors
    /// Those of the IPC with the task.
    pub fn release(self) -> Result {
        Task::this().release_cap(self)
    }

    /// Deletes the object, if the capability has the right, and empties the slot.
    ///
    /// # Errors
    /// Those of the IPC with the task.
    pub fn delete(self) -> Result {
        Task::this().delete_object(self)
    }

    /// Whether the object speaks `protocol`, by the meta protocol.
    ///
    /// # Errors
    /// Those of the IPC; `BadProto` from objects without the meta protocol.
    pub fn supports(self, protocol: i64) -> Result<bool> {
        let reply = Message::new(protocol::META).with(meta::OP_SUPPORTS).with(protocol).call(self.index)?;
        Ok(reply.value() > 0)
    }

    /// Changes the object's reference count by `-difference`; for servers that let objects live as
    /// long as their clients' capabilities. The answer is the new count.
    ///
    /// # Errors
    /// Those of the IPC; `Inval` when the count would become negative.
    pub fn decrease_reference_count(self, difference: i64) -> Result<i64> {
        let reply = Message::new(protocol::KOBJECT).with(kobject::OP_DEC_REFCNT).with(difference).call(self.index)?;
        Ok(reply.word(0)? as i64)
    }
}

/// How many slots [`allocate`] can hand out.
pub const SLOTS: usize = 32 * 1024;
const WORDS: usize = SLOTS / 64;

/// One bit per slot, set when taken. Lock-free, since threads of all priorities come here.
static TAKEN: [AtomicU64; WORDS] = [const { AtomicU64::new(0) }; WORDS];
/// Word in which the next search starts.
static SEARCH_FROM: AtomicUsize = AtomicUsize::new(0);

/// Marks the slots below `first_free` as taken, and no others.
pub(crate) fn take_only_below(first_free: usize) {
    for word in &TAKEN {
        word.store(0, Ordering::Relaxed);
    }
    SEARCH_FROM.store(0, Ordering::Relaxed);
    reserve_below(first_free);
}

/// Marks all slots below `first_free` as taken. The entry point does this once.
pub(crate) fn reserve_below(first_free: usize) {
    let first_free = first_free.min(SLOTS);
    for word in &TAKEN[..first_free / 64] {
        word.store(u64::MAX, Ordering::Relaxed);
    }
    if !first_free.is_multiple_of(64) {
        TAKEN[first_free / 64].fetch_or((1 << (first_free % 64)) - 1, Ordering::Relaxed);
    }
}

/// A free capability slot, from now on taken.
///
/// # Errors
/// `NoMem` when all [`SLOTS`] are taken.
pub fn allocate() -> Result<CapIndex> {
    let start = SEARCH_FROM.load(Ordering::Relaxed);
    for step in 0..WORDS {
        let at = (start + step) % WORDS;
        let mut taken = TAKEN[at].load(Ordering::Relaxed);
        while taken != u64::MAX {
            let bit = taken.trailing_ones();
            match TAKEN[at].compare_exchange_weak(taken, taken | 1 << bit, Ordering::Acquire, Ordering::Relaxed) {
                Ok(_) => {
                    SEARCH_FROM.store(at, Ordering::Relaxed);
                    return Ok(CapIndex::new(at as u64 * 64 + u64::from(bit)));
                }
                Err(now) => taken = now,
            }
        }
    }
    Err(Code::NoMem.into())
}

/// Gives back a slot that [`allocate`] returned. The slot should be empty.
pub fn free(slot: CapIndex) {
    let index = slot.index() as usize;
    if slot.is_valid() && index < SLOTS {
        TAKEN[index / 64].fetch_and(!(1 << (index % 64)), Ordering::Release);
        SEARCH_FROM.fetch_min(index / 64, Ordering::Relaxed);
    }
}

/// Takes a particular slot, if it is free.
pub fn take(slot: CapIndex) -> bool {
    let index = slot.index() as usize;
    index < SLOTS && TAKEN[index / 64].fetch_or(1 << (index % 64), Ordering::Acquire) & 1 << (index % 64) == 0
}

/// A capability in a slot of its own; dropping it empties the slot and frees it. The object itself dies
/// with its last capability.
pub struct Owned<T> {
    cap: Cap<T>,
}

impl<T> Owned<T> {
    /// An empty slot for a `T`, to be filled by an IPC.
    ///
    /// # Errors
    /// `NoMem` when there is none.
    pub fn empty() -> Result<Self> {
        Ok(Self { cap: Cap::new(allocate()?) })
    }

    /// Takes over a slot that [`allocate`] returned.
    pub fn from_cap(cap: Cap<T>) -> Self {
        Self { cap }
    }

    /// The capability, to be copied freely while this lives.
    #[inline(always)]
    pub fn cap(&self) -> Cap<T> {
        self.cap
    }

    /// The capability, which from now on nobody frees.
    pub fn leak(self) -> Cap<T> {
        let cap = self.cap;
        core::mem::forget(self);
        cap
    }

    /// The same capability as one for a `U`.
    pub fn cast<U>(self) -> Owned<U> {
        Owned { cap: self.leak().cast() }
    }

    /// Deletes the object for everybody, if the capability has the right, and frees the slot.
    ///
    /// # Errors
    /// Those of the IPC with the task.
    pub fn delete(self) -> Result {
        self.cap.delete()?;
        // The slot is empty now, so that there is nothing for `drop` to release.
        free(self.leak().index());
        Ok(())
    }
}

impl<T> Drop for Owned<T> {
    fn drop(&mut self) {
        // Unmapping an own slot cannot fail; if it does, the slot is not used again.
        if self.cap.release().is_ok() {
            free(self.cap.index());
        }
    }
}

impl<T> Deref for Owned<T> {
    type Target = Cap<T>;

    #[inline(always)]
    fn deref(&self) -> &Cap<T> {
        &self.cap
    }
}

impl<T: Kobject> fmt::Debug for Owned<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.cap.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_handed_out_once_and_again_after_free() {
        reserve_below(0x16);
        let first = allocate().unwrap();
        let second = allocate().unwrap();
        assert_eq!((first.index(), second.index()), (0x16, 0x17));
        free(first);
        assert_eq!(allocate().unwrap(), first);
        assert!(!take(second) && take(CapIndex::new(5000)));
        take_only_below(0x20);
        assert_eq!(allocate().unwrap().index(), 0x20);
        assert!(take(CapIndex::new(5000)));
    }
}

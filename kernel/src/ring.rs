//! A ring of bytes: what came in and was not taken yet.
//!
//! Invariant: `count` bytes, at most all, stand from `first` on.

use core::cell::Cell;

/// A ring with room for `SIZE` bytes.
pub struct Ring<const SIZE: usize> {
    bytes: [Cell<u8>; SIZE],
    first: Cell<usize>,
    count: Cell<usize>,
}

impl<const SIZE: usize> Ring<SIZE> {
    /// An empty ring.
    pub const fn new() -> Self {
        Self { bytes: [const { Cell::new(0) }; SIZE], first: Cell::new(0), count: Cell::new(0) }
    }

    /// Whether there is nothing to take.
    pub fn is_empty(&self) -> bool {
        self.count.get() == 0
    }

    /// How many more bytes fit.
    pub fn room(&self) -> usize {
        SIZE - self.count.get()
    }

    /// Adds a byte behind the last; false if there is no room.
    pub fn push(&self, byte: u8) -> bool {
        if self.room() == 0 {
            return false;
        }
        self.bytes[(self.first.get() + self.count.get()) % SIZE].set(byte);
        self.count.set(self.count.get() + 1);
        true
    }

    /// Takes the first byte.
    pub fn pop(&self) -> Option<u8> {
        if self.is_empty() {
            return None;
        }
        let first = self.first.replace((self.first.get() + 1) % SIZE);
        self.count.set(self.count.get() - 1);
        Some(self.bytes[first].get())
    }
}

impl<const SIZE: usize> Default for Ring<SIZE> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::VecDeque;

    proptest! {
        #[test]
        fn a_ring_is_a_bounded_queue(operations in prop::collection::vec(any::<Option<u8>>(), 0..200)) {
            let (ring, mut model) = (Ring::<5>::new(), VecDeque::new());
            for operation in operations {
                match operation {
                    Some(byte) => {
                        prop_assert_eq!(ring.push(byte), model.len() < 5);
                        if model.len() < 5 {
                            model.push_back(byte);
                        }
                    }
                    None => prop_assert_eq!(ring.pop(), model.pop_front()),
                }
                prop_assert_eq!((ring.is_empty(), ring.room()), (model.is_empty(), 5 - model.len()));
            }
        }
    }
}

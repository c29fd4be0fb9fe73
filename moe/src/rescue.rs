//! Rescue jumps (`l4re/include/rm`): ranges of code in which a fault is an answer. A thread that faults
//! there goes on at an address of the range's own instead of being stopped.
//!
//! Invariant: no range is empty, and no two overlap.

use abi::Error;
use alloc::vec::Vec;

#[derive(Clone, Copy)]
struct Jump {
    first: u64,
    last: u64,
    target: u64,
}

/// The rescue jumps of an address space.
#[derive(Default)]
pub struct RescueJumps(Vec<Jump>);

impl RescueJumps {
    /// None.
    pub const fn new() -> RescueJumps {
        RescueJumps(Vec::new())
    }

    /// A thread that faults at an instruction from `begin` to before `end` goes on at `target`.
    ///
    /// # Errors
    /// `Inval` for an empty range, `Exist` for one that overlaps another, `NoMem`.
    pub fn add(&mut self, begin: u64, end: u64, target: u64) -> Result<(), Error> {
        if begin >= end {
            return Err(Error::Inval);
        }
        if self.0.iter().any(|jump| jump.first < end && begin <= jump.last) {
            return Err(Error::Exist);
        }
        self.0.try_reserve(1).map_err(|_| Error::NoMem)?;
        self.0.push(Jump { first: begin, last: end - 1, target });
        Ok(())
    }

    /// Forgets the range that `ip` lies in.
    ///
    /// # Errors
    /// `NoEnt` if it lies in none.
    pub fn remove(&mut self, ip: u64) -> Result<(), Error> {
        let at = self.0.iter().position(|jump| (jump.first..=jump.last).contains(&ip)).ok_or(Error::NoEnt)?;
        self.0.swap_remove(at);
        Ok(())
    }

    /// Where a thread that faults at `ip` goes on.
    pub fn target(&self, ip: u64) -> Option<u64> {
        self.0.iter().find(|jump| (jump.first..=jump.last).contains(&ip)).map(|jump| jump.target)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fault_in_range_goes_on_at_its_target() {
        let mut jumps = RescueJumps::new();
        jumps.add(0x1000, 0x1010, 0x1020).unwrap();
        jumps.add(0x1010, 0x1011, 0x2000).unwrap();
        let targets = [0xfff, 0x1000, 0x100f, 0x1010, 0x1011].map(|ip| jumps.target(ip));
        assert_eq!(targets, [None, Some(0x1020), Some(0x1020), Some(0x2000), None]);
        jumps.remove(0x1008).unwrap();
        assert_eq!(jumps.target(0x1000), None);
        assert_eq!(jumps.remove(0x1008), Err(Error::NoEnt));
    }

    #[test]
    fn bad_ranges_are_refused() {
        let mut jumps = RescueJumps::new();
        assert_eq!(jumps.add(5, 5, 1), Err(Error::Inval));
        assert_eq!(jumps.add(6, 5, 1), Err(Error::Inval));
        jumps.add(10, 20, 1).unwrap();
        for (begin, end) in [(0, 11), (19, 30), (12, 13), (0, u64::MAX)] {
            assert_eq!(jumps.add(begin, end, 1), Err(Error::Exist));
        }
        jumps.add(20, u64::MAX, 1).unwrap();
        jumps.add(0, 10, 1).unwrap();
    }
}

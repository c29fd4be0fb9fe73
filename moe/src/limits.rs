//! What a scheduler proxy allows: a range of priorities and a set of CPUs.

use abi::Error;
use abi::scheduler::{CpuSet, MAX_PRIO};

/// Limits of a proxy. CPUs beyond the first 64 are out of its reach.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    base: u64,
    max: u64,
    cpus: u64,
}

impl Limits {
    /// Priorities that clients ask for are raised by `base` and end at `max`; `cpus` are those they may
    /// run on.
    ///
    /// # Errors
    /// `Range` for priorities that do not exist, `Inval` where none is left between the two.
    pub fn new(max: i64, base: i64, cpus: u64) -> Result<Limits, Error> {
        let priority = |value: i64| u64::try_from(value).ok().filter(|&value| value <= MAX_PRIO).ok_or(Error::Range);
        let (max, base) = (priority(max)?, priority(base)?);
        if max <= base { Err(Error::Inval) } else { Ok(Limits { base, max, cpus }) }
    }

    /// The priority for a client that asks for `wanted`.
    pub fn priority(&self, wanted: u64) -> u64 {
        wanted.saturating_add(self.base).min(self.max)
    }

    /// The CPUs for a client that asks for `wanted`, in granularity 0, counted from CPU 0; of those that
    /// are `online`.
    pub fn cpus(&self, wanted: CpuSet, online: u64) -> CpuSet {
        let allowed = self.cpus & online;
        let map = (0..64u32).filter(|&cpu| wanted.contains(cpu)).fold(0, |map, cpu| map | 1 << cpu);
        CpuSet::new(0, 0, map & allowed)
    }

    /// What `info` says of the CPUs that `asked` names (granularity and offset), of those `online`.
    pub fn visible(&self, asked: CpuSet, online: u64) -> u64 {
        let allowed = self.cpus & online;
        (0..64u32)
            .filter(|&bit| {
                let one = CpuSet::new(asked.offset(), asked.granularity(), 1 << bit);
                (0..64).any(|cpu| allowed >> cpu & 1 != 0 && one.contains(cpu))
            })
            .fold(0, |map, bit| map | 1 << bit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn priorities_are_shifted_and_cut() {
        let limits = Limits::new(0x20, 0x10, u64::MAX).unwrap();
        assert_eq!((limits.priority(2), limits.priority(0x30)), (0x12, 0x20));
        assert_eq!(limits.priority(u64::MAX), 0x20);
        assert_eq!(Limits::new(256, 0, 0), Err(Error::Range));
        assert_eq!(Limits::new(5, -1, 0), Err(Error::Range));
        assert_eq!(Limits::new(5, 5, 0), Err(Error::Inval));
    }

    #[test]
    fn cpus_are_masked() {
        let limits = Limits::new(255, 0, 0b0110).unwrap();
        let any = CpuSet::new(0, u8::MAX, 1);
        assert_eq!(limits.cpus(any, 0b0011), CpuSet::new(0, 0, 0b0010));
        assert_eq!(limits.cpus(CpuSet::new(1, 0, 0b11), u64::MAX).map, 0b0110);
        assert_eq!(limits.cpus(CpuSet::new(0, 0, 1), u64::MAX).map, 0);
        assert_eq!(limits.visible(CpuSet::new(0, 0, 0), 0b1111), 0b0110);
        assert_eq!(limits.visible(CpuSet::new(0, 1, 0), 0b1111), 0b0011);
        assert_eq!(limits.visible(CpuSet::new(2, 0, 0), 0b1111), 0b0001);
    }
}

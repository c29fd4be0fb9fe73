//! Schedulers (`l4sys/scheduler.h`), under [`crate::protocol::SCHEDULER`].

/// Word 1: granularity and offset of a CPU set. Reply: map of online CPUs, number of CPUs, scheduling classes.
pub const OP_INFO: u64 = 0;
/// Words 1 to 4: CPU set (two words), priority, time slice in microseconds; item: the thread.
pub const OP_RUN_THREAD: u64 = 1;
/// Words 1 and 2: CPU set. Reply: idle time of its first CPU in microseconds.
pub const OP_IDLE_TIME: u64 = 2;

/// Scheduling class: fixed priorities.
pub const CLASS_FIXED_PRIO: u64 = 1 << 1;
/// Scheduling class: weighted fair queueing.
pub const CLASS_WFQ: u64 = 1 << 2;

/// Least priority of a thread.
pub const MIN_PRIO: u64 = 1;
/// Greatest priority.
pub const MAX_PRIO: u64 = 255;

/// A set of CPUs: bit n of the map stands for the 2^granularity CPUs from offset + (n << granularity).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(C)]
pub struct CpuSet {
    /// Granularity in bits 24 to 31, offset in bits 0 to 23.
    pub granularity_and_offset: u64,
    /// The map.
    pub map: u64,
}

impl CpuSet {
    /// The set with these parts.
    pub const fn new(offset: u32, granularity: u8, map: u64) -> Self {
        Self { granularity_and_offset: (granularity as u64) << 24 | (offset as u64 & 0xff_ffff), map }
    }

    /// The logarithm of the number of CPUs per bit, at most 24.
    pub const fn granularity(self) -> u8 {
        let granularity = (self.granularity_and_offset >> 24) as u8;
        if granularity > 24 { 24 } else { granularity }
    }

    /// The first CPU that the map can name, a multiple of the number of CPUs per bit.
    pub const fn offset(self) -> u32 {
        (self.granularity_and_offset & 0xff_ffff) as u32 >> self.granularity() << self.granularity()
    }

    /// Whether the set has the CPU.
    pub const fn contains(self, cpu: u32) -> bool {
        if cpu < self.offset() {
            return false;
        }
        let bit = ((cpu - self.offset()) as u64).unbounded_shr(self.granularity() as u32);
        bit < 64 && self.map >> bit & 1 != 0
    }
}

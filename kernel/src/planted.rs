//! Bugs that can be planted in the fuzzer's kernel, to see that it finds such bugs.
//!
//! The option `-planted=NAME` of a kernel that is built with the feature `invariants` chooses one. In any
//! other kernel [`is_planted`] is the constant `false`, and nothing of this is left in it.

/// A bug: what the kernel forgets, or does wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Bug {
    /// A thread whose wait ends keeps its timeout.
    TimeoutKept = 1,
    /// A sender whose timeout is due stays in its receiver's line.
    SenderKept,
    /// A field that refers to another object does not give up what it referred to before.
    ReferenceKept,
    /// A capability that is unmapped goes on counting as a reference.
    CapabilityCounted,
    /// Kernel-user memory is freed and stays charged.
    QuotaKept,
    /// A gate is bound without the right to do that.
    RightUnchecked,
    /// Capabilities are mapped one slot beyond the window.
    WindowTooLarge,
    /// A page that is granted keeps its node in the space that it left.
    NodeKept,
    /// A page is unmapped, and those that were made from it are not.
    UnmapFlat,
    /// A page that is unmapped is not flushed from the processor's TLB.
    FlushForgotten,
    /// A thread that runs for the first time finds the FPU registers of the one before.
    FpuLeaked,
}

/// All of them, with the names that the option knows.
pub const BUGS: [(&str, Bug); 11] = [
    ("timeout-kept", Bug::TimeoutKept),
    ("sender-kept", Bug::SenderKept),
    ("reference-kept", Bug::ReferenceKept),
    ("capability-counted", Bug::CapabilityCounted),
    ("quota-kept", Bug::QuotaKept),
    ("right-unchecked", Bug::RightUnchecked),
    ("window-too-large", Bug::WindowTooLarge),
    ("node-kept", Bug::NodeKept),
    ("unmap-flat", Bug::UnmapFlat),
    ("flush-forgotten", Bug::FlushForgotten),
    ("fpu-leaked", Bug::FpuLeaked),
];

#[cfg(feature = "invariants")]
mod chosen {
    use super::Bug;
    use core::sync::atomic::{AtomicU8, Ordering::Relaxed};

    static CHOSEN: AtomicU8 = AtomicU8::new(0);

    /// Plants the bug.
    pub fn plant(bug: Bug) {
        CHOSEN.store(bug as u8, Relaxed);
    }

    /// Whether the bug is planted.
    pub fn is_planted(bug: Bug) -> bool {
        CHOSEN.load(Relaxed) == bug as u8
    }
}

/// Whether the bug is planted.
#[cfg(not(feature = "invariants"))]
#[inline(always)]
pub const fn is_planted(_: Bug) -> bool {
    false
}

#[cfg(feature = "invariants")]
pub use chosen::{is_planted, plant};

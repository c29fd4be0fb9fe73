//! The machine: everything below here knows which processor it runs on, nothing above does.
//!
//! Invariant: `asm!`, MSRs, ports and raw page-table memory occur only in this tree. The rest of the kernel
//! sees frames, page-table entries, clocks and lines through the names that are re-exported here.

mod x86_64;

pub use self::x86_64::*;
#[allow(unused_imports)] // a macro needs a re-export of its own
pub(crate) use self::x86_64::{print, println};

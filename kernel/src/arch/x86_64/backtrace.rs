//! Who called whom, by frame pointers.
//!
//! Invariant: reads only memory of the kernel's image, so that a broken chain cannot fault.
#![allow(unsafe_code)] // follows the frame pointers

use core::fmt;

use super::console::println;
use super::{kernel_map, paging, symbols};

/// How many callers are shown.
const DEPTH: usize = 24;

/// A code address, printed with the function that it is in.
pub struct Place(pub u64);

impl fmt::Display for Place {
    #[optimize(size)]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#018x}", self.0)?;
        match symbols::lookup(self.0) {
            Some((name, offset)) => write!(f, " {name}+{offset:#x}"),
            None if self.0 < paging::USER_END => f.write_str(" (not in the kernel)"),
            None => Ok(()),
        }
    }
}

/// Prints the callers, beginning with that of the function whose frame pointer is given.
pub fn print(mut frame_pointer: u64) {
    println!("called from");
    for _ in 0..DEPTH {
        let Some([next, return_address]) = read_pair(frame_pointer) else { break };
        if !kernel_map::is_text(return_address) {
            break;
        }
        // The call itself lies before the return address.
        println!("  {}", Place(return_address - 1));
        if next <= frame_pointer {
            break;
        }
        frame_pointer = next;
    }
}

fn read_pair(address: u64) -> Option<[u64; 2]> {
    let image = kernel_map::image_range();
    if !address.is_multiple_of(8) || address < image.start || address.checked_add(16)? > image.end {
        return None;
    }
    // SAFETY: inside the image, which is mapped but for the guard page below the stack; a frame pointer
    // into that page would have faulted before.
    Some(unsafe { *(address as *const [u64; 2]) })
}

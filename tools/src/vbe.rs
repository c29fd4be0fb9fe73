//! `bootstrap-vbe`: bootstrap with one flag more in its Multiboot 1 header, which asks the boot loader for the graphics mode
//! that the header names.
//!
//! GRUB's classic menu has no line by which an entry could ask, and one header for all would take the text screen from every
//! BIOS machine. Multiboot 2's header asks anyway: its users write a `grub.cfg` and choose there.

use anyhow::{Context, Result};

/// Name of the program on the CD.
pub const NAME: &str = "bootstrap-vbe";

const MAGIC: u32 = 0x1bad_b002;
/// A Multiboot header lies in this much of the file, on a border of four bytes.
const HEADERS_END: usize = 8192;
const VIDEO_MODE: u32 = 1 << 2;

/// Sets the flag in the bytes of bootstrap.
pub fn ask_for_graphics(mut bootstrap: Vec<u8>) -> Result<Vec<u8>> {
    let words = bootstrap.len().min(HEADERS_END) / 4;
    let word = |index: usize| bootstrap[index * 4..].first_chunk().map(|word| u32::from_le_bytes(*word));
    let header = (0..words).find(|&index| word(index) == Some(MAGIC)).context("bootstrap has no Multiboot 1 header")?;
    let flags = word(header + 1).context("bootstrap's Multiboot 1 header is cut off")? | VIDEO_MODE;
    let checksum = 0_u32.wrapping_sub(MAGIC).wrapping_sub(flags);
    let place = bootstrap.get_mut(header * 4 + 4..header * 4 + 12);
    place
        .context("bootstrap's Multiboot 1 header is cut off")?
        .copy_from_slice(&[flags.to_le_bytes(), checksum.to_le_bytes()].concat());
    Ok(bootstrap)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_stays_valid() {
        let file: Vec<u8> =
            [7, MAGIC, 0x1_0003, 0_u32.wrapping_sub(MAGIC + 0x1_0003), 9].map(u32::to_le_bytes).concat();
        let asking = ask_for_graphics(file).unwrap();
        let words: Vec<u32> = asking.as_chunks::<4>().0.iter().map(|&word| u32::from_le_bytes(word)).collect();
        assert_eq!((words[0], words[2], words[4]), (7, 0x1_0007, 9));
        assert_eq!(words[1..4].iter().fold(0_u32, |sum, &word| sum.wrapping_add(word)), 0);
        assert!(ask_for_graphics(vec![0; 64]).is_err());
    }
}

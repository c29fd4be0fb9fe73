//! Broken files must give an error or a reader that keeps its promises, and never a panic.

mod common;

use common::{file, ordinary};
use furore_elf::Elf;
use proptest::prelude::*;

/// Asks a reader everything there is to ask, and checks what `Elf` promises.
fn ask_everything(bytes: &[u8]) -> bool {
    let Ok(elf) = Elf::parse(bytes) else { return false };
    let segments: Vec<_> = elf.load_segments().collect();
    assert!(!segments.is_empty());
    assert!(segments.iter().any(|s| s.rights.execute && s.virtual_range().contains(&elf.entry())));
    for (index, segment) in segments.iter().enumerate() {
        assert!(segment.data.len() as u64 <= segment.memory_size);
        assert!(segment.alignment.is_power_of_two());
        let range = segment.virtual_range();
        assert!(elf.virtual_range().start <= range.start && range.end <= elf.virtual_range().end);
        for other in &segments[..index] {
            let other = other.virtual_range();
            assert!(other.end <= range.start || range.end <= other.start);
        }
        let _ = segment.physical_range();
    }
    let _ = (elf.physical_range(), elf.alignment(), elf.thread_local(), elf.stack_size(), elf.program_headers());
    if let Ok(relocations) = elf.relocations() {
        let _ = relocations.count();
    }
    for address in [0, 0x1010, 0x1020, elf.entry(), u64::MAX] {
        let _ = elf.symbol_at(address);
        let _ = elf.at_virtual(address, 16);
    }
    true
}

/// xorshift64*: seeded, so that a failure repeats.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) as usize % limit
    }
}

/// Offsets where a change matters: file header, program headers, dynamic section, symbols, section headers.
const INTERESTING: [(usize, usize); 6] =
    [(0, 64), (64, 280), (0x3100, 0xb0), (0x3d00, 72), (0x3e00, 12), (0x3f00, 192)];
const NASTY: [u64; 8] = [0, 1, 0x7f, 0xffff, 0x7fff_ffff, 0xffff_ffff, i64::MAX as u64, u64::MAX];

#[test]
fn twenty_thousand_mutated_files() {
    let original = file(&ordinary());
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let mut accepted = 0;
    for _ in 0..20_000 {
        let mut bytes = original.clone();
        for _ in 0..1 + random.below(4) {
            let (start, size) = INTERESTING[random.below(INTERESTING.len())];
            let at = start + random.below(size);
            match random.below(4) {
                0 => bytes[at] ^= 1 << random.below(8),
                1 => bytes[at] = random.below(256) as u8,
                2 => bytes[at & !7..][..8].copy_from_slice(&NASTY[random.below(8)].to_le_bytes()),
                _ => bytes[at & !3..][..4].copy_from_slice(&(NASTY[random.below(8)] as u32).to_le_bytes()),
            }
        }
        if random.below(20) == 0 {
            bytes.truncate(random.below(bytes.len()));
        }
        accepted += usize::from(ask_everything(&bytes));
    }
    // Else the mutations test the first check only.
    assert!(accepted > 1000, "{accepted} accepted");
}

proptest! {
    #[test]
    fn arbitrary_bytes(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        ask_everything(&bytes);
    }

    #[test]
    fn arbitrary_headers(headers in prop::collection::vec(any::<u8>(), 320)) {
        let mut bytes = file(&ordinary());
        bytes[24..344].copy_from_slice(&headers);
        ask_everything(&bytes);
    }

    #[test]
    fn arbitrary_program_headers(at in 64usize..344, value: u64) {
        let mut bytes = file(&ordinary());
        bytes[at..at + 8].copy_from_slice(&value.to_le_bytes());
        ask_everything(&bytes);
    }
}

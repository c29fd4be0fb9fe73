//! Fuzzing on the host, as an ordinary test: a parser gets the inputs of a folder, its corpus, and then mutations of them, always the same
//! ones. An input with which it panics is put into the corpus, so that it is tried first from then on, and for ever if it is committed.
//!
//! The environment variable `FUZZ_ROUNDS` asks for more mutations, `FUZZ_SEED` for other ones.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::Path;

/// The least and the greatest number of changes that make a mutation.
const CHANGES: (u64, u64) = (1, 8);
/// Values that parsers trip over.
const CURIOUS: [u64; 12] =
    [0, 1, 7, 0x7f, 0xff, 0xffff, 0x7fff_ffff, 0x8000_0000, 0xffff_fffc, u32::MAX as u64, i64::MAX as u64, u64::MAX];

/// Gives `parse` everything in the folder `corpus`, then `rounds` mutations.
///
/// # Panics
/// If `parse` does (its input is in the corpus then), or there is no corpus.
pub fn fuzz(corpus: &Path, rounds: u64, parse: impl Fn(&[u8])) {
    let mut files: Vec<_> = std::fs::read_dir(corpus)
        .unwrap_or_else(|error| panic!("no corpus at {}: {error}", corpus.display()))
        .map(|entry| entry.expect("the folder can be read").path())
        .collect();
    files.sort();
    let inputs: Vec<Vec<u8>> = files.iter().map(|file| std::fs::read(file).expect("can be read")).collect();
    assert!(!inputs.is_empty(), "no corpus in {}", corpus.display());
    for (file, input) in files.iter().zip(&inputs) {
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| parse(input))) {
            eprintln!("the input was {}", file.display());
            resume_unwind(panic);
        }
    }
    let number = |name: &str| std::env::var(name).ok().and_then(|value| value.parse::<u64>().ok());
    let mut random = Random(number("FUZZ_SEED").unwrap_or(1));
    for _ in 0..number("FUZZ_ROUNDS").unwrap_or(rounds) {
        let mut input = inputs[random.below(inputs.len())].clone();
        let other = &inputs[random.below(inputs.len())];
        for _ in 0..random.between(CHANGES.0, CHANGES.1) {
            mutate(&mut input, other, &mut random);
        }
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| parse(&input))) {
            let file = corpus.join(format!("found-{:016x}", hash(&input)));
            std::fs::write(&file, &input).expect("the corpus can be written to");
            eprintln!("the input is kept as {}", file.display());
            resume_unwind(panic);
        }
    }
}

/// Changes one thing.
fn mutate(input: &mut Vec<u8>, other: &[u8], random: &mut Random) {
    if input.is_empty() {
        input.extend_from_slice(other);
        return;
    }
    let at = random.below(input.len());
    match random.below(8) {
        0 => input[at] ^= 1 << random.below(8),
        1 => input[at] = random.next() as u8,
        kind @ 2..=4 => {
            let value = match kind {
                2 => CURIOUS[random.below(CURIOUS.len())],
                3 => CURIOUS[random.below(CURIOUS.len())].wrapping_shl(random.below(64) as u32),
                _ => read(input, at).wrapping_add(random.between(0, 16)).wrapping_sub(8),
            };
            let width = 1 << random.below(4);
            let at = at & !(width - 1);
            let end = (at + width).min(input.len());
            input[at..end].copy_from_slice(&value.to_le_bytes()[..end - at]);
        }
        5 => {
            let length = random.below(32.min(input.len() - at) + 1);
            input.drain(at..at + length);
        }
        6 => {
            let from = random.below(other.len().max(1)).min(other.len());
            let piece = &other[from..(from + random.below(64)).min(other.len())];
            input.splice(at..at, piece.iter().copied());
        }
        _ => {
            let to = random.below(input.len());
            let length = random.below(32).min(input.len() - at.max(to));
            input.copy_within(at..at + length, to);
        }
    }
}

/// The little-endian number at `at`, as far as there is one.
fn read(bytes: &[u8], at: usize) -> u64 {
    let mut value = [0; 8];
    let end = (at + 8).min(bytes.len());
    value[..end - at].copy_from_slice(&bytes[at..end]);
    u64::from_le_bytes(value)
}

fn hash(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3))
}

/// Numbers that look random (SplitMix64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    /// Less than `bound`, which is not 0.
    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }

    fn between(&mut self, least: u64, greatest: u64) -> u64 {
        least + self.next() % (greatest - least + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    fn folder(name: &str) -> std::path::PathBuf {
        let folder = std::env::temp_dir().join(format!("furore-mutate-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("first"), b"abc").unwrap();
        folder
    }

    #[test]
    fn the_corpus_comes_first_then_mutations() {
        let folder = folder("order");
        let count = Cell::new(0);
        fuzz(&folder, 10_000, |input| {
            assert!(count.get() > 0 || input == b"abc");
            count.set(count.get() + 1);
        });
        assert_eq!(count.get(), 10_001);
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn what_panics_is_kept() {
        let folder = folder("kept");
        let found = catch_unwind(|| fuzz(&folder, 10_000, |input| assert!(input.len() < 6)));
        assert!(found.is_err());
        let kept: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        assert!(kept.iter().any(|file| std::fs::read(file).unwrap().len() >= 6));
        std::fs::remove_dir_all(folder).unwrap();
    }
}

//! `make fuzz`: the fuzzer with seeds that no session had before, for a number of seconds, or with one seed.
//! Neighbour: [`crate::cases::fuzz`], which has the machines.

use crate::cases::fuzz;
use crate::runner::{self, Bench};
use anyhow::{Context, Result};
use furore_tools::host_tests::Count;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, UNIX_EPOCH};

/// Which seeds.
#[derive(Clone, Copy)]
pub enum Seeds {
    /// New ones for so long.
    For(Duration),
    /// This one.
    One(u64),
}

impl Seeds {
    /// From the command line: `seconds=60` or `seed=7`.
    pub fn parse(text: &str) -> Result<Self> {
        let number = |value: &str| value.parse::<u64>().with_context(|| format!("{value:?} is no number"));
        match text.split_once('=') {
            Some(("seed", value)) => number(value).map(Self::One),
            Some(("seconds", value)) => number(value).map(|seconds| Self::For(Duration::from_secs(seconds))),
            _ => anyhow::bail!("what seeds are {text:?}?"),
        }
    }
}

/// Calls made, and those that succeeded.
#[derive(Clone, Copy, Default)]
struct Calls {
    made: u64,
    succeeded: u64,
}

/// Runs seeds, `parallel` machines at a time; says how many passed.
pub fn run(bench: &Bench, seeds: Seeds, parallel: usize) -> Result<Count> {
    let start = Instant::now();
    let first = match seeds {
        Seeds::One(seed) => seed,
        // Milliseconds: nobody runs a seed in less, so no two sessions meet.
        Seeds::For(_) => UNIX_EPOCH.elapsed().context("the clock is set before 1970")?.as_millis() as u64,
    };
    let (next, all) = (AtomicU64::new(first), Mutex::new((Count::default(), Calls::default())));
    let one = |seed: u64| {
        let case = fuzz::seed(seed);
        let outcome = runner::run(bench, &case);
        let calls = calls(&bench.log(&case));
        let mut all = all.lock().unwrap();
        all.0.add(outcome.is_ok());
        all.1.made += calls.made;
        all.1.succeeded += calls.succeeded;
        match outcome {
            Ok(()) => println!("seed {seed}: {} calls, {} % succeeded", calls.made, calls.share()),
            Err(error) => println!("seed {seed} FAIL: {error:#}\nagain: make fuzz SEED={seed}"),
        }
    };
    match seeds {
        Seeds::One(seed) => one(seed),
        Seeds::For(limit) => std::thread::scope(|scope| {
            for _ in 0..parallel {
                scope.spawn(|| {
                    while start.elapsed() < limit {
                        one(next.fetch_add(1, Ordering::Relaxed));
                    }
                });
            }
        }),
    }
    let (count, calls) = all.into_inner().unwrap();
    let (seeds, seconds) = (count.passed + count.failed, start.elapsed().as_secs());
    println!("{seeds} seeds in {seconds} s: {} calls, {} % succeeded", calls.made, calls.share());
    Ok(count)
}

impl Calls {
    fn share(self) -> u64 {
        self.succeeded * 100 / self.made.max(1)
    }
}

/// From a machine's log: the line `fuzz: seed 7: 100003 calls, 34001 succeeded, …`.
fn calls(log: &str) -> Calls {
    let number = |before: &str| -> Option<u64> {
        // What a victim wrote can stand before it.
        let line =
            log.lines().filter_map(|line| line.split_once("fuzz: seed ")).find(|line| line.1.contains(" calls, "))?;
        line.1.split(before).next()?.rsplit(' ').next()?.parse().ok()
    };
    Calls { made: number(" calls, ").unwrap_or(0), succeeded: number(" succeeded").unwrap_or(0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_from_the_log() {
        let calls =
            calls("boot\n?fuzz: seed 7: 100003 calls, 34001 succeeded (34 %), 11 tasks\nfuzz: 1 seeds, 0 failed\n");
        assert_eq!((calls.made, calls.succeeded, calls.share()), (100_003, 34_001, 33));
    }

    #[test]
    fn seeds_are_one_or_many() {
        assert!(matches!(Seeds::parse("seed=7"), Ok(Seeds::One(7))));
        assert!(matches!(Seeds::parse("seconds=9"), Ok(Seeds::For(limit)) if limit.as_secs() == 9));
        assert!(Seeds::parse("seed=x").is_err() && Seeds::parse("").is_err());
    }
}

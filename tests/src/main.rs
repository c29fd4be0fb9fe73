//! `furore-tests [--all] [WORD]`: the host tests, then the machines of [`cases`], two at a time; with WORD only the machines that have
//! it in their name, with `--all` every combination of machines rather than a few. Closes with a line `N passed, N failed`.
//! `furore-tests --fuzz seconds=N` (or `seed=N`): the fuzzer alone.
//! `furore-tests --fiasco FIASCO SIGMA0 MOE L4RE BOOTSTRAP`: the conformance suite on Fiasco.

use anyhow::Result;
use furore_tools::host_tests::{self, Count};
use furore_tools::workspace::Workspace;
use furore_tools::{build, cd};
use runner::{Bench, UserCd};
use std::collections::VecDeque;
use std::process::ExitCode;
use std::sync::Mutex;
use std::time::Instant;

mod broken;
mod case;
mod cases;
mod fiasco;
mod fuzz;
mod machine;
mod menu;
#[cfg(test)]
mod opcodes;
mod ordinary;
mod runner;
mod screen;
mod serial;

/// Machines that run at a time.
const PARALLEL: usize = 2;

/// The test program that is built a second time, and differently.
const STATIC_PIE: &str = "tls-pie";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let outcome = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["--fuzz", seeds] => fuzz(seeds),
        ["--fiasco", fiasco, sigma0, moe, l4re, bootstrap] => {
            on_fiasco(&fiasco::Theirs { fiasco, sigma0, moe, l4re, bootstrap })
        }
        ["--all", word] => run(word, true),
        [word] => run(word, false),
        _ => run("", false),
    };
    match outcome {
        Ok(Count { passed, failed }) => {
            println!("{passed} passed, {failed} failed");
            if failed == 0 && passed > 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(error) => {
            println!("furore: {error:#}\n0 passed, 1 failed");
            ExitCode::FAILURE
        }
    }
}

/// `--fuzz seconds=60`, or `--fuzz seed=7`: the fuzzer alone.
fn fuzz(seeds: &str) -> Result<Count> {
    let seeds = fuzz::Seeds::parse(seeds)?;
    let workspace = Workspace::load()?;
    let mut products = build::all(&workspace)?;
    products.test_programs.extend([build::checked_kernel(&workspace)?]);
    let bench = Bench { workspace, products, user_cd: Err("the fuzzer needs none".to_owned()) };
    fuzz::run(&bench, seeds, PARALLEL)
}

/// `--fiasco FIASCO SIGMA0 MOE L4RE BOOTSTRAP`: the suite on that Fiasco.
fn on_fiasco(theirs: &fiasco::Theirs) -> Result<Count> {
    theirs.check()?;
    let workspace = Workspace::load()?;
    let products = build::all(&workspace)?;
    let bench = Bench { workspace, products, user_cd: Err("Fiasco needs none".to_owned()) };
    fiasco::run(&bench, theirs)
}

fn run(word: &str, all_combinations: bool) -> Result<Count> {
    let workspace = Workspace::load()?;
    let mut count = Count::default();
    if word.is_empty() {
        count = host_tests::run(&workspace)?;
        println!("host tests: {} passed, {} failed", count.passed, count.failed);
    }
    let mut products = build::all(&workspace)?;
    let cases = cases::all(all_combinations);
    let selected: VecDeque<case::Case> = cases.into_iter().filter(|case| case.name.contains(word)).collect();
    if selected.iter().any(|case| case.needs(build::MEASURING_KERNEL)) {
        products.test_programs.extend([build::measuring_kernel(&workspace)?]);
    }
    if selected.iter().any(|case| case.needs(STATIC_PIE)) {
        products.test_programs.extend([build::static_pie(&workspace, "tls")?]);
    }
    if selected.iter().any(|case| case.needs(build::CHECKED_KERNEL)) {
        products.test_programs.extend([build::checked_kernel(&workspace)?]);
        let outcome = ordinary::check(&products);
        count.add(outcome.is_ok());
        if let Err(error) = outcome {
            println!("FAIL  the ordinary kernel: {error:#}");
        }
    }
    std::fs::create_dir_all(workspace.target_dir.join("qemu-tests"))?;
    let image = workspace.target_dir.join("qemu-tests/user.iso");
    let user_cd = cd::write(&workspace, &products, &image).map(|menu| UserCd { image, menu });
    let user_cd = user_cd.map_err(|error| format!("{error:#}"));
    let bench = Bench { workspace, products, user_cd };

    let queue = Mutex::new(selected);
    let count = Mutex::new(count);
    std::thread::scope(|scope| {
        for _ in 0..PARALLEL {
            scope.spawn(|| {
                loop {
                    let Some(case) = queue.lock().unwrap().pop_front() else { break };
                    let start = Instant::now();
                    let outcome = runner::run(&bench, &case);
                    count.lock().unwrap().add(outcome.is_ok());
                    match outcome {
                        Ok(()) => println!("ok    {} ({:.1} s)", case.name, start.elapsed().as_secs_f64()),
                        Err(error) => println!("FAIL  {}: {error:#}", case.name),
                    }
                }
            });
        }
    });
    Ok(count.into_inner().unwrap())
}

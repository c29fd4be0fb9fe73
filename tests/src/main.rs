//! `furore-tests [WORD]`: the host tests, then the machines of [`cases`], two at a time; with WORD only the machines that have it in
//! their name. Closes with a line `N passed, N failed`.

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
mod machine;
#[cfg(test)]
mod opcodes;
mod runner;
mod serial;

/// Machines that run at a time.
const PARALLEL: usize = 2;

/// The test program that is built a second time, and differently.
const STATIC_PIE: &str = "tls-pie";

fn main() -> ExitCode {
    match run(&std::env::args().nth(1).unwrap_or_default()) {
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

fn run(word: &str) -> Result<Count> {
    let workspace = Workspace::load()?;
    let mut count = Count::default();
    if word.is_empty() {
        count = host_tests::run(&workspace)?;
        println!("host tests: {} passed, {} failed", count.passed, count.failed);
    }
    let mut products = build::all(&workspace)?;
    let selected: VecDeque<case::Case> = cases::all().into_iter().filter(|case| case.name.contains(word)).collect();
    if selected.iter().any(|case| case.needs(STATIC_PIE)) {
        products.test_programs.extend([build::static_pie(&workspace, "tls")?]);
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

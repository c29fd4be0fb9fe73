//! The host tests: cargo's own, of every package that has something pure to test. Counts what passed and failed.

use crate::workspace::{Package, Target, Workspace};
use anyhow::{Context, Result};
use std::process::Command;

/// Numbers of tests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// Those that passed.
    pub passed: usize,
    /// Those that did not, including what could not be run.
    pub failed: usize,
}

impl Count {
    /// One more.
    pub fn add(&mut self, passed: bool) {
        *(if passed { &mut self.passed } else { &mut self.failed }) += 1;
    }
}

/// Runs the host tests of all packages; shows cargo's output only if something failed.
pub fn run(workspace: &Workspace) -> Result<Count> {
    // A package with a binary for a bare target has its pure part in its library; all else is tested whole.
    let bare = |package: &&Package| package.target != Target::Host && !package.binaries.is_empty();
    let whole = workspace.packages.iter().filter(|p| !bare(p)).map(|p| p.id.as_str());
    let libraries = workspace.packages.iter().filter(|p| bare(p) && p.has_library).map(|p| p.id.as_str());
    let mut count = cargo_test(workspace, &[], whole.collect())?;
    let more = cargo_test(workspace, &["--lib"], libraries.collect())?;
    count.passed += more.passed;
    count.failed += more.failed;
    Ok(count)
}

fn cargo_test(workspace: &Workspace, arguments: &[&str], packages: Vec<&str>) -> Result<Count> {
    if packages.is_empty() {
        return Ok(Count::default());
    }
    let mut cargo = Command::new("cargo");
    cargo.current_dir(&workspace.top).args(["test", "--no-fail-fast"]).args(arguments);
    for package in packages {
        cargo.args(["--package", package]);
    }
    let output = cargo.output().context("cannot start cargo")?;
    let text = String::from_utf8_lossy(&output.stdout);
    let mut count = count_results(&text);
    if !output.status.success() {
        println!("{text}{}", String::from_utf8_lossy(&output.stderr));
        // What did not compile has no result line, and must not pass for that.
        count.failed = count.failed.max(1);
    }
    Ok(count)
}

/// Adds up the lines `test result: ok. 3 passed; 0 failed; …`.
fn count_results(text: &str) -> Count {
    let mut count = Count::default();
    for line in text.lines().filter_map(|line| line.strip_prefix("test result: ")) {
        let number = |what: &str| {
            let before = line.split(what).next().unwrap_or_default().trim_end();
            before.rsplit([' ', '.', ';']).next().and_then(|n| n.parse::<usize>().ok()).unwrap_or(0)
        };
        count.passed += number("passed");
        count.failed += number("failed");
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn result_lines_are_added_up() {
        let text = "running 2 tests\ntest result: ok. 12 passed; 0 failed; 0 ignored\nx\ntest result: FAILED. 1 passed; 2 failed; 0 ignored\n";
        assert_eq!(count_results(text), Count { passed: 13, failed: 2 });
    }
}

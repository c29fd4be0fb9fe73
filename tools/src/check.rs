//! `make check`: what must hold before a commit, in under a minute when nothing much changed: format, clippy without a warning
//! for both bare targets and the host, host tests.

use crate::build::{KERNEL, run, target_arguments};
use crate::host_tests;
use crate::workspace::{Package, Target, Workspace};
use anyhow::{Result, bail};
use std::process::Command;

/// Runs all checks; stops at the first kind that fails.
pub fn all(workspace: &Workspace) -> Result<()> {
    println!("format");
    run(cargo(workspace, "fmt").args(["--all", "--check"]))?;
    for (target, name) in [(Target::Kernel, "kernel"), (Target::User, "user land"), (Target::Host, "host")] {
        println!("clippy: {name}");
        clippy(workspace, target)?;
    }
    println!("clippy: kernel with checks");
    let kernel = workspace.packages.iter().filter(|package| package.name == KERNEL);
    run(clippy_command(workspace, Target::Kernel, kernel).args(["--features", "invariants", "--", "-D", "warnings"]))?;
    let tests = host_tests::run(workspace)?;
    println!("host tests: {} passed, {} failed", tests.passed, tests.failed);
    if tests.failed > 0 {
        bail!("host tests failed");
    }
    Ok(())
}

fn clippy_command<'a>(workspace: &Workspace, target: Target, packages: impl Iterator<Item = &'a Package>) -> Command {
    let mut cargo = cargo(workspace, "clippy");
    cargo.args(["--quiet"]);
    if target == Target::Host {
        cargo.arg("--all-targets");
    } else {
        cargo.args(["--release", "--lib", "--bins"]).args(target_arguments(target));
    }
    for package in packages {
        cargo.args(["--package", &package.id]);
    }
    cargo
}

fn clippy(workspace: &Workspace, target: Target) -> Result<()> {
    let packages = workspace.packages.iter().filter(|package| package.target == target);
    run(clippy_command(workspace, target, packages).args(["--", "-D", "warnings"]))?;
    if target == Target::Host {
        // The host tests of the bare packages' pure parts.
        let mut cargo = self::cargo(workspace, "clippy");
        cargo.args(["--quiet", "--lib", "--tests"]);
        let is_pure = |p: &&Package| p.target != Target::Host && p.has_library && p.binaries.is_empty();
        for package in workspace.packages.iter().filter(is_pure) {
            cargo.args(["--package", &package.id]);
        }
        run(cargo.args(["--", "-D", "warnings"]))?;
    }
    Ok(())
}

fn cargo(workspace: &Workspace, command: &str) -> Command {
    let mut cargo = Command::new("cargo");
    cargo.current_dir(&workspace.top).env("RUSTC_BOOTSTRAP", "1").arg(command);
    cargo
}

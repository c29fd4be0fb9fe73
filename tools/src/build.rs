//! Builds the workspace: one cargo call for each bare target, both with the standard library's `core` and `alloc` built from
//! source. Products are copied to `target/stage/` without debug information. Programs keep their symbol table, from which
//! crash reports take names; the kernel gets a table of its own ([`symbols`]). gdb reads the originals below
//! `target/<target>/release/`.

use crate::names;
use crate::symbols;
use crate::vbe;
use crate::workspace::{Package, Target, Workspace};
use anyhow::{Context, Result, bail};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

const KERNEL_TARGET: &str = "x86_64-kernel";
const USER_TARGET: &str = "x86_64-furore";
/// The kernel's package and file.
pub const KERNEL: &str = "kernel";
/// What [`checked_kernel`] makes.
pub const CHECKED_KERNEL: &str = "kernel-checked";
/// What [`measuring_kernel`] is staged as.
pub const MEASURING_KERNEL: &str = "kernel-measuring";
/// What makes a program position-independent: its code, and how it is linked.
const STATIC_PIE: &str = "-Crelocation-model=pic -Clink-arg=-pie -Clink-arg=--no-dynamic-linker -Clink-arg=-ztext";
/// Cargo's arguments for a target that has no prebuilt library. Of `core` and `alloc` the small variants are taken. What they
/// compile by themselves is formatting and failing, so it is small before fast; the generic rest is compiled with its user.
/// `compiler_builtins` is one unit, so that `memcpy` is a function and not a jump to one.
const BARE: [&str; 6] = [
    "-Zbuild-std=core,alloc,compiler_builtins",
    "-Zbuild-std-features=compiler-builtins-mem,optimize_for_size",
    "-Zjson-target-spec",
    "--config=profile.release.package.core.opt-level='s'",
    "--config=profile.release.package.alloc.opt-level='s'",
    "--config=profile.release.package.compiler_builtins.codegen-units=1",
];

/// Everything that was built, ready for a CD.
#[derive(Debug)]
pub struct Products {
    /// Name on the CD and file, of all that belongs on the user's CD.
    pub system: BTreeMap<String, PathBuf>,
    /// The same for the programs that only tests start.
    pub test_programs: BTreeMap<String, PathBuf>,
}

/// The target file of `target` and cargo's arguments for it; nothing for the host.
pub fn target_arguments(target: Target) -> Vec<String> {
    let file = match target {
        Target::Kernel => format!("{KERNEL_TARGET}.json"),
        Target::User => format!("syscall/{USER_TARGET}.json"),
        Target::Host => return Vec::new(),
    };
    let mut arguments: Vec<String> = BARE.iter().map(|&a| a.to_owned()).collect();
    arguments.extend(["--target".to_owned(), file]);
    arguments
}

/// Builds kernel, bootstrap and all programs, in the release profile, and stages them.
pub fn all(workspace: &Workspace) -> Result<Products> {
    build(workspace, |_| true)
}

/// Builds and stages what belongs on the user's CD; leaves out what only tests start.
pub fn system(workspace: &Workspace) -> Result<Products> {
    build(workspace, |package| !package.is_test_program())
}

fn build(workspace: &Workspace, wanted: impl Fn(&Package) -> bool) -> Result<Products> {
    let mut products = Products { system: BTreeMap::new(), test_programs: BTreeMap::new() };
    for (target, folder) in [(Target::Kernel, KERNEL_TARGET), (Target::User, USER_TARGET)] {
        let packages: Vec<&Package> = workspace.programs(target).filter(|package| wanted(package)).collect();
        if packages.is_empty() {
            continue;
        }
        cargo_build(workspace, target, &packages)?;
        for package in packages {
            for binary in &package.binaries {
                let built = workspace.target_dir.join(folder).join("release").join(binary);
                let staged = stage(workspace, &built, binary, target)?;
                let list = if package.is_test_program() { &mut products.test_programs } else { &mut products.system };
                if list.insert(binary.clone(), staged).is_some() {
                    bail!("two packages of the workspace have a binary called {binary}");
                }
            }
        }
    }
    let asking = workspace.target_dir.join("stage").join(vbe::NAME);
    let bootstrap = products.system.get("bootstrap").context("the workspace has no bootstrap")?;
    std::fs::write(&asking, vbe::ask_for_graphics(std::fs::read(bootstrap)?)?)?;
    products.system.insert(vbe::NAME.to_owned(), asking);
    Ok(products)
}

fn cargo_build(workspace: &Workspace, target: Target, packages: &[&Package]) -> Result<()> {
    run(&mut cargo_command(workspace, target, packages))
}

fn cargo_command(workspace: &Workspace, target: Target, packages: &[&Package]) -> Command {
    let mut cargo = Command::new("cargo");
    cargo.current_dir(&workspace.top).env("RUSTC_BOOTSTRAP", "1").args(["build", "--release", "--bins"]);
    cargo.args(target_arguments(target));
    for package in packages {
        cargo.args(["--package", &package.id]);
    }
    cargo
}

/// Builds the user program `name` a second time, as static-pie, and stages it as `name`-pie: all that it is made of has to
/// be compiled again for that, so it is done for tests only.
pub fn static_pie(workspace: &Workspace, name: &str) -> Result<(String, PathBuf)> {
    let package = workspace.programs(Target::User).find(|package| package.name == name);
    let package = package.with_context(|| format!("there is no program {name}"))?;
    let folder = workspace.target_dir.join("static-pie");
    let mut cargo = cargo_command(workspace, Target::User, &[package]);
    cargo.arg("--target-dir").arg(&folder).env("RUSTFLAGS", STATIC_PIE);
    run(&mut cargo)?;
    let staged_name = format!("{name}-pie");
    let built = folder.join(USER_TARGET).join("release").join(name);
    let staged = stage(workspace, &built, &staged_name, Target::User)?;
    Ok((staged_name, staged))
}

/// Builds the kernel a second time, for tests only: it checks its invariants, overflows and its own assertions, and bugs
/// can be planted in it. Staged as [`CHECKED_KERNEL`].
pub fn checked_kernel(workspace: &Workspace) -> Result<(String, PathBuf)> {
    kernel_with(workspace, "invariants", &["debug-assertions", "overflow-checks"], CHECKED_KERNEL)
}

/// Builds the kernel a second time, for tests only: it tells how long it ran with interrupts off, and how much of its memory
/// is free. Staged as [`MEASURING_KERNEL`].
pub fn measuring_kernel(workspace: &Workspace) -> Result<(String, PathBuf)> {
    kernel_with(workspace, "measure", &[], MEASURING_KERNEL)
}

fn kernel_with(workspace: &Workspace, feature: &str, checks: &[&str], name: &str) -> Result<(String, PathBuf)> {
    let package = workspace.programs(Target::Kernel).find(|package| package.name == KERNEL);
    let mut cargo = cargo_command(workspace, Target::Kernel, &[package.context("there is no kernel")?]);
    cargo.args(["--features", feature]);
    for check in checks {
        cargo.args(["--config", &format!("profile.release.package.{KERNEL}.{check}=true")]);
    }
    run(&mut cargo)?;
    // Under the name of the ordinary one, which the next build puts back in its place.
    let built = workspace.target_dir.join(KERNEL_TARGET).join("release").join(KERNEL);
    let staged = stage(workspace, &built, name, Target::Kernel)?;
    Ok((name.to_owned(), staged))
}

/// Copies `built` to the stage as `name` without its debug information, unless that was done since it was built.
fn stage(workspace: &Workspace, built: &Path, name: &str, target: Target) -> Result<PathBuf> {
    let staged = workspace.target_dir.join("stage").join(name);
    std::fs::create_dir_all(workspace.target_dir.join("stage"))?;
    let changed = |path: &Path| path.metadata().and_then(|m| m.modified());
    let built_at = changed(built).with_context(|| format!("cargo did not make {}", built.display()))?;
    if changed(&staged).is_ok_and(|staged_at| staged_at > built_at) {
        return Ok(staged);
    }
    run(Command::new("strip").args(["--strip-debug", "-o"]).args([staged.as_path(), built]))?;
    match target {
        Target::Kernel => {
            symbols::fill(&staged)?;
            run(Command::new("strip").arg(&staged))?;
        }
        _ => names::make_readable(&staged)?,
    }
    Ok(staged)
}

/// Runs `command` to its end; a failure names it.
pub fn run(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("cannot start {:?}", command.get_program()))?;
    if !status.success() {
        bail!("{:?} failed ({status})", command.get_program());
    }
    Ok(())
}

//! `make new NAME=x`: the folder of a new user program, entered in the workspace, and what to write to start it.

use crate::workspace::Workspace;
use anyhow::{Context, Result, bail};

/// Names that the system itself uses, and those of cargo's own folders, which cargo gives to no program.
const TAKEN: [&str; 13] = [
    "bootstrap",
    "kernel",
    "boot",
    "target",
    "iso",
    "docs",
    "tests",
    "tools",
    "core",
    "build",
    "deps",
    "examples",
    "incremental",
];

/// Makes the program `name` and prints how to start it.
pub fn create(workspace: &Workspace, name: &str) -> Result<()> {
    check_name(workspace, name)?;
    let manifest_path = workspace.path("Cargo.toml");
    let manifest = with_member(&std::fs::read_to_string(&manifest_path)?, name)?;
    let folder = workspace.path(name);
    std::fs::create_dir_all(folder.join("src"))?;
    std::fs::write(folder.join("Cargo.toml"), package_manifest(name))?;
    std::fs::write(folder.join("src/main.rs"), main_source(name))?;
    std::fs::write(manifest_path, manifest)?;
    println!("made {name}/ with Cargo.toml and src/main.rs, and added it to the members in Cargo.toml");
    println!("to start it, add to an entry of iso/boot/grub/menu.lst the line");
    println!("    module  /{name}");
    println!("and to the script that the entry names (iso/hello.lua, say) the line");
    println!("    L4.default_loader:start({{ log = {{ \"{name}\", \"cyan\" }} }}, \"rom/{name}\");");
    println!("then: make run ENTRY=\"the entry's title\"");
    Ok(())
}

fn check_name(workspace: &Workspace, name: &str) -> Result<()> {
    if name.is_empty() {
        bail!("say which: make new NAME=myprogram");
    }
    let fits = name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '-')
        && name.len() <= 32;
    if !fits {
        bail!("{name:?} cannot be a program's name: it takes a-z first, then a-z, 0-9, - and _, at most 32 in all");
    }
    if TAKEN.contains(&name)
        || workspace.packages.iter().any(|p| p.name == name || p.binaries.iter().any(|b| b == name))
    {
        bail!("{name} is the name of a part of the system or of another program: take another one");
    }
    for taken in [workspace.path(name), workspace.path("iso").join(name)] {
        if taken.exists() {
            bail!("{} is there already: take another name", taken.display());
        }
    }
    Ok(())
}

/// The root manifest with `name` among the workspace's members.
fn with_member(manifest: &str, name: &str) -> Result<String> {
    let start = manifest.find("\nmembers = [").context("Cargo.toml has no list of members")?;
    let end = start + manifest[start..].find("\n]").context("the list of members in Cargo.toml has no end")?;
    Ok(format!("{}\n    \"{name}\",{}", &manifest[..end], &manifest[end..]))
}

fn package_manifest(name: &str) -> String {
    format!(
        "[package]\nname = \"{name}\"\nversion.workspace = true\nedition.workspace = true\nlicense.workspace = true\npublish.workspace = true\n\n\
         [lints]\nworkspace = true\n\n[dependencies]\nsyscall.workspace = true\n"
    )
}

fn main_source(name: &str) -> String {
    format!(
        "//! {name}: a new program.\n#![no_std]\n#![no_main]\n\nuse syscall::println;\n\nsyscall::main!(main);\n\n\
         fn main() {{\n    println!(\"{name} runs.\");\n}}\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::{Package, Target};

    fn workspace() -> Workspace {
        let hello = Package {
            name: "hello".into(),
            id: "hello".into(),
            folder: "hello".into(),
            target: Target::User,
            binaries: vec!["hello".into()],
            has_library: false,
        };
        Workspace { top: "/nowhere".into(), target_dir: "/nowhere/target".into(), packages: vec![hello] }
    }

    #[test]
    fn good_names_pass_and_bad_ones_do_not() {
        for good in ["mine", "a1", "my_program", "my-program"] {
            check_name(&workspace(), good).unwrap();
        }
        for bad in
            ["", "Mine", "1a", "a b", "../x", "-p", "hello", "kernel", "bootstrap", "build", "ä", &"x".repeat(33)]
        {
            assert!(check_name(&workspace(), bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_member_is_added_at_the_end() {
        let manifest = with_member("[workspace]\nmembers = [\n    \"abi\",\n]\nresolver = \"3\"\n", "mine").unwrap();
        assert_eq!(manifest, "[workspace]\nmembers = [\n    \"abi\",\n    \"mine\",\n]\nresolver = \"3\"\n");
        assert!(with_member("[workspace]\n", "mine").is_err());
    }
}

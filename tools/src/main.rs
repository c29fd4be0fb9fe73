//! `furore-tools COMMAND`: the Makefile's commands. `make help` describes them.

use anyhow::{Result, bail};
use furore_tools::workspace::Workspace;
use furore_tools::{build, cd, check, image, menu, net, new_program, qemu, screenshot};
use std::process::ExitCode;

const USAGE: &str = "usage: furore-tools build | iso | image --entry TITLE | net | run|run-kernel|debug --entry TITLE [-- QEMU ARGUMENTS] | screenshot | check | new NAME";

fn main() -> ExitCode {
    match command(&std::env::args().skip(1).collect::<Vec<_>>()) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("furore: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn command(arguments: &[String]) -> Result<ExitCode> {
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let workspace = Workspace::load()?;
    std::env::set_current_dir(&workspace.top)?;
    match words.as_slice() {
        ["build"] => {
            build::all(&workspace)?;
        }
        ["iso"] => {
            let image = workspace.path("boot.iso");
            cd::write(&workspace, &build::system(&workspace)?, &image)?;
            println!("{}", cd::summary(&image)?);
        }
        ["run", "--entry", title, "--", more @ ..] => {
            let image = workspace.path("boot.iso");
            let menu = cd::write(&workspace, &build::system(&workspace)?, &image)?;
            menu::entry(&menu, title)?;
            return qemu::run_cd(&workspace, &image, title, more);
        }
        [how @ ("run-kernel" | "debug"), "--entry", title, "--", more @ ..] => {
            let products = build::system(&workspace)?;
            let menu = cd::populate(&workspace, &products)?;
            return qemu::run_entry(&workspace, menu::entry(&menu, title)?, *how == "debug", more);
        }
        ["image", "--entry", title] => {
            let menu = cd::populate(&workspace, &build::system(&workspace)?)?;
            let entry = menu::entry(&menu, title)?;
            let file = image::write(&workspace, entry)?;
            println!("{}", image::summary(&workspace, &file)?);
        }
        ["net"] => {
            cd::populate(&workspace, &build::system(&workspace)?)?;
            let folder = workspace.target_dir.join("net");
            net::write(&workspace.target_dir.join("iso"), &folder)?;
            let folder = folder.strip_prefix(&workspace.top).unwrap_or(&folder);
            println!("{}: what a TFTP server offers; try it with:", folder.display());
            println!("qemu-system-x86_64 -serial stdio {}", net::qemu_arguments(folder, net::BIOS_FILE).join(" "));
        }
        ["screenshot"] => {
            let image = workspace.path("boot.iso");
            cd::write(&workspace, &build::system(&workspace)?, &image)?;
            println!("{}", screenshot::take(&workspace, &image)?.display());
        }
        ["check"] => check::all(&workspace)?,
        ["new", name] => new_program::create(&workspace, name)?,
        _ => bail!("{USAGE}"),
    }
    Ok(ExitCode::SUCCESS)
}

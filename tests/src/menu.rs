//! What test CDs start: a `menu.lst` with one entry, and a `grub.cfg` that does as much without GRUB's menu.

/// The modules of a system that runs `test.lua` with hello in rom/.
pub const RUNS_SCRIPT: [&str; 7] = ["kernel", "sigma0", "moe rom/test.lua", "l4re", "ned", "test.lua", "hello"];

/// A `menu.lst` whose entry starts bootstrap by this line, file and options, with the modules of these.
pub fn menu(bootstrap: &str, modules: &[&str]) -> String {
    let modules: String = modules.iter().map(|line| format!("module /{line}\n")).collect();
    format!("default 0\ntimeout 0\ntitle Test\nkernel /{bootstrap}\nmodaddr 0x2000000\n{modules}")
}

/// A `grub.cfg` that loads bootstrap and the modules by the command `multiboot` or `multiboot2`, between these commands.
pub fn grub_cfg(before: &str, multiboot: &str, modules: &[&str], behind: &str) -> String {
    let command = multiboot.replace("multiboot", "module");
    // By these commands, a module's own line begins behind the file.
    let file = |line: &str| line.split(' ').next().unwrap_or_default().to_owned();
    let modules: String = modules.iter().map(|line| format!("{command} /{} {line}\n", file(line))).collect();
    format!("#cfg\n{before}\n{multiboot} /bootstrap -serial\n{modules}{behind}\nboot\n")
}

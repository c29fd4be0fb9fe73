//! Reads `menu.lst`, GRUB's classic menu, and finds what would not boot: files that are not on the CD, entries without a
//! module that the boot chain needs. Pure: knows no file system. GRUB itself reads the menu at boot; this is only its check.

use anyhow::{Result, bail};
use std::fmt;

/// The modules that bootstrap takes by position, in this order.
const FIRST_MODULES: [&str; 3] = ["kernel", "sigma0", "moe"];
/// The modules that moe looks for by name.
const NAMED_MODULES: [&str; 2] = ["l4re", "ned"];
/// Commands that make an entry boot something that is not ours to check.
const FOREIGN_BOOT: [&str; 3] = ["chainloader", "configfile", "halt"];
/// What else stands in menus: GRUB's commands that are not ours to check, and L4Re's `modaddr`, without effect. GRUB passes
/// over every other word without telling.
const OTHERS: &str = "blocklist boot bootp cat clear cmp color debug default dhcp displayapm displaymem fallback find geometry \
    hiddenmenu hide initrd lock makeactive map modaddr pager parttype password pause print read reboot root rootnoverify \
    savedefault serial terminal testload testvbe timeout unhide uppermem uuid vbeprobe";

/// Ending of the path of a compressed file.
pub const COMPRESSED: &str = ".gz";

/// A file that GRUB is told to load.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Load {
    /// Line of the menu, from 1.
    pub line: usize,
    /// Path on the CD, without device and leading slash.
    pub path: String,
    /// Whether the path has that slash, without which GRUB does not find it.
    pub is_absolute: bool,
    /// What follows the path.
    pub arguments: String,
}

impl Load {
    fn parse(line: usize, rest: &str) -> Self {
        let (path, arguments) = rest.split_once([' ', '\t']).unwrap_or((rest, ""));
        let path = match path.strip_prefix('(').and_then(|p| p.split_once(')')) {
            Some((_device, path)) => path,
            None => path,
        };
        let arguments = arguments.trim().to_owned();
        Self { line, path: path.trim_start_matches('/').to_owned(), is_absolute: path.starts_with('/'), arguments }
    }

    /// The last part of the path without `.gz`, by which the boot chain knows a module.
    pub fn name(&self) -> &str {
        let name = self.path.rsplit('/').next().unwrap_or_default();
        name.strip_suffix(COMPRESSED).unwrap_or(name)
    }

    /// Path and arguments, as QEMU's `-initrd` takes them.
    pub fn command_line(&self) -> String {
        if self.arguments.is_empty() { self.path.clone() } else { format!("{} {}", self.path, self.arguments) }
    }
}

/// One entry of the menu.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entry {
    /// What the user sees.
    pub title: String,
    /// Line of the title, from 1.
    pub line: usize,
    /// The `kernel` line: for us bootstrap and its options.
    pub kernel: Option<Load>,
    /// The `module` lines in order.
    pub modules: Vec<Load>,
    /// Boots something else (`chainloader`, `configfile`).
    pub foreign: bool,
}

/// A whole menu.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Menu {
    /// The `default` line's number and value.
    pub default: Option<(usize, String)>,
    /// All entries in order.
    pub entries: Vec<Entry>,
    /// What could not be understood.
    pub unclear: Vec<Problem>,
}

/// Something in the menu that will not boot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Line of the menu, from 1.
    pub line: usize,
    /// What is wrong and what to do.
    pub text: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "menu.lst:{}: {}", self.line, self.text)
    }
}

/// Reads a menu.
pub fn parse(text: &str) -> Menu {
    let mut menu = Menu::default();
    for (index, raw) in text.lines().enumerate() {
        let (line, trimmed) = (index + 1, raw.trim());
        if trimmed.is_empty() || trimmed.starts_with('#') {
            continue;
        }
        let (command, rest) = trimmed.split_once([' ', '\t', '=']).unwrap_or((trimmed, ""));
        let rest = rest.trim_start_matches([' ', '\t', '=']).trim_end();
        match (command, menu.entries.last_mut()) {
            ("title", _) => menu.entries.push(Entry { title: rest.to_owned(), line, ..Entry::default() }),
            ("default", None) => menu.default = Some((line, rest.to_owned())),
            ("timeout", None) => {
                if rest.parse::<i64>().is_err() {
                    menu.unclear
                        .push(Problem { line, text: format!("timeout wants a number of seconds, not {rest:?}") });
                }
            }
            ("kernel", Some(entry)) if entry.kernel.is_some() => {
                let text =
                    format!("a second kernel line in entry {:?}: add a line `title NAME` before it", entry.title);
                menu.unclear.push(Problem { line, text });
            }
            ("kernel", Some(entry)) => entry.kernel = Some(Load::parse(line, rest)),
            ("module" | "modulenounzip", Some(entry)) => entry.modules.push(Load::parse(line, rest)),
            ("kernel" | "module" | "modulenounzip", None) => {
                menu.unclear.push(Problem { line, text: format!("{command} before the first title") });
            }
            (command, Some(entry)) if FOREIGN_BOOT.contains(&command) => entry.foreign = true,
            (command, _) if OTHERS.split(' ').any(|other| other == command) => {}
            _ => {
                let text = format!(
                    "{command} is no command of GRUB's menu: there are title, kernel, module, default, timeout"
                );
                menu.unclear.push(Problem { line, text });
            }
        }
    }
    menu
}

/// The entry with this title; capitals count only where titles differ in nothing else.
pub fn entry<'a>(menu: &'a Menu, title: &str) -> Result<&'a Entry> {
    let named = |same: fn(&str, &str) -> bool| menu.entries.iter().find(|entry| same(&entry.title, title));
    match named(|a, b| a == b).or_else(|| named(str::eq_ignore_ascii_case)) {
        Some(entry) => Ok(entry),
        None => {
            let titles: Vec<String> = menu.entries.iter().map(|e| format!("  {}", e.title)).collect();
            bail!("menu.lst has no entry {title:?} (choose one by ENTRY=\"title\"); it has\n{}", titles.join("\n"))
        }
    }
}

/// Everything in `menu` that will not boot from a CD which holds the files for which `on_cd` is true.
pub fn check(menu: &Menu, on_cd: impl Fn(&str) -> bool) -> Vec<Problem> {
    let mut problems = menu.unclear.clone();
    if menu.entries.is_empty() {
        problems.push(Problem { line: 1, text: "no entry: add a line `title NAME` and what it loads".to_owned() });
    }
    if let Some((line, default)) = &menu.default {
        let known = match default.parse::<usize>() {
            Ok(number) => number < menu.entries.len(),
            Err(_) => default == "saved" || menu.entries.iter().any(|e| e.title == *default),
        };
        if !known {
            let text = format!("default {default}: there are {} entries, the first is number 0", menu.entries.len());
            problems.push(Problem { line: *line, text });
        }
    }
    for entry in &menu.entries {
        check_entry(entry, &on_cd, &mut problems);
    }
    problems.sort_by_key(|problem| problem.line);
    problems
}

fn check_entry(entry: &Entry, on_cd: impl Fn(&str) -> bool, problems: &mut Vec<Problem>) {
    if entry.foreign {
        return;
    }
    let title = &entry.title;
    let Some(kernel) = &entry.kernel else {
        let text = format!("entry {title:?} has no kernel line: add `kernel /bootstrap -serial`");
        problems.push(Problem { line: entry.line, text });
        return;
    };
    for early in entry.modules.iter().filter(|module| module.line < kernel.line) {
        problems.push(Problem { line: early.line, text: "module before the entry's kernel line".to_owned() });
    }
    for load in std::iter::once(kernel).chain(&entry.modules) {
        if load.path.is_empty() {
            problems.push(Problem { line: load.line, text: format!("entry {title:?}: a line without a file") });
        } else if !load.is_absolute {
            let text = format!("entry {title:?}: GRUB wants a slash before the path: /{}", load.path);
            problems.push(Problem { line: load.line, text });
        } else if !on_cd(&load.path) {
            let text = format!(
                "entry {title:?}: /{} is not on the CD (no program and no file under iso/ has that name)",
                load.path
            );
            problems.push(Problem { line: load.line, text });
        }
    }
    if kernel.name() != "bootstrap" {
        return;
    }
    let named = |name: &str| entry.modules.iter().any(|module| module.name() == name);
    for name in FIRST_MODULES.iter().chain(&NAMED_MODULES) {
        if !named(name) {
            let text = format!("entry {title:?} lacks a module: add `module /{name}`");
            problems.push(Problem { line: entry.line, text });
        }
    }
    // Where one is missing, all that follow are out of place.
    let present = FIRST_MODULES.iter().all(|name| named(name));
    for (position, name) in FIRST_MODULES.iter().enumerate().filter(|_| present) {
        if let Some(module) = entry.modules.get(position)
            && module.name() != *name
        {
            let text = format!("entry {title:?}: module {} must be /{name}, not /{}", position + 1, module.path);
            problems.push(Problem { line: module.line, text });
        }
    }
    // What moe hands to ned: scripts are named by their module's place in rom/.
    for module in entry.modules.iter().filter(|module| module.name() == "moe") {
        for script in module.arguments.split_whitespace().filter_map(|word| word.strip_prefix("rom/")) {
            if !named(script) {
                let text = format!(
                    "entry {title:?}: rom/{script} is named here, but no line loads it: add `module /{script}`"
                );
                problems.push(Problem { line: module.line, text });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "default 0\ntimeout 1\n\n# comment\ntitle Hello\nkernel  /bootstrap -serial\nmodaddr 0x2000000\nmodule  /kernel\nmodule /sigma0\n\
                        module /moe rom/hello.lua\nmodule /l4re\nmodule /ned\nmodule (cd)/hello.lua\nmodule /hello\n";

    fn problems(text: &str, on_cd: &[&str]) -> Vec<String> {
        check(&parse(text), |path| on_cd.contains(&path)).iter().map(Problem::to_string).collect()
    }

    const ALL: [&str; 8] = ["bootstrap", "kernel", "sigma0", "moe", "l4re", "ned", "hello.lua", "hello"];

    #[test]
    fn a_complete_entry_has_no_problem() {
        assert_eq!(problems(GOOD, &ALL), Vec::<String>::new());
        let menu = parse(GOOD);
        let entry = entry(&menu, "Hello").unwrap();
        assert_eq!(entry.kernel.as_ref().unwrap().command_line(), "bootstrap -serial");
        assert_eq!(entry.modules[2].command_line(), "moe rom/hello.lua");
        assert_eq!(entry.modules[5].path, "hello.lua");
    }

    #[test]
    fn entries_are_found_by_title_and_modules_by_name() {
        let menu = parse("title Hello\nmodule /x/ned.gz a\ntitle hello\n");
        assert_eq!(entry(&menu, "hello").unwrap().line, 3);
        assert_eq!(entry(&menu, "HELLO").unwrap().line, 1);
        assert!(entry(&menu, "hell").unwrap_err().to_string().contains("  Hello\n  hello"));
        assert_eq!(menu.entries[0].modules[0].name(), "ned");
    }

    #[test]
    fn each_missing_file_is_named_with_its_line() {
        let found = problems(GOOD, &["bootstrap", "kernel", "sigma0", "moe", "l4re", "ned"]);
        assert_eq!(found.len(), 2);
        assert!(found[0].starts_with("menu.lst:13:") && found[0].contains("/hello.lua"), "{found:?}");
        assert!(found[1].starts_with("menu.lst:14:") && found[1].contains("/hello is"), "{found:?}");
    }

    #[test]
    fn a_path_without_its_slash_is_named() {
        let found = problems(&GOOD.replace("module /ned", "module ned").replace("(cd)/", "(cd)"), &ALL);
        assert_eq!(found.len(), 2);
        assert!(
            found[0].starts_with("menu.lst:12:") && found[0].contains("a slash before the path: /ned"),
            "{found:?}"
        );
        assert!(found[1].starts_with("menu.lst:13:") && found[1].contains("/hello.lua"), "{found:?}");
    }

    #[test]
    fn each_missing_module_is_named() {
        for name in ["kernel", "sigma0", "moe", "l4re", "ned"] {
            let text: String = GOOD
                .lines()
                .filter(|l| !l.contains(&format!("/{name}")) || l.contains("lua"))
                .map(|l| format!("{l}\n"))
                .collect();
            let text = if name == "moe" { text.replace("module /moe rom/hello.lua\n", "") } else { text };
            let found = problems(&text, &ALL);
            assert!(
                found.iter().any(|p| p.starts_with("menu.lst:5:") && p.contains(&format!("`module /{name}`"))),
                "{name}: {found:?}"
            );
        }
    }

    #[test]
    fn wrong_order_is_named() {
        let found = problems(&GOOD.replace("module  /kernel\nmodule /sigma0", "module /sigma0\nmodule /kernel"), &ALL);
        assert!(found[0].starts_with("menu.lst:8:") && found[0].contains("must be /kernel"), "{found:?}");
    }

    #[test]
    fn words_that_grub_passes_over_are_named() {
        let found = problems(&GOOD.replace("module /ned", "modul /ned"), &ALL);
        assert!(found.iter().any(|p| p.starts_with("menu.lst:12: modul is no command")), "{found:?}");
        assert_eq!(problems(&GOOD.replace("timeout 1", "color white/blue\nfallback 1"), &ALL), Vec::<String>::new());
    }

    #[test]
    fn an_entry_whose_title_is_missing_is_named() {
        let second = GOOD.split_once("title Hello\n").unwrap().1;
        let found = problems(&format!("{GOOD}{second}"), &ALL);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].starts_with("menu.lst:15: a second kernel line in entry \"Hello\""), "{found:?}");
    }

    #[test]
    fn a_script_that_no_line_loads_is_named() {
        let found = problems(&GOOD.replace("rom/hello.lua", "rom/other.lua"), &ALL);
        assert_eq!(found.len(), 1);
        assert!(found[0].starts_with("menu.lst:10:") && found[0].contains("`module /other.lua`"), "{found:?}");
    }

    #[test]
    fn entries_without_kernel_line_and_bad_numbers_are_named() {
        let found = problems("default 3\ntimeout soon\ntitle Empty\n", &ALL);
        assert_eq!(found.len(), 3);
        assert!(
            found[0].contains("default 3") && found[1].contains("timeout") && found[2].contains("no kernel line"),
            "{found:?}"
        );
        assert!(problems("", &ALL)[0].contains("no entry"));
        assert!(problems("kernel /bootstrap\n", &ALL)[0].contains("before the first title"));
    }
}

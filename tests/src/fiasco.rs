//! `make fiasco`: the conformance suite on a Fiasco that the user has built, and the same binary on Furore's kernel. What differs
//! must be what the tables in `docs/fiasco.md` name, and the counts those that it gives.

use crate::cases::kernel::{self, GUEST_TIME};
use crate::machine::Machine;
use crate::runner::{self, Bench};
use crate::serial::Found;
use anyhow::{Context, Result, bail, ensure};
use furore_tools::host_tests::Count;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

/// What the suite may differ in.
const DOCS: &str = include_str!("../../docs/fiasco.md");
/// Beside the time of the guest: no hardware virtualisation, which Furore does not use, and memory for Fiasco.
const MACHINE: &str = "-cpu qemu64,-svm -m 512";
/// How long all of it may take, and a single test.
const LIMIT: Duration = Duration::from_secs(600);
const TEST_LIMIT: Duration = Duration::from_secs(60);
/// Fiasco's debugger waits for a key, and the one that goes on.
const DEBUGGER: (&str, &str) = ("jdb: ", "g");

/// The user's files: Fiasco, and L4Re's sigma0 and bootstrap.
pub struct Theirs<'a> {
    pub fiasco: &'a str,
    pub sigma0: &'a str,
    pub bootstrap: &'a str,
}

impl Theirs<'_> {
    /// That all of them are there.
    pub fn check(&self) -> Result<()> {
        for (name, file) in [("FIASCO", self.fiasco), ("SIGMA0", self.sigma0), ("BOOTSTRAP", self.bootstrap)] {
            ensure!(
                Path::new(file).is_file(),
                "{name}={file}: there is no such file (docs/fiasco.md says where L4Re's build has it)"
            );
        }
        Ok(())
    }
}

/// What the tables of a page name.
#[derive(Debug, Default, PartialEq, Eq)]
struct Named<'a> {
    /// Tests that fail on Fiasco.
    differ: BTreeSet<&'a str>,
    /// Tests that Fiasco does not get over.
    left_out: BTreeSet<&'a str>,
}

impl<'a> Named<'a> {
    /// Reads the first columns of the tables that begin with "fails on Fiasco" and with "left out".
    fn read(page: &'a str) -> Self {
        let mut named = Self::default();
        let mut table = None;
        for line in page.lines() {
            let Some(first) = line.strip_prefix("| ").and_then(|row| row.split(" | ").next()) else {
                // The line below a table's head begins without the blank.
                table = table.filter(|_| line.starts_with("|-"));
                continue;
            };
            match (first, &mut table) {
                ("fails on Fiasco", _) => table = Some(false),
                ("left out", _) => table = Some(true),
                (tests, Some(is_left_out)) => {
                    let list = if *is_left_out { &mut named.left_out } else { &mut named.differ };
                    list.extend(tests.split('`').skip(1).step_by(2));
                }
                _ => {}
            }
        }
        named
    }
}

/// The outcome of each test in a log: what is wrong, or nothing.
fn outcomes(log: &str) -> BTreeMap<&str, Option<&str>> {
    // What a test writes may stand before it.
    let lines = log.lines().filter_map(|line| line.split_once("suite: ")).map(|(_, line)| line);
    lines
        .filter_map(|line| match line.split_once(" FAIL: ") {
            Some((test, why)) => Some((test, Some(why))),
            None => line.strip_suffix(" ok").map(|test| (test, None)),
        })
        .collect()
}

/// Runs the suite on both; prints what is not as the page says.
pub fn run(bench: &Bench, theirs: &Theirs) -> Result<Count> {
    let named = Named::read(DOCS);
    let ours = kernel::suite();
    runner::run(bench, &ours)?;
    let (ours, fiasco) = (bench.log(&ours), on_fiasco(bench, theirs, &named)?);
    let (ours, fiasco) = (outcomes(&ours), outcomes(&fiasco));
    let (surprises, summary) = compare(&named, &ours, &fiasco);
    for surprise in &surprises {
        println!("FAIL  {surprise}");
    }
    println!("{summary}");
    let mut count = Count { passed: ours.len() - surprises.len().min(ours.len()), failed: surprises.len() };
    if !DOCS.contains(&summary) {
        println!("FAIL  docs/fiasco.md does not say this");
        count.failed += 1;
    }
    Ok(count)
}

/// What is not as the page says, and the sentence that it should have.
fn compare(
    named: &Named,
    ours: &BTreeMap<&str, Option<&str>>,
    fiasco: &BTreeMap<&str, Option<&str>>,
) -> (Vec<String>, String) {
    let mut surprises = Vec::new();
    for &test in ours.keys() {
        let surprise = match (fiasco.get(test), named.differ.contains(test), named.left_out.contains(test)) {
            (Some(Some(why)), false, _) => format!("fails on Fiasco: {why}"),
            (Some(None), true, _) => "has the same outcome on Fiasco; docs/fiasco.md says that it differs".to_owned(),
            (None, _, false) => "did not run on Fiasco".to_owned(),
            (Some(_), _, true) => "ran on Fiasco and should be left out".to_owned(),
            _ => continue,
        };
        surprises.push(format!("{test} {surprise}"));
    }
    let unknown = named.differ.union(&named.left_out).filter(|test| !ours.contains_key(**test));
    surprises.extend(unknown.map(|test| format!("{test} is in docs/fiasco.md, and no test")));
    let same = fiasco.values().filter(|outcome| outcome.is_none()).count();
    let (differ, left_out) = (fiasco.len() - same, named.left_out.len());
    let all = ours.len();
    (
        surprises,
        format!(
            "Of {all} tests {same} have the same outcome on both kernels, {differ} differ, and {left_out} are left out on Fiasco."
        ),
    )
}

/// The log of the suite on Fiasco.
fn on_fiasco(bench: &Bench, theirs: &Theirs, named: &Named) -> Result<String> {
    let folder = bench.workspace.target_dir.join("qemu-tests/fiasco");
    std::fs::create_dir_all(&folder)?;
    strip(theirs.fiasco, &folder.join("fiasco"))?;
    strip(theirs.sigma0, &folder.join("sigma0"))?;
    std::fs::copy(theirs.bootstrap, folder.join("bootstrap"))?;
    let suite = bench.products.test_programs.get("suite").context("there is no suite")?;
    std::fs::copy(suite, folder.join("suite"))?;
    let without: String = named.left_out.iter().map(|test| format!(" without={test}")).collect();
    let modules = format!("fiasco -serial_esc,sigma0,suite{without}");
    let arguments = ["-kernel", "bootstrap", "-append", "-serial", "-initrd", &modules].into_iter();
    let arguments = arguments.chain(GUEST_TIME.split(' ')).chain(MACHINE.split(' ')).map(str::to_owned);
    let mut machine = Machine::start("qemu-system-x86_64", "fiasco", &folder, &arguments.collect::<Vec<_>>())?;
    let outcome = suite_ends(&mut machine);
    std::fs::write(folder.join("serial.log"), machine.serial.text())?;
    if let Err(error) = outcome {
        bail!("{error:#}; the log ends with\n{}", machine.serial.tail(40));
    }
    Ok(machine.serial.text())
}

/// Waits for the suite's last line, and has the debugger go on.
fn suite_ends(machine: &mut Machine) -> Result<()> {
    let (start, mut told) = (Instant::now(), 0);
    let (mut length, mut since) = (0, start);
    loop {
        match machine.serial.wait_for(DEBUGGER.0, told, Duration::from_millis(100)) {
            Found::At(place) => {
                told = place;
                machine.type_text(DEBUGGER.1)?;
            }
            Found::Closed => bail!("QEMU ended"),
            Found::Late => {}
        }
        let text = machine.serial.text();
        if text.lines().any(|line| line.contains("suite: ") && line.contains(" tests, ") && line.ends_with(" failed")) {
            return Ok(());
        }
        if text.len() != length {
            (length, since) = (text.len(), Instant::now());
        }
        ensure!(since.elapsed() < TEST_LIMIT && start.elapsed() < LIMIT, "the suite does not end");
    }
}

/// Copies an ELF file without its debug information.
fn strip(from: &str, to: &Path) -> Result<()> {
    let status = Command::new("strip").args(["--strip-debug", "-o"]).arg(to).arg(from).status();
    ensure!(status.context("cannot start strip")?.success(), "strip does not take {from}");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_names_tests_that_there_are() {
        let suite = crate::opcodes::folder("programs/suite/src");
        let named = Named::read(DOCS);
        assert!(!named.differ.is_empty() && !named.left_out.is_empty());
        for test in named.differ.union(&named.left_out) {
            let (group, name) = test.split_once('.').unwrap_or_default();
            let is_there =
                suite.iter().any(|(_, text)| text.contains(&format!("group!(\"{group}\":")) && text.contains(name));
            assert!(is_there, "docs/fiasco.md names {test}, which the suite does not have");
        }
    }

    #[test]
    fn tables_are_read() {
        let page = "| what | other |\n|---|---|\n| `no.one` | |\n\n| fails on Fiasco | why |\n|---|---|\n\
                    | `a.b`, `a.c` | `d.e` |\n\n| left out | why |\n|---|---|\n| `a.d` | |\n\n| what |\n|---|\n| `f.g` | |\n";
        let named = Named::read(page);
        assert_eq!(named.differ, BTreeSet::from(["a.b", "a.c"]));
        assert_eq!(named.left_out, BTreeSet::from(["a.d"]));
    }

    #[test]
    fn each_surprise_is_told() {
        let named = Named { differ: BTreeSet::from(["b", "c", "x"]), left_out: BTreeSet::from(["d"]) };
        let log =
            "Hi suite: a FAIL: 1\nsuite: b FAIL: 2\n suite: c ok\nsuite: group g: 2 passed, 0 failed\nsuite: f ok\n";
        let ours = outcomes("suite: a ok\nsuite: b ok\nsuite: c ok\nsuite: d ok\nsuite: e ok\nsuite: f ok\n");
        let (surprises, summary) = compare(&named, &ours, &outcomes(log));
        let tests: Vec<&str> = surprises.iter().map(|surprise| &surprise[..1]).collect();
        assert_eq!(tests, ["a", "c", "e", "x"]);
        assert!(summary.starts_with("Of 6 tests 2 have") && summary.contains("2 differ, and 1 "), "{summary}");
    }
}

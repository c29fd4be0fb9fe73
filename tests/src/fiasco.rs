//! `make fiasco`: the conformance suite on a Fiasco that the user has built, in moe's place and started by L4Re's moe, and the
//! same binary on Furore's kernel. What differs must be what the tables in `docs/fiasco.md` name, and the counts those that it gives.

use crate::cases::kernel::{self, GUEST_TIME};
use crate::machine::Machine;
use crate::runner::{self, Bench};
use crate::serial::Found;
use anyhow::{Context, Result, bail, ensure};
use furore_tools::build::Products;
use furore_tools::host_tests::Count;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

/// What the suite may differ in.
const DOCS: &str = include_str!("../../docs/fiasco.md");
/// Beside the time of the guest: no hardware virtualisation, which Furore does not use, and memory for Fiasco.
const MACHINE: &str = "-cpu qemu64,-svm -m 512";
/// How long a run may take, and a single test.
const LIMIT: Duration = Duration::from_secs(600);
const TEST_LIMIT: Duration = Duration::from_secs(60);
/// Fiasco's debugger waits for a key, and the one that goes on.
const DEBUGGER: (&str, &str) = ("jdb: ", "g");

/// The user's files: Fiasco, and what L4Re's build has beside it.
pub struct Theirs<'a> {
    pub fiasco: &'a str,
    pub sigma0: &'a str,
    pub moe: &'a str,
    pub l4re: &'a str,
    pub bootstrap: &'a str,
}

impl Theirs<'_> {
    /// That all of them are there.
    pub fn check(&self) -> Result<()> {
        for (name, file) in [
            ("FIASCO", self.fiasco),
            ("SIGMA0", self.sigma0),
            ("MOE", self.moe),
            ("L4RE", self.l4re),
            ("BOOTSTRAP", self.bootstrap),
        ] {
            ensure!(
                Path::new(file).is_file(),
                "{name}={file}: there is no such file (docs/fiasco.md says where L4Re's build has it)"
            );
        }
        Ok(())
    }
}

/// A way to run the suite, with sigma0 from L4Re's build.
struct Way {
    /// As a row of the page has it.
    name: &'static str,
    /// On Fiasco and by L4Re's bootstrap, or on Furore's kernel and by Furore's.
    on_fiasco: bool,
    /// Whether L4Re's moe starts it, or it stands in moe's place.
    under_moe: bool,
}

const WAYS: [Way; 3] = [
    Way { name: "on Fiasco, in moe's place", on_fiasco: true, under_moe: false },
    Way { name: "on Fiasco, started by L4Re's moe", on_fiasco: true, under_moe: true },
    Way { name: "on Furore's kernel, started by L4Re's moe", on_fiasco: false, under_moe: true },
];

/// What the tables of the page name.
#[derive(Debug, Default, PartialEq, Eq)]
struct Named<'a> {
    /// Tests that fail on Fiasco.
    on_fiasco: BTreeSet<&'a str>,
    /// Tests that fail when L4Re's moe has started the suite, on whichever kernel.
    under_moe: BTreeSet<&'a str>,
    /// Tests that Fiasco does not get over.
    left_out: BTreeSet<&'a str>,
}

impl<'a> Named<'a> {
    /// Reads the first columns of the tables.
    fn read(page: &'a str) -> Self {
        let mut named = Self::default();
        let mut table: Option<&mut BTreeSet<&str>> = None;
        for line in page.lines() {
            let Some(first) = line.strip_prefix("| ").and_then(|row| row.split(" | ").next()) else {
                // The line below a table's head begins without the blank.
                table = table.filter(|_| line.starts_with("|-"));
                continue;
            };
            match (first, &mut table) {
                ("fails on Fiasco", _) => table = Some(&mut named.on_fiasco),
                ("fails under L4Re's moe", _) => table = Some(&mut named.under_moe),
                ("left out", _) => table = Some(&mut named.left_out),
                (tests, Some(list)) => list.extend(tests.split('`').skip(1).step_by(2)),
                _ => {}
            }
        }
        named
    }

    /// What must fail, and what must be left out, when the suite runs this way.
    fn for_way(&self, way: &Way) -> Expected<'a> {
        let mut expected = Expected::default();
        if way.on_fiasco {
            expected.differ.extend(&self.on_fiasco);
            expected.left_out.extend(&self.left_out);
        }
        if way.under_moe {
            expected.differ.extend(&self.under_moe);
        }
        expected
    }

    /// All of them.
    fn all(&self) -> impl Iterator<Item = &'a str> {
        [&self.on_fiasco, &self.under_moe, &self.left_out].into_iter().flatten().copied()
    }
}

/// What must differ from Furore in one run.
#[derive(Debug, Default)]
struct Expected<'a> {
    differ: BTreeSet<&'a str>,
    left_out: BTreeSet<&'a str>,
}

/// The outcome of each test in a log: what is wrong, or nothing.
type Outcomes<'a> = BTreeMap<&'a str, Option<&'a str>>;

/// Reads a log.
fn outcomes(log: &str) -> Outcomes<'_> {
    // What a test writes may stand before it.
    let lines = log.lines().filter_map(|line| line.split_once("suite: ")).map(|(_, line)| line);
    lines
        .filter_map(|line| match line.split_once(" FAIL: ") {
            Some((test, why)) => Some((test, Some(why))),
            None => line.strip_suffix(" ok").map(|test| (test, None)),
        })
        .collect()
}

/// Runs the suite on Furore, then in all other ways; prints what is not as the page says.
pub fn run(bench: &Bench, theirs: &Theirs) -> Result<Count> {
    let named = Named::read(DOCS);
    let ours = kernel::suite();
    runner::run(bench, &ours)?;
    let ours = bench.log(&ours);
    let ours = outcomes(&ours);
    let mut count = Count::default();
    for unknown in named.all().filter(|test| !ours.contains_key(test)) {
        println!("FAIL  {unknown} is in docs/fiasco.md, and no test");
        count.failed += 1;
    }
    for way in &WAYS {
        let expected = named.for_way(way);
        let log = log_of(bench, theirs, way, &expected.left_out).with_context(|| way.name)?;
        let (surprises, numbers) = compare(&expected, &ours, &outcomes(&log));
        for surprise in &surprises {
            println!("FAIL  {}: {surprise}", way.name);
        }
        let row = format!("| {} | {numbers} |", way.name);
        println!("{row}");
        count.passed += ours.len() - surprises.len();
        count.failed += surprises.len();
        if !DOCS.lines().any(|line| line == row) {
            println!("FAIL  docs/fiasco.md does not have this row");
            count.failed += 1;
        }
    }
    Ok(count)
}

/// What is not as expected, and the numbers that the page should have: same outcome, different, left out.
fn compare(expected: &Expected, ours: &Outcomes, theirs: &Outcomes) -> (Vec<String>, String) {
    let mut surprises = Vec::new();
    for &test in ours.keys() {
        let surprise = match (theirs.get(test), expected.differ.contains(test), expected.left_out.contains(test)) {
            (Some(Some(why)), false, _) => format!("fails: {why}"),
            (Some(None), true, _) => "has the same outcome; docs/fiasco.md says that it differs".to_owned(),
            (None, _, false) => "did not run".to_owned(),
            (Some(_), _, true) => "ran and should be left out".to_owned(),
            _ => continue,
        };
        surprises.push(format!("{test} {surprise}"));
    }
    let same = theirs.values().filter(|outcome| outcome.is_none()).count();
    (surprises, format!("{same} | {} | {}", theirs.len() - same, expected.left_out.len()))
}

/// Runs the suite this way, without the tests that are left out; returns the log.
fn log_of(bench: &Bench, theirs: &Theirs, way: &Way, left_out: &BTreeSet<&str>) -> Result<String> {
    let name = way.name.replace(|c: char| !c.is_ascii_alphanumeric(), "-");
    let folder = bench.workspace.target_dir.join("qemu-tests").join(&name);
    std::fs::create_dir_all(&folder)?;
    let product = |name: &str| -> Result<()> {
        let Products { system, test_programs } = &bench.products;
        let file = system.get(name).or_else(|| test_programs.get(name));
        std::fs::copy(file.with_context(|| format!("there is no {name}"))?, folder.join(name))?;
        Ok(())
    };
    product("suite")?;
    strip(theirs.sigma0, &folder.join("sigma0"))?;
    let kernel = if way.on_fiasco {
        std::fs::copy(theirs.bootstrap, folder.join("bootstrap"))?;
        strip(theirs.fiasco, &folder.join("fiasco"))?;
        "fiasco -serial_esc"
    } else {
        product("bootstrap")?;
        product("kernel")?;
        "kernel"
    };
    let without: String = left_out.iter().map(|test| format!(" without={test}")).collect();
    let modules = if way.under_moe {
        strip(theirs.moe, &folder.join("moe"))?;
        strip(theirs.l4re, &folder.join("l4re"))?;
        format!("{kernel},sigma0,moe --init=rom/suite{without},l4re,suite")
    } else {
        format!("{kernel},sigma0,suite{without}")
    };
    let arguments = ["-kernel", "bootstrap", "-append", "-serial", "-initrd", &modules].into_iter();
    let arguments = arguments.chain(GUEST_TIME.split(' ')).chain(MACHINE.split(' ')).map(str::to_owned);
    let mut machine = Machine::start("qemu-system-x86_64", &name, &folder, &arguments.collect::<Vec<_>>())?;
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
        let found = machine.serial.wait_for(DEBUGGER.0, told, Duration::from_millis(100));
        if let Found::At(place) = found {
            told = place;
            machine.type_text(DEBUGGER.1)?;
        }
        let text = machine.serial.text();
        if text.lines().any(|line| line.contains("suite: ") && line.contains(" tests, ") && line.ends_with(" failed")) {
            return Ok(());
        }
        ensure!(!matches!(found, Found::Closed), "QEMU ended");
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
        assert!(!named.on_fiasco.is_empty() && !named.under_moe.is_empty() && !named.left_out.is_empty());
        for test in named.all() {
            let (group, name) = test.split_once('.').unwrap_or_default();
            let is_there =
                suite.iter().any(|(_, text)| text.contains(&format!("group!(\"{group}\":")) && text.contains(name));
            assert!(is_there, "docs/fiasco.md names {test}, which the suite does not have");
        }
    }

    #[test]
    fn the_page_has_numbers_for_each_way() {
        for way in &WAYS {
            let row = DOCS.lines().find_map(|line| line.strip_prefix(&format!("| {} | ", way.name)));
            let row = row.and_then(|row| row.strip_suffix(" |")).unwrap_or_default();
            let numbers: Vec<usize> = row.split(" | ").filter_map(|number| number.parse().ok()).collect();
            let expected = Named::read(DOCS).for_way(way);
            assert_eq!(numbers.get(1..), Some(&[expected.differ.len(), expected.left_out.len()][..]), "{}", way.name);
        }
    }

    #[test]
    fn tables_are_read() {
        let page = "| what | other |\n|---|---|\n| `no.one` | |\n\n| fails on Fiasco | why |\n|---|---|\n\
                    | `a.b`, `a.c` | `d.e` |\n\n| left out | why |\n|---|---|\n| `a.d` | |\n\n\
                    | fails under L4Re's moe | why |\n|---|---|\n| `a.e` | |\n\n| what |\n|---|\n| `f.g` | |\n";
        let named = Named::read(page);
        assert_eq!(named.on_fiasco, BTreeSet::from(["a.b", "a.c"]));
        assert_eq!(named.under_moe, BTreeSet::from(["a.e"]));
        assert_eq!(named.left_out, BTreeSet::from(["a.d"]));
        let counts = WAYS.map(|way| {
            let Expected { differ, left_out } = named.for_way(&way);
            (differ.len(), left_out.len())
        });
        assert_eq!(counts, [(2, 1), (3, 1), (1, 0)]);
    }

    #[test]
    fn each_surprise_is_told() {
        let expected = Expected { differ: BTreeSet::from(["b", "c"]), left_out: BTreeSet::from(["d"]) };
        let log =
            "Hi suite: a FAIL: 1\nsuite: b FAIL: 2\n suite: c ok\nsuite: group g: 2 passed, 0 failed\nsuite: f ok\n";
        let ours = outcomes("suite: a ok\nsuite: b ok\nsuite: c ok\nsuite: d ok\nsuite: e ok\nsuite: f ok\n");
        let (surprises, numbers) = compare(&expected, &ours, &outcomes(log));
        let tests: Vec<&str> = surprises.iter().map(|surprise| &surprise[..1]).collect();
        assert_eq!((&tests[..], &numbers[..]), (&["a", "c", "e"][..], "2 | 2 | 1"));
        let (surprises, _) = compare(&expected, &ours, &outcomes(&log.replace("c ok", "d ok")));
        assert!(surprises.iter().any(|surprise| surprise == "d ran and should be left out"), "{surprises:?}");
    }
}

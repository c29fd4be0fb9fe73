//! Every opcode of the kernel interface has a test: its name occurs in the conformance suite. And every test
//! of the suite is named in docs/kernel-interface.md.

use std::path::Path;

/// Name and text of each Rust file of a folder.
pub fn folder(path: &str) -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    let files = std::fs::read_dir(folder).expect("the folder is there").flatten();
    let rust = files.filter(|file| file.path().extension().is_some_and(|extension| extension == "rs"));
    rust.map(|file| {
        let name = file.path().file_stem().unwrap_or_default().to_string_lossy().into_owned();
        (name, std::fs::read_to_string(file.path()).expect("a source file is text"))
    })
    .collect()
}

/// The names of the constants of a file that are opcodes.
fn opcodes(text: &str) -> impl Iterator<Item = &str> {
    let names =
        text.lines().filter_map(|line| line.strip_prefix("pub const ")?.split_once(": u64").map(|(name, _)| name));
    names.filter(|name| name.starts_with("OP_") || name.starts_with("SENDER_OP_"))
}

#[test]
fn every_opcode_has_a_test() {
    let suite = folder("programs/suite/src");
    let is_used = |object: &str, opcode: &str| {
        suite.iter().any(|(_, text)| {
            text.contains(&format!("{object}::{opcode}"))
                || text.contains(&format!("{object}::*")) && text.contains(opcode)
        })
    };
    let interface = folder("../abi/src");
    let all = interface.iter().flat_map(|(object, text)| opcodes(text).map(move |opcode| (object, opcode)));
    let missing: Vec<_> = all.filter(|(object, opcode)| !is_used(object, opcode)).collect();
    assert!(missing.is_empty(), "no test in tests/programs/suite uses {missing:?}");
}

#[test]
fn every_test_is_in_the_docs() {
    let docs = include_str!("../../docs/kernel-interface.md");
    for (_, text) in folder("programs/suite/src") {
        let Some((_, list)) = text.split_once("group!(\"") else { continue };
        let (list, _) = list.split_once(");").expect("the list of a group's tests ends");
        let Some((_, names)) = list.split_once(':') else { continue };
        // Where a macro makes tests of rows, each row begins with its test's name.
        let rows = text.lines().filter_map(|line| Some(line.strip_prefix("    ")?.split_once(" = ")?.0));
        let rows = rows.filter(|_| names.contains("$("));
        let is_name = |name: &&str| name.starts_with(|first: char| first.is_ascii_lowercase()) && !name.contains(' ');
        for name in names.split(',').map(str::trim).chain(rows).filter(is_name) {
            assert!(docs.contains(&format!("`{name}`")), "docs/kernel-interface.md does not name the test {name}");
        }
    }
}

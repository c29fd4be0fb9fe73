//! Single images: what is written is read back, and damage is refused.

use crate::{
    Failure,
    contents::{add, write},
    information::{Information, Protocol},
};
use proptest::prelude::*;

const START: u64 = 0x18_0000;

fn contents(own_line: &str, modules: &[(&str, &[u8])]) -> Vec<u8> {
    let mut bytes = Vec::new();
    write(own_line, modules.iter().copied(), |piece| bytes.extend_from_slice(piece));
    bytes
}

fn loaded(line: &str) -> Information {
    let mut information = Information::new(Protocol::Multiboot1);
    information.command_line = information.keep(line.as_bytes()).unwrap();
    information.add_module(0x100_0000, 0x100_0010, b"/from-the-loader").unwrap();
    information
}

const MODULES: [(&str, &[u8]); 3] = [("kernel -x", b"the kernel"), ("empty", b""), ("moe.gz rom/a.lua", b"root task")];

#[test]
fn modules_and_line_come_back() {
    let bytes = contents("bootstrap -serial", &MODULES);
    let mut information = loaded("/hello.elf");
    add(&mut information, START, &bytes).unwrap();
    let lines: Vec<_> = (0..4).map(|index| information.line(index)).collect();
    assert_eq!(lines, ["kernel -x", "empty", "moe rom/a.lua", "/from-the-loader"]);
    for (index, (_, data)) in MODULES.iter().enumerate() {
        let module = information.modules[index];
        let at = (module.start - START) as usize;
        assert_eq!(&bytes[at..at + module.size as usize], *data);
    }
    assert_eq!(information.text(information.command_line), "bootstrap -serial");
}

#[test]
fn the_loaders_options_come_before_the_images() {
    for (line, kept) in [("/hello.elf -wait", "/hello.elf -wait"), ("-wait", "-wait"), ("", "bootstrap -serial")] {
        let mut information = loaded(line);
        add(&mut information, START, &contents("bootstrap -serial", &[])).unwrap();
        assert_eq!(information.text(information.command_line), kept);
    }
}

#[test]
fn bootstrap_alone_has_none() {
    let mut information = loaded("/bootstrap");
    add(&mut information, 0, &[]).unwrap();
    assert_eq!((information.modules.len(), information.text(information.command_line)), (1, "/bootstrap"));
}

#[test]
fn every_cut_is_noticed_or_ends_between_records() {
    let bytes = contents("b", &MODULES);
    for end in 0..bytes.len() {
        let whole = (0..=MODULES.len()).any(|count| contents("b", &MODULES[..count]).len() == end);
        let result = add(&mut loaded(""), START, &bytes[..end]);
        assert_eq!(result, if whole || end == 0 { Ok(()) } else { Err(Failure::Contents) }, "{end}");
    }
}

proptest! {
    #[test]
    fn any_bytes_are_no_danger(bytes in prop::collection::vec(prop_oneof![3 => 0u8..6, 1 => any::<u8>()], 0..400)) {
        let mut information = loaded("");
        if add(&mut information, START, &bytes).is_ok() {
            let end = START + bytes.len() as u64;
            let within = |m: &crate::information::Module| START <= m.start && m.start + m.size <= end;
            let count = information.modules.len() - 1;
            prop_assert!(information.modules[..count].iter().all(within));
        }
    }
}

//! What bootstrap says about menus and options.

use crate::{
    Failure,
    information::{Information, Protocol},
    modules::{Image, check, nameless, unusual_names},
    options::Options,
};

fn menu(lines: &[&str]) -> Information {
    let mut information = Information::new(Protocol::Multiboot1);
    for line in lines {
        information.add_module(0, 0x100, line.as_bytes()).unwrap();
    }
    information
}

const WHOLE: [&str; 5] = ["/kernel", "/sigma0", "/moe rom/hello.lua", "/l4re", "/ned"];

#[test]
fn whole_menu_is_accepted() {
    assert_eq!(check(&menu(&WHOLE)), Ok(()));
}

#[test]
fn each_missing_module_is_named_with_its_line() {
    for (index, name) in ["kernel", "sigma0", "moe", "l4re", "ned"].into_iter().enumerate() {
        let lines: Vec<_> = WHOLE.iter().enumerate().filter(|(i, _)| *i != index).map(|(_, line)| *line).collect();
        let information = menu(&lines);
        let text = check(&information).unwrap_err().to_string();
        assert!(text.contains(&format!("the module {name}")), "{text}");
        assert!(text.contains(&format!("\"module /{name}\"")), "{text}");
    }
}

#[test]
fn empty_menu_names_the_kernel() {
    let expected = Failure::WrongModule { expected: "kernel", position: 1, found: None };
    assert_eq!(check(&menu(&[])), Err(expected));
}

#[test]
fn another_kernel_by_position() {
    let information = menu(&["/my-kernel", "/sigma0", "/moe", "/l4re", "/ned"]);
    assert_eq!(check(&information), Ok(()));
    assert_eq!(unusual_names(&information).collect::<Vec<_>>(), [(Image::Kernel, "my-kernel")]);
}

#[test]
fn another_first_program() {
    let lines = ["/kernel", "/sigma0", "/moe --init=rom/mine rom/x", "/l4re", "/mine"];
    assert_eq!(check(&menu(&lines)), Ok(()));
    let information = menu(&lines[..4]);
    let text = check(&information).unwrap_err().to_string();
    assert!(text.contains("\"module /mine\""), "{text}");
}

#[test]
fn nameless_modules_are_found() {
    assert_eq!(nameless(&menu(&["/kernel", "", "/moe"])).collect::<Vec<_>>(), [2]);
}

#[test]
fn options_are_read_and_unknown_ones_named() {
    let read = |line: &'static str| {
        let mut complaints = Vec::new();
        let mut information = menu(&[]);
        information.command_line = information.keep(line.as_bytes()).unwrap();
        let options = Options::parse(information.options(), |word, _| complaints.push(word.to_owned()));
        (options, complaints)
    };
    assert_eq!(read("/bootstrap"), (Options::default(), Vec::<String>::new()));
    assert_eq!(read(""), (Options::default(), Vec::<String>::new()));
    assert!(read("/bootstrap  -serial ").0.serial);
    assert!(read("-serial").0.serial, "Multiboot 2 leaves the name out");
    assert_eq!(read("/bootstrap -maxmem=64").0.memory_limit, Some(64 << 20));
    let (options, complaints) = read("b -serail x -maxmem= -serial -maxmem=99999999999999999999 -serial=1");
    assert!(options.serial);
    assert_eq!(complaints, ["-serail", "x", "-maxmem=", "-maxmem=99999999999999999999", "-serial=1"]);
}

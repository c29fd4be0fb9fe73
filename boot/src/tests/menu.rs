//! What bootstrap says about menus and options.

use crate::{
    Failure,
    information::{Information, Protocol},
    modules::{Image, check, nameless, shadowed, unusual_names},
    options::Options,
};
use proptest::prelude::*;

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
fn modules_of_the_same_name_are_found() {
    let lines = ["/kernel", "/sigma0", "/moe", "/l4re", "/ned", "/hello one", "", "", "/other/hello.gz two"];
    assert_eq!(shadowed(&menu(&lines)).collect::<Vec<_>>(), [(6, 9)]);
    assert_eq!(shadowed(&menu(&["/kernel", "/sigma0", "/moe", "/kernel"])).count(), 0);
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
    let (options, complaints) = read("b -serail x -maxmem= -serial -maxmem=99999999999999999999 -serial=1 -Wait -mem");
    assert!(options.serial && !options.wait);
    let unknown = ["-serail", "x", "-maxmem=", "-maxmem=99999999999999999999", "-serial=1", "-Wait", "-mem"];
    assert_eq!(complaints, unknown);
}

#[test]
fn the_book_explains_each_option() {
    let book = include_str!("../../../docs/boot.md");
    let (_, table) = book.split_once("\nBootstrap's stand").unwrap();
    let (table, _) = table.split_once("\nThe kernel's stand").unwrap();
    let explained = table.lines().filter_map(|line| line.strip_prefix("| `")?.split(['=', '`']).next());
    let mut advice = "";
    Options::parse(["-unknown"].into_iter(), |_, text| advice = text);
    let known = advice.split([' ', ',', '=']).filter(|word| word.starts_with('-'));
    assert_eq!(explained.collect::<Vec<_>>(), known.collect::<Vec<_>>());
}

#[test]
fn options_with_values() {
    let read = |words: &str| {
        let mut complaints = 0;
        let options = Options::parse(words.split(' '), |_, advice| complaints += usize::from(advice.contains("wants")));
        (options, complaints)
    };
    let (options, complaints) = read(
        "-noserial -wait -comport=3 -comirq=5 -mem=64M@0x100000 -mem=512k@0 -presetmem=0xA5 -modaddr=0x2000000 -comport=0x2f8",
    );
    assert_eq!(complaints, 0);
    assert!(options.no_serial && options.wait);
    assert_eq!((options.serial_port, options.serial_interrupt), (0x2f8, Some(5)));
    assert_eq!(options.memory[..], [0x10_0000..0x410_0000, 0..0x8_0000]);
    assert_eq!((options.fill, options.module_address), (Some(0xa5), Some(0x200_0000)));
    let wrong = [
        "-comport=x",
        "-comport=65536",
        "-comport=0",
        "-comport=5",
        "-comport=0xff",
        "-comirq=256",
        "-comirq=-1",
        "-mem=64M",
        "-mem=0@0",
        "-mem=@0",
        "-mem=1@",
        "-mem=1M@1MM",
        "-mem=99999999999G@1",
        "-mem=4G@0xffffffffffffffff",
        "-presetmem=256",
        "-presetmem=",
        "-modaddr=0x",
        "-modaddr=+1",
        "-maxmem=0",
        "-maxmem=0x+1",
    ];
    for word in wrong {
        let (options, complaints) = read(word);
        assert_eq!((options, complaints), (Options::default(), 1), "{word}");
    }
    assert_eq!(read("-comport=1").0.serial_port, 0x3f8);
    let many = "-mem=1@0 ".repeat(17);
    let mut complaints = Vec::new();
    Options::parse(many.split_whitespace(), |_, advice| complaints.push(advice));
    assert_eq!(complaints, ["more than 16 pieces of memory"]);
}

#[test]
fn the_kernel_is_told_about_the_serial_line() {
    let told = |words: &str| Options::parse(words.split(' '), |_, _| {}).for_kernel().to_string();
    assert_eq!(told(""), "");
    assert_eq!(told("-serial"), " -serial");
    assert_eq!(told("-serial -noserial"), " -noserial");
    assert_eq!(told("-serial -comport=65535 -comirq=255"), " -serial -comport=0xffff -comirq=255");
}

proptest! {
    #[test]
    fn no_command_line_panics(words in prop::collection::vec("-?(mem|maxmem|comport|comirq|presetmem|modaddr|\\PC{0,6})(=[0-9xXkKmMgG@+-]{0,24})?", 0..30)) {
        let options = Options::parse(words.iter().map(String::as_str), |_, _| {});
        prop_assert!(options.memory.iter().all(|piece| piece.start < piece.end));
        let _ = options.for_kernel();
    }
}

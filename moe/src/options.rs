//! moe's command line: options for moe first, then all that its first program gets.

use abi::l4re::aux_vector::ldr_flags;

/// Program that is started unless `--init=` names another.
const DEFAULT_INIT: &str = "rom/ned";

/// What the command line says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Options<'a> {
    /// `--init=PROG`: the first program.
    pub init: &'a str,
    /// `--ldr-flags=…`: flags for its loader.
    pub loader_flags: u64,
    /// `--l4re-dbg=…`: debug levels of its l4re.
    pub debug_level: u64,
    /// Arguments of the first program, as they stand.
    pub arguments: &'a str,
}

/// Names of the flags of `--ldr-flags=`.
const LOADER_FLAGS: [(&str, u64); 4] = [
    ("pre_alloc", ldr_flags::EAGER_MAP),
    ("eager_map", ldr_flags::EAGER_MAP),
    ("all_segs_cow", ldr_flags::ALL_SEGS_COW),
    ("pinned_segs", ldr_flags::PINNED_SEGS),
];

/// Names of the levels of `--l4re-dbg=`.
const DEBUG_LEVELS: [(&str, u64); 12] = [
    ("info", 0x1),
    ("nfo", 0x1),
    ("warn", 0x2),
    ("boot", 0x4),
    ("server", 0x10),
    ("svr", 0x10),
    ("exceptions", 0x20),
    ("exc", 0x20),
    ("loader", 0x80),
    ("ldr", 0x80),
    ("ns", 0x400),
    ("all", u64::MAX),
];

/// Warnings only.
const DEFAULT_DEBUG_LEVEL: u64 = 0x2;

impl<'a> Options<'a> {
    /// Reads the command line, whose first word is moe's own name. What is not understood goes to
    /// `complain` and is ignored.
    pub fn parse(command_line: &'a str, mut complain: impl FnMut(&str)) -> Options<'a> {
        let mut options =
            Options { init: DEFAULT_INIT, loader_flags: 0, debug_level: DEFAULT_DEBUG_LEVEL, arguments: "" };
        let mut words = Words(command_line);
        words.next();
        loop {
            let rest = words.0.trim_start();
            let Some(word) = words.next() else { return options };
            if word == "--" {
                options.arguments = words.0.trim_start();
                return options;
            }
            if !word.starts_with('-') {
                options.arguments = rest;
                return options;
            }
            if let Some(program) = word.strip_prefix("--init=") {
                options.init = program;
            } else if let Some(flags) = word.strip_prefix("--ldr-flags=") {
                options.loader_flags = bits(flags, &LOADER_FLAGS, &mut complain);
            } else if let Some(levels) = word.strip_prefix("--l4re-dbg=") {
                options.debug_level = bits(levels, &DEBUG_LEVELS, &mut complain);
            } else {
                complain(word);
            }
        }
    }
}

fn bits(list: &str, known: &[(&str, u64)], complain: &mut impl FnMut(&str)) -> u64 {
    list.split([',', '|', '+']).filter(|word| !word.is_empty()).fold(0, |bits, word| {
        match known.iter().find(|(name, _)| *name == word) {
            Some((_, bit)) => bits | bit,
            None => {
                complain(word);
                bits
            }
        }
    })
}

/// The words of a command line, separated by blanks; a word in quotes may contain blanks.
#[derive(Clone)]
pub struct Words<'a>(pub &'a str);

impl<'a> Iterator for Words<'a> {
    type Item = &'a str;

    /// The next word; none at the end, or where a closing quote is missing.
    fn next(&mut self) -> Option<&'a str> {
        let text = self.0.trim_start();
        let quote = text.chars().next().filter(|&first| first == '"' || first == '\'');
        let (word, rest) = match quote {
            Some(quote) => text[1..].split_once(quote)?,
            None => text.split_once(char::is_whitespace).unwrap_or((text, "")),
        };
        self.0 = rest;
        (quote.is_some() || !word.is_empty()).then_some(word)
    }
}

/// Name of a boot module from its command line: the last component of the path, without arguments.
pub fn module_name(command_line: &str) -> &str {
    let path = command_line.split_once(' ').map_or(command_line, |(path, _)| path);
    path.rsplit_once('/').map_or(path, |(_, name)| name)
}

/// Whether the arguments of a boot module ask for it to be writable.
pub fn module_is_writable(command_line: &str) -> bool {
    Words(command_line).skip(1).any(|word| word == ":rw")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> (Options<'_>, std::vec::Vec<std::string::String>) {
        let mut complaints = std::vec::Vec::new();
        let options = Options::parse(line, |word| complaints.push(word.into()));
        (options, complaints)
    }

    #[test]
    fn arguments_begin_at_the_first_that_is_no_option() {
        let (options, complaints) = parse("/moe rom/hello.lua -x  'a b'");
        assert_eq!((options.init, options.arguments), ("rom/ned", "rom/hello.lua -x  'a b'"));
        assert!(complaints.is_empty());
        let (options, _) = parse("moe --init=rom/x -- -e 'print(1)'");
        assert_eq!((options.init, options.arguments), ("rom/x", "-e 'print(1)'"));
        assert_eq!(parse("moe").0.arguments, "");
        assert_eq!(parse("").0.init, "rom/ned");
    }

    #[test]
    fn flags_are_lists_and_unknown_ones_are_named() {
        let (options, complaints) = parse("moe --ldr-flags=eager_map|what,all_segs_cow --l4re-dbg=ldr --frob -q");
        assert_eq!((options.loader_flags, options.debug_level), (3, 0x80));
        assert_eq!(complaints, ["what", "--frob", "-q"]);
    }

    #[test]
    fn words_may_be_quoted() {
        let words: std::vec::Vec<_> = Words(" a \"b c\"d '' e'f").collect();
        assert_eq!(words, ["a", "b c", "d", "", "e'f"]);
        assert_eq!(Words("a 'b").collect::<std::vec::Vec<_>>(), ["a"]);
    }

    #[test]
    fn modules_are_named_by_their_file() {
        assert_eq!(module_name("/boot/hello.lua some args/x"), "hello.lua");
        assert_eq!(module_name("ned"), "ned");
        assert!(module_is_writable("/data :rw") && !module_is_writable("/data rw"));
        assert!(!module_is_writable(":rw"));
    }
}

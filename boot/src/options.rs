//! Bootstrap's own options: the words behind its name on the menu's `kernel` line.

/// The options, as given or by default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// `-serial`: the output also goes to the first serial line, and the kernel is told so.
    pub serial: bool,
    /// `-maxmem=MiB`: RAM from this address on is left alone; in bytes.
    pub memory_limit: Option<u64>,
}

impl Options {
    /// Reads the words of the command line and calls `complain` with each that means nothing, and what it should have been; the
    /// boot goes on.
    pub fn parse<'a>(words: impl Iterator<Item = &'a str>, mut complain: impl FnMut(&'a str, &'static str)) -> Self {
        let mut options = Self::default();
        for word in words {
            match word.split_once('=') {
                None if word == "-serial" => options.serial = true,
                Some(("-maxmem", mebibytes)) => match mebibytes.parse::<u64>() {
                    Ok(size) if size > 0 && size < 1 << 40 => options.memory_limit = Some(size << 20),
                    _ => complain(word, "-maxmem= wants a number of MiB"),
                },
                _ => complain(word, "unknown; there are -serial and -maxmem=MiB"),
            }
        }
        options
    }
}

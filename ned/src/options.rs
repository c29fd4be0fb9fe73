//! ned's command line: `[--exit | --wait-and-exit | --prompt] [-e STATEMENT]… [script.lua [arguments…]]`.
//! Pure, tested on the host.

use alloc::{format, string::String, vec::Vec};

/// What ned does after the script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Afterwards {
    /// Serves its programs, for ever.
    Stay,
    /// Ends, whether programs run or not.
    Exit,
    /// Ends when the last program it started has.
    WaitAndExit,
    /// Takes more Lua from the console, then serves its programs.
    Prompt,
}

/// The command line, taken apart.
#[derive(Debug, PartialEq, Eq)]
pub struct Options<'a> {
    /// What to do after the script.
    pub afterwards: Afterwards,
    /// Lua statements to execute before the script.
    pub statements: Vec<&'a str>,
    /// The script and its arguments; empty without a script.
    pub script: Vec<&'a str>,
}

/// How to call ned.
pub const USAGE: &str = "[--exit | --wait-and-exit | --prompt] [-e STATEMENT] script.lua arguments...";

impl<'a> Options<'a> {
    /// Takes apart the arguments behind the program's name.
    ///
    /// # Errors
    /// An option that ned does not know, or one without its value, in words.
    pub fn parse(arguments: impl Iterator<Item = &'a str>) -> Result<Options<'a>, String> {
        let mut options = Options { afterwards: Afterwards::Stay, statements: Vec::new(), script: Vec::new() };
        let mut arguments = arguments.peekable();
        while let Some(option) = arguments.next_if(|argument| argument.starts_with('-')) {
            match option {
                "--" => break,
                "--exit" => options.afterwards = Afterwards::Exit,
                "--wait-and-exit" => options.afterwards = Afterwards::WaitAndExit,
                "--prompt" | "-i" => options.afterwards = Afterwards::Prompt,
                "-e" | "--execute" => {
                    let statement = arguments.next().ok_or_else(|| format!("{option} wants a Lua statement"))?;
                    options.statements.push(statement);
                }
                _ => match option.strip_prefix("--execute=").or(option.strip_prefix("-e")) {
                    Some(statement) => options.statements.push(statement),
                    None => return Err(format!("ned has no option '{option}'")),
                },
            }
        }
        options.script = arguments.collect();
        Ok(options)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Options<'_>, String> {
        Options::parse(line.split_whitespace())
    }

    #[test]
    fn a_script_and_its_arguments() {
        let options = parse("rom/x.lua -e --exit").unwrap();
        assert_eq!(options.script, ["rom/x.lua", "-e", "--exit"]);
        assert_eq!((options.afterwards, options.statements.len()), (Afterwards::Stay, 0));
    }

    #[test]
    fn options_come_first() {
        let options = parse("--wait-and-exit -e x=1 -ey=2 --execute=z=3 rom/x.lua").unwrap();
        assert_eq!(options.statements, ["x=1", "y=2", "z=3"]);
        assert_eq!((options.afterwards, options.script), (Afterwards::WaitAndExit, Vec::from(["rom/x.lua"])));
        assert_eq!(parse("--exit").unwrap().afterwards, Afterwards::Exit);
        assert_eq!(parse("--prompt").unwrap().afterwards, Afterwards::Prompt);
        assert_eq!(parse("-- -x.lua").unwrap().script, ["-x.lua"]);
    }

    #[test]
    fn mistakes_are_named() {
        assert_eq!(parse("--quit rom/x.lua").unwrap_err(), "ned has no option '--quit'");
        assert_eq!(parse("-e").unwrap_err(), "-e wants a Lua statement");
        assert!(parse("").unwrap().script.is_empty());
    }
}

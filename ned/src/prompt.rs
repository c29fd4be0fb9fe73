//! The prompt: Lua from the console, line by line. Neighbours: [`terminal`], from which bytes come by way of
//! [`Children`]; the pure `keys` and `line_editor`; `prompt.lua`, which completes names and shows values.

use crate::{
    children::Children,
    console,
    terminal::{self, Terminal},
};
use alloc::{format, string::String, vec::Vec};
use lua::{Error, Function, Lua, Value};
use ned::keys::Keys;
use ned::line_editor::{Candidates, LineEditor, Step};
use syscall::{io, println};

const FIRST: &str = "ned> ";
/// Where a statement goes on.
const MORE: &str = "...> ";
/// Whose line messages name.
const CHUNK: &str = "@prompt";

/// Talks to whoever sits at the console until they end it. Programs' ends are noticed meanwhile.
pub fn run(lua: Lua, children: &Children) {
    let prompt = match Prompt::new(lua) {
        Ok(prompt) => prompt,
        Err(error) => return console::report(&error),
    };
    lua.interrupt_when(terminal::interrupted);
    let terminal = match terminal::open(children.sender()) {
        Ok(terminal) => terminal,
        Err(error) => return println!("ned: there is no prompt, as the console cannot be read: {error}"),
    };
    println!("ned: the prompt takes Lua; help() lists what is useful here");
    prompt.talk(children, &terminal);
    drop(terminal);
    children.forget_typed();
    println!("ned: the prompt has ended; programs go on");
}

struct Prompt {
    lua: Lua,
    complete: Function,
    describe: Function,
    is_over: Function,
}

/// What became of a piece of text.
enum Outcome {
    /// It ran.
    Done,
    /// It is the beginning of a statement.
    Unfinished,
}

impl Prompt {
    fn new(lua: Lua) -> Result<Prompt, Error> {
        let package = lua.load(b"return require('L4')", "=prompt")?.call(&[])?;
        let read = lua.create_function(|_, arguments| {
            let file = console::EMBEDDER.read_file;
            Ok(file(arguments.string(0)?).ok().map(|content| String::from_utf8_lossy(&content).into_owned()))
        });
        let package = package.first().cloned().unwrap_or_default();
        let tools = lua.load_compiled(ned::PROMPT)?.call(&[package, read.into()])?;
        match tools.as_slice() {
            [Value::Function(complete), Value::Function(describe), Value::Function(is_over)] => {
                Ok(Prompt { lua, complete: complete.clone(), describe: describe.clone(), is_over: is_over.clone() })
            }
            _ => Err(Error::new("prompt.lua does not return its functions")),
        }
    }

    fn talk(&self, children: &Children, terminal: &Terminal) {
        let mut out = |text: &str| terminal.write(text);
        let (mut keys, mut editor, mut statement) = (Keys::default(), LineEditor::new(), String::new());
        editor.begin(FIRST, &mut out);
        loop {
            let Some(byte) = children.typed() else {
                children.wait_for_any();
                children.call_exit_handlers(console::report);
                continue;
            };
            let Some(key) = keys.take(byte) else { continue };
            match editor.press(key, |before| self.candidates(before), &mut out) {
                Step::Editing => continue,
                Step::End => return,
                Step::Interrupted => statement.clear(),
                Step::Line(line) => {
                    statement.push_str(&line);
                    terminal::begin();
                    match self.execute(&statement) {
                        Ok(Outcome::Unfinished) => statement.push('\n'),
                        Ok(Outcome::Done) => statement.clear(),
                        Err(error) => {
                            console::report(&error);
                            statement.clear();
                        }
                    }
                    io::flush();
                    children.poll();
                    if terminal::interrupted() {
                        children.forget_typed();
                    }
                    terminal::begin();
                    if self.is_over() {
                        return;
                    }
                    children.call_exit_handlers(console::report);
                }
            }
            editor.begin(if statement.is_empty() { FIRST } else { MORE }, &mut out);
        }
    }

    /// Runs a statement, or shows the values of an expression.
    fn execute(&self, text: &str) -> Result<Outcome, Error> {
        let values = match self.lua.load(format!("return {text}").as_bytes(), CHUNK) {
            Ok(expression) => expression.call(&[])?,
            Err(_) => match self.lua.load(text.as_bytes(), CHUNK) {
                Ok(statement) => statement.call(&[])?,
                Err(error) if error.message.ends_with("<eof>") => return Ok(Outcome::Unfinished),
                Err(error) => return Err(error),
            },
        };
        if let Some(Value::String(text)) = self.describe.call(&values)?.first() {
            println!("{}", String::from_utf8_lossy(text));
        }
        Ok(Outcome::Done)
    }

    /// Whether what ran has ended the prompt.
    fn is_over(&self) -> bool {
        matches!(self.is_over.call(&[]).as_deref(), Ok([Value::Boolean(true)]))
    }

    fn candidates(&self, before: &str) -> Candidates {
        // Names that cannot be found are none to offer.
        let found = self.complete.call(&[before.into()]).unwrap_or_default();
        let Some((typed, words)) = found.split_first() else { return Candidates::default() };
        let words: Vec<String> = words.iter().filter_map(|word| word.as_str().map(String::from)).collect();
        Candidates { typed: typed.as_integer().unwrap_or(0) as usize, words }
    }
}

//! One interpreter, and the stack through which everything goes in and out of it.
//!
//! An interpreter lives as long as the program: its state is never closed, so handles to it and to
//! its values stay valid, and [`Lua`] is a plain copyable reference. Invariant: between two calls of
//! the binding the Lua stack is as high as before; a C function has 20 free slots, of which the binding
//! uses a handful, and asks for more where the number depends on the caller.

use crate::{
    embedder::{self, Embedder, FileError},
    error::Error,
    ffi,
    function::Function,
    hint, shim,
    table::Table,
    value::{Reference, Value},
};
use alloc::{
    alloc::{Layout, alloc, dealloc, handle_alloc_error, realloc},
    boxed::Box,
    ffi::CString,
    format,
    string::String,
    vec::Vec,
};
use core::{
    cell::{Cell, OnceCell, RefCell},
    ffi::{CStr, c_char, c_int, c_void},
};

/// A handle to the interpreter. It belongs to the thread that made it.
#[derive(Clone, Copy)]
pub struct Lua {
    shared: &'static Shared,
}

/// What the binding keeps beside an interpreter. Every Lua thread holds its address in the extra
/// space in front of its state.
struct Shared {
    /// The Lua thread that runs at the moment: the main one, or a coroutine that called Rust.
    current: Cell<*mut ffi::State>,
    /// Where the error that is on its way was raised.
    traceback: RefCell<Option<String>>,
    /// The metatable of Rust closures' payloads, once there is one.
    callback_metatable: OnceCell<Table>,
    /// Whether a warning is under way, of which more pieces follow.
    in_warning: Cell<bool>,
    /// Says whether the running code is to be interrupted.
    interrupted: Cell<fn() -> bool>,
}

/// Alignment of the blocks that Lua is given: malloc's.
const BLOCK_ALIGNMENT: usize = 16;

/// Size in bytes from which on a block is one that a script asks for: a long string, a large table, the stack of an endless
/// recursion. If there is none, the script hears of it; less than that is always there, or the program ends.
const LARGE_BLOCK: usize = 256 * 1024;

/// Serves Lua's memory from the program's heap. Returns null for a size above 0 only if a large block is to grow.
unsafe extern "C" fn allocate(_: *mut c_void, block: *mut c_void, old: usize, new: usize) -> *mut c_void {
    let layout = |size| Layout::from_size_align(size, BLOCK_ALIGNMENT).expect("Lua asks for sane sizes");
    // SAFETY: Lua passes a block that came from here together with its size, or null with the kind
    // of the coming object instead of a size; no layout below has size 0.
    let result = unsafe {
        match (block.is_null(), new) {
            (true, 0) => return block,
            (true, _) => alloc(layout(new)),
            (false, 0) => {
                dealloc(block.cast(), layout(old));
                return core::ptr::null_mut();
            }
            (false, _) => realloc(block.cast(), layout(old), new),
        }
    };
    // Behind a null block, `old` is no size.
    let is_growing = block.is_null() || new > old;
    if result.is_null() && !(is_growing && new >= LARGE_BLOCK) {
        handle_alloc_error(layout(new));
    }
    result.cast()
}

/// Writes warnings, such as errors of finalizers. They are always on: control messages (`@on`) are
/// taken in and change nothing.
unsafe extern "C" fn warn(shared: *mut c_void, piece: *const c_char, more: c_int) {
    // SAFETY: new() gave Lua this address, of a value that is never freed; the piece is terminated.
    let (shared, piece) = unsafe { (&*shared.cast::<Shared>(), CStr::from_ptr(piece).to_bytes()) };
    let first = !shared.in_warning.replace(more != 0);
    if first && more == 0 && piece.first() == Some(&b'@') {
        return;
    }
    if first {
        embedder::write(b"Lua warning: ");
    }
    embedder::write(piece);
    if more == 0 {
        embedder::write(b"\n");
    }
}

/// The message handler of every protected call: keeps the traceback, passes the error value on.
unsafe extern "C" fn keep_traceback(state: *mut ffi::State) -> c_int {
    // SAFETY: Lua runs this handler on a thread of an interpreter of ours. An error inside
    // luaL_traceback jumps out of this frame while nothing in it needs dropping.
    unsafe {
        ffi::luaL_traceback(state, state, core::ptr::null(), 1);
        Lua::of(state).shared.traceback.replace(Some(text_at(state, -1)));
        ffi::lua_settop(state, -2);
    }
    1
}

/// How many of Lua's instructions run between two looks at whether to interrupt them.
const INSTRUCTIONS_BETWEEN_LOOKS: c_int = 10_000;

/// Raises an error in the running code when it is to be interrupted; from then on at every instruction, until it
/// is no longer wanted, or else code that catches errors in a loop would go on.
unsafe extern "C" fn look(state: *mut ffi::State, _: *mut ffi::Activation) {
    const MESSAGE: &str = "interrupted";
    // SAFETY: Lua calls this on a thread of an interpreter of ours, with free slots on its stack.
    // lua_error jumps out of this frame, which has nothing to drop.
    unsafe {
        let interrupted = (Lua::of(state).shared.interrupted.get())();
        let next_look = if interrupted { 1 } else { INSTRUCTIONS_BETWEEN_LOOKS };
        // Setting a hook visits all active functions, which are many in a deep recursion.
        if ffi::lua_gethookcount(state) != next_look {
            ffi::lua_sethook(state, Some(look), ffi::MASK_COUNT, next_look);
        }
        if interrupted {
            ffi::lua_pushlstring(state, MESSAGE.as_ptr().cast(), MESSAGE.len());
            ffi::lua_error(state);
        }
    }
}

/// The bytes of the string at `index`; empty for anything else but a number.
///
/// # Safety
/// `state` is a Lua thread, and `index` is valid.
pub(crate) unsafe fn bytes_at(state: *mut ffi::State, index: c_int) -> Vec<u8> {
    let mut length = 0;
    // SAFETY: the caller's promise; the string stays on the stack while it is copied.
    unsafe {
        let start = ffi::lua_tolstring(state, index, &mut length);
        if start.is_null() { Vec::new() } else { core::slice::from_raw_parts(start.cast(), length).into() }
    }
}

/// The string at `index` as text, with what is no UTF-8 replaced.
///
/// # Safety
/// As of [`bytes_at`].
pub(crate) unsafe fn text_at(state: *mut ffi::State, index: c_int) -> String {
    // SAFETY: the caller's promise.
    String::from_utf8_lossy(&unsafe { bytes_at(state, index) }).into_owned()
}

impl Lua {
    /// Starts an interpreter with the libraries base, package, coroutine, debug, math, string, table
    /// and utf8. The first embedder of a program serves all its interpreters.
    pub fn new(embedder: Embedder) -> Lua {
        embedder::install(embedder);
        let libraries: [(&CStr, ffi::CFunction); 8] = [
            (c"_G", ffi::luaopen_base),
            (c"package", ffi::luaopen_package),
            (c"coroutine", ffi::luaopen_coroutine),
            (c"debug", ffi::luaopen_debug),
            (c"math", ffi::luaopen_math),
            (c"string", ffi::luaopen_string),
            (c"table", ffi::luaopen_table),
            (c"utf8", ffi::luaopen_utf8),
        ];
        // SAFETY: a fresh state, with `allocate` which keeps lua_Alloc's contract and does not fail
        // for the small blocks of a state; the extra space is pointer-sized memory in front of the state. Opening libraries raises
        // errors for want of memory only.
        unsafe {
            let state = ffi::lua_newstate(allocate, core::ptr::null_mut());
            let shared: &'static Shared = Box::leak(Box::new(Shared {
                current: Cell::new(state),
                traceback: RefCell::new(None),
                callback_metatable: OnceCell::new(),
                in_warning: Cell::new(false),
                interrupted: Cell::new(|| false),
            }));
            ffi::lua_setwarnf(state, warn, core::ptr::from_ref(shared).cast_mut().cast());
            state.cast::<*const Shared>().sub(1).write(shared);
            let lua = Lua { shared };
            lua.without_collecting(|| {
                for (name, open) in libraries {
                    ffi::luaL_requiref(state, name.as_ptr(), open, 1);
                    ffi::lua_settop(state, 0);
                }
            });
            lua
        }
    }

    /// The interpreter of a Lua thread.
    ///
    /// # Safety
    /// `state` is a thread of an interpreter that [`Lua::new`] made.
    pub(crate) unsafe fn of(state: *mut ffi::State) -> Lua {
        // SAFETY: new() stored the address in the main thread's extra space, Lua copies it to every
        // coroutine's, and what it names is never freed.
        Lua { shared: unsafe { &**state.cast::<*const Shared>().sub(1) } }
    }

    /// The running Lua thread.
    pub(crate) fn state(self) -> *mut ffi::State {
        self.shared.current.get()
    }

    /// Makes `state` the running Lua thread. Returns the one before.
    pub(crate) fn switch_to(self, state: *mut ffi::State) -> *mut ffi::State {
        self.shared.current.replace(state)
    }

    /// The metatable of Rust closures' payloads, which `make` makes at its first use.
    pub(crate) fn callback_metatable(self, make: impl FnOnce() -> Table) -> &'static Table {
        self.shared.callback_metatable.get_or_init(make)
    }

    /// The table of global variables.
    pub fn globals(self) -> Table {
        // SAFETY: the registry holds the table of globals under this index, always.
        unsafe {
            ffi::lua_rawgeti(self.state(), ffi::REGISTRY, ffi::REGISTRY_GLOBALS);
            Table(Reference::pop(self))
        }
    }

    /// Makes `value` what `require(name)` returns.
    pub fn set_module(self, name: &str, value: impl Into<Value>) {
        let package = self.globals().get("package");
        if let Some(Value::Table(loaded)) = package.as_table().map(|package| package.get("loaded")) {
            loaded.set(name, value);
        }
    }

    /// An empty table.
    pub fn create_table(self) -> Table {
        self.create_table_for(0)
    }

    /// An empty table with room for `entries` keys that are strings.
    pub fn create_table_for(self, entries: usize) -> Table {
        let entries = c_int::try_from(entries).unwrap_or(0); // a mere hint
        // SAFETY: one slot of the stack is used and freed.
        unsafe {
            ffi::lua_createtable(self.state(), 0, entries);
            Table(Reference::pop(self))
        }
    }

    /// Compiles Lua text. `chunk_name` goes into messages as in Lua: after `@` the name of a file,
    /// after `=` a name to show as it is, else the text itself. Chunks with `=` are library code:
    /// messages of Rust functions that they call name the line outside of them.
    ///
    /// # Errors
    /// A syntax error, with a hint where a character of a text editor's typography is the cause.
    pub fn load(self, source: &[u8], chunk_name: &str) -> Result<Function, Error> {
        let name = CString::new(chunk_name).map_err(|_| Error::new("a chunk's name holds no zero bytes"))?;
        let state = self.state();
        // SAFETY: source and name outlive the call; loading is protected and leaves one value, the
        // function or the error. Mode "t" keeps binary chunks, which Lua does not check, out.
        unsafe {
            let status =
                ffi::luaL_loadbufferx(state, source.as_ptr().cast(), source.len(), name.as_ptr(), c"t".as_ptr());
            if status == ffi::OK {
                return Ok(Function(Reference::pop(self)));
            }
            let mut error = self.pop_error();
            if status == ffi::ERROR_SYNTAX {
                let shown = chunk_name.strip_prefix(['@', '=']).unwrap_or("chunk");
                error.hint = hint::for_source(source).map(|hint| format!("{shown}:{hint}"));
            }
            Err(error)
        }
    }

    /// Reads and compiles a file: an initial byte-order mark and a first line with `#` are skipped.
    ///
    /// # Errors
    /// The file cannot be read, or a syntax error as of [`Lua::load`].
    pub fn load_file(self, path: &str) -> Result<Function, Error> {
        let content = embedder::read_file(path)
            .map_err(|error: FileError| Error::new(format!("cannot read '{path}': {error}")))?;
        let text = content.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&content);
        let comment = if text.first() == Some(&b'#') { text.iter().take_while(|b| **b != b'\n').count() } else { 0 };
        self.load(&text[comment..], &format!("@{path}"))
    }

    /// Calls the value below `arguments` values on top of the stack, protected. Leaves the results.
    ///
    /// # Safety
    /// The running thread's stack holds the function and `arguments` values.
    pub(crate) unsafe fn protected_call(self, arguments: c_int) -> Result<c_int, Error> {
        let state = self.state();
        shim::reset_error();
        // SAFETY: the caller's promise; the handler goes below the function, is taken out again, and
        // the error or the results stay above `below`.
        unsafe {
            let below = ffi::lua_gettop(state) - arguments - 1;
            ffi::lua_pushcclosure(state, keep_traceback, 0);
            ffi::lua_rotate(state, below + 1, 1);
            let status = ffi::lua_pcallk(state, arguments, ffi::MULTIPLE_RESULTS, below + 1, 0, None);
            if status == ffi::OK {
                return Ok(ffi::lua_gettop(state) - below - 1);
            }
            let mut error = self.pop_error();
            ffi::lua_settop(state, below);
            error.traceback = self.shared.traceback.take();
            error.hint = hint::for_message(&error.message, embedder::read_file);
            Err(error)
        }
    }

    /// Takes an error value off the stack.
    ///
    /// # Safety
    /// The stack is not empty.
    pub(crate) unsafe fn pop_error(self) -> Error {
        let state = self.state();
        // SAFETY: the value is on top, for which the caller vouches. Conversion of a string or a
        // number runs no Lua code; Reference::pop takes the value off.
        unsafe {
            let kind = ffi::lua_type(state, -1);
            if kind == ffi::TYPE_STRING || kind == ffi::TYPE_NUMBER {
                let error = Error::new(text_at(state, -1));
                ffi::lua_settop(state, -2);
                return Error { positioned: true, ..error };
            }
            let value = Value::pop(self);
            let text = self.text_of(&value);
            Error::from_value(value, text)
        }
    }

    /// What Lua's `tostring` makes of an object that says itself how it is shown.
    fn text_of(self, value: &Value) -> Option<String> {
        if !value.as_table().is_some_and(Table::has_metatable) {
            return None;
        }
        let tostring = self.globals().get("tostring");
        let results = tostring.as_function()?.call(core::slice::from_ref(value)).ok()?;
        results.first()?.as_str().map(String::from)
    }

    /// Where the running Rust function was called: `file:line: ` of the first active function that is
    /// no library code (see [`Lua::load`]); empty where there is none.
    pub fn position(self) -> String {
        let state = self.state();
        // SAFETY: Activation is plain data that Lua fills in; getstack says whether the level exists,
        // and short_source is terminated.
        unsafe {
            let mut activation: ffi::Activation = core::mem::zeroed();
            for level in 1.. {
                if ffi::lua_getstack(state, level, &mut activation) == 0 {
                    break;
                }
                ffi::lua_getinfo(state, c"Sl".as_ptr(), &mut activation);
                if activation.current_line > 0 && *activation.source as u8 != b'=' {
                    let source = CStr::from_ptr(activation.short_source.as_ptr()).to_string_lossy();
                    return format!("{source}:{}: ", activation.current_line);
                }
            }
        }
        String::new()
    }

    /// Interrupts Lua code with an error as soon as `asked` says so, which is called often while Lua code runs.
    pub fn interrupt_when(self, asked: fn() -> bool) {
        self.shared.interrupted.set(asked);
        // SAFETY: `look` keeps Lua's rules for hooks; coroutines made later inherit it.
        unsafe { ffi::lua_sethook(self.state(), Some(look), ffi::MASK_COUNT, INSTRUCTIONS_BETWEEN_LOOKS) };
    }

    /// Runs `work` without collecting garbage meanwhile: for work that makes values to stay.
    pub fn without_collecting<T>(self, work: impl FnOnce() -> T) -> T {
        // SAFETY: stopping and restarting changes nothing but when garbage is collected.
        let was_running = unsafe {
            let running = ffi::lua_gc(self.state(), ffi::GC_IS_RUNNING) != 0;
            ffi::lua_gc(self.state(), ffi::GC_STOP);
            running
        };
        let result = work();
        if was_running {
            // SAFETY: as above.
            unsafe { ffi::lua_gc(self.state(), ffi::GC_RESTART) };
        }
        result
    }

    /// Frees all values that nothing refers to any more.
    pub fn collect_garbage(self) {
        // SAFETY: a full collection; errors of finalizers become warnings.
        unsafe { ffi::lua_gc(self.state(), ffi::GC_COLLECT) };
    }
}

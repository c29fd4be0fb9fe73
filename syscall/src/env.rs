//! The program's environment: capabilities by name, arguments, environment variables, and the kernel
//! info page.
//!
//! ```no_run
//! use syscall::{Gate, Result, env};
//!
//! fn main() -> Result {
//!     let server = env::cap::<Gate>("calc_server")?;
//!     syscall::println!("{} may call {server:?}", env::program_name());
//!     Ok(())
//! }
//! ```
#![allow(unsafe_code)] // the loader's array of named capabilities, the kernel info page

use core::sync::atomic::{AtomicPtr, Ordering};

use abi::{
    CapIndex,
    kip::Kip,
    l4re::env::{Env, EnvCap},
};

use crate::{
    Cap, Code, Error, Factory, Kobject, Owned, Result, Scheduler, Thread, Vcon,
    l4re::{mem_alloc::MemAlloc, namespace::Namespace, parent::Parent, rm::Rm},
    stack::InitialStack,
};

/// Start of the initial stack; null in boot servers, which have none.
static STACK: AtomicPtr<u64> = AtomicPtr::new(core::ptr::null_mut());
/// The environment; null in boot servers.
static ENV: AtomicPtr<Env> = AtomicPtr::new(core::ptr::null_mut());
/// The kernel info page, where known.
static KIP: AtomicPtr<Kip> = AtomicPtr::new(core::ptr::null_mut());

/// Remembers the initial stack. The entry points do this.
#[cfg(target_os = "none")]
pub(crate) fn set_stack(stack: InitialStack) {
    STACK.store(stack.address() as *mut u64, Ordering::Relaxed);
    if let Some(env) = stack.environment() {
        ENV.store(core::ptr::from_ref(env).cast_mut(), Ordering::Relaxed);
    }
    if let Some(kip) = stack.auxiliary(abi::l4re::aux_vector::L4_KIP) {
        KIP.store(kip as *mut Kip, Ordering::Relaxed);
    }
}

/// Tells where a boot server has had the kernel info page mapped.
pub(crate) fn set_kip(address: u64) {
    KIP.store(address as *mut Kip, Ordering::Relaxed);
}

/// Forgets the environment and which slots are taken: from now on all is where the kernel gives it to boot servers. For a
/// task that was made as by `fork`, with capabilities like theirs, and without what the loader wrote.
pub fn forget() {
    STACK.store(core::ptr::null_mut(), Ordering::Relaxed);
    ENV.store(core::ptr::null_mut(), Ordering::Relaxed);
    crate::io::set_log(log());
    crate::cap::take_only_below(crate::start::BOOT_FIRST_FREE_CAP);
}

fn environment() -> Option<&'static Env> {
    // SAFETY: null, or the address of the loader's `Env`, which stays and does not change.
    unsafe { ENV.load(Ordering::Relaxed).as_ref() }
}

fn stack() -> Option<InitialStack> {
    let start = STACK.load(Ordering::Relaxed);
    // SAFETY: the entry point stored it from its first stack pointer.
    (!start.is_null()).then(|| unsafe { InitialStack::new(start) })
}

fn base<T>(choose: impl FnOnce(&Env) -> u64, boot: CapIndex) -> Cap<T> {
    Cap::new(environment().map_or(boot, |env| CapIndex::from_raw(choose(env))))
}

/// The program's region map; invalid in boot servers.
pub fn rm() -> Cap<Rm> {
    base(|env| env.rm, CapIndex::INVALID)
}

/// The program's memory allocator; invalid in boot servers.
pub fn mem_alloc() -> Cap<MemAlloc> {
    base(|env| env.mem_alloc, CapIndex::INVALID)
}

/// The program's factory for kernel objects.
pub fn factory() -> Cap<Factory> {
    base(|env| env.factory, CapIndex::FACTORY)
}

/// The program's scheduler.
pub fn scheduler() -> Cap<Scheduler> {
    base(|env| env.scheduler, CapIndex::SCHEDULER)
}

/// The program's log.
pub fn log() -> Cap<Vcon> {
    base(|env| env.log, CapIndex::LOG)
}

/// The program's parent; invalid in boot servers.
pub fn parent() -> Cap<Parent> {
    base(|env| env.parent, CapIndex::INVALID)
}

/// The program's main thread.
pub fn main_thread() -> Cap<Thread> {
    base(|env| env.main_thread, CapIndex::THREAD)
}

/// The loader's record of UTCBs and slots, for [`crate::thread`] and the entry points.
pub fn raw() -> Option<&'static Env> {
    environment()
}

/// All named capabilities.
pub fn caps() -> impl Iterator<Item = &'static EnvCap> {
    let mut at = environment().map_or(0, |env| env.caps) as *const EnvCap;
    core::iter::from_fn(move || {
        // SAFETY: null, or within the loader's array, which stays, does not change, and ends with an
        // entry of flags `END`, which is not gone beyond.
        let entry = unsafe { at.as_ref() }?;
        if entry.flags == EnvCap::END {
            return None;
        }
        at = at.wrapping_add(1);
        Some(entry)
    })
}

/// The capability that the program was given as `name`; that it is a `T` is the script's promise.
///
/// # Errors
/// [`Error::Missing`], which names it, when the program has no capability of that name.
pub fn cap<T: Kobject>(name: &'static str) -> Result<Cap<T>> {
    find_cap(name).ok_or(Error::Missing(name))
}

/// As [`cap`], for names that are not known beforehand.
pub fn find_cap<T: Kobject>(name: &str) -> Option<Cap<T>> {
    caps()
        .find(|entry| entry.name() == name.as_bytes())
        .map(|entry| Cap::new(CapIndex::from_raw(entry.cap)))
        .filter(|cap| cap.is_valid())
}

/// The object at a path such as `rom/hello`: a named capability of the program, then names in the name
/// spaces from there.
///
/// # Errors
/// `NoEnt` when there is no such thing, and those of the name spaces.
pub fn open<T: Kobject>(path: &str) -> Result<Owned<T>> {
    let (first, rest) = path.split_once('/').ok_or(Code::NoEnt)?;
    find_cap::<Namespace>(first).ok_or(Code::NoEnt)?.query(rest)
}

/// The program's arguments, its own name first. Those that are not UTF-8 are left out.
pub fn args() -> impl Iterator<Item = &'static str> {
    let stack = stack();
    (0..).map_while(move |index| stack?.argument(index)).filter_map(|argument| argument.to_str().ok())
}

/// What the program was started as, without folders; `?` where nobody said.
pub fn program_name() -> &'static str {
    args().next().map_or("?", |path| path.rsplit('/').next().unwrap_or(path))
}

/// The environment variables as pairs of name and value.
pub fn vars() -> impl Iterator<Item = (&'static str, &'static str)> {
    let stack = stack();
    (0..).map_while(move |index| stack?.variable(index)).filter_map(|variable| variable.to_str().ok()?.split_once('='))
}

/// The environment variable `name`.
pub fn var(name: &str) -> Option<&'static str> {
    vars().find(|(found, _)| *found == name).map(|(_, value)| value)
}

/// The value of the auxiliary vector's entry of type `kind`.
pub fn auxiliary(kind: u64) -> Option<u64> {
    stack()?.auxiliary(kind)
}

/// The kernel info page.
///
/// # Panics
/// In a boot server that has not mapped it yet (see [`crate::boot::map_kip`]).
pub fn kip() -> &'static Kip {
    // SAFETY: the loader, or sigma0 for boot servers, has mapped the page there for good.
    unsafe { KIP.load(Ordering::Relaxed).as_ref() }.expect("the kernel info page is not mapped")
}

/// The kernel's version in words, from the kernel info page.
pub fn kernel_version() -> &'static str {
    let kip = kip();
    let strings = core::ptr::from_ref(kip).cast::<u8>().wrapping_add(usize::from(kip.offset_version_strings) << 4);
    // SAFETY: the kernel puts the version there, in the same page, zero-terminated.
    unsafe { core::ffi::CStr::from_ptr(strings.cast()) }.to_str().unwrap_or("?")
}

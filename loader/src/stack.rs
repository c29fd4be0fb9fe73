//! The initial stack of a new task, as L4Re's `libloader` builds it, written for another address space.
//!
//! From the top down: argument and environment strings, `l4re_aux_t`, named capabilities, `l4re_env_t`,
//! then, from the final stack pointer up as the System V ABI has it, argc, argv, envp and the auxiliary
//! vector with L4Re's entries. Both the service `l4re` (by [`crate::start`]) and the program (by the
//! service) start on such a stack. Invariant: the stack pointer is a multiple of 16. Pure.

use abi::l4re::aux_vector as at;
use abi::l4re::env::EnvCap;
use abi::{CapIndex, Flexpage, PAGE_SIZE};
use alloc::vec::Vec;

use crate::{Error, Result};

/// A named capability as the task sees it (`l4re_env_cap_entry_t`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CapEntry<'a> {
    /// Up to [`EnvCap::NAME_MAX`] bytes.
    pub name: &'a str,
    /// Slot in the task.
    pub cap: CapIndex,
}

/// `l4re_aux_t` but for the binary's name, which is `args[0]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct L4Aux {
    /// Dataspace of the kernel info page.
    pub kip_dataspace: CapIndex,
    /// Debug levels of the service.
    pub debug_level: u64,
    /// `l4re_aux_ldr_flags_t`.
    pub loader_flags: u64,
    /// Load offset of a position-independent program, `u64::MAX` for none.
    pub load_base: u64,
}

/// `l4re_env_t` but for the pointer to the named capabilities.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // the header's names, explained in `abi::l4re::env`
pub struct Environment {
    pub parent: CapIndex,
    pub region_map: CapIndex,
    pub mem_alloc: CapIndex,
    pub log: CapIndex,
    pub main_thread: CapIndex,
    pub factory: CapIndex,
    pub scheduler: CapIndex,
    pub itas: CapIndex,
    pub dbg_events: CapIndex,
    /// Number of the first free slot.
    pub first_free_cap: u64,
    pub utcb_area: Flexpage,
    pub first_free_utcb: u64,
}

/// The program headers in the task's memory, for a runtime that looks for its TLS segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProgramHeaders {
    /// Address of the first one.
    pub address: u64,
    /// How many.
    pub count: u64,
    /// Bytes of each.
    pub entry_size: u64,
}

/// What the stack holds.
#[derive(Clone, Copy, Debug)]
pub struct Contents<'a> {
    /// Arguments, the program's name first.
    pub args: &'a [&'a str],
    /// `NAME`, value.
    pub environment: &'a [(&'a str, &'a str)],
    /// Named capabilities.
    pub caps: &'a [CapEntry<'a>],
    /// The rest of `l4re_env_t`.
    pub env: Environment,
    /// The rest of `l4re_aux_t`.
    pub aux: L4Aux,
    /// Address of the kernel info page.
    pub kip: u64,
    /// Program headers, where the ELF file carries them in memory.
    pub program_headers: Option<ProgramHeaders>,
}

/// A finished stack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stack {
    /// Initial stack pointer in the task.
    pub pointer: u64,
    /// The bytes from there up to the top.
    pub bytes: Vec<u8>,
    /// Address of `l4re_env_t` in the task.
    pub env: u64,
}

/// Builds the stack that ends at `top` and may take up to `limit` bytes.
///
/// # Errors
/// `-L4_E2BIG` when arguments and environment do not fit, `-L4_EINVAL` for a capability's name that is too
/// long or an argument with a zero byte in it.
pub fn build(top: u64, limit: usize, contents: &Contents) -> Result<Stack> {
    let mut stack = Descending { top, below: Vec::new() };
    let args = contents
        .args
        .iter()
        .map(|arg| stack.string(&[arg]))
        .collect::<Result<Vec<u64>>>()?;
    let environment = contents
        .environment
        .iter()
        .map(|(name, value)| stack.string(&[name, "=", value]))
        .collect::<Result<Vec<u64>>>()?;
    stack.align();
    let aux = &contents.aux;
    let l4_aux = stack.words(&[
        args.first().copied().unwrap_or(0),
        aux.kip_dataspace.raw(),
        aux.debug_level,
        aux.loader_flags,
        aux.load_base,
    ]);
    let caps = stack.caps(contents.caps)?;
    let env = &contents.env;
    let l4_env = stack.words(&[
        env.parent.raw(),
        env.region_map.raw(),
        env.mem_alloc.raw(),
        env.log.raw(),
        env.main_thread.raw(),
        env.factory.raw(),
        env.scheduler.raw(),
        env.itas.raw(),
        env.dbg_events.raw(),
        env.first_free_cap,
        0, // first free reply capability
        env.utcb_area.raw(),
        env.first_free_utcb,
        caps,
    ]);
    let vector = auxiliary_vector(contents, l4_aux, l4_env);
    let mut words = Vec::new();
    words.push(args.len() as u64);
    words.extend(args);
    words.push(0);
    words.extend(environment);
    words.push(0);
    words.extend(vector.iter().flatten());
    stack.align();
    if words.len() % 2 == 1 {
        stack.words(&[0]);
    }
    let pointer = stack.words(&words);
    if stack.below.len() > limit {
        return Err(Error::new("putting arguments and environment on the stack", abi::Error::TooBig.into()));
    }
    stack.below.reverse();
    Ok(Stack { pointer, bytes: stack.below, env: l4_env })
}

/// The auxiliary vector, its terminator included.
fn auxiliary_vector(contents: &Contents, l4_aux: u64, l4_env: u64) -> Vec<[u64; 2]> {
    let mut vector = Vec::new();
    if let Some(headers) = contents.program_headers {
        vector.push([at::PHENT, headers.entry_size]);
        vector.push([at::PHNUM, headers.count]);
        vector.push([at::PHDR, headers.address]);
    }
    vector.extend([[at::EGID, 0], [at::GID, 0], [at::EUID, 0], [at::UID, 0]]);
    vector.push([at::PAGESZ, PAGE_SIZE as u64]);
    vector.push([at::L4_AUX, l4_aux]);
    vector.push([at::L4_KIP, contents.kip]);
    vector.push([at::L4_ENV, l4_env]);
    vector.push([at::NULL, 0]);
    vector
}

/// A stack under construction: `below[i]` is the byte at `top - 1 - i`.
struct Descending {
    top: u64,
    below: Vec<u8>,
}

impl Descending {
    fn address(&self) -> u64 {
        self.top - self.below.len() as u64
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.below.extend(bytes.iter().rev());
    }

    /// Pads down to a multiple of 16, as seen from the top, which is page aligned.
    fn align(&mut self) {
        self.below.resize(self.below.len().next_multiple_of(16), 0);
    }

    /// Pushes words so that the first one lies lowest; returns its address.
    fn words(&mut self, words: &[u64]) -> u64 {
        for word in words.iter().rev() {
            self.bytes(&word.to_le_bytes());
        }
        self.address()
    }

    /// Pushes a zero-terminated string made of `parts`; returns its address.
    fn string(&mut self, parts: &[&str]) -> Result<u64> {
        self.bytes(&[0]);
        for part in parts.iter().rev() {
            if part.bytes().any(|byte| byte == 0) {
                return Err(Error::new("looking at an argument with a zero byte in it", abi::Error::Inval.into()));
            }
            self.bytes(part.as_bytes());
        }
        Ok(self.address())
    }

    /// Pushes the named capabilities and the entry that ends them; returns the address of the first.
    fn caps(&mut self, caps: &[CapEntry]) -> Result<u64> {
        self.cap_entry(&EnvCap::end());
        for entry in caps.iter().rev() {
            let entry = EnvCap::new(entry.name, entry.cap.raw(), 0).ok_or_else(|| {
                let action = alloc::format!("naming a capability '{}' (16 bytes at most)", entry.name);
                Error::new(action, abi::Error::Inval.into())
            })?;
            self.cap_entry(&entry);
        }
        Ok(self.address())
    }

    fn cap_entry(&mut self, entry: &EnvCap) {
        self.bytes(&entry.name);
        self.words(&[entry.cap, entry.flags]);
    }
}

#[cfg(test)]
mod tests;

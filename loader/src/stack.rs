//! The initial stack of a new task, as L4Re's `libloader` builds it, written for another address space.
//!
//! From the top down: argument and environment strings, `l4re_aux_t`, named capabilities, `l4re_env_t`,
//! then, from the final stack pointer up as the System V ABI has it, argc, argv, envp and the auxiliary
//! vector with L4Re's entries. Both the service `l4re` (by [`crate::start`]) and the program (by the
//! service) start on such a stack. Invariant: the stack pointer is a multiple of 16. Pure.

use abi::l4re::aux_vector::{self as at, L4Aux};
use abi::l4re::env::{Env, EnvCap};
use abi::{CapIndex, PAGE_SIZE};
use alloc::vec::Vec;

use crate::{Error, Result};

/// A named capability as the task sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CapEntry<'a> {
    /// Up to [`EnvCap::NAME_MAX`] bytes.
    pub name: &'a str,
    /// Slot in the task.
    pub cap: CapIndex,
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
    /// The environment; its pointer to the named capabilities is replaced.
    pub env: Env,
    /// What the service is told; its pointer to the program's name is replaced by one to `args[0]`.
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
    // What the stack pointer will point to, from there up.
    let mut words = Vec::new();
    words.push(contents.args.len() as u64);
    for arg in contents.args {
        words.push(stack.string(&[arg])?);
    }
    words.push(0);
    for (name, value) in contents.environment {
        words.push(stack.string(&[name, "=", value])?);
    }
    words.push(0);
    stack.align();
    let binary = if contents.args.is_empty() { 0 } else { words[1] };
    let aux = stack.aux(&L4Aux { binary, ..contents.aux });
    let caps = stack.caps(contents.caps)?;
    let env = stack.env(&Env { caps, ..contents.env });
    if let Some(headers) = contents.program_headers {
        let entries = [[at::PHENT, headers.entry_size], [at::PHNUM, headers.count], [at::PHDR, headers.address]];
        words.extend_from_slice(entries.as_flattened());
    }
    let entries = [
        [at::EGID, 0],
        [at::GID, 0],
        [at::EUID, 0],
        [at::UID, 0],
        [at::PAGESZ, PAGE_SIZE as u64],
        [at::L4_AUX, aux],
        [at::L4_KIP, contents.kip],
        [at::L4_ENV, env],
        [at::NULL, 0],
    ];
    words.extend_from_slice(entries.as_flattened());
    stack.align();
    if words.len() % 2 == 1 {
        stack.words(&[0]);
    }
    let pointer = stack.words(&words);
    if stack.below.len() > limit {
        return Err(Error::new("putting arguments and environment on the stack", abi::Error::TooBig.into()));
    }
    stack.below.reverse();
    Ok(Stack { pointer, bytes: stack.below, env })
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

    // Called from many places, each of which would get a copy.
    #[inline(never)]
    fn bytes(&mut self, bytes: &[u8]) {
        self.below.extend(bytes.iter().rev());
    }

    /// Pads down to a multiple of 16, as seen from the top, which is page aligned.
    fn align(&mut self) {
        self.below.resize(self.below.len().next_multiple_of(16), 0);
    }

    /// Pushes words so that the first one lies lowest; returns its address.
    #[inline(never)]
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

    fn aux(&mut self, aux: &L4Aux) -> u64 {
        self.words(&[aux.binary, aux.kip_ds, aux.dbg_lvl, aux.ldr_flags, aux.ldr_base])
    }

    fn env(&mut self, env: &Env) -> u64 {
        self.words(&[
            env.parent,
            env.rm,
            env.mem_alloc,
            env.log,
            env.main_thread,
            env.factory,
            env.scheduler,
            env.itas,
            env.dbg_events,
            env.first_free_cap,
            env.first_free_reply_cap,
            env.utcb_area,
            env.first_free_utcb,
            env.caps,
        ])
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

//! The initial stack: what the loader left there, as [`abi::l4re::aux_vector`] describes it. Programs use
//! [`crate::env`], which reads it; service code gets it in hand.
//!
//! ```no_run
//! use syscall::{println, stack::InitialStack};
//!
//! fn serve(stack: InitialStack) -> ! {
//!     println!("to be loaded: {:?}", stack.binary());
//!     panic!("nothing else to do")
//! }
//! syscall::service_main!(serve, heap = 64 * 1024);
//! # fn main() {}
//! ```
#![allow(unsafe_code)] // follows the pointers that the loader wrote

use core::ffi::{CStr, c_char};

use abi::l4re::{aux_vector, env::Env};

/// An initial stack. It stays as it is for the life of the program.
#[derive(Clone, Copy)]
pub struct InitialStack {
    /// Address of the word argc.
    start: *const u64,
}

impl InitialStack {
    /// The initial stack at `start`.
    ///
    /// # Safety
    /// `start` is the stack pointer that the loader set, and nothing has been written above it.
    pub const unsafe fn new(start: *const u64) -> Self {
        Self { start }
    }

    fn word(self, index: usize) -> u64 {
        // SAFETY: the constructor's caller promises a well-formed stack; all indices used here are
        // derived from its terminators.
        unsafe { self.start.add(index).read() }
    }

    /// Number of arguments, the program's name included.
    pub fn argument_count(self) -> usize {
        self.word(0) as usize
    }

    /// Argument `index`.
    pub fn argument(self, index: usize) -> Option<&'static CStr> {
        (index < self.argument_count()).then(|| self.string(1 + index))
    }

    /// Environment string `index`, of the form `NAME=value`.
    pub fn variable(self, index: usize) -> Option<&'static CStr> {
        (index < self.variable_count()).then(|| self.string(self.argument_count() + 2 + index))
    }

    fn variable_count(self) -> usize {
        let first = self.argument_count() + 2;
        (0..).take_while(|index| self.word(first + index) != 0).count()
    }

    fn string(self, index: usize) -> &'static CStr {
        let pointer = self.word(index) as *const c_char;
        // SAFETY: the loader puts addresses of zero-terminated strings there, which nobody changes.
        unsafe { CStr::from_ptr(pointer) }
    }

    /// The value of the auxiliary vector's entry of type `kind`.
    pub fn auxiliary(self, kind: u64) -> Option<u64> {
        let mut at = self.argument_count() + self.variable_count() + 3;
        loop {
            match self.word(at) {
                aux_vector::NULL => return None,
                found if found == kind => return Some(self.word(at + 1)),
                _ => at += 2,
            }
        }
    }

    /// The environment of capabilities, where the loader has supplied one.
    pub fn environment(self) -> Option<&'static Env> {
        let address = self.auxiliary(aux_vector::L4_ENV)? as *const Env;
        // SAFETY: the loader puts the address of an `Env` there, which nobody changes.
        unsafe { address.as_ref() }
    }

    /// What the loader wants the service code to load.
    pub fn l4_aux(self) -> Option<&'static aux_vector::L4Aux> {
        let address = self.auxiliary(aux_vector::L4_AUX)? as *const aux_vector::L4Aux;
        // SAFETY: the loader puts the address of an `L4Aux` there, which nobody changes.
        unsafe { address.as_ref() }
    }

    /// The program's file name, for the service code.
    pub fn binary(self) -> Option<&'static CStr> {
        let address = self.l4_aux()?.binary as *const c_char;
        // SAFETY: the loader puts the address of a zero-terminated string there, or 0.
        (!address.is_null()).then(|| unsafe { CStr::from_ptr(address) })
    }

    /// Address of the word argc.
    pub fn address(self) -> u64 {
        self.start as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_all_parts() {
        let words = [
            2,
            c"rom/hello".as_ptr() as u64,
            c"-v".as_ptr() as u64,
            0,
            c"HOME=rom".as_ptr() as u64,
            0,
            aux_vector::PAGESZ,
            4096,
            aux_vector::L4_KIP,
            0xaffff000,
            aux_vector::NULL,
            0,
        ];
        // SAFETY: the words above are laid out as the loader does it.
        let stack = unsafe { InitialStack::new(words.as_ptr()) };
        assert_eq!((stack.argument(0), stack.argument(1)), (Some(c"rom/hello"), Some(c"-v")));
        assert_eq!((stack.argument(2), stack.variable(0), stack.variable(1)), (None, Some(c"HOME=rom"), None));
        assert_eq!(stack.auxiliary(aux_vector::L4_KIP), Some(0xaffff000));
        assert!(stack.environment().is_none());
    }
}

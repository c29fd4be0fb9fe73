//! What the Makefile's commands and the QEMU tests share: which packages the workspace holds and for which target
//! ([`workspace`]), building them ([`build`]) and naming their functions (`names`, `symbols`), the menu ([`menu`]), the CD image ([`cd`]), the single
//! image ([`image`]), the bootstrap that asks for graphics ([`vbe`]), network boot ([`net`]), the checks
//! before a commit ([`check`], [`host_tests`]), QEMU ([`qemu`], [`qmp`]), the README's picture ([`screenshot`]) and the template of
//! a new program ([`new_program`]). Runs on the host only.

pub mod build;
pub mod cd;
pub mod check;
pub mod host_tests;
pub mod image;
pub mod menu;
mod names;
pub mod net;
pub mod new_program;
pub mod qemu;
pub mod qmp;
pub mod screenshot;
mod symbols;
pub mod vbe;
pub mod workspace;

//! The text screen: what bootstrap and kernel write through, so that the second goes on where the first stopped.
//!
//! Bytes with escape sequences go into a [`Screen`], which keeps the text as cells of character and colour and tells a
//! [`Surface`] which of them changed. There are two surfaces, of which a machine has one as its [`Display`]: VGA
//! [`Text`], whose cells these are, and a [`Framebuffer`], on which glyphs of the [`font`] are drawn. Both are written and never read, because video memory
//! is slow to read: the cells are the truth. All of a screen's state is a [`State`] with its cells behind it in one
//! piece of memory, which bootstrap hands on to the kernel. Of the keyboard, [`keys`] has what both need.
//!
//! Pure: who has the machine implements [`VideoMemory`] and [`TextMemory`]; all of this runs on the host as well.
#![cfg_attr(not(test), no_std)]

pub mod colour;
pub mod display;
pub mod font;
pub mod framebuffer;
pub mod keys;
pub mod mode;
pub mod screen;
pub mod text;

#[cfg(test)]
mod tests;

pub use display::Display;
pub use framebuffer::{Framebuffer, VideoMemory};
pub use mode::Mode;
pub use screen::{Screen, State, Surface};
pub use text::{Text, TextMemory};

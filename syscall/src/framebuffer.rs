//! Drawing: [`Framebuffer`] is a screen whose pixels a program sets.
//!
//! The program's start-up script gives it the screen under a name, as in `caps = { vesa = L4.Env.vesa }`:
//!
//! ```no_run
//! # fn example() -> syscall::Result {
//! use syscall::framebuffer::Framebuffer;
//!
//! let mut screen = Framebuffer::open("vesa")?;
//! let orange = screen.colour(255, 160, 0);
//! let (width, height) = screen.size();
//! for at in 0..width.min(height) {
//!     screen.set(at, at, orange);
//! }
//! # Ok(()) }
//! ```

use core::ops::Range;

use abi::l4re::goos::{ViewInfo, flags::AUTO_REFRESH};

use crate::{
    Cap, Code, Result, env,
    l4re::{goos::Goos, rm::flags},
    memory::Mapping,
};

/// A screen, with the memory that it shows attached to this program. To read from that memory is slow.
pub struct Framebuffer {
    goos: Cap<Goos>,
    /// What is drawn has to be shown by a message.
    needs_refresh: bool,
    view: ViewInfo,
    memory: Mapping,
}

impl Framebuffer {
    /// The framebuffer that the program has been given as `name`: its first view.
    ///
    /// # Errors
    /// `NoEnt` when it was given none, `NoSys` when its pixels are none that can be set here, and those of the IPC.
    pub fn open(name: &'static str) -> Result<Self> {
        let goos = env::cap::<Goos>(name)?;
        let needs_refresh = goos.info()?.flags & AUTO_REFRESH == 0;
        let view = goos.view(0)?;
        let pixel_bytes = u64::from(view.pixel_info.bytes_per_pixel);
        let line_fits = view.width.checked_mul(pixel_bytes).is_some_and(|line| line <= view.bytes_per_line);
        if !(1..=4).contains(&pixel_bytes) || !line_fits {
            return Err(Code::NoSys.into());
        }
        let buffer = goos.static_buffer(view.buffer_index)?;
        let end = view.height.checked_mul(view.bytes_per_line).and_then(|size| size.checked_add(view.buffer_offset));
        let end = end.filter(|&end| buffer.size().is_ok_and(|size| end <= size)).ok_or(Code::Range)?;
        let memory = Mapping::attach_owned(buffer, end as usize, flags::RW)?;
        Ok(Self { goos, needs_refresh, view, memory })
    }

    /// Pixels of a line, and lines.
    pub fn size(&self) -> (usize, usize) {
        (self.view.width as usize, self.view.height as usize)
    }

    /// The pixel of a colour, whose parts go from 0 to 255.
    pub fn colour(&self, red: u8, green: u8, blue: u8) -> u32 {
        self.view.pixel_info.encode(red, green, blue)
    }

    /// Sets the pixel at column `x` of line `y`; outside of the screen nothing happens.
    pub fn set(&mut self, x: usize, y: usize, pixel: u32) {
        self.fill(x..x.saturating_add(1), y..y.saturating_add(1), pixel);
    }

    /// Sets all pixels of a rectangle, as far as it is on the screen.
    pub fn fill(&mut self, columns: Range<usize>, lines: Range<usize>, pixel: u32) {
        let (width, height) = self.size();
        let bytes = usize::from(self.view.pixel_info.bytes_per_pixel);
        let pixel = pixel.to_le_bytes();
        for y in lines.start..lines.end.min(height) {
            let line = self.view.buffer_offset as usize + y * self.view.bytes_per_line as usize;
            let line = &mut self.memory.as_mut_slice()[line..line + width * bytes];
            let part = columns.start.min(width) * bytes..columns.end.min(width) * bytes;
            let Some(part) = line.get_mut(part) else { return };
            part.chunks_exact_mut(bytes).for_each(|place| place.copy_from_slice(&pixel[..bytes]));
        }
    }

    /// Makes what was drawn visible, on screens that do not show it by themselves.
    ///
    /// # Errors
    /// Those of the IPC.
    pub fn refresh(&self) -> Result {
        if !self.needs_refresh {
            return Ok(());
        }
        self.goos.refresh_view(self.view.view_index, 0, 0, self.view.width as i32, self.view.height as i32)
    }
}

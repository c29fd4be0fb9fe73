//! The graphics mode that a boot loader has set: where the framebuffer lies and how its pixels are coded.

use crate::font;
use abi::l4re::goos::{Component, PixelInfo};
use abi::l4re::vbe::{ControllerInfo, DIRECT_COLOUR, MEMORY_UNIT, ModeInfo, mode_attribute};

/// A linear framebuffer of direct colours. All zero, it stands for none.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Mode {
    /// Physical address of the first pixel.
    pub address: u64,
    /// Bytes from one line of pixels to the next.
    pub pitch: u32,
    /// Pixels of a line.
    pub width: u32,
    /// Lines.
    pub height: u32,
    /// Their coding.
    pub pixels: PixelInfo,
}

/// Pixels that stay free on each side of the text, at least.
const MARGIN: u32 = 8;
/// A screen so many pixels wide has room for glyphs of twice the size; one of three times as many, for three times.
const WIDTH_OF_LARGE: u32 = 1920;

impl Mode {
    /// No framebuffer.
    pub const NONE: Self = Self {
        address: 0,
        pitch: 0,
        width: 0,
        height: 0,
        pixels: PixelInfo {
            red: Component { size: 0, shift: 0 },
            green: Component { size: 0, shift: 0 },
            blue: Component { size: 0, shift: 0 },
            alpha: Component { size: 0, shift: 0 },
            bytes_per_pixel: 0,
        },
    };

    /// The mode, if the console can draw in it: 16, 24 or 32 bits for a pixel, colours of at most 8 bits each, lines
    /// that are as long as their pixels, room for some text, and an end within the address space.
    pub fn usable(self) -> Option<Self> {
        let bytes = u32::from(self.pixels.bytes_per_pixel);
        let fits =
            |part: Component| (1..=8).contains(&part.size) && u32::from(part.size + part.shift.min(64)) <= bytes * 8;
        let usable = self.address != 0
            && (2..=4).contains(&bytes)
            && [self.pixels.red, self.pixels.green, self.pixels.blue].into_iter().all(fits)
            && (160..=16_384).contains(&self.width)
            && (100..=16_384).contains(&self.height)
            && self.pitch >= self.width * bytes
            && self.pitch <= 0xffff
            && self.address.checked_add(self.size()).is_some();
        usable.then_some(self)
    }

    /// Bytes of the framebuffer.
    pub fn size(&self) -> u64 {
        u64::from(self.pitch) * u64::from(self.height)
    }

    /// How often each pixel of a glyph is drawn in a line, and each of its lines.
    pub fn scale(&self) -> u32 {
        (self.width / WIDTH_OF_LARGE).clamp(1, MAX_SCALE)
    }

    /// Columns and rows of text.
    pub fn text_size(&self) -> (u32, u32) {
        let fit = |pixels: u32, glyph: usize| (pixels.saturating_sub(2 * MARGIN)) / (glyph as u32 * self.scale());
        (fit(self.width, font::WIDTH), fit(self.height, font::HEIGHT))
    }

    /// Where the first cell's first pixel is: the text stands in the middle.
    pub fn text_origin(&self) -> (u32, u32) {
        let (scale, (columns, rows)) = (self.scale(), self.text_size());
        let margin = |pixels: u32, cells: u32, glyph: usize| (pixels - cells * glyph as u32 * scale) / 2;
        (margin(self.width, columns, font::WIDTH), margin(self.height, rows, font::HEIGHT))
    }

    /// The mode as VBE's information blocks describe it. L4Re's fields are too narrow for more than 65,535 pixels,
    /// which [`usable`](Self::usable) excludes.
    pub fn to_vbe(self) -> (ControllerInfo, ModeInfo) {
        let units = self.size().div_ceil(MEMORY_UNIT);
        let mode = ModeInfo {
            mode_attributes: mode_attribute::SUPPORTED | mode_attribute::GRAPHICS | mode_attribute::LINEAR,
            bytes_per_scanline: self.pitch as u16,
            x_resolution: self.width as u16,
            y_resolution: self.height as u16,
            bits_per_pixel: self.pixels.bytes_per_pixel * 8,
            memory_model: DIRECT_COLOUR,
            red_mask_size: self.pixels.red.size,
            red_field_position: self.pixels.red.shift,
            green_mask_size: self.pixels.green.size,
            green_field_position: self.pixels.green.shift,
            blue_mask_size: self.pixels.blue.size,
            blue_field_position: self.pixels.blue.shift,
            phys_base: self.address as u32,
            phys_base_high: (self.address >> 32) as u32,
            ..ModeInfo::EMPTY
        };
        (ControllerInfo::new(units as u16), mode)
    }

    /// The mode that a VBE block describes, if the console can draw in it. Whether the block is of a mode with a linear
    /// framebuffer is not asked: L4Re's bootstrap leaves that out.
    pub fn from_vbe(mode: &ModeInfo) -> Option<Self> {
        let part = |size, shift| Component { size, shift };
        Self {
            address: u64::from(mode.phys_base) | u64::from(mode.phys_base_high) << 32,
            pitch: mode.bytes_per_scanline.into(),
            width: mode.x_resolution.into(),
            height: mode.y_resolution.into(),
            pixels: PixelInfo {
                red: part(mode.red_mask_size, mode.red_field_position),
                green: part(mode.green_mask_size, mode.green_field_position),
                blue: part(mode.blue_mask_size, mode.blue_field_position),
                alpha: Component::default(),
                bytes_per_pixel: mode.bits_per_pixel.div_ceil(8),
            },
        }
        .usable()
    }
}

/// The largest [`scale`](Mode::scale).
pub const MAX_SCALE: u32 = 4;

//! Opcodes and layouts of a framebuffer (`l4re/include/video/goos`, `goos-sys.h`, `view`, `colors`), protocol
//! [`super::PROTO_GOOS`].
//!
//! A Goos has buffers, which are dataspaces, and views, rectangles that show a part of a buffer. moe's has one of
//! each, both static, with index 0.

/// Opcodes.
pub mod op {
    use crate::l4re::Opcode;

    /// Out: [`Info`](super::Info).
    pub const INFO: Opcode = 0;
    /// In: index of a static buffer (`u32`), window; out: the dataspace's capability.
    pub const GET_STATIC_BUFFER: Opcode = 1;
    /// In: size (`u64`), window; out: the dataspace's capability; the label is the new buffer's index.
    pub const CREATE_BUFFER: Opcode = 2;
    /// The label is the new view's index.
    pub const CREATE_VIEW: Opcode = 3;
    /// In: index (`u32`).
    pub const DELETE_BUFFER: Opcode = 4;
    /// In: index (`u32`).
    pub const DELETE_VIEW: Opcode = 5;
    /// In: index (`u32`); out: [`ViewInfo`](super::ViewInfo).
    pub const VIEW_INFO: Opcode = 6;
    /// In: index (`u32`), [`ViewInfo`](super::ViewInfo).
    pub const SET_VIEW_INFO: Opcode = 7;
    /// In: index and pivot (`u32`), behind (`bool`).
    pub const VIEW_STACK: Opcode = 8;
    /// In: index (`u32`), x, y, width, height (`i32`).
    pub const VIEW_REFRESH: Opcode = 9;
    /// In: x, y, width, height (`i32`).
    pub const REFRESH: Opcode = 10;
}

/// Flags of a Goos.
pub mod flags {
    /// What is drawn is shown without a refresh.
    pub const AUTO_REFRESH: u32 = 1;
    /// It has a mouse pointer.
    pub const POINTER: u32 = 2;
    /// Views can be made.
    pub const DYNAMIC_VIEWS: u32 = 4;
    /// Buffers can be made.
    pub const DYNAMIC_BUFFERS: u32 = 8;
}

/// One colour of a pixel (`Color_component`).
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Component {
    /// Its bits.
    pub size: u8,
    /// The lowest of them.
    pub shift: u8,
}

impl Component {
    /// The bits in a pixel for an intensity from 0 to 255.
    pub const fn encode(self, intensity: u8) -> u32 {
        if self.size == 0 || self.size > 8 || self.shift > 24 {
            return 0;
        }
        (intensity as u32 >> (8 - self.size)) << self.shift
    }
}

/// How a pixel is coded (`Pixel_info`).
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PixelInfo {
    /// Red.
    pub red: Component,
    /// Green.
    pub green: Component,
    /// Blue.
    pub blue: Component,
    /// Opacity; size 0 where there is none.
    pub alpha: Component,
    /// Bytes of a pixel.
    pub bytes_per_pixel: u8,
}

impl PixelInfo {
    /// Its bytes in a message.
    pub const fn to_bytes(self) -> [u8; 9] {
        let Self { red, green, blue, alpha, bytes_per_pixel } = self;
        let (red, green) = ((red.size, red.shift), (green.size, green.shift));
        let (blue, alpha) = ((blue.size, blue.shift), (alpha.size, alpha.shift));
        [red.0, red.1, green.0, green.1, blue.0, blue.1, alpha.0, alpha.1, bytes_per_pixel]
    }

    /// The coding in these bytes of a message.
    pub const fn from_bytes(bytes: [u8; 9]) -> Self {
        let [red, red_at, green, green_at, blue, blue_at, alpha, alpha_at, bytes_per_pixel] = bytes;
        const fn part(size: u8, shift: u8) -> Component {
            Component { size, shift }
        }
        let (red, green) = (part(red, red_at), part(green, green_at));
        let (blue, alpha) = (part(blue, blue_at), part(alpha, alpha_at));
        Self { red, green, blue, alpha, bytes_per_pixel }
    }

    /// The pixel of a colour, each part of which is an intensity from 0 to 255.
    pub const fn encode(&self, red: u8, green: u8, blue: u8) -> u32 {
        self.red.encode(red) | self.green.encode(green) | self.blue.encode(blue)
    }
}

/// A Goos (`Goos::Info`).
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Info {
    /// Pixels of a line.
    pub width: u64,
    /// Lines.
    pub height: u64,
    /// [`flags`].
    pub flags: u32,
    /// Number of static views.
    pub num_static_views: u32,
    /// Number of static buffers.
    pub num_static_buffers: u32,
    /// Pixels.
    pub pixel_info: PixelInfo,
}

/// A view (`View::Info`).
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ViewInfo {
    /// What of the view can be changed; 0 where all is fixed.
    pub flags: u32,
    /// Its index.
    pub view_index: u32,
    /// Its left edge on the Goos, in pixels.
    pub x: u64,
    /// Its upper edge.
    pub y: u64,
    /// Pixels of a line.
    pub width: u64,
    /// Lines.
    pub height: u64,
    /// Where in the buffer its first pixel is, in bytes.
    pub buffer_offset: u64,
    /// Bytes from one line to the next.
    pub bytes_per_line: u64,
    /// Pixels.
    pub pixel_info: PixelInfo,
    /// Index of its buffer.
    pub buffer_index: u32,
}

const _: () = assert!(size_of::<PixelInfo>() == 9 && align_of::<PixelInfo>() == 1);
const _: () = assert!(size_of::<Info>() == 40 && core::mem::offset_of!(Info, pixel_info) == 28);
const _: () = assert!(size_of::<ViewInfo>() == 72 && core::mem::offset_of!(ViewInfo, buffer_index) == 68);

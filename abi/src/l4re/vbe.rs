//! The VBE information blocks by which bootstrap describes a framebuffer (`l4util/include/mb_info.h`); the
//! [module list](super::l4mod::ModInfo) has their addresses. Beyond the VESA standard, L4Re keeps the upper half
//! of the framebuffer's address in a reserved field.

/// `l4util_mb_vbe_mode_t`: the mode that is set. Fields that Furore neither writes nor reads are padding here.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ModeInfo {
    /// [`mode_attribute`]s.
    pub mode_attributes: u16,
    #[doc(hidden)]
    pub _windows: [u8; 14],
    /// Bytes from one line of pixels to the next.
    pub bytes_per_scanline: u16,
    /// Pixels of a line.
    pub x_resolution: u16,
    /// Lines.
    pub y_resolution: u16,
    #[doc(hidden)]
    pub _characters: [u8; 3],
    /// Bits of a pixel, those that mean nothing included.
    pub bits_per_pixel: u8,
    #[doc(hidden)]
    pub _banks: u8,
    /// How pixels are coded: [`DIRECT_COLOUR`] for those of framebuffers.
    pub memory_model: u8,
    #[doc(hidden)]
    pub _images: [u8; 3],
    /// Bits of red in a pixel.
    pub red_mask_size: u8,
    /// The lowest of them.
    pub red_field_position: u8,
    /// Bits of green.
    pub green_mask_size: u8,
    /// The lowest of them.
    pub green_field_position: u8,
    /// Bits of blue.
    pub blue_mask_size: u8,
    /// The lowest of them.
    pub blue_field_position: u8,
    #[doc(hidden)]
    pub _direct_colour: [u8; 3],
    /// Physical address of the framebuffer, lower 32 bits.
    pub phys_base: u32,
    /// Upper 32 bits (`reserved1`).
    pub phys_base_high: u32,
    #[doc(hidden)]
    pub _reserved: [u8; 208],
}

/// Values of [`ModeInfo::mode_attributes`].
pub mod mode_attribute {
    /// The mode can be set.
    pub const SUPPORTED: u16 = 1 << 0;
    /// A graphics mode.
    pub const GRAPHICS: u16 = 1 << 4;
    /// It has a framebuffer in one piece.
    pub const LINEAR: u16 = 1 << 7;
}

/// [`ModeInfo::memory_model`] of pixels that hold red, green and blue themselves.
pub const DIRECT_COLOUR: u8 = 6;

/// `l4util_mb_vbe_ctrl_t`: the controller.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ControllerInfo {
    /// [`SIGNATURE`].
    pub signature: [u8; 4],
    /// Version of VBE, 0x300 for 3.0.
    pub version: u16,
    _strings: [u8; 12],
    /// Video memory in pieces of [`MEMORY_UNIT`] bytes.
    pub total_memory: u16,
    _reserved: [u8; 492],
}

/// What [`ControllerInfo`] begins with.
pub const SIGNATURE: [u8; 4] = *b"VESA";
/// Unit of [`ControllerInfo::total_memory`] in bytes.
pub const MEMORY_UNIT: u64 = 64 << 10;

impl ModeInfo {
    /// All zero.
    pub const EMPTY: Self = Self {
        mode_attributes: 0,
        _windows: [0; 14],
        bytes_per_scanline: 0,
        x_resolution: 0,
        y_resolution: 0,
        _characters: [0; 3],
        bits_per_pixel: 0,
        _banks: 0,
        memory_model: 0,
        _images: [0; 3],
        red_mask_size: 0,
        red_field_position: 0,
        green_mask_size: 0,
        green_field_position: 0,
        blue_mask_size: 0,
        blue_field_position: 0,
        _direct_colour: [0; 3],
        phys_base: 0,
        phys_base_high: 0,
        _reserved: [0; 208],
    };
}

impl ModeInfo {
    /// The block in these bytes, which are little-endian like the machine that wrote them.
    pub const fn from_bytes(bytes: &[u8; 256]) -> Self {
        const fn half(bytes: &[u8; 256], at: usize) -> u16 {
            u16::from_le_bytes([bytes[at], bytes[at + 1]])
        }
        Self {
            mode_attributes: half(bytes, 0),
            bytes_per_scanline: half(bytes, 16),
            x_resolution: half(bytes, 18),
            y_resolution: half(bytes, 20),
            bits_per_pixel: bytes[25],
            memory_model: bytes[27],
            red_mask_size: bytes[31],
            red_field_position: bytes[32],
            green_mask_size: bytes[33],
            green_field_position: bytes[34],
            blue_mask_size: bytes[35],
            blue_field_position: bytes[36],
            phys_base: half(bytes, 40) as u32 | (half(bytes, 42) as u32) << 16,
            phys_base_high: half(bytes, 44) as u32 | (half(bytes, 46) as u32) << 16,
            ..Self::EMPTY
        }
    }

    /// Its bytes.
    pub fn to_bytes(&self) -> [u8; 256] {
        let mut bytes = [0; 256];
        let mut put = |at: usize, value: &[u8]| bytes[at..at + value.len()].copy_from_slice(value);
        put(0, &self.mode_attributes.to_le_bytes());
        put(16, &self.bytes_per_scanline.to_le_bytes());
        put(18, &self.x_resolution.to_le_bytes());
        put(20, &self.y_resolution.to_le_bytes());
        put(25, &[self.bits_per_pixel]);
        put(27, &[self.memory_model]);
        put(31, &[self.red_mask_size, self.red_field_position]);
        put(33, &[self.green_mask_size, self.green_field_position]);
        put(35, &[self.blue_mask_size, self.blue_field_position]);
        put(40, &self.phys_base.to_le_bytes());
        put(44, &self.phys_base_high.to_le_bytes());
        bytes
    }
}

impl ControllerInfo {
    /// A controller with so much memory.
    pub const fn new(total_memory: u16) -> Self {
        Self { signature: SIGNATURE, version: 0x300, _strings: [0; 12], total_memory, _reserved: [0; 492] }
    }

    /// Its bytes.
    pub fn to_bytes(&self) -> [u8; 512] {
        let mut bytes = [0; 512];
        bytes[..4].copy_from_slice(&self.signature);
        bytes[4..6].copy_from_slice(&self.version.to_le_bytes());
        bytes[18..20].copy_from_slice(&self.total_memory.to_le_bytes());
        bytes
    }
}

const _: () = assert!(size_of::<ModeInfo>() == 256 && core::mem::offset_of!(ModeInfo, phys_base) == 40);
const _: () = assert!(core::mem::offset_of!(ModeInfo, bits_per_pixel) == 25);
const _: () = assert!(core::mem::offset_of!(ModeInfo, red_mask_size) == 31);
const _: () = assert!(size_of::<ControllerInfo>() == 512 && core::mem::offset_of!(ControllerInfo, total_memory) == 18);

//! Colours: VGA's sixteen, as an attribute byte names them (foreground low, background high), and what they look like.

/// Light grey on black.
pub const PLAIN: u8 = 0x07;
/// White on red, for failures.
pub const ALARM: u8 = 0x4f;
/// Added to one of the first eight.
pub const BRIGHT: u8 = 8;
/// The escape sequences' colours 0 to 7 (black, red, green, yellow, blue, magenta, cyan, white) in VGA's numbering.
pub const FROM_ANSI: [u8; 8] = [0, 4, 2, 6, 1, 5, 3, 7];

/// Red, green and blue of each of VGA's colours on a framebuffer: its own are too harsh for a whole screen of text.
pub const PALETTE: [(u8, u8, u8); 16] = [
    (0x10, 0x14, 0x1c),
    (0x4a, 0x86, 0xe8),
    (0x5f, 0xb3, 0x5f),
    (0x3d, 0xb5, 0xb5),
    (0xc8, 0x3c, 0x3c),
    (0xb0, 0x6e, 0xc8),
    (0xd0, 0x9a, 0x3e),
    (0xc4, 0xca, 0xd4),
    (0x6b, 0x75, 0x86),
    (0x7c, 0xb0, 0xff),
    (0x8f, 0xe0, 0x7a),
    (0x6f, 0xe3, 0xe1),
    (0xff, 0x76, 0x6b),
    (0xe0, 0x9c, 0xf5),
    (0xff, 0xd8, 0x66),
    (0xff, 0xff, 0xff),
];

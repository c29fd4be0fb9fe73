//! The glyphs: printable ASCII of Spleen 8x16 and a square for all else, 1.5 KB picked out of the font while compiling.

/// Pixels of a glyph's row.
pub const WIDTH: usize = 8;
/// Rows of a glyph.
pub const HEIGHT: usize = 16;
/// The character that stands for those without a glyph; VGA's own font has a square there, too.
pub const UNKNOWN: u8 = 0xfe;

/// One byte a row, the leftmost pixel highest.
pub type Glyph = [u8; HEIGHT];

const FIRST: u8 = b' ';
const LAST: u8 = b'~';
const COUNT: usize = (LAST - FIRST) as usize + 1;

static GLYPHS: [Glyph; COUNT] = pick(spleen_font::FONT_8X16);
static SQUARE: Glyph = [0, 0, 0, 0, 0, 0x7e, 0x7e, 0x7e, 0x7e, 0x7e, 0x7e, 0x7e, 0, 0, 0, 0];

/// The glyph of a character.
pub fn glyph(character: u8) -> &'static Glyph {
    let index = usize::from(character.wrapping_sub(FIRST));
    GLYPHS.get(index).unwrap_or(if character == UNKNOWN { &SQUARE } else { &GLYPHS[0] })
}

/// The character that a glyph is of; the reverse of [`glyph`], for tests that read a screen.
pub fn character(glyph: &Glyph) -> Option<u8> {
    let index = GLYPHS.iter().position(|known| known == glyph);
    index.map(|index| FIRST + index as u8).or((*glyph == SQUARE).then_some(UNKNOWN))
}

/// Picks printable ASCII out of a PSF 1 file with 512 glyphs: four bytes of header, the glyphs, then for each glyph its
/// characters as 16-bit numbers up to 0xffff.
const fn pick(file: &[u8]) -> [Glyph; COUNT] {
    const HEADER: usize = 4;
    const GLYPHS: usize = 512;
    assert!(
        u32::from_le_bytes([file[0], file[1], file[2], file[3]]) == 0x1003_0436,
        "this is no font of 8 by 16 pixels"
    );
    let mut glyphs = [[0; HEIGHT]; COUNT];
    let (mut index, mut at, mut found) = (0, HEADER + GLYPHS * HEIGHT, 0_u128);
    while index < GLYPHS {
        let character = u16::from_le_bytes([file[at], file[at + 1]]);
        at += 2;
        if character == 0xffff {
            index += 1;
        } else if character >= FIRST as u16 && character <= LAST as u16 {
            let glyph = &mut glyphs[character as usize - FIRST as usize];
            let mut row = 0;
            while row < HEIGHT {
                glyph[row] = file[HEADER + index * HEIGHT + row];
                row += 1;
            }
            found |= 1 << (character as u8 - FIRST);
        }
    }
    assert!(found == (1 << COUNT) - 1, "the font lacks a character");
    glyphs
}

//! A screen on surfaces that remember: the text, the escapes, and the glyphs read back from the pixels.

use crate::colour::{ALARM, BRIGHT, PALETTE, PLAIN};
use crate::font::{self, HEIGHT, WIDTH};
use crate::framebuffer::{Framebuffer, VideoMemory};
use crate::mode::Mode;
use crate::screen::{Screen, State, Surface};
use abi::l4re::goos::{Component, PixelInfo};
use proptest::prelude::*;

const COLUMNS: usize = 10;
const ROWS: usize = 4;

/// A surface that remembers its cells.
#[derive(Clone)]
struct Shown {
    cells: [u16; COLUMNS * ROWS],
    cursor: Option<usize>,
    draws: usize,
}

impl Surface for &mut Shown {
    fn clear(&mut self, attribute: u8) {
        self.cells.fill(u16::from_le_bytes([b' ', attribute]));
    }

    fn draw(&mut self, column: usize, row: usize, cell: u16) {
        self.cells[row * COLUMNS + column] = cell;
        self.draws += 1;
    }

    fn draw_cursor(&mut self, column: usize, row: usize, cell: u16) {
        self.cells[row * COLUMNS + column] = cell;
        self.cursor = Some(row * COLUMNS + column);
    }

    fn hide_cursor(&mut self) {
        self.cursor = None;
    }
}

impl Shown {
    /// What an empty screen shows after these pieces.
    fn after(pieces: &[&[u8]]) -> Self {
        let mut shown = Shown { cells: [0; COLUMNS * ROWS], cursor: None, draws: 0 };
        let mut state = State::with_size(Mode::NONE, COLUMNS as u32, ROWS as u32);
        let mut cells = [0; 2 * COLUMNS * ROWS];
        let mut screen = Screen::new(&mut state, &mut cells, &mut shown);
        screen.clear();
        for piece in pieces {
            screen.write(piece);
            screen.show();
        }
        assert_eq!(shown.cells, cells[..COLUMNS * ROWS], "the surface shows the cells");
        shown
    }

    fn rows(&self) -> Vec<String> {
        let text: String = self.cells.iter().map(|cell| char::from(cell.to_le_bytes()[0])).collect();
        text.as_bytes().chunks(COLUMNS).map(|row| String::from_utf8_lossy(row).trim_end().to_owned()).collect()
    }

    fn attribute(&self, index: usize) -> u8 {
        self.cells[index].to_le_bytes()[1]
    }
}

#[test]
fn text_wraps_and_scrolls_when_the_next_character_comes() {
    assert_eq!(Shown::after(&[b"0123456789ab\r\nc\td"]).rows(), ["0123456789", "ab", "c       d", ""]);
    let full = Shown::after(&[b"1\n2\n3\n4\n"]);
    assert_eq!((full.rows().join(" "), full.cursor), ("1 2 3 4".into(), None));
    assert_eq!(Shown::after(&[b"1\n2\n3\n4\n5"]).rows(), ["2", "3", "4", "5"]);
    assert_eq!(Shown::after(&[b"1\n2\n3\n4\n\n"]).rows(), ["2", "3", "4", ""]);
    // What a line editor writes below a line of output, at the screen's end as elsewhere.
    assert_eq!(Shown::after(&[b"1\n2\n3\n4\n\r5"]).rows(), ["2", "3", "4", "5"]);
    assert_eq!(Shown::after(&[b"1\n2\r\n\r3"]).rows(), ["1", "2", "3", ""]);
    assert_eq!(Shown::after(&["caf\u{e9} \u{2500}|".as_bytes()]).cells[3].to_le_bytes()[0], font::UNKNOWN);
}

#[test]
fn colours_begin_and_end_with_their_sequences() {
    let shown =
        Shown::after(&[b"a\x1b[3", b"1mb\x1b[01;32mc\x1b[0md\x1b[44;93me\x1b[39mf\x1b[49;22mg\x1b[?25h\x1b[7mh"]);
    let attributes: Vec<u8> = (0..8).map(|index| shown.attribute(index)).collect();
    assert_eq!(attributes, [PLAIN, 4, 2 | BRIGHT, PLAIN, 0x1e, 0x1f, 0x07, 0x07]);
    assert_eq!(shown.rows()[0], "abcdefgh");
}

#[test]
fn line_editors_can_move_and_erase() {
    assert_eq!(Shown::after(&[b"abcdef\x1b[3D\x1b[K"]).rows()[0], "abc");
    assert_eq!(Shown::after(&[b"abc\x1b[DX\x1b[5CY\x08Z"]).rows()[0], "abX     Z");
    assert_eq!(Shown::after(&[b"abc\ndef\x1b[A\x1b[1Gx\x1b[2;3Hy\x1b[Bz"]).rows(), ["xbc", "dey", "   z", ""]);
    let cleared = Shown::after(&[b"abc\ndef\x1b[2J\x1b[H"]);
    assert_eq!((cleared.rows().join(""), cleared.cursor), (String::new(), Some(0)));
    assert_eq!(Shown::after(&[b"abc\x1b[D\x1b[1K"]).rows()[0], "");
}

#[test]
fn scrolling_draws_only_what_changes() {
    let (before, after) = (Shown::after(&[b"x\nx\nx\nx"]), Shown::after(&[b"x\nx\nx\nx\n"]));
    let scrolled = Shown::after(&[b"x\nx\nx\nx\nx"]);
    // The cursor's two places are drawn anew each time; of the rest, the last line's one character goes and comes.
    assert!(scrolled.draws - before.draws <= 3, "{} more cells were drawn", scrolled.draws - before.draws);
    assert_eq!(after.rows(), scrolled.rows());
}

#[test]
fn what_is_shown_need_not_be_drawn() {
    let mut shown = Shown { cells: [0; COLUMNS * ROWS], cursor: None, draws: 0 };
    let mut state = State::with_size(Mode::NONE, COLUMNS as u32, ROWS as u32);
    let mut cells = [0; 2 * COLUMNS * ROWS];
    let mut screen = Screen::new(&mut state, &mut cells, &mut shown);
    screen.clear();
    let mut is_behind_after = |text: &[u8]| {
        screen.write(text);
        let was_behind = screen.is_behind();
        screen.show();
        assert!(!screen.is_behind());
        was_behind
    };
    assert!(is_behind_after(b"abc") && is_behind_after(b"\x08") && is_behind_after(b"1\n2\n3\n4\n"));
    assert!(!is_behind_after(b"") && !is_behind_after(b"\x1b[31m"));
    screen.hide();
    screen.write(b"unseen");
    assert!(!screen.is_behind());
    screen.reveal();
    assert!(!screen.is_behind());
}

#[test]
fn a_stage_goes_on_where_the_one_before_stopped() {
    let mut shown = Shown { cells: [0; COLUMNS * ROWS], cursor: None, draws: 0 };
    let mut first = State::with_size(Mode::NONE, COLUMNS as u32, ROWS as u32);
    let mut first_cells = [0; 100];
    let mut screen = Screen::new(&mut first, &mut first_cells, &mut shown);
    screen.clear();
    screen.write(b"boot\n\x1b[3");
    let (mut second, mut second_cells) = (*screen.state(), vec![0; 2 * COLUMNS * ROWS]);
    screen.copy_to(&mut second_cells);
    assert!(second.is_intact() && !State::with_size(Mode::NONE, 0, 0).is_intact());
    let mut screen = Screen::new(&mut second, &mut second_cells, &mut shown);
    screen.write(b"1mkernel");
    screen.hide();
    screen.write(b"\nunseen");
    screen.show();
    screen.reveal();
    assert_eq!(shown.rows(), ["boot", "kernel", "unseen", ""]);
    assert_eq!(shown.attribute(COLUMNS), 4);
}

#[test]
fn what_scrolls_by_is_never_drawn() {
    let after = Shown::after(&[b"1\n2\n3\n4\n5\n6\n7\n8\n9"]);
    assert_eq!(after.rows(), ["6", "7", "8", "9"]);
    assert!(after.draws < 8, "{} cells were drawn", after.draws);
}

#[test]
fn drawing_comes_to_its_end_step_by_step() {
    const WIDE: usize = 100;
    struct Counted(usize);
    impl Surface for &mut Counted {
        fn clear(&mut self, _: u8) {}
        fn draw(&mut self, _: usize, _: usize, _: u16) {
            self.0 += 1;
        }
        fn draw_cursor(&mut self, _: usize, _: usize, _: u16) {}
        fn hide_cursor(&mut self) {}
    }
    let mut counted = Counted(0);
    let mut state = State::with_size(Mode::NONE, WIDE as u32, 10);
    let mut cells = [0; 2 * WIDE * 10];
    let mut screen = Screen::new(&mut state, &mut cells, &mut counted);
    screen.clear();
    screen.write(&[b'x'; 3 * WIDE]);
    screen.write(b"\n\n\n\n\nend");
    let mut steps = 1;
    while !screen.show_step() {
        steps += 1;
        assert!(steps < 20, "a step that changes nothing is none");
    }
    assert!(screen.show_step());
    // The cursor's places are drawn anew.
    assert!(steps > 4 && (303..310).contains(&counted.0), "{steps} steps, {} cells", counted.0);
}

proptest! {
    #[test]
    fn whatever_is_written_the_surface_shows_the_cells(bytes in proptest::collection::vec(prop_oneof![
        3 => any::<u8>(), 3 => b' '..=b'~', 1 => Just(b'\n'), 1 => Just(0x1b), 1 => Just(b'['), 1 => b'0'..=b'9',
    ], 0..400)) {
        Shown::after(&[&bytes]);
    }
}

/// Video memory that remembers, and finds what is written outside of it or twice as much as there is.
struct Memory(Vec<u8>);

impl VideoMemory for &mut Memory {
    fn write(&mut self, offset: usize, words: &[u64]) {
        for (index, word) in words.iter().enumerate() {
            self.0[offset + index * 8..offset + index * 8 + 8].copy_from_slice(&word.to_le_bytes());
        }
    }
}

const fn part(size: u8, shift: u8) -> Component {
    Component { size, shift }
}

fn pixels(bytes_per_pixel: u8, red: Component, green: Component, blue: Component) -> PixelInfo {
    PixelInfo { red, green, blue, alpha: part(0, 0), bytes_per_pixel }
}

fn modes() -> Vec<Mode> {
    let codings = [
        pixels(4, part(8, 16), part(8, 8), part(8, 0)),
        pixels(4, part(8, 0), part(8, 8), part(8, 16)),
        pixels(3, part(8, 16), part(8, 8), part(8, 0)),
        pixels(2, part(5, 11), part(6, 5), part(5, 0)),
    ];
    let sizes = [(803, 123, 13), (3840, 104, 0)];
    let all = codings.into_iter().flat_map(|pixels| sizes.into_iter().map(move |size| (pixels, size)));
    all.map(|(pixels, (width, height, gap))| {
        let pitch = width * u32::from(pixels.bytes_per_pixel) + gap;
        Mode { address: 0x8000_0000, pitch, width, height, pixels }.usable().unwrap()
    })
    .collect()
}

/// The value of the pixel at (x, y).
fn pixel(mode: &Mode, memory: &[u8], x: usize, y: usize) -> u32 {
    let bytes = usize::from(mode.pixels.bytes_per_pixel);
    let at = y * mode.pitch as usize + x * bytes;
    (0..bytes).fold(0, |value, index| value | u32::from(memory[at + index]) << (8 * index))
}

#[test]
fn glyphs_are_read_back_from_every_coding_of_pixels() {
    for mode in modes() {
        let mut memory = Memory(vec![0xaa; mode.size() as usize]);
        let mut state = State::new(mode, 30_000);
        let mut cells = vec![0; state.kept_cells()];
        let columns = state.columns();
        let mut screen = Screen::new(&mut state, &mut cells, Framebuffer::new(&mode, &mut memory));
        screen.clear();
        screen.alarm();
        let text: Vec<u8> = (b' '..=b'~').collect();
        screen.write(&text);
        screen.write(b"\n");
        screen.show();
        let cells = screen.cells().to_vec();
        let (left, top) = mode.text_origin();
        let scale = mode.scale() as usize;
        let paper = |attribute: u8| PALETTE[usize::from(attribute >> 4)];
        let encode = |(red, green, blue)| mode.pixels.encode(red, green, blue);
        assert_eq!(pixel(&mode, &memory.0, mode.width as usize - 1, mode.height as usize - 1), encode(PALETTE[0]));
        for (index, cell) in cells.iter().enumerate().take(text.len()) {
            let [character, attribute] = cell.to_le_bytes();
            let at = |x: usize, y: usize| {
                let x = left as usize + (index % columns * WIDTH + x) * scale;
                let y = top as usize + (index / columns * HEIGHT + y) * scale;
                let value = pixel(&mode, &memory.0, x, y);
                assert_eq!(value, pixel(&mode, &memory.0, x + scale - 1, y + scale - 1));
                u8::from(value != encode(paper(attribute)))
            };
            let mut glyph = [0; HEIGHT];
            for (y, row) in glyph.iter_mut().enumerate() {
                *row = (0..WIDTH).fold(0, |bits, x| bits << 1 | at(x, y));
            }
            assert_eq!((font::character(&glyph), attribute), (Some(character), ALARM), "{mode:?}");
        }
        // Between the lines of pixels nothing is written.
        let gap = (mode.width * u32::from(mode.pixels.bytes_per_pixel)) as usize..mode.pitch as usize;
        assert!(memory.0[gap].iter().all(|&byte| byte == 0xaa));
    }
}

#[test]
fn a_mode_survives_vbe_and_nonsense_does_not() {
    for mode in modes().into_iter().filter(|mode| mode.pitch < 0x1_0000) {
        let (controller, info) = Mode { address: 0x12_3400_0000, ..mode }.to_vbe();
        assert_eq!(Mode::from_vbe(&info), Some(Mode { address: 0x12_3400_0000, ..mode }));
        assert!(u64::from(controller.total_memory) << 16 >= mode.size());
        assert_eq!(Mode::from_vbe(&abi::l4re::vbe::ModeInfo { x_resolution: 0, ..info }), None);
        for bad in [
            Mode { address: 0, ..mode },
            Mode { pitch: mode.width - 1, ..mode },
            Mode { width: 8, ..mode },
            Mode { height: u32::MAX, ..mode },
            Mode { address: u64::MAX - 1, ..mode },
            Mode { pixels: PixelInfo { bytes_per_pixel: 1, ..mode.pixels }, ..mode },
            Mode { pixels: PixelInfo { green: part(8, 30), ..mode.pixels }, ..mode },
            Mode { pixels: PixelInfo { blue: part(0, 0), ..mode.pixels }, ..mode },
        ] {
            assert_eq!(bad.usable(), None, "{bad:?}");
        }
    }
}

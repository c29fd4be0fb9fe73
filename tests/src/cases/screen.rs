//! The screen, read back from text memory and from the glyphs on framebuffers, against the log.

use crate::broken;
use crate::case::{Boot, Case, case, script};
use crate::menu::{RUNS_SCRIPT, grub_cfg, menu};
use crate::screen::Picture;

const HELLO: &str =
    "local L4 = require(\"L4\");\nL4.default_loader:start({ log = { \"hello\", \"cyan\" } }, \"rom/hello\");\n";
const UEFI: &str = "-bios /usr/share/ovmf/OVMF.fd";
/// Columns of the narrowest graphics mode here; VGA text has 80.
const GRAPHICS: usize = 90;

/// A CD whose entry starts this bootstrap with `-serial`.
fn by_menu(bootstrap: &str) -> String {
    menu(&format!("{bootstrap} -serial"), &RUNS_SCRIPT)
}

/// One that is loaded by Multiboot 2, between these commands.
fn by_multiboot2(before: &str, behind: &str) -> String {
    grub_cfg(before, "multiboot2", &RUNS_SCRIPT, behind)
}

fn hello(name: &'static str, cd: String, columns: usize) -> Case {
    case(name, Boot::Cd(cd))
        .text("test.lua", HELLO)
        .says_within(90, "hello   | Hello World!")
        .shows_log(columns)
        .looks("hello's line in cyan", cyan)
}

/// The case with its screen above 4 GiB.
fn above_4_gib(case: Case) -> Case {
    case.changed("bootstrap", "bootstrap", broken::framebuffer_above_4_gib)
        .framebuffer(broken::HIGH_FRAMEBUFFER)
        .qemu("-m 6G")
}

pub fn cases() -> Vec<Case> {
    vec![
        hello("screen: VGA text under BIOS", by_menu("bootstrap"), 80),
        hello("screen: a graphics mode under BIOS", by_menu("bootstrap-vbe"), GRAPHICS),
        hello("screen: UEFI, Multiboot 1", by_menu("bootstrap"), GRAPHICS).qemu(UEFI),
        hello("screen: UEFI, Multiboot 2, q35", by_multiboot2("insmod efi_gop", ""), GRAPHICS)
            .qemu(UEFI)
            .qemu("-machine q35"),
        // Room for all lines, so that the kernel's are seen below bootstrap's.
        hello(
            "screen: from bootstrap's first line on",
            by_multiboot2("insmod vbe", "set gfxpayload=1600x1200x32"),
            GRAPHICS,
        )
        .qemu("-machine q35 -device VGA,vgamem_mb=32 -vga none")
        .shows("Starting kernel at")
        .shows("Furore microkernel"),
        hello("screen: pixels of 16 bits", by_multiboot2("insmod vbe", "set gfxpayload=1280x1024x16"), GRAPHICS),
        hello("screen: pixels of 24 bits", by_multiboot2("insmod vbe", "set gfxpayload=1280x1024x24"), GRAPHICS),
        case("screen: a failure of bootstrap under UEFI", Boot::Cd(menu("bootstrap", &["kernel"])))
            .qemu(UEFI)
            .says_within(90, "bootstrap has stopped")
            .shows("the module sigma0 is missing"),
        case("screen: a program draws on moe's framebuffer", Boot::Cd(drawing()))
            .text("test.lua", SCREEN)
            .says(&["screen: ", " 0 failed", "drawn and ended"])
            .looks("a colour in each corner", corners)
            // A machine check ends the kernel, whose last words take the screen back, with all that was said unseen.
            .monitor("mce 0 9 0xbd00000000000134 0x5 0 0")
            .shows("Furore kernel: machine check")
            .shows("drawn and ended"),
        case("screen: the demo under BIOS", Boot::UserCd(Some("Framebuffer")))
            .says(&["fbdemo  | 1024 x 768 pixels, drawn."])
            .looks("the Mandelbrot set", mandelbrot),
        case("screen: the demo under UEFI", Boot::UserCd(Some("Framebuffer")))
            .qemu(UEFI)
            .says_within(90, "pixels, drawn.")
            .looks("the Mandelbrot set", mandelbrot),
        above_4_gib(script("screen: a framebuffer above 4 GiB", HELLO, &["hello"]))
            .says(&["screen: 1000 x 600 pixels of 32 bits at 0x150000000", "hello   | Hello World!"])
            .shows_log(GRAPHICS)
            .looks("hello's line in cyan", cyan),
        above_4_gib(script("screen: the demo above 4 GiB", DEMO, &["fbdemo"]))
            .says(&["moe: screen of 1000 x 600 pixels at 150000000 - 150257fff", "1000 x 600 pixels, drawn."])
            .looks("the Mandelbrot set", mandelbrot),
        script("screen: the demo without one", DEMO, &["fbdemo"]).says(&["There is no screen to draw on", "exit\t"]),
    ]
}

/// Runs the test program and says when it is done.
const SCREEN: &str = "local L4 = require(\"L4\");\n\
    L4.default_loader:start({ caps = { vesa = L4.Env.vesa } }, \"rom/screen\"):wait();\nprint(\"drawn and ended\");\n";
/// Runs the demo with what there is for a screen.
const DEMO: &str = "local L4 = require(\"L4\");\n\
    print(\"exit\", L4.default_loader:start({ caps = { vesa = L4.Env.vesa } }, \"rom/fbdemo\"):wait());\n";

/// An entry in graphics with the test program.
fn drawing() -> String {
    by_menu("bootstrap-vbe") + "module /screen\n"
}

/// Some of cyan as VGA has it, or the console on a framebuffer, whose pixels may have fewer bits.
fn cyan(picture: &Picture) -> bool {
    let (width, height) = picture.size();
    let (red, green, blue) = console::colour::PALETTE[3];
    let wanted = if picture.is_text() { [0, 0xaa, 0xaa] } else { [red, green, blue] };
    let is_cyan = |pixel: [u8; 3]| pixel.iter().zip(wanted).all(|(&part, wanted)| part.abs_diff(wanted) < 8);
    (0..height).any(|y| (0..width).any(|x| is_cyan(picture.pixel(x, y))))
}

/// Red, green, blue and white, each a quarter of the screen, and one black point where they meet.
fn corners(picture: &Picture) -> bool {
    let (width, height) = picture.size();
    let colours = [[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 255]];
    let is_right = |(index, colour): (usize, &[u8; 3])| {
        let (x, y) = (index % 2 * (width / 2), index / 2 * (height / 2));
        let points =
            [(1, 1), (width / 2 - 1, 1), (1, height / 2 - 1), (width / 2 - 1, height / 2 - 1), (width / 4, height / 4)];
        points.into_iter().all(|(dx, dy)| picture.pixel(x + dx, y + dy) == *colour)
    };
    colours.iter().enumerate().all(is_right) && picture.pixel(width / 2, height / 2) == [0, 0, 0]
}

/// Black where no point escapes, bright at its edge, dark blue outside, and the lower half like the upper one.
fn mandelbrot(picture: &Picture) -> bool {
    let (width, height) = picture.size();
    let brightest = (0..width).map(|x| picture.pixel(x, height / 4)[0]).max();
    let is_mirrored = |(x, y): (usize, usize)| picture.pixel(x, y) == picture.pixel(x, height - 1 - y);
    picture.pixel(width / 2, height / 2 + 20) == [0, 0, 0]
        && picture.pixel(0, 0) == [6, 10, 34]
        && brightest > Some(200)
        && (0..width).step_by(7).flat_map(|x| (0..height / 2).step_by(5).map(move |y| (x, y))).all(is_mirrored)
}

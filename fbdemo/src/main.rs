//! Draws the Mandelbrot set, line by line, on the screen that the start-up script hands on.
#![no_std]
#![no_main]

use syscall::framebuffer::Framebuffer;
use syscall::{Code, Result, println};

syscall::main!(main);

/// So many steps without escape are taken for never.
const STEPS: u32 = 96;
/// The colours along the way: after how many steps, and red, green and blue there.
const COLOURS: [(u32, [i32; 3]); 6] = [
    (0, [6, 10, 34]),
    (6, [24, 52, 118]),
    (14, [92, 160, 220]),
    (26, [250, 236, 190]),
    (48, [240, 130, 30]),
    (STEPS, [90, 10, 20]),
];

fn main() -> Result {
    let mut screen = match Framebuffer::open("vesa") {
        Err(error) if error.is(Code::NoEnt) => {
            println!("There is no screen to draw on: start bootstrap-vbe, or under UEFI, and pass on L4.Env.vesa.");
            return Err(error);
        }
        screen => screen?,
    };
    let (width, height) = screen.size();
    // The part from -2 to 2/3, with the real axis in the middle.
    let step = (8.0 / 3.0 / width as f64).max(2.4 / height as f64);
    for y in 0..height {
        for x in 0..width {
            let re = -0.65 + (x as f64 - (width - 1) as f64 / 2.0) * step;
            let im = (y as f64 - (height - 1) as f64 / 2.0) * step;
            let [red, green, blue] = colour(escape(re, im));
            let pixel = screen.colour(red, green, blue);
            screen.set(x, y, pixel);
        }
    }
    screen.refresh()?;
    println!("{width} x {height} pixels, drawn.");
    Ok(())
}

/// After how many steps z² + c leaves the circle with radius 2; nothing if it does not.
fn escape(c_re: f64, c_im: f64) -> Option<u32> {
    // The heart and the circle left of it, where most of those lie that never escape.
    let q = (c_re - 0.25) * (c_re - 0.25) + c_im * c_im;
    if q * (q + (c_re - 0.25)) <= c_im * c_im / 4.0 || (c_re + 1.0) * (c_re + 1.0) + c_im * c_im <= 1.0 / 16.0 {
        return None;
    }
    let (mut re, mut im) = (0.0, 0.0);
    (0..STEPS).find(|_| {
        (re, im) = (re * re - im * im + c_re, 2.0 * re * im + c_im);
        re * re + im * im > 4.0
    })
}

/// The colour of a point that escapes after so many steps.
fn colour(steps: Option<u32>) -> [u8; 3] {
    let Some(steps) = steps else { return [0, 0, 0] };
    let next = COLOURS.iter().position(|&(at, _)| at > steps).unwrap_or(1);
    let ((from, dark), (to, bright)) = (COLOURS[next - 1], COLOURS[next]);
    let (part, whole) = ((steps - from) as i32, (to - from) as i32);
    core::array::from_fn(|index| (dark[index] + (bright[index] - dark[index]) * part / whole) as u8)
}

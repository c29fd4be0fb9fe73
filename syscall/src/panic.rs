//! What happens on a panic: a report on the log names program, thread and place, then the program ends
//! with exit code [`EXIT_CODE`].

use core::{
    fmt::Write,
    sync::atomic::{AtomicBool, Ordering},
};

use crate::{env, io::RawOutput, process, thread};

/// Exit code of a program that panicked, as in std.
pub const EXIT_CODE: i32 = 101;

static PANICKING: AtomicBool = AtomicBool::new(false);

#[panic_handler]
fn panic(info: &core::panic::PanicInfo<'_>) -> ! {
    // A panic while reporting one would go on for ever; the second one is silent.
    if !PANICKING.swap(true, Ordering::Relaxed) {
        // What the thread has begun to print comes first.
        crate::io::flush();
        // No locks here: the panicking thread may hold them.
        let mut output = RawOutput::new();
        let _ = write!(output, "{}: thread '{}' panicked", env::program_name(), thread::control::current().name());
        if let Some(location) = info.location() {
            let _ = write!(output, " at {location}");
        }
        let _ = writeln!(output, ":\n{}", info.message());
    }
    process::end(EXIT_CODE)
}

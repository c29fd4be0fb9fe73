//! Checks that an ordinary program makes, one behind the other in its own task: each prints a line, and the last
//! line counts them. For the kernel interface itself there is [`crate::runner`].

use syscall::{Result, println};

/// A check: its name and what it does.
pub type Check = (&'static str, fn() -> Result);

/// Runs all checks of `groups`; the result is the program's exit code.
pub fn run(program: &str, groups: &[&[Check]]) -> Result<i32> {
    let (mut passed, mut failed) = (0, 0);
    for (name, check) in groups.iter().copied().flatten() {
        match check() {
            Ok(()) => {
                println!("ok: {name}");
                passed += 1;
            }
            Err(error) => {
                println!("FAILED: {name}: {error}");
                failed += 1;
            }
        }
    }
    println!("{program}: {passed} passed, {failed} failed");
    Ok(i32::from(failed > 0))
}

/// An error when `condition` does not hold; the place is printed.
#[track_caller]
pub fn expect(condition: bool) -> Result {
    if condition {
        return Ok(());
    }
    println!("not as expected at {}", core::panic::Location::caller());
    Err(syscall::Code::Inval.into())
}

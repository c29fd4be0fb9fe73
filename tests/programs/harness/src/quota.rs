//! How much of its quota a factory has left, to the byte, by its own operations.

use syscall::{Cap, Factory};

/// The largest limit that a new factory below `factory` can have: what is left, less the object itself.
pub fn left(factory: Cap<Factory>) -> u64 {
    let (mut fits, mut too_much) = (0, 1 << 40);
    while too_much - fits > 1 {
        let middle = fits + (too_much - fits) / 2;
        match factory.create_factory(middle) {
            Ok(_) => fits = middle,
            Err(_) => too_much = middle,
        }
    }
    fits
}

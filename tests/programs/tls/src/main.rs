//! Looks at what the loader and the runtime owe a program wherever it lies: thread-local variables with their first
//! values, zeros and alignment in each thread, and addresses in its data. Built twice, static and static-pie.
#![no_std]
#![no_main]
#![feature(thread_local)]

use core::cell::{Cell, RefCell};
use core::hint::black_box;
use syscall::{println, thread};

syscall::main!(main);

#[repr(align(64))]
struct Aligned(Cell<u64>);

#[thread_local]
static NUMBER: Cell<u64> = Cell::new(0x1234_5678_9abc_def0);
#[thread_local]
static ALIGNED: Aligned = Aligned(Cell::new(7));
#[thread_local]
static ZEROS: RefCell<[u64; 40]> = RefCell::new([0; 40]);
#[thread_local]
static NAME: Cell<&str> = Cell::new("nobody");

/// Addresses that the image holds: a loader that moves it has to have them adapted.
static WORDS: [&str; 3] = ["one", "two", "three"];
static FUNCTIONS: [fn(u64) -> u64; 2] = [double, triple];

fn double(number: u64) -> u64 {
    number * 2
}

fn triple(number: u64) -> u64 {
    number * 3
}

fn main() -> i32 {
    let mut sound = untouched("the main thread") && addresses_hold();
    for (name, round) in [("first", 1), ("second", 2)] {
        NUMBER.set(round);
        NAME.set(name);
        ALIGNED.0.set(round);
        ZEROS.borrow_mut().fill(round);
        let other = thread::spawn(move || {
            let sound = untouched(name);
            NUMBER.set(0);
            ZEROS.borrow_mut().fill(u64::MAX);
            (sound, (&raw const NUMBER).addr())
        });
        let (other_sound, address) = match other.map(|handle| handle.join()) {
            Ok(result) => result,
            Err(error) => {
                println!("no thread: {error}");
                return 1;
            }
        };
        let kept = NUMBER.get() == round && NAME.get() == name && ZEROS.borrow().iter().all(|&word| word == round);
        let apart = address != (&raw const NUMBER).addr();
        println!("round {round}: the other thread's own: {apart}, this thread's kept: {kept}");
        sound &= other_sound && kept && apart && ALIGNED.0.get() == round;
    }
    println!(
        "code at {:#x}, thread-local storage: {}",
        main as fn() -> i32 as usize,
        if sound { "sound" } else { "WRONG" }
    );
    i32::from(!sound)
}

/// Whether the calling thread finds its variables as they are written above.
fn untouched(who: &str) -> bool {
    let values = NUMBER.get() == 0x1234_5678_9abc_def0 && ALIGNED.0.get() == 7 && NAME.get() == "nobody";
    let zeros = ZEROS.borrow().iter().all(|&word| word == 0);
    let aligned = (&raw const ALIGNED).addr().is_multiple_of(64);
    println!("{who}: first values {values}, zeros {zeros}, alignment {aligned}");
    values && zeros && aligned
}

/// Whether what the image's own data points to is there.
fn addresses_hold() -> bool {
    let [twice, thrice] = black_box(FUNCTIONS);
    let words = black_box(&WORDS);
    twice(21) == 42 && thrice(14) == 42 && words.iter().map(|word| word.len()).sum::<usize>() == 11
}

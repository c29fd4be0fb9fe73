//! Takes of one thing, which its argument names, as much as it can get, says how much that was and what ended it. With
//! a second argument it then keeps all of it for ever.
#![no_std]
#![no_main]

extern crate alloc;

use alloc::format;
use alloc::vec::Vec;
use core::time::Duration;
use syscall::abi::Flexpage;
use syscall::abi::l4re::{PROTO_NAMESPACE, namespace::op};
use syscall::ipc::Message;
use syscall::l4re::rm::{Attach, detach, flags};
use syscall::memory::Mapping;
use syscall::message::Argument;
use syscall::{Code, Error, Namespace, Owned, Result, Rm, Task, env, println, thread};

syscall::main!(main);

fn main() -> i32 {
    let kind = env::args().nth(1).unwrap_or("nothing");
    // What printing needs is in memory from now on.
    println!("hungry for {kind}: {}, {}", 0, Error::from(Code::NoMem));
    let (count, error) = match kind {
        "dataspaces" => dataspaces(),
        "pages" => return pages(),
        "heap" => return heap(),
        "threads" => threads(),
        "semaphores" => objects(|| env::factory().create_semaphore().map(Owned::leak).map(drop)),
        "tasks" => objects(|| {
            env::factory().create::<Task>(&[Argument::Flexpage(Flexpage::INVALID)]).map(Owned::leak).map(drop)
        }),
        "factories" => objects(|| env::mem_alloc().as_factory().create_factory(4096).map(Owned::leak).map(drop)),
        "maps" => objects(|| env::mem_alloc().as_factory().create::<Rm>(&[]).map(Owned::leak).map(drop)),
        "proxies" => objects(|| env::mem_alloc().as_factory().create_semaphore().map(Owned::leak).map(drop)),
        "names" => names(),
        "regions" => regions(),
        other => {
            println!("I do not know how to take {other}");
            return 1;
        }
    };
    println!("took {count} {kind} until: {error}");
    if env::args().nth(2).is_some() {
        println!("and keeps them");
        thread::sleep(Duration::MAX);
    }
    0
}

/// Repeats `take` until it fails; its number and its error.
fn repeat(mut take: impl FnMut(u64) -> Result) -> (u64, Error) {
    let mut count = 0;
    loop {
        match take(count) {
            Ok(()) => count += 1,
            Err(error) => return (count, error),
        }
    }
}

fn objects(take: impl Fn() -> Result) -> (u64, Error) {
    repeat(|_| take())
}

/// Backed dataspaces, smaller and smaller ones.
fn dataspaces() -> (u64, Error) {
    let mut total = 0;
    for order in (12..=20).rev().step_by(4) {
        let (count, error) = objects(|| {
            let space = env::mem_alloc().allocate(1 << order)?;
            space.allocate(0, 1 << order)?;
            space.leak();
            Ok(())
        });
        println!("{count} of {} KiB until: {error}", (1 << order) / 1024);
        total += count;
        if order == 12 {
            return (total, error);
        }
    }
    unreachable!("the last order is 12")
}

/// More memory than there is, backed as it is touched. Ends in a crash.
fn pages() -> i32 {
    let size = 2 * env::mem_alloc().info().map_or(0, |info| info.mem_limit) as usize;
    match Mapping::anonymous(size) {
        Ok(mut mapping) => {
            for at in (0..size).step_by(4096) {
                mapping.write(at, &[1]);
            }
            println!("all {size} bytes were there");
        }
        Err(error) => println!("no {size} bytes: {error}"),
    }
    1
}

/// Ends in a panic.
fn heap() -> i32 {
    let mut pieces: Vec<Vec<u8>> = Vec::new();
    loop {
        pieces.push(core::hint::black_box(alloc::vec![1; 100_000]));
    }
}

fn threads() -> (u64, Error) {
    objects(|| thread::Builder::new().spawn(|| thread::sleep(Duration::MAX)).map(core::mem::forget))
}

/// Names that are announced, without an object.
fn names() -> (u64, Error) {
    let space: Owned<Namespace> = match env::mem_alloc().as_factory().create(&[]) {
        Ok(space) => space,
        Err(error) => return (0, error),
    };
    let announce = |number: u64| {
        let message = Message::new(PROTO_NAMESPACE).with(op::REGISTER).with(0_u32);
        message.with_bytes(format!("{number:0100}").as_bytes()).call(space.index()).map(drop)
    };
    repeat(announce)
}

/// Parts of a region in the own region map: each hole makes one more.
fn regions() -> (u64, Error) {
    const PAGE: u64 = 4096;
    const SIZE: u64 = 1 << 30;
    let attach = Attach {
        dataspace: None,
        flags: flags::R | flags::RESERVED | flags::SEARCH_ADDR,
        ..Attach::new(env::mem_alloc().cast(), SIZE, 0)
    };
    let start = match env::rm().attach(attach) {
        Ok(start) => start,
        Err(error) => return (0, error),
    };
    repeat(|number| env::rm().detach_range(start + (2 * number + 1) * PAGE, PAGE, detach::EXACT).map(drop))
}

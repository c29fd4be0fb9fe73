//! Loops forever at the lowest priority.
#![no_std]
#![no_main]

use syscall::{Scheduler, env, println};

syscall::main!(main);

fn main() -> syscall::Result {
    env::scheduler().run_thread(env::main_thread(), Scheduler::any_cpu(), 1, 0)?;
    println!("spins from now on");
    loop {
        core::hint::spin_loop();
    }
}

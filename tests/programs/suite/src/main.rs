//! The conformance suite of the kernel interface: each test runs in a task of its own and compares what the
//! kernel does with what L4Re's headers and Fiasco say. `docs/kernel-interface.md` names the tests of each row.
#![no_std]
#![no_main]

mod buffers;
mod cancel;
mod closed_waits;
mod controllers;
mod deletion;
mod factories;
mod fast_items;
mod fast_paths;
mod faults;
mod flexpages;
mod flushes;
mod half_deleted;
mod in_use;
mod interrupted;
mod interrupts;
mod ipc;
mod items;
mod kinds;
mod make;
mod memory;
mod misuse;
mod objects;
mod phases;
mod ports;
mod preemption;
mod probe;
mod registers;
mod replies;
mod reply_slots;
mod revocation;
mod robust;
mod scheduling;
mod segments;
mod superpages;
mod task;
mod threads;
mod timeouts;
mod trampoline;
mod vcpu;
mod vcpu_control;
mod vcpu_look;
mod vcpu_task;
mod vcpu_user;
mod windows;

// In moe's place, or started by moe.
syscall::boot_main!(main);
syscall::main!(program);

/// Names a group and its tests, which are functions.
macro_rules! group {
    ($group:literal: $($name:ident),* $(,)?) => {
        pub const GROUP: harness::runner::Group = harness::runner::Group {
            name: $group,
            tests: &[$(harness::Test { name: stringify!($name), run: $name }),*],
        };
    };
}
pub(crate) use group;

fn program() -> i32 {
    main()
}

fn main() -> ! {
    static GROUPS: &[harness::runner::Group] = &[
        kinds::GROUP,
        misuse::GROUP,
        task::GROUP,
        objects::GROUP,
        interrupts::GROUP,
        controllers::GROUP,
        deletion::GROUP,
        ipc::GROUP,
        closed_waits::GROUP,
        fast_paths::GROUP,
        fast_items::GROUP,
        timeouts::GROUP,
        phases::GROUP,
        cancel::GROUP,
        in_use::GROUP,
        replies::GROUP,
        reply_slots::GROUP,
        memory::GROUP,
        superpages::GROUP,
        flushes::GROUP,
        items::GROUP,
        buffers::GROUP,
        flexpages::GROUP,
        windows::GROUP,
        ports::GROUP,
        threads::GROUP,
        faults::GROUP,
        registers::GROUP,
        factories::GROUP,
        scheduling::GROUP,
        segments::GROUP,
        trampoline::GROUP,
        vcpu_control::GROUP,
        vcpu::GROUP,
        vcpu_look::GROUP,
        vcpu_user::GROUP,
        vcpu_task::GROUP,
        robust::GROUP,
        preemption::GROUP,
        interrupted::GROUP,
        half_deleted::GROUP,
        revocation::GROUP,
    ];
    harness::runner::run("suite", GROUPS)
}

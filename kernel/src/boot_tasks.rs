//! The first two tasks, sigma0 and moe, with the capabilities that Fiasco's `std_workload.cpp` gives them.

use crate::arch::println;
use crate::debugger;
use crate::factory;
use crate::gate::Gate;
use crate::icu;
use crate::kernel_user_memory::Adding;
use crate::kip::KernelInfoPage;
use crate::memory::machine;
use crate::object::{self, KernelObject, Object};
use crate::sched;
use crate::scheduler;
use crate::task::Task;
use crate::thread::{DEFAULT_QUANTUM_US, Thread};
use crate::vcon;
use crate::watch;
use crate::work;
use abi::{CapIndex, Flexpage, Rights};
use kernel::space::Progress;

/// Where the UTCBs of the first threads are.
const UTCB_ADDRESS: u64 = 0x7f_ff00_0000;
/// All rights: to the object, and of the object.
const FULL: u8 = 0xff;
/// Priority of the first threads (Fiasco's `Default_prio`).
const PRIORITY: u8 = 0xff;
/// Label of moe's gate to sigma0.
const MOE_LABEL: u64 = 4 << 4;

/// Creates sigma0 and moe and makes them ready.
#[optimize(size)]
pub fn start(kip: &KernelInfoPage) {
    let payer = factory::root();
    object::adopt(payer, None);
    object::adopt(vcon::vcon(), None);
    object::adopt(icu::icu(), None);
    object::adopt(scheduler::scheduler(), None);
    object::adopt(debugger::debugger(), None);

    let header = kip.header();
    assert!(header.sigma0_ip != 0, "the kernel info page names no sigma0: add the line `module /sigma0` to the menu");
    assert!(header.root_ip != 0, "the kernel info page names no root task: add the line `module /moe` to the menu");
    let sigma0 = expect(Task::create_sigma0(payer));
    let sigma0_thread = thread(sigma0, CapIndex::INVALID, header.sigma0_ip, kip.phys(), "sigma0");

    let moe = expect(Task::create(payer));
    let gate = expect(object::create(payer, || Gate::new(MOE_LABEL)));
    gate.thread.set(Some(sigma0_thread));
    insert(moe, CapIndex::PAGER, gate.wrap());
    let moe_thread = thread(moe, CapIndex::PAGER, header.root_ip, 0, "moe");
    watch::start(sigma0_thread, moe_thread);
    println!("Started sigma0 at {:#x} and moe at {:#x}", header.sigma0_ip, header.root_ip);
}

/// Lets the page at `address` appear in sigma0, one to one. False if it is the kernel's, or there is no memory for the tables.
pub fn map_for_sigma0(task: &'static Task, address: u64) -> bool {
    task.memory.fabricate(machine(), address, work::budget()) == Ok(true)
}

#[optimize(size)]
fn thread(task: &'static Task, pager: CapIndex, ip: u64, argument: u64, name: &str) -> &'static Thread {
    let payer = factory::root();
    insert(task, CapIndex::TASK, task.wrap());
    insert(task, CapIndex::FACTORY, Object::Factory(payer));
    insert(task, CapIndex::LOG, Object::Vcon(vcon::vcon()));
    insert(task, CapIndex::ICU, Object::Icu(icu::icu()));
    insert(task, CapIndex::SCHEDULER, Object::Scheduler(scheduler::scheduler()));
    insert(task, CapIndex::DEBUGGER, Object::Debugger(debugger::debugger()));

    let thread = expect(object::create(payer, || const { Thread::new() }));
    thread.created();
    insert(task, CapIndex::THREAD, thread.wrap());
    let area = Flexpage::memory(UTCB_ADDRESS, abi::PAGE_SHIFT, Rights::RW);
    let mut adding = expect(Adding::new(task, area));
    while expect(adding.step(work::budget())) == Progress::Preempted {}
    let utcb = task.utcb_at(UTCB_ADDRESS).expect("the area that was just added holds a UTCB");
    assert!(thread.bind(task, utcb, UTCB_ADDRESS), "a new thread can be bound");
    let mut padded = [0; 16];
    padded[..name.len()].copy_from_slice(name.as_bytes());
    thread.header.set_name(padded);
    task.header().set_name(padded);
    thread.pager.set(pager);
    thread.frame.set_ip(ip);
    thread.frame.set_argument(argument);
    thread.has_start.set(true);
    thread.is_scheduled.set(true);
    sched::set_parameters(thread, PRIORITY, DEFAULT_QUANTUM_US);
    thread.start_if_complete();
    thread
}

fn insert(task: &'static Task, cap: CapIndex, object: Object) {
    let slot = task.slot_for(cap.index());
    object.header().insert_capability(slot.expect("there is memory for the first capabilities"), FULL);
}

fn expect<T>(result: Result<T, abi::Error>) -> T {
    match result {
        Ok(value) => value,
        Err(error) => panic!("the first tasks cannot be created: {error}; give the machine more memory"),
    }
}

//! Sends some hundred malformed requests to each server that a program can reach: moe's objects, the region map of its own
//! l4re, ned as its parent. All are to be answered, those that cannot mean anything with errors, and the servers are to
//! work afterwards as before.
#![no_std]
#![no_main]

extern crate alloc;

mod request;

use alloc::vec;
use request::{Request, Source, Vec, emptied, is_late};
use syscall::abi::l4re::{
    Opcode, PROTO_DATASPACE, PROTO_MEM_ALLOC, PROTO_NAMESPACE, PROTO_PARENT, PROTO_RM, dataspace, namespace, rm,
};
use syscall::abi::{self, CapIndex, protocol};
use syscall::memory::Mapping;
use syscall::message::Argument;
use syscall::{Cap, Code, Factory, Namespace, Owned, Result, Rm, Scheduler, env, println};

syscall::main!(main);

/// Random requests to each server.
const REQUESTS: u32 = 2000;

const UP_TO_11: [i64; 12] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11];
/// What a factory is asked for.
const KINDS: [i64; 11] = [
    abi::factory::IPC_GATE,
    PROTO_DATASPACE,
    PROTO_NAMESPACE,
    PROTO_RM,
    PROTO_DATASPACE,
    protocol::FACTORY,
    protocol::LOG,
    protocol::TASK,
    protocol::THREAD,
    protocol::SEMAPHORE,
    protocol::SCHEDULER,
];

/// A server: who it is, and what requests make sense to it.
struct Target {
    name: &'static str,
    cap: CapIndex,
    protocol: i64,
    /// Its opcodes, and one more.
    opcodes: &'static [i64],
    /// Opcodes that cannot do without arguments.
    hungry: &'static [Opcode],
    /// Whether a random request is one that would harm this program itself, which is its right.
    suicidal: fn(&Request) -> bool,
}

fn main() -> Result<i32> {
    let memory = env::mem_alloc().as_factory();
    let space = env::mem_alloc().allocate(0x1_0000)?;
    let names: Owned<Namespace> = memory.create(&[])?;
    let map: Owned<Rm> = memory.create(&[])?;
    let small = memory.create_factory(0x1_0000)?;
    let file = env::open::<syscall::Dataspace>("rom/malformed")?;
    let root: Cap<Factory> = env::cap("root")?;
    let scheduler: Owned<Scheduler> = root.create(&[Argument::Signed(9), Argument::Signed(1)])?;
    use dataspace::op as ds;
    use namespace::op as ns;
    let spaces: &[Opcode] = &[ds::MAP, ds::CLEAR, ds::COPY_IN, ds::ALLOCATE];
    let maps: &[Opcode] = &[rm::op::ATTACH, rm::op::DETACH, rm::op::RESERVE_AREA, rm::op::FREE_AREA, rm::op::PAGE_IN];
    let any = |_: &Request| false;
    let target = |name, cap, protocol, opcodes, hungry| Target { name, cap, protocol, opcodes, hungry, suicidal: any };
    let targets = vec![
        target("moe's dataspace", space.index(), PROTO_DATASPACE, UP_TO_11.split_at(7).0, spaces),
        target("a file", file.index(), PROTO_DATASPACE, UP_TO_11.split_at(7).0, spaces),
        target(
            "moe's name space",
            names.index(),
            PROTO_NAMESPACE,
            UP_TO_11.split_at(5).0,
            &[ns::QUERY, ns::REGISTER, ns::UNLINK],
        ),
        target("moe's region map", map.index(), PROTO_RM, &UP_TO_11, maps),
        target("moe's factory", small.index(), protocol::FACTORY, &KINDS, &[]),
        target("moe's memory allocator", memory.index(), PROTO_MEM_ALLOC, UP_TO_11.split_at(3).0, &[]),
        target("moe's scheduler", scheduler.index(), protocol::SCHEDULER, UP_TO_11.split_at(4).0, &[]),
        Target { suicidal: unmaps, ..target("l4re", env::rm().index(), PROTO_RM, &UP_TO_11, maps) },
        Target { suicidal: ends, ..target("ned", env::parent().index(), PROTO_PARENT, UP_TO_11.split_at(3).0, &[]) },
    ];
    let mut source = Source::new()?;
    let slot = syscall::cap::allocate()?;
    let mut sound = true;
    for target in &targets {
        let attacked = attack(target, &mut source, slot)?;
        let serving = still_serving();
        if let Err(error) = serving {
            println!("{}: does not serve any more: {error}", target.name);
        }
        sound &= attacked && serving.is_ok();
    }
    println!("malformed requests: {}", if sound { "all servers stand" } else { "FAILED" });
    Ok(i32::from(!sound))
}

/// Whether a request to l4re takes away memory or addresses that this program needs.
fn unmaps(request: &Request) -> bool {
    let opcode = request.opcode();
    request.protocol == protocol::EXCEPTION || opcode == rm::op::DETACH || opcode == rm::op::RESERVE_AREA
}

/// Whether a request tells ned that the program has ended.
fn ends(request: &Request) -> bool {
    request.opcode() == 0
}

fn attack(target: &Target, source: &mut Source, slot: CapIndex) -> Result<bool> {
    let (mut errors, mut answers, mut late) = (0, 0, 0);
    let mut sound = true;
    for words in [&[][..], &[0x7777], &[u64::MAX; 40]] {
        let request = Request { protocol: target.protocol, words: Vec::of(words), items: Vec::of(&[]) };
        sound &= refused(target, &request, slot)?;
    }
    for opcode in target.hungry {
        let request = Request { protocol: target.protocol, words: Vec::of(&[*opcode as u64]), items: Vec::of(&[]) };
        sound &= refused(target, &request, slot)?;
    }
    let strange = Request { protocol: 0x5a5a, words: Vec::of(&[0, 1, 2]), items: Vec::of(&[]) };
    sound &= refused(target, &strange, slot)?;
    for _ in 0..REQUESTS {
        let request = source.request(target.protocol, target.opcodes);
        if (target.suicidal)(&request) {
            continue;
        }
        match request.send(target.cap, emptied(slot)?) {
            Ok(_) => answers += 1,
            Err(error) if is_late(&error) => late += 1,
            Err(_) => errors += 1,
        }
    }
    emptied(slot)?;
    println!("{}: {errors} errors, {answers} answers, {late} without one", target.name);
    Ok(sound && late == 0 && errors > 0)
}

/// Whether the server refuses this.
fn refused(target: &Target, request: &Request, slot: CapIndex) -> Result<bool> {
    let refused = request.send(target.cap, emptied(slot)?).is_err_and(|error| !is_late(&error));
    if !refused {
        println!("{}: takes {} words of protocol {:#x}", target.name, request.length(), request.protocol);
    }
    Ok(refused)
}

/// Whether memory, names and mappings are still to be had.
fn still_serving() -> Result {
    env::scheduler().run_thread(env::main_thread(), Scheduler::any_cpu(), 2, 0)?;
    let space = env::mem_alloc().allocate(0x3000)?;
    let mut mapping = Mapping::attach(space.cap(), 0x3000, rm::flags::RW)?;
    mapping.write(0x2ffc, b"here");
    let mut seen = [0; 4];
    mapping.read(0x2ffc, &mut seen);
    let names: Owned<Namespace> = env::mem_alloc().as_factory().create(&[])?;
    names.register("space", space.cap(), 0)?;
    let found = names.query::<syscall::Dataspace>("space")?;
    let signalled = env::parent().signal(5, 0);
    if &seen != b"here" || found.size()? != 0x3000 || signalled.is_err() {
        return Err(Code::Inval.into());
    }
    Ok(())
}

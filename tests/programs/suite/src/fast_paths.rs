//! The fast paths do what the general path does: random system calls, each done twice from the same state, once as it
//! is and once with the scheduling flag, which changes nothing here but that no fast path takes a message with a flag.

use crate::make::{self, with_rights};
use core::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed};
use harness::call::no_buffers;
use harness::worker::{Worker, spawn};
use harness::{Check, ask, holds};
use syscall::abi::ipc::Operation;
use syscall::abi::{CapIndex, Rights, Tag, Timeout, Timeouts, gate, irq, protocol, thread};
use syscall::arch::{invoke, utcb};
use syscall::{Cap, Gate, Irq, Semaphore, Thread};

crate::group!("fast_paths": random_calls, random_replies, yields, switches);

const ROUNDS: u64 = 300;
/// Priority of the thread whose system calls are compared: below the test's.
const CALLER: u64 = 90;
/// Priority of the thread that runs when nobody else can go on.
const LAST: u64 = 10;
/// Words of the message registers that are compared.
const WORDS: usize = 8;

/// A system call, as the worker finds it.
#[derive(Clone, Copy, Debug)]
struct Call {
    destination: u64,
    operation: u64,
    tag: Tag,
    first: u64,
    timeouts: Timeouts,
}

static CALL: [AtomicU64; 5] = [const { AtomicU64::new(0) }; 5];
/// Whether it has ended, tag, label, error code, and the first message registers.
static OUTCOME: [AtomicU64; 4 + WORDS] = [const { AtomicU64::new(0) }; 4 + WORDS];
/// What the server received last, and how many messages there were.
static RECEIVED: [AtomicU64; 3] = [const { AtomicU64::new(0) }; 3];
/// The flag of all messages.
static FLAG: AtomicU64 = AtomicU64::new(0);

impl Call {
    fn random(random: &mut Random, destinations: &[u64]) -> Self {
        let protocols = [0, 5, protocol::IRQ, protocol::SEMAPHORE, protocol::THREAD, protocol::KOBJECT, protocol::META];
        let timeouts = [0, 0, 0, 0x400, 0x400_0000, 0x400_0400, 0x8001];
        let operations = [Operation::CALL, Operation::SEND, Operation::RECEIVE, Operation::SEND_AND_WAIT];
        let operation = match random.below(3) {
            0 => random.below(16),
            _ => random.one(&operations).bits(),
        };
        let label = random.one(&protocols);
        let first = match label {
            // What changes objects for good is left out.
            protocol::KOBJECT => gate::OP_GET_INFO,
            _ => random.one(&[0, irq::OP_TRIGGER, irq::OP_EOI, thread::OP_SWITCH, 0x1_0000]),
        };
        Self {
            destination: random.one(destinations),
            operation,
            tag: Tag::new(label, random.one(&[0, 0, 1, 1, 2, 8, 9, 63]), 0, 0),
            first,
            timeouts: Timeouts::from_raw(random.one(&timeouts)),
        }
    }

    fn put(self) {
        let words = [self.destination, self.operation, self.tag.raw(), self.first, self.timeouts.raw().into()];
        CALL.iter().zip(words).for_each(|(place, word)| place.store(word, Relaxed));
    }

    fn take() -> Self {
        let [destination, operation, tag, first, timeouts] = CALL.each_ref().map(|place| place.load(Relaxed));
        let timeouts = Timeouts::from_raw(timeouts as u32);
        Self { destination, operation, tag: Tag::from_raw(tag), first, timeouts }
    }
}

/// The worker's part: one system call.
fn perform(_: u64) {
    let call = Call::take();
    no_buffers();
    utcb().set_br(1, 1);
    for index in 0..63 {
        utcb().set_mr(index, 0x100 + index as u64);
    }
    utcb().set_mr(0, call.first);
    let tag = Tag::from_raw(call.tag.raw() | FLAG.load(Relaxed));
    let destination = CapIndex::from_raw(call.destination);
    let (tag, label) = invoke(destination, Operation::from_raw(call.operation), 0x77, tag, call.timeouts);
    let error = if tag.has_error() { utcb().error() } else { 0 };
    // The flag comes back from those who leave the tag as it is.
    let words = [1, tag.raw() & !Tag::SCHEDULE, label, error];
    OUTCOME.iter().zip(words).for_each(|(place, word)| place.store(word, Relaxed));
    OUTCOME[4..].iter().enumerate().for_each(|(index, place)| place.store(utcb().mr(index), Relaxed));
}

/// The server's part: answers with the message it got.
fn serve(_: u64) {
    let (mut operation, mut tag) = (Operation::WAIT, Tag::new(0, 0, 0, 0));
    loop {
        no_buffers();
        let (received, label) = invoke(CapIndex::INVALID, operation, 0x55, tag, Timeouts::NEVER);
        if received.has_error() {
            // Whoever sent the last message waits for no answer.
            operation = Operation::WAIT;
            continue;
        }
        RECEIVED[0].fetch_add(1, Relaxed);
        RECEIVED[1].store(received.raw() & !Tag::SCHEDULE, Relaxed);
        RECEIVED[2].store(label, Relaxed);
        operation = Operation::REPLY_AND_WAIT;
        tag = Tag::new(received.label(), received.words(), 0, FLAG.load(Relaxed));
    }
}

/// Runs when nobody else can go on, and says so.
fn say_when_idle(semaphores: u64) {
    let [ask, answer] =
        [semaphores & 0xffff_ffff, semaphores >> 32].map(|raw| Cap::<Semaphore>::new(CapIndex::from_raw(raw)));
    while ask.down(Timeout::NEVER).is_ok() {
        let _ = answer.up();
    }
}

/// Lets all threads of lower priorities go on until they wait or have ended.
struct Idle(Cap<Semaphore>, Cap<Semaphore>);

impl Idle {
    fn new() -> Check<Self> {
        let (ask, answer) = (make::semaphore()?, make::semaphore()?);
        spawn(LAST, say_when_idle, ask.index().raw() | answer.index().raw() << 32)?;
        Ok(Self(ask, answer))
    }

    fn wait(&self) -> Check {
        self.0.up()?;
        Ok(self.1.down(Timeout::NEVER)?)
    }
}

/// What is compared: the caller's outcome, the server's messages, and the state of semaphore and interrupt.
type Observation = ([u64; 4 + WORDS], [u64; 3], u64, i64);

/// A caller, a server, and objects for them.
struct Scene {
    caller: Worker,
    server: Worker,
    gate: Cap<Gate>,
    irq: Cap<Irq>,
    semaphore: Cap<Semaphore>,
    destinations: [u64; 10],
    idle: Idle,
}

impl Scene {
    fn new() -> Check<Self> {
        let caller = Worker::create_in(syscall::Task::this())?;
        let server = spawn(CALLER, serve, 0)?;
        let gate = make::factory().create_gate(Some(server.thread), 0x1000)?.leak();
        let (irq, semaphore) = (make::irq()?, make::semaphore()?);
        let destinations = [
            gate.index(),
            gate.index(),
            with_rights(gate, Rights::CAP_R)?.index(),
            make::unbound_gate()?.index(),
            irq.index(),
            irq.index(),
            semaphore.index(),
            with_rights(semaphore, Rights::CAP_R)?.index(),
            caller.thread.index(),
            CapIndex::new(0x7f),
        ];
        let (destinations, idle) = (destinations.map(CapIndex::raw), Idle::new()?);
        Ok(Self { caller, server, gate, irq, semaphore, destinations, idle })
    }

    /// Does a system call from this state: the server's priority, how often semaphore and interrupt were triggered.
    fn observe(&self, call: Call, flag: u64, (priority, ups, triggers): (u64, u64, u64)) -> Check<Observation> {
        FLAG.store(flag, Relaxed);
        RECEIVED.iter().chain(&OUTCOME).for_each(|place| place.store(0, Relaxed));
        self.server.start(priority, serve, 0)?;
        self.idle.wait()?;
        self.irq.bind_thread(self.caller.thread, 0x2000)?;
        (0..triggers).try_for_each(|_| self.irq.trigger())?;
        (0..ups).try_for_each(|_| self.semaphore.up())?;
        call.put();
        self.caller.start(CALLER, perform, 0)?;
        self.idle.wait()?;
        if OUTCOME[0].load(Relaxed) == 0 {
            self.caller.thread.ex_regs(u64::MAX, u64::MAX, thread::EX_REGS_CANCEL)?;
            self.idle.wait()?;
        }
        let outcome = OUTCOME.each_ref().map(|place| place.load(Relaxed));
        let received = RECEIVED.each_ref().map(|place| place.load(Relaxed));
        let mut count = 0;
        while self.semaphore.down(Timeout::ZERO).is_ok() {
            count += 1;
        }
        let was_in_line = ask(self.irq.index(), protocol::IRQ_SENDER, &[irq::SENDER_OP_DETACH], &[]);
        // What is pending goes to the one who binds next: here, to be forgotten.
        self.irq.bind_thread(make::me(), 0x2000)?;
        let _ = self.irq.receive(Timeouts::ZERO);
        ask(self.irq.index(), protocol::IRQ_SENDER, &[irq::SENDER_OP_DETACH], &[]);
        Ok((outcome, received, count, was_in_line))
    }

    fn compare(&self, random: &mut Random, call: Call) -> Check {
        let state = (random.one(&[CALLER - 10, CALLER, CALLER + 20]), random.below(3), random.below(2));
        let (plain, flagged) = (self.observe(call, 0, state)?, self.observe(call, Tag::SCHEDULE, state)?);
        if plain == flagged {
            return Ok(());
        }
        syscall::println!("{call:x?} from {state:?}:\n{plain:x?}\n{flagged:x?}");
        holds(false)
    }
}

fn random_calls() -> Check {
    let (scene, mut random) = (Scene::new()?, Random::new(1));
    for _ in 0..ROUNDS {
        let call = Call::random(&mut random, &scene.destinations);
        scene.compare(&mut random, call)?;
    }
    Ok(())
}

/// Calls that the server answers: all lengths, both ways.
fn random_replies() -> Check {
    let (scene, mut random) = (Scene::new()?, Random::new(2));
    for words in 0..64 {
        let tag = Tag::new(random.below(9) as i64, words, 0, 0);
        let (destination, operation) = (scene.gate.index().raw(), Operation::CALL.bits());
        scene.compare(&mut random, Call { destination, operation, tag, first: 7, timeouts: Timeouts::NEVER })?;
        holds(OUTCOME[0].load(Relaxed) == 1 && RECEIVED[0].load(Relaxed) == 1)?;
    }
    Ok(())
}

/// Turns of each of three threads.
const TURNS: usize = 30;
/// Who had them, until one has had all of its own.
static HAD: [AtomicU64; 3 * TURNS] = [const { AtomicU64::new(0) }; 3 * TURNS];
static COUNT: AtomicUsize = AtomicUsize::new(0);
static IS_OVER: AtomicBool = AtomicBool::new(false);
static THREADS: [AtomicU64; 3] = [const { AtomicU64::new(0) }; 3];

fn have_turns(me: u64, give_up: impl Fn()) {
    for _ in 0..TURNS {
        if !IS_OVER.load(Relaxed) {
            HAD[COUNT.fetch_add(1, Relaxed)].store(me, Relaxed);
        }
        give_up();
    }
    IS_OVER.store(true, Relaxed);
}

/// Lets three threads of one priority have their turns; whether each turn and the next are as they should be.
fn take_turns(work: fn(u64), follows: fn(u64, u64) -> bool) -> Check {
    for number in 0..3 {
        let worker = spawn(CALLER, work, number)?;
        THREADS[number as usize].store(worker.thread.index().raw(), Relaxed);
    }
    Idle::new()?.wait()?;
    let had = &HAD[..COUNT.load(Relaxed)];
    holds(had.len() > 2 * TURNS)?;
    holds(had.windows(2).all(|two| follows(two[0].load(Relaxed), two[1].load(Relaxed))))
}

fn yields() -> Check {
    take_turns(|me| have_turns(me, Thread::yield_now), |one, next| one != next)
}

/// Each thread switches to the one that would be the last to run.
fn switches() -> Check {
    fn work(me: u64) {
        let last = CapIndex::from_raw(THREADS[(me as usize + 2) % 3].load(Relaxed));
        have_turns(me, || {
            let _ = Cap::<Thread>::new(last).switch_to();
        });
    }
    take_turns(work, |one, next| next == (one + 2) % 3)
}

/// Random numbers that are the same in each run: xorshift64*.
pub struct Random(u64);

impl Random {
    /// Those of this number, which is not 0.
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// One below this.
    pub fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 32) % limit
    }

    /// One of these.
    pub fn one<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len() as u64) as usize]
    }
}

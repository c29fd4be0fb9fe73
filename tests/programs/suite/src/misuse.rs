//! Each operation of each kernel object, used wrongly: too few words, a right that is missing, an item that is none, names
//! nothing or something else, an object that is gone. One row says what the operation takes; all ways to fail follow.

use crate::make::{self, EMPTY_SLOT, NO_CAPABILITY};
use harness::call::{Asked, no_buffers, outcome, write};
use harness::worker::{UTCBS, bare_task};
use harness::{Check, Failure, IPC};
use syscall::Cap;
use syscall::abi::factory::{ArgumentType, IPC_GATE, argument_header};
use syscall::abi::ipc::Operation as Ipc;
use syscall::abi::{BufferItem, CapIndex, Error, Flexpage, MapItem, Rights, Timeout, Timeouts, protocol};
use syscall::abi::{
    debugger, gate, icu, irq, kobject, platform_control as platform, scheduler, semaphore, task, thread, vcon,
};
use syscall::arch::invoke;
use syscall::object::thread::Control;

/// The kinds of objects.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Task,
    Thread,
    UnboundThread,
    Gate,
    Irq,
    Semaphore,
    Factory,
    Icu,
    Scheduler,
    Vcon,
    Debugger,
}

use Kind::*;

/// Those that programs make; there is one of each of the others.
const MADE: [Kind; 7] = [Task, Thread, UnboundThread, Gate, Irq, Semaphore, Factory];
const ALL: [Kind; 10] = [Task, Thread, Gate, Irq, Semaphore, Factory, Icu, Scheduler, Vcon, Debugger];

impl Kind {
    /// An object of the kind, a new one where there can be many.
    fn object(self) -> Check<CapIndex> {
        Ok(match self {
            Task => bare_task()?.leak().index(),
            Thread => thread()?,
            UnboundThread => make::thread()?.index(),
            Gate => make::unbound_gate()?.index(),
            Irq => make::irq()?.index(),
            Semaphore => make::semaphore()?.index(),
            Factory => make::factory().create_factory(50_000)?.leak().index(),
            Icu => CapIndex::ICU,
            Scheduler => CapIndex::SCHEDULER,
            Vcon => CapIndex::LOG,
            Debugger => CapIndex::DEBUGGER,
        })
    }
}

/// Where the UTCBs of the threads are, and memory for other state: nothing else of a test is there.
const UTCB: u64 = UTCBS + 15 * 1024;
const OTHER_UTCB: u64 = UTCBS + 14 * 1024;
const STATE: u64 = UTCBS + 8 * 1024;

/// A thread with a task and a CPU, which has not started.
fn thread() -> Check<CapIndex> {
    let thread = make::thread()?;
    thread.control(Control { bind: Some((syscall::Task::this(), UTCB)), ..Control::default() })?;
    syscall::Scheduler::boot().run_thread(thread, syscall::Scheduler::any_cpu(), 1, 0)?;
    Ok(thread.index())
}

/// What an operation takes, and what it answers.
struct Operation {
    subject: Kind,
    protocol: i64,
    words: &'static [u64],
    /// How many of the words it needs, and what it says of fewer.
    needs: usize,
    short: Asked,
    /// The right that it needs.
    right: Rights,
    /// The kinds of objects that its item can name, and the right to them that it needs.
    item: Option<(&'static [Kind], Rights)>,
    /// What it says if there is no item, and of one that is no capability.
    no_item: Asked,
    no_capability: Asked,
    /// The answer when nothing is wrong.
    well: Asked,
}

impl Operation {
    const fn of(subject: Kind, protocol: i64, words: &'static [u64]) -> Self {
        Self {
            subject,
            protocol,
            words,
            needs: 1,
            short: 0,
            right: Rights::NONE,
            item: None,
            no_item: make::code(Error::Inval),
            no_capability: IPC + 8,
            well: 0,
        }
    }

    const fn needs(self, words: usize, short: Error) -> Self {
        Self { needs: words, short: make::code(short), ..self }
    }

    const fn right(self, right: Rights) -> Self {
        Self { right, ..self }
    }

    const fn item(self, kinds: &'static [Kind], right: Rights) -> Self {
        Self { item: Some((kinds, right)), ..self }
    }

    const fn without_item(self, no_item: Asked) -> Self {
        Self { no_item, ..self }
    }

    const fn answers(self, well: Asked) -> Self {
        Self { well, ..self }
    }

    /// The answer to so many words and this item.
    fn ask(&self, cap: CapIndex, words: usize, item: Option<MapItem>) -> Asked {
        no_buffers();
        if self.protocol == protocol::FACTORY {
            syscall::arch::utcb().set_br(0, BufferItem::single_cap(make::slot()).0);
            syscall::arch::utcb().set_br(1, 0);
        }
        let tag = write(self.protocol, &self.words[..words], item.as_slice());
        let timeouts = Timeouts { send: Timeout::NEVER, receive: Timeout::from_microseconds(200) };
        outcome(invoke(cap, Ipc::CALL, 0, tag, timeouts).0)
    }

    /// The answer of a new object when all is well but for what the arguments say: its rights, how many words there are,
    /// which object the item names, with which rights.
    fn attempt(&self, rights: Rights, words: usize, item: Option<(Kind, Rights)>) -> Check<Asked> {
        let subject = Lent::new(self.subject, rights)?;
        let named = item.map(|(kind, rights)| Lent::new(kind, rights)).transpose()?;
        Ok(self.ask(subject.cap, words, named.as_ref().map(Lent::item)))
    }

    fn good_item(&self) -> Option<(Kind, Rights)> {
        self.item.map(|(kinds, _)| (kinds[0], Rights::CAP_RWS))
    }

    fn check(&self) -> Check {
        let (all, words, good) = (Rights::CAP_RWS, self.words.len(), self.good_item());
        expect("all is well", self.attempt(all, words, good)?, self.well)?;
        for words in 1..self.needs {
            expect("too few words", self.attempt(all, words, good)?, self.short)?;
        }
        for rights in SOME_RIGHTS {
            let wanted = if rights.contains(self.right) { self.well } else { make::code(Error::Perm) };
            expect("rights", self.attempt(rights, words, good)?, wanted)?;
        }
        if let Some((kinds, right)) = self.item {
            self.check_items(kinds, right)?;
        }
        if MADE.contains(&self.subject) {
            let subject = Lent::new(self.subject, all)?;
            let cap = subject.cap;
            drop(subject);
            expect("the object is gone", self.ask(cap, words, None), IPC + 4)?;
        }
        Ok(())
    }

    fn check_items(&self, kinds: &[Kind], right: Rights) -> Check {
        let (all, words, invalid) = (Rights::CAP_RWS, self.words.len(), make::code(Error::Inval));
        for rights in SOME_RIGHTS {
            let wanted = if rights.contains(right) { self.well } else { make::code(Error::Perm) };
            expect("rights of the item", self.attempt(all, words, Some((kinds[0], rights)))?, wanted)?;
        }
        for kind in ALL {
            let wanted = if kinds.contains(&kind) { self.well } else { invalid };
            expect("kind of the item", self.attempt(all, words, Some((kind, all)))?, wanted)?;
        }
        let of_object = |item: Option<MapItem>| -> Check<Asked> {
            let subject = Lent::new(self.subject, all)?;
            Ok(self.ask(subject.cap, words, item))
        };
        expect("no item", of_object(None)?, self.no_item)?;
        expect("an empty slot", of_object(Some(EMPTY_SLOT))?, invalid)?;
        expect("no capability", of_object(Some(NO_CAPABILITY))?, self.no_capability)?;
        let gone = Lent::new(kinds[0], all)?;
        let item = gone.item();
        drop(gone);
        expect("the item's object is gone", of_object(Some(item))?, invalid)
    }
}

const SOME_RIGHTS: [Rights; 3] = [Rights::CAP_R, Rights::CAP_RW, Rights::CAP_RS];

fn expect(what: &str, got: Asked, wanted: Asked) -> Check {
    if got == wanted { Ok(()) } else { Err(Failure::new(format_args!("{what}: got {got}, wanted {wanted}"))) }
}

/// A capability to an object, with some rights only. Dropping it deletes an object that was made for it.
struct Lent {
    object: CapIndex,
    cap: CapIndex,
    is_made: bool,
}

impl Lent {
    fn new(kind: Kind, rights: Rights) -> Check<Self> {
        let (object, cap) = (kind.object()?, make::slot());
        syscall::Task::this().map_cap(Cap::<syscall::Task>::new(object), rights, cap)?;
        Ok(Self { object, cap, is_made: MADE.contains(&kind) })
    }

    fn item(&self) -> MapItem {
        make::item(Cap::<syscall::Task>::new(self.cap))
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        let _ = Cap::<syscall::Task>::new(self.cap).release();
        if self.is_made {
            let _ = Cap::<syscall::Task>::new(self.object).delete();
        }
    }
}

/// Makes a test of each row.
macro_rules! operations {
    ($($name:ident = $operation:expr;)*) => {
        $(fn $name() -> Check {
            const OPERATION: Operation = $operation;
            OPERATION.check()
        })*
        crate::group!("misuse": $($name,)* words_that_fiasco_does_not_count);
    };
}

const NO_ANSWER: Asked = IPC + 3;
const NO_SYS: Asked = make::code(Error::NoSys);
const UNSIGNED: u64 = argument_header(ArgumentType::Unsigned, 8);
const FLEXPAGE: u64 = argument_header(ArgumentType::Flexpage, 8);
/// The second serial port's line, which nothing in these machines uses.
const LINE: u64 = 3;
const LINES: i64 = protocol::IRQ;
const TRIGGERS: &[Kind] = &[Irq, Semaphore];
const NONE: Rights = Rights::NONE;
const W: Rights = Rights::CAP_W;
const S: Rights = Rights::CAP_S;
const PLACE: u64 = 0x2_0000_0000;
const PAGE: u64 = Flexpage::memory(harness::child::PAGES, 12, Rights::R).raw();
const AREA: u64 = Flexpage::memory(0x7100_0000, 12, Rights::RW).raw();
const BIND_TASK: &[u64] = &[thread::CONTROL_BIND_TASK, 0, 0, 0, 0, OTHER_UTCB];
const CONTROL: &[u64] = &[thread::OP_CONTROL, 0, 0, 0, 0, 0];

use Operation as Op;

operations! {
    task_map = Op::of(Task, protocol::TASK, &[task::OP_MAP, PLACE | 8, PAGE]).right(W).item(&[Task], NONE);
    task_unmap = Op::of(Task, protocol::TASK, &[task::OP_UNMAP, task::UNMAP_ALL_SPACES, PAGE]);
    task_cap_valid = Op::of(Task, protocol::TASK, &[task::OP_CAP_INFO, 0x1000]);
    task_cap_equal = Op::of(Task, protocol::TASK, &[task::OP_CAP_INFO, 0x1000, 0x1000]).answers(1);
    task_add_ku_mem = Op::of(Task, protocol::TASK, &[task::OP_ADD_KU_MEM, AREA]);
    task_ldt_set = Op::of(Task, protocol::TASK, &[task::OP_LDT_SET, 0, 0]);
    thread_bind = Op::of(UnboundThread, protocol::THREAD, BIND_TASK)
        .needs(6, Error::Inval).right(S).item(&[Task], S);
    thread_control = Op::of(Thread, protocol::THREAD, CONTROL).needs(6, Error::Inval).right(S);
    thread_ex_regs = Op::of(Thread, protocol::THREAD, &[thread::OP_EX_REGS, 0x1000, 0]).needs(3, Error::Inval);
    thread_switch = Op::of(Thread, protocol::THREAD, &[thread::OP_SWITCH]);
    thread_stats = Op::of(Thread, protocol::THREAD, &[thread::OP_STATS]);
    thread_vcpu_resume = Op::of(Thread, protocol::THREAD, &[thread::OP_VCPU_RESUME]).answers(make::code(Error::Inval));
    thread_register_delete_irq = Op::of(Thread, protocol::THREAD, &[thread::OP_REGISTER_DELETE_IRQ]).item(TRIGGERS, W);
    thread_modify_sender = Op::of(Thread, protocol::THREAD, &[thread::OP_MODIFY_SENDER, 0, 0, 0, 0]);
    thread_vcpu_control = Op::of(Thread, protocol::THREAD, &[thread::OP_VCPU_CONTROL, STATE]).needs(2, Error::Inval);
    thread_register_doorbell_irq =
        Op::of(Thread, protocol::THREAD, &[thread::OP_REGISTER_DOORBELL_IRQ]).answers(NO_SYS);
    thread_pf_trampoline =
        Op::of(Thread, protocol::THREAD, &[thread::OP_PF_TRAMPOLINE, STATE]).needs(2, Error::MsgTooShort);
    thread_gdt = Op::of(Thread, protocol::THREAD, &[thread::OP_GDT, 0, 0]).answers(0x5b);
    thread_set_segment_base =
        Op::of(Thread, protocol::THREAD, &[thread::OP_SET_SEGMENT_BASE, 0x1000]).needs(2, Error::MsgTooShort);
    thread_segment_info = Op::of(Thread, protocol::THREAD, &[thread::OP_SEGMENT_INFO]);
    gate_bind = Op::of(Gate, protocol::KOBJECT, &[gate::OP_BIND, 0x40])
        .needs(2, Error::MsgTooShort).right(S).item(&[Thread], S);
    gate_get_info = Op::of(Gate, protocol::KOBJECT, &[gate::OP_GET_INFO]);
    gate_dec_refcnt = Op::of(Gate, protocol::KOBJECT, &[kobject::OP_DEC_REFCNT, 0]).needs(2, Error::Inval);
    irq_bind = Op::of(Irq, protocol::KOBJECT, &[gate::OP_BIND, 0x40]).right(S).item(&[Thread], S);
    irq_detach = Op::of(Irq, protocol::IRQ_SENDER, &[irq::SENDER_OP_DETACH]).right(S).answers(make::code(Error::NoEnt));
    irq_bind_vcpu = Op::of(Irq, protocol::IRQ_SENDER, &[irq::SENDER_OP_BIND_VCPU, 0]).answers(NO_SYS);
    irq_trigger = Op::of(Irq, protocol::IRQ, &[irq::OP_TRIGGER]).answers(NO_ANSWER);
    irq_end = Op::of(Irq, protocol::IRQ, &[irq::OP_EOI]).answers(NO_ANSWER);
    semaphore_up = Op::of(Semaphore, protocol::IRQ, &[irq::OP_TRIGGER]).answers(NO_ANSWER);
    semaphore_down = Op::of(Semaphore, protocol::SEMAPHORE, &[semaphore::OP_DOWN]).right(S).answers(NO_ANSWER);
    factory_task = Op::of(Factory, protocol::FACTORY, &[protocol::TASK as u64, FLEXPAGE, 0])
        .needs(3, Error::Inval).right(S);
    factory_thread = Op::of(Factory, protocol::FACTORY, &[protocol::THREAD as u64]).right(S);
    factory_gate = Op::of(Factory, protocol::FACTORY, &[IPC_GATE as u64]).right(S);
    factory_irq = Op::of(Factory, protocol::FACTORY, &[protocol::IRQ_SENDER as u64]).right(S);
    factory_semaphore = Op::of(Factory, protocol::FACTORY, &[protocol::SEMAPHORE as u64]).right(S);
    factory_factory = Op::of(Factory, protocol::FACTORY, &[protocol::FACTORY as u64, UNSIGNED, 0x1000])
        .needs(3, Error::MsgTooShort).right(S);
    factory_bound_gate = Op {
        no_item: 0,
        no_capability: make::code(Error::Inval),
        ..Op::of(Factory, protocol::FACTORY, &[IPC_GATE as u64, UNSIGNED, 0x40])
            .needs(3, Error::MsgTooShort).right(S).item(&[Thread], S)
    };
    icu_bind = Op::of(Icu, LINES, &[icu::OP_BIND, LINE])
        .needs(2, Error::MsgTooShort).item(TRIGGERS, W).without_item(make::code(Error::MsgTooShort));
    icu_unbind = Op::of(Icu, LINES, &[icu::OP_UNBIND, LINE])
        .needs(2, Error::MsgTooShort).item(TRIGGERS, NONE).without_item(make::code(Error::MsgTooShort));
    icu_info = Op::of(Icu, LINES, &[icu::OP_INFO]);
    icu_msi_info = Op::of(Icu, LINES, &[icu::OP_MSI_INFO, icu::FLAG_MSI, 0]).needs(3, Error::MsgTooShort);
    icu_mask = Op::of(Icu, LINES, &[icu::OP_MASK, LINE]).answers(NO_ANSWER);
    icu_unmask = Op::of(Icu, LINES, &[icu::OP_UNMASK, LINE]).answers(NO_ANSWER);
    icu_set_mode = Op::of(Icu, LINES, &[icu::OP_SET_MODE, LINE, icu::MODE_SET]).needs(3, Error::MsgTooShort);
    scheduler_line_bind = Op::of(Scheduler, LINES, &[icu::OP_BIND, 0])
        .needs(2, Error::MsgTooShort).item(TRIGGERS, W).without_item(make::code(Error::MsgTooShort));
    scheduler_info = Op::of(Scheduler, protocol::SCHEDULER, &[scheduler::OP_INFO, 0]).needs(2, Error::MsgTooShort);
    scheduler_run_thread = Op::of(Scheduler, protocol::SCHEDULER, &[scheduler::OP_RUN_THREAD, 0, 1, 1, 0])
        .needs(5, Error::Inval).item(&[Thread], NONE);
    scheduler_idle_time =
        Op::of(Scheduler, protocol::SCHEDULER, &[scheduler::OP_IDLE_TIME, 0, 1]).needs(3, Error::MsgTooShort);
    console_line_bind = Op::of(Vcon, LINES, &[icu::OP_BIND, 0])
        .needs(2, Error::MsgTooShort).item(TRIGGERS, W).without_item(make::code(Error::MsgTooShort));
    console_write = Op::of(Vcon, protocol::LOG, &[vcon::OP_WRITE, 0]).answers(NO_ANSWER);
    console_read = Op::of(Vcon, protocol::LOG, &[vcon::OP_READ | 8 << 16]).right(W);
    console_get_attributes = Op::of(Vcon, protocol::LOG, &[vcon::OP_GET_ATTR]);
    console_set_attributes = Op::of(Vcon, protocol::LOG, &[vcon::OP_SET_ATTR, vcon::ICRNL, vcon::ONLCR, vcon::ECHO]);
    platform_shutdown = Op::of(Icu, protocol::PLATFORM_CONTROL, &[platform::OP_SHUTDOWN, 2])
        .needs(2, Error::Inval).answers(NO_SYS);
    platform_cpu_allow_shutdown = Op::of(Icu, protocol::PLATFORM_CONTROL, &[platform::OP_CPU_ALLOW_SHUTDOWN, 0, 1]);
    platform_cpu_enable = Op::of(Icu, protocol::PLATFORM_CONTROL, &[platform::OP_CPU_ENABLE, 0]).answers(NO_SYS);
    platform_cpu_disable = Op::of(Icu, protocol::PLATFORM_CONTROL, &[platform::OP_CPU_DISABLE, 0]).answers(NO_SYS);
    debugger_set_name = Op::of(Debugger, protocol::DEBUGGER, &[debugger::OP_SET_NAME, 0x41]).item(&ALL, NONE);
    debugger_global_id = Op::of(Debugger, protocol::DEBUGGER, &[debugger::OP_GLOBAL_ID]).item(&ALL, NONE);
    debugger_output = Op::of(Debugger, protocol::DEBUGGER, &[debugger::OP_OUT_HEX8, 0x20]).needs(2, Error::MsgTooShort);
}

/// Fiasco takes what the last message left in the registers.
fn words_that_fiasco_does_not_count() -> Check {
    const MAP: Op = Op::of(Task, protocol::TASK, &[task::OP_MAP, 8, PAGE]).item(&[Task], NONE);
    const UNMAP: Op = Op::of(Task, protocol::TASK, &[task::OP_UNMAP, 0, PAGE]);
    const LDT: Op = Op::of(Task, protocol::TASK, &[task::OP_LDT_SET, 0, 0]);
    const BIND_IRQ: Op = Op::of(Irq, protocol::KOBJECT, &[gate::OP_BIND, 0x40]).item(&[Thread], NONE);
    const ATTRIBUTES: Op = Op::of(Vcon, protocol::LOG, &[vcon::OP_SET_ATTR, 0, 0, 0]);
    let rows = [
        (ATTRIBUTES, 1, Error::MsgTooShort),
        (ATTRIBUTES, 3, Error::MsgTooShort),
        (MAP, 1, Error::MsgTooShort),
        (MAP, 2, Error::MsgTooShort),
        (UNMAP, 1, Error::MsgTooShort),
        (LDT, 1, Error::Inval),
        (LDT, 2, Error::Inval),
        (BIND_IRQ, 1, Error::MsgTooShort),
    ];
    for (operation, words, error) in rows {
        let got = operation.attempt(Rights::CAP_RWS, words, operation.good_item())?;
        expect("too few words", got, make::code(error))?;
    }
    Ok(())
}

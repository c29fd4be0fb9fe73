//! Factories, with exact quotas.

use crate::make::{self, EMPTY_SLOT, NO_CAPABILITY, code, item};
use harness::quota::left;
use harness::worker::UTCBS;
use harness::{Check, IPC, ask_into, fail, holds, same};
use syscall::abi::factory::{ArgumentType, IPC_GATE, argument_header};
use syscall::abi::{CapIndex, Error, Flexpage, MapItem, Rights, protocol};
use syscall::arch::utcb;
use syscall::{Cap, Factory, Owned, Task};

crate::group!("factories":
    makes_task, makes_thread, makes_gate, makes_irq, makes_semaphore, makes_factory, task_needs_words, task_bad_area, task_area_is_told,
    gate_with_thread, gate_thread_needs_special, gate_item_no_capability, gate_item_empty, gate_label_taken, gate_too_few_words,
    factory_too_few_words, factory_too_many_words, factory_with_item, factory_limit_zero, factory_limit_too_large, unknown_kinds, kinds_for_virtual_machines, needs_special,
    window_that_is_no_slot, answer_has_an_item, slot_is_emptied_first, slot_is_emptied_with_its_object, slot_beyond_the_table, without_answer, quota_is_exact_task,
    quota_is_exact_thread, quota_is_exact_gate, quota_is_exact_irq, quota_is_exact_semaphore, quota_is_exact_factory, quota_until_it_is_used_up,
    nested_quota_is_reserved, nested_quota_is_exact, quota_of_others_is_not_touched,
    all_that_is_left, nested_deleted_while_objects_live, deleted_factory_cannot_be_used, object_outlives_its_factory,
    create_over_quota_loses_nothing, task_over_quota_loses_nothing, everything_and_back);

const SLOT: CapIndex = CapIndex::new(0x200);

fn create(words: &[u64], items: &[MapItem]) -> i64 {
    ask_into(SLOT, CapIndex::FACTORY, protocol::FACTORY, words, items)
}

fn made() -> bool {
    Cap::<Task>::new(SLOT).is_present()
}

fn makes(words: &[u64]) -> Check {
    same((create(words, &[]), made()), (0, true))
}

const fn kind(protocol: i64) -> u64 {
    protocol as u64
}

const UNSIGNED: u64 = argument_header(ArgumentType::Unsigned, 8);
const FLEXPAGE: u64 = argument_header(ArgumentType::Flexpage, 8);

fn makes_task() -> Check {
    makes(&[kind(protocol::TASK), FLEXPAGE, 0])
}

fn makes_thread() -> Check {
    makes(&[kind(protocol::THREAD)])
}

fn makes_gate() -> Check {
    makes(&[kind(IPC_GATE)])?;
    makes(&[kind(protocol::KOBJECT)])
}

fn makes_irq() -> Check {
    makes(&[kind(protocol::IRQ_SENDER)])
}

fn makes_semaphore() -> Check {
    makes(&[kind(protocol::SEMAPHORE)])
}

fn makes_factory() -> Check {
    makes(&[kind(protocol::FACTORY), UNSIGNED, 0x1000])
}

fn task_needs_words() -> Check {
    same(create(&[kind(protocol::TASK)], &[]), code(Error::Inval))
}

fn task_bad_area() -> Check {
    let area = Flexpage::memory(0xffff_8000_0000_0000, 12, Rights::RW).raw();
    same(create(&[kind(protocol::TASK), FLEXPAGE, area], &[]), code(Error::Inval))?;
    let large = Flexpage::memory(UTCBS, 18, Rights::RW).raw();
    same((create(&[kind(protocol::TASK), FLEXPAGE, large], &[]), made()), (code(Error::Inval), false))
}

fn task_area_is_told() -> Check {
    let area = Flexpage::memory(UTCBS, 12, Rights::RW);
    same(create(&[kind(protocol::TASK), FLEXPAGE, area.raw()], &[]), 0)?;
    same(utcb().mr(0), area.with_rights(Rights::NONE).raw())
}

fn gate_with_thread() -> Check {
    same(create(&[kind(IPC_GATE), UNSIGNED, 0x120], &[item(make::me())]), 0)?;
    same(Cap::<syscall::Gate>::new(SLOT).label(), Ok(0x120))
}

fn gate_thread_needs_special() -> Check {
    let thread = make::with_rights(make::me(), Rights::CAP_RW)?;
    same(create(&[kind(IPC_GATE), UNSIGNED, 0x120], &[item(thread)]), code(Error::Perm))
}

fn gate_item_no_capability() -> Check {
    same(create(&[kind(IPC_GATE), UNSIGNED, 0x120], &[NO_CAPABILITY]), code(Error::Inval))
}

fn gate_item_empty() -> Check {
    same(create(&[kind(IPC_GATE), UNSIGNED, 0x120], &[EMPTY_SLOT]), code(Error::Inval))
}

fn gate_label_taken() -> Check {
    same(create(&[kind(IPC_GATE), UNSIGNED, 0x122], &[item(make::me())]), code(Error::Inval))
}

fn gate_too_few_words() -> Check {
    same(create(&[kind(IPC_GATE), UNSIGNED], &[item(make::me())]), code(Error::MsgTooShort))
}

fn factory_too_few_words() -> Check {
    same(create(&[kind(protocol::FACTORY), UNSIGNED], &[]), code(Error::MsgTooShort))
}

fn factory_too_many_words() -> Check {
    same(create(&[kind(protocol::FACTORY), UNSIGNED, 0x1000, 0], &[]), code(Error::MsgTooLong))
}

fn factory_with_item() -> Check {
    same(create(&[kind(protocol::FACTORY), UNSIGNED, 0x1000], &[item(make::me())]), code(Error::MsgTooLong))
}

fn factory_limit_zero() -> Check {
    let signed = argument_header(ArgumentType::Signed, 8);
    same(create(&[kind(protocol::FACTORY), signed, 0x2000], &[]), 0)?;
    same(create(&[kind(protocol::FACTORY), signed, 0], &[]), code(Error::NoMem))?;
    same(create(&[kind(protocol::FACTORY), UNSIGNED, 0], &[]), code(Error::NoMem))
}

fn factory_limit_too_large() -> Check {
    for limit in [1 << 40, u64::MAX, u64::MAX - 1, i64::MAX as u64, u64::MAX / 2 + 1] {
        same(create(&[kind(protocol::FACTORY), UNSIGNED, limit], &[]), code(Error::NoMem))?;
    }
    Ok(())
}

fn unknown_kinds() -> Check {
    no_such_kinds(&[protocol::THREAD_GROUP, protocol::LOG, protocol::SCHEDULER, 1, 99, i64::MIN, i64::MAX, -1000])
}

/// Kinds that Fiasco makes only when it is built for the hardware's virtualisation.
fn kinds_for_virtual_machines() -> Check {
    no_such_kinds(&[protocol::VM, protocol::VCPU_CONTEXT, protocol::DMA_SPACE])
}

fn no_such_kinds(kinds: &[i64]) -> Check {
    for &kind in kinds {
        same((create(&[kind as u64, FLEXPAGE, 0], &[]), made()), (code(Error::NoDev), false))?;
    }
    Ok(())
}

fn needs_special() -> Check {
    let factory = make::with_rights(make::factory(), Rights::CAP_RW)?;
    let got = ask_into(SLOT, factory.index(), protocol::FACTORY, &[kind(protocol::THREAD)], &[]);
    same((got, made()), (code(Error::Perm), false))
}

fn window_that_is_no_slot() -> Check {
    utcb().set_bdr(0);
    utcb().set_br(0, 8);
    utcb().set_br(1, Flexpage::memory(0, 63, Rights::RWX).raw());
    let tag = harness::call::write(protocol::FACTORY, &[kind(protocol::THREAD)], &[]);
    let operation = syscall::abi::ipc::Operation::CALL;
    same(harness::call::raw(CapIndex::FACTORY, operation, tag, syscall::abi::Timeouts::NEVER).0, IPC + 9)
}

fn answer_has_an_item() -> Check {
    utcb().set_bdr(0);
    utcb().set_br(0, syscall::abi::BufferItem::single_cap(SLOT).0);
    let tag = harness::call::write(protocol::FACTORY, &[kind(protocol::THREAD)], &[]);
    let operation = syscall::abi::ipc::Operation::CALL;
    let (_, tag, _) = harness::call::raw(CapIndex::FACTORY, operation, tag, syscall::abi::Timeouts::NEVER);
    same((tag.words(), tag.items(), utcb().mr(0) & 0x38), (0, 1, 0x38))
}

fn slot_is_emptied_first() -> Check {
    let before = {
        makes_irq()?;
        left(make::factory())
    };
    makes_irq()?;
    same(left(make::factory()), before)
}

fn slot_beyond_the_table() -> Check {
    let before = left(make::factory());
    let got =
        ask_into(CapIndex::new(1 << 40), CapIndex::FACTORY, protocol::FACTORY, &[kind(protocol::IRQ_SENDER)], &[]);
    same((got, left(make::factory())), (code(Error::NoMem), before))
}

/// Nobody would get the capability, so nothing is made.
fn without_answer() -> Check {
    let before = left(make::factory());
    utcb().set_bdr(0);
    utcb().set_br(0, syscall::abi::BufferItem::single_cap(SLOT).0);
    let tag = harness::call::write(protocol::FACTORY, &[kind(protocol::THREAD)], &[]);
    let operation = syscall::abi::ipc::Operation::SEND;
    harness::call::raw(CapIndex::FACTORY, operation, tag, syscall::abi::Timeouts::NEVER);
    same((made(), left(make::factory())), (false, before))
}

/// Many rounds of making and deleting leave the quota where it was, to the byte.
fn exact(words: &[u64]) -> Check {
    makes(words)?;
    Cap::<Task>::new(SLOT).delete()?;
    let before = left(make::factory());
    for _ in 0..1000 {
        if create(words, &[]) != 0 {
            return fail("a round fails");
        }
        Cap::<Task>::new(SLOT).delete()?;
    }
    same(left(make::factory()), before)?;
    // Without the right to delete, the last capability takes the object with it.
    for _ in 0..100 {
        create(words, &[]);
        Cap::<Task>::new(SLOT).release()?;
    }
    same(left(make::factory()), before)
}

fn quota_is_exact_task() -> Check {
    exact(&[kind(protocol::TASK), FLEXPAGE, Flexpage::memory(UTCBS, 13, Rights::RW).raw()])
}

fn quota_is_exact_thread() -> Check {
    exact(&[kind(protocol::THREAD)])
}

fn quota_is_exact_gate() -> Check {
    exact(&[kind(IPC_GATE)])
}

fn quota_is_exact_irq() -> Check {
    exact(&[kind(protocol::IRQ_SENDER)])
}

fn quota_is_exact_semaphore() -> Check {
    exact(&[kind(protocol::SEMAPHORE)])
}

fn quota_is_exact_factory() -> Check {
    exact(&[kind(protocol::FACTORY), UNSIGNED, 0x1_0000])
}

/// How many semaphores a factory makes until its quota is used up; they are deleted again.
fn fill(factory: Cap<Factory>) -> Check<u64> {
    let mut count = 0;
    let first = 0x400;
    loop {
        let slot = CapIndex::new(first + count);
        match ask_into(slot, factory.index(), protocol::FACTORY, &[kind(protocol::SEMAPHORE)], &[]) {
            0 => count += 1,
            other => {
                same(other, code(Error::NoMem))?;
                break;
            }
        }
    }
    for index in 0..count {
        Cap::<Task>::new(CapIndex::new(first + index)).delete()?;
    }
    Ok(count)
}

fn quota_until_it_is_used_up() -> Check {
    let factory = make::factory().create_factory(20_000)?;
    let count = fill(*factory)?;
    holds(count > 10)?;
    for _ in 0..20 {
        same(fill(*factory)?, count)?;
    }
    Ok(())
}

fn nested_quota_is_reserved() -> Check {
    makes_irq()?;
    let before = left(make::factory());
    let nested = make::factory().create_factory(100_000)?;
    holds(before - left(make::factory()) >= 100_000)?;
    drop(nested);
    same(left(make::factory()), before)
}

/// What a factory itself costs, besides its limit.
fn factory_bytes() -> Check<u64> {
    makes_irq()?;
    let before = left(make::factory());
    let _nested = make::factory().create_factory(1000)?;
    Ok(before - left(make::factory()) - 1000)
}

fn nested_quota_is_exact() -> Check {
    let itself = factory_bytes()?;
    for limit in [1, 1000, 4096, 123_457] {
        let before = left(make::factory());
        let nested = make::factory().create_factory(limit)?;
        same(before - left(make::factory()), limit + itself)?;
        same(left(*nested), limit.saturating_sub(itself))?;
        drop(nested);
        same(left(make::factory()), before)?;
    }
    Ok(())
}

/// What is made in a factory is no matter of those above it, nor of one beside it.
fn quota_of_others_is_not_touched() -> Check {
    let itself = factory_bytes()?;
    let first = make::factory().create_factory(200_000)?;
    let (second, beside) = (first.create_factory(100_000)?, first.create_factory(20_000)?);
    let third = second.create_factory(50_000)?;
    let all = || [left(*first), left(*second), left(*beside), left(*third)];
    let before = all();
    let own = |limit: u64, given: u64| limit - itself - given;
    same(before, [own(200_000, 120_000 + 2 * itself), own(100_000, 50_000 + itself), own(20_000, 0), own(50_000, 0)])?;
    let (irq, _task) = (third.create_irq()?, third.create_task(Flexpage::memory(UTCBS, 12, Rights::RW))?);
    let after = all();
    same(after[..3] == before[..3] && after[3] < before[3], true)?;
    // Objects keep the quota that paid for them, and what that was taken from.
    drop((third, second));
    same(left(*first), before[0])?;
    drop((irq, _task));
    same(left(*first), before[0] + 100_000 + itself)
}

/// The last byte can be had, and no more.
fn all_that_is_left() -> Check {
    let _ = factory_bytes()?;
    let most = left(make::factory());
    let refused = || make::factory().create_factory(most + 1).map(drop);
    same(refused(), Err(syscall::Code::NoMem.into()))?;
    let all = make::factory().create_factory(most)?;
    same((left(make::factory()), create(&[kind(protocol::IRQ_SENDER)], &[])), (0, code(Error::NoMem)))?;
    drop(all);
    same((refused(), left(make::factory())), (Err(syscall::Code::NoMem.into()), most))
}

fn nested_deleted_while_objects_live() -> Check {
    let before = {
        makes_irq()?;
        left(make::factory())
    };
    let nested = make::factory().create_factory(100_000)?;
    let irq = nested.create_irq()?;
    nested.delete()?;
    same(irq.detach(), Err(syscall::Code::NoEnt.into()))?;
    holds(left(make::factory()) < before)?;
    drop(irq);
    same(left(make::factory()), before)
}

fn deleted_factory_cannot_be_used() -> Check {
    let nested = make::factory().create_factory(100_000)?;
    let again = make::with_rights(*nested, Rights::CAP_RWS)?;
    nested.delete()?;
    same(again.create_irq().map(drop), Err(syscall::abi::IpcError::NotExistent.into()))
}

fn object_outlives_its_factory() -> Check {
    let nested = make::factory().create_factory(400_000)?;
    let (task, _) = nested.create_task(Flexpage::INVALID)?;
    drop(nested);
    same(task.cap_valid(Cap::<Task>::new(CapIndex::new(0x33))), Ok(false))?;
    // But it gets no more memory.
    let mapped = task.map_cap(make::irq()?, Rights::ALL, CapIndex::new(0x33));
    same(mapped, Err(syscall::abi::IpcError::SendMapFailed.into()))
}

fn create_over_quota_loses_nothing() -> Check {
    let small = make::factory().create_factory(600)?;
    let before = left(*small);
    for _ in 0..100 {
        same(small.create_thread().map(drop), Err(syscall::Code::NoMem.into()))?;
    }
    same(left(*small), before)
}

/// At every limit the task is made whole or not at all.
fn task_over_quota_loses_nothing() -> Check {
    let area = Flexpage::memory(UTCBS, 13, Rights::RW);
    for limit in (1000..60_000).step_by(1500) {
        let small = make::factory().create_factory(limit)?;
        let before = left(*small);
        if let Ok((task, _)) = small.create_task(area) {
            task.delete()?;
        }
        same(left(*small), before)?;
    }
    Ok(())
}

/// One of everything, connected with each other, then all gone.
fn everything_and_back() -> Check {
    let round = |factory: &Owned<Factory>| -> Check {
        let (task, _) = factory.create_task(Flexpage::memory(UTCBS, 12, Rights::RW))?;
        let (thread, irq) = (factory.create_thread()?, factory.create_irq()?);
        let gate = factory.create_gate(Some(*thread), 0x10)?;
        thread.control(syscall::object::thread::Control { bind: Some((*task, UTCBS)), ..Default::default() })?;
        thread.register_delete_irq(*irq)?;
        irq.bind_thread(*thread, 0)?;
        irq.trigger()?;
        syscall::Icu::boot().bind(3, *irq)?;
        task.map_cap(*gate, Rights::ALL, CapIndex::new(9))?;
        task.map_cap(*thread, Rights::ALL, CapIndex::new(900))?;
        task.map(Task::this(), Flexpage::memory(harness::child::PAGES, 14, Rights::R), 0x2_0000_0000)?;
        let semaphore = factory.create_semaphore()?;
        semaphore.up()?;
        // The order of destruction is that of the slots, reversed and back.
        drop((semaphore, gate));
        task.delete()?;
        Ok(())
    };
    let factory = make::factory().create_factory(1_000_000)?;
    let before = left(*factory);
    for _ in 0..100 {
        round(&factory)?;
    }
    same(left(*factory), before)
}

/// A capability that may delete its object does so when another one takes its place.
fn slot_is_emptied_with_its_object() -> Check {
    let irq = make::irq()?;
    let other = make::with_rights(irq, Rights::CAP_RWS)?;
    let words = [kind(protocol::SEMAPHORE)];
    same(ask_into(irq.index(), CapIndex::FACTORY, protocol::FACTORY, &words, &[]), 0)?;
    same((irq.is_present(), other.is_present()), (true, false))
}

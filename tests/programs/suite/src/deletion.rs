//! The IRQ that tells a thread that a gate of its was deleted, when that IRQ itself is deleted.

use crate::{group, make};
use harness::{Check, quota, same};
use syscall::{Code, Factory};

group!("deletion": deleted_irq_makes_room_for_another, deleted_irq_is_freed_while_registered,
    deleted_thread_lets_go_of_its_irq);

fn deleted_irq_makes_room_for_another() -> Check {
    let (first, second) = (Factory::boot().create_irq()?, Factory::boot().create_irq()?);
    make::me().register_delete_irq(*first)?;
    same(make::me().register_delete_irq(*second), Err(Code::Busy.into()))?;
    first.delete()?;
    make::me().register_delete_irq(*second)?;
    // Bound to the line of a thread, it leaves the line that it had.
    let other = Factory::boot().create_thread()?;
    other.register_delete_irq(*second)?;
    Ok(make::me().register_delete_irq(*Factory::boot().create_irq()?)?)
}

fn deleted_irq_is_freed_while_registered() -> Check {
    let before = quota::left(Factory::boot());
    let factory = Factory::boot().create_factory(10_000)?;
    let irq = factory.create_irq()?;
    make::me().register_delete_irq(*irq)?;
    irq.delete()?;
    factory.delete()?;
    same(quota::left(Factory::boot()), before)
}

/// What happens to that IRQ afterwards is nothing to the thread that gets its place in the kernel's memory.
fn deleted_thread_lets_go_of_its_irq() -> Check {
    let thread = Factory::boot().create_thread()?;
    let [first, second, third] = [make::irq()?, make::irq()?, make::irq()?];
    thread.register_delete_irq(first)?;
    thread.delete()?;
    make::rest(1);
    let next = Factory::boot().create_thread()?;
    next.register_delete_irq(second)?;
    first.delete()?;
    same(next.register_delete_irq(third), Err(Code::Busy.into()))
}

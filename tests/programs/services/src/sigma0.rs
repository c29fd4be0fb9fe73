//! sigma0 by the capability that the script hands on: nothing twice, and L4Re's errors.

use syscall::abi::{Flexpage, Rights, protocol};
use syscall::ipc::Message;
use syscall::l4re::sigma0::Sigma0;
use syscall::{Cap, Code, Result, env};

use crate::{Check, expect, expect_error};

pub const CHECKS: &[Check] = &[
    ("RAM is given once", ram),
    ("device memory is shared", devices),
    ("ports are given once", ports),
    ("requests that make no sense", nonsense),
];

/// A port that nobody minds: the one that shows diagnostic codes.
const PORT: u64 = 0x80;

fn sigma0() -> Result<Cap<Sigma0>> {
    env::cap("sigma0")
}

fn ram() -> Result {
    let other = sigma0()?.new_client()?;
    let first = sigma0()?.any_memory(12)?;
    let second = other.any_memory(12)?;
    expect(first != second)?;
    let page = Flexpage::memory(first, 12, Rights::RWX);
    sigma0()?.memory(page)?;
    expect_error(other.memory(page), Code::NoMem)?;
    // The kernel's and moe's memory.
    for start in [0x20_0000, 0x34_0000] {
        expect_error(other.memory(Flexpage::memory(start, 12, Rights::RWX)), Code::NoMem)?;
    }
    expect_error(other.any_memory(40), Code::NoMem)?;
    expect_error(other.any_memory(11), Code::Inval)
}

fn devices() -> Result {
    let other = sigma0()?.new_client()?;
    let screen = Flexpage::memory(0xb_8000, 12, Rights::RW);
    sigma0()?.device_memory(screen, false)?;
    other.device_memory(screen, true)?;
    let ram = Flexpage::memory(0x20_0000, 12, Rights::RW);
    expect_error(other.device_memory(ram, false), Code::NoMem)
}

fn ports() -> Result {
    let other = sigma0()?.new_client()?;
    let port = Flexpage::io(PORT, 0);
    sigma0()?.ports(port)?;
    sigma0()?.ports(port)?;
    expect_error(other.ports(port), Code::NoMem)
}

fn nonsense() -> Result {
    let ask = |label, word: u64| Message::new(label).with(word).call(sigma0()?.index()).map(drop);
    expect_error(ask(protocol::SIGMA0, 0x60), Code::NoSys)?;
    expect_error(ask(protocol::SIGMA0, !0xff), Code::NoSys)?;
    expect_error(ask(protocol::LOG, 0), Code::BadProto)?;
    let slot = syscall::cap::allocate()?;
    let make = sigma0()?.cast::<syscall::Factory>().create_in(slot, protocol::TASK, &[], None);
    expect_error(make, Code::NoDev)?;
    syscall::cap::free(slot);
    sigma0()?.kip(0x5001_0000)?;
    Ok(())
}

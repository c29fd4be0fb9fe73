//! Turning threads into virtual CPUs.
#![allow(unsafe_code)] // a state at a place of the test's

use crate::make::{self, code, with_rights};
use crate::threads::control;
use crate::vcpu::{STATE, enable, tell_and_stay};
use harness::child::PAGES;
use harness::worker::{UTCBS, UTCBS_ORDER, Worker};
use harness::{Check, holds, same};
use syscall::Task;
use syscall::abi::thread::*;
use syscall::abi::vcpu::{VERSION, VcpuState};
use syscall::abi::{Error, Rights, Utcb};

crate::group!("vcpu_control":
    vcpu_control_writes_state, vcpu_control_needs_no_right, vcpu_control_without_address, vcpu_control_without_memory, vcpu_control_unaligned,
    vcpu_control_end_of_memory, vcpu_control_unbound_thread, vcpu_control_extended, vcpu_control_moves_state, vcpu_resume_of_no_vcpu,
    vcpu_resume_of_other_thread);

fn vcpu_control_writes_state() -> Check {
    let state = enable(make::me(), tell_and_stay)?.state();
    same((state.version.get(), state.state.get(), state.sticky_flags.get()), (VERSION, 0, 0))?;
    let [data, code, code32] = [&state.user_ds32, &state.user_cs64, &state.user_cs32].map(|bits| bits.get());
    same((data, code, code32), (0x23, 0x2b, 0x1b))?;
    let gs_base = UTCBS + core::mem::offset_of!(Utcb, address) as u64;
    same((state.host_fs_base.get(), state.host_gs_base.get()), (0, gs_base))?;
    holds(state.host_segments.iter().all(|selector| selector.get() == 0))
}

fn vcpu_control_needs_no_right() -> Check {
    let thread = with_rights(make::me(), Rights::CAP_R)?;
    enable(thread, tell_and_stay).map(drop)
}

fn vcpu_control_without_address() -> Check {
    same(control(make::me().index(), &[OP_VCPU_CONTROL, 0], &[]), code(Error::Inval))?;
    same(control(make::me().index(), &[OP_VCPU_CONTROL], &[]), code(Error::Inval))
}

fn vcpu_control_at(address: u64) -> i64 {
    control(make::me().index(), &[OP_VCPU_CONTROL, address], &[])
}

fn vcpu_control_without_memory() -> Check {
    same(vcpu_control_at(PAGES), code(Error::Inval))?;
    same(vcpu_control_at(0x10), code(Error::Inval))?;
    same(vcpu_control_at(!7), code(Error::Inval))
}

/// The state is aligned as its words are.
fn vcpu_control_unaligned() -> Check {
    same(vcpu_control_at(UTCBS + 8192 + 4), code(Error::Inval))?;
    same(vcpu_control_at(UTCBS + 8192 + 8), 0)
}

fn vcpu_control_end_of_memory() -> Check {
    let end = UTCBS + (1 << UTCBS_ORDER);
    let size = size_of::<VcpuState>() as u64;
    same(vcpu_control_at(end - size + 8), code(Error::Inval))?;
    same(vcpu_control_at(end - size), 0)
}

fn vcpu_control_unbound_thread() -> Check {
    let thread = make::thread()?.index();
    same(control(thread, &[OP_VCPU_CONTROL, UTCBS + 8192], &[]), code(Error::Inval))
}

/// There is no hardware virtualisation.
fn vcpu_control_extended() -> Check {
    let words = [OP_VCPU_CONTROL | VCPU_CONTROL_EXTENDED, UTCBS + 8192];
    same(control(make::me().index(), &words, &[]), code(Error::NoSys))
}

fn vcpu_control_moves_state() -> Check {
    let first = enable(make::me(), tell_and_stay)?;
    // What lies there is not believed.
    // SAFETY: kernel-user memory of the test's, behind the first state; states have atomic fields only.
    let second = unsafe { &*((STATE + 0x400) as *const VcpuState) };
    second.host_segments[0].set(0x23);
    first.state().version.set(0);
    same(vcpu_control_at(STATE + 0x400), 0)?;
    same((first.state().version.get(), second.version.get()), (0, VERSION))?;
    same(second.host_segments[0].get(), 0)
}

fn vcpu_resume_of_no_vcpu() -> Check {
    same(control(make::me().index(), &[OP_VCPU_RESUME], &[]), code(Error::Inval))
}

fn vcpu_resume_of_other_thread() -> Check {
    let worker = Worker::create_in(Task::this())?;
    enable(worker.thread, tell_and_stay)?;
    same(control(worker.thread.index(), &[OP_VCPU_RESUME], &[]), code(Error::Inval))
}

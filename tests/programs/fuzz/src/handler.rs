//! A pager and exception handler in another task than the threads that it looks after. It answers at random: with a
//! page, an error, nothing at all, the registers as they came, or a new start.

use crate::random::Random;
use crate::{registers, victim};
use harness::child::PAGES;
use syscall::abi::{
    CapIndex, Flexpage, MapItem, Rights, Tag, Timeout, Timeouts, exc_regs::WORDS, ipc::Operation, protocol,
};
use syscall::arch::{UtcbRef, utcb};

/// Places of instruction and stack pointers among the words of an exception (`arch/utcb.h`).
const IP: usize = 18;
const SP: usize = 21;
/// That of the flags, and the one of them that asks for single steps.
const FLAGS: usize = 20;
const TRAP: u64 = 0x100;

/// Who does not wait for an answer gets none.
const AT_ONCE: Timeouts = Timeouts { send: Timeout::ZERO, receive: Timeout::NEVER };

/// How many answers it gives: some faults come again for ever.
const ANSWERS: usize = 1000;

/// Answers [`ANSWERS`] times.
pub fn answer(seed: u64) {
    let mut random = Random::new(seed);
    let mut reply = Tag::new(0, 0, 0, 0);
    let mut operation = Operation::WAIT;
    for _ in 0..ANSWERS {
        let utcb = utcb();
        utcb.set_bdr(0);
        utcb.set_br(0, 0);
        let received = registers::invoke(CapIndex::INVALID, operation, 0, reply, AT_ONCE);
        // Who sent and does not wait for an answer leaves nobody to reply to.
        operation = if received.has_error() { Operation::WAIT } else { Operation::REPLY_AND_WAIT };
        reply = match received.label() {
            _ if received.has_error() => Tag::new(0, 0, 0, 0),
            protocol::PAGE_FAULT => page(&mut random, utcb),
            protocol::EXCEPTION => exception(&mut random, utcb),
            _ => Tag::new(random.below(4) as i64, random.below(8) as usize, 0, 0),
        };
    }
}

fn page(random: &mut Random, utcb: UtcbRef) -> Tag {
    let place = utcb.mr(0) & !0xfff;
    match random.below(16) {
        0 => Tag::new(0, 0, 0, 0),
        1..9 => Tag::new(-1, 0, 0, 0),
        _ => {
            // Not to be executed: a thread that runs through a page that it writes to keeps an emulator busy for minutes.
            let rights = Rights(random.below(8) as u8 & !Rights::X.0);
            let page = Flexpage::memory(PAGES + (random.below(16) << 12), 12, rights);
            let item = MapItem::map_at(page, place);
            utcb.set_mr(0, item.control);
            utcb.set_mr(1, item.flexpage.raw());
            Tag::new(0, 0, 1, 0)
        }
    }
}

fn exception(random: &mut Random, utcb: UtcbRef) -> Tag {
    // Whoever goes on in single steps seldom goes on so.
    if !random.once_in(8) {
        utcb.set_mr(FLAGS, utcb.mr(FLAGS) & !TRAP);
    }
    match random.below(32) {
        0 => Tag::new(0, 0, 0, 0),
        1 => Tag::new(0, WORDS, 0, 0),
        2 => Tag::new(protocol::ALLOW_SYSCALL, WORDS, 0, 0),
        _ => {
            // Whatever the other registers hold then: the thread starts anew.
            for register in 0..IP {
                if random.once_in(4) {
                    utcb.set_mr(register, random.odd());
                }
            }
            let (ip, sp) = registers::prepare(victim::stack(random), victim::calls, random.word());
            utcb.set_mr(IP, ip);
            utcb.set_mr(SP, sp);
            Tag::new(0, WORDS, 0, 0)
        }
    }
}

//! One message of any shape, and what came back; and a source of such messages that is the same in every run.

use syscall::abi::factory::{ArgumentType, argument_header};
use syscall::abi::{BufferItem, CapIndex, Flexpage, IpcError, Rights, Tag, item, protocol};
use syscall::arch::utcb;
use syscall::ipc::{self, Timeout, Timeouts};
use syscall::{Cap, Error, Owned, Result, Semaphore, cap::Anything, env};

/// Longest wait for an answer, in microseconds.
const PATIENCE: u64 = 3_000_000;

/// A message.
pub struct Request {
    /// The tag's label.
    pub protocol: i64,
    /// Its words.
    pub words: Vec,
    /// Its items, each of two words.
    pub items: Vec,
}

/// At most as many words as a message has.
#[derive(Clone, Copy)]
pub struct Vec {
    words: [u64; 63],
    length: usize,
}

impl Vec {
    /// These words.
    pub fn of(words: &[u64]) -> Vec {
        let mut all = Vec { words: [0; 63], length: words.len() };
        all.words[..words.len()].copy_from_slice(words);
        all
    }
}

impl Request {
    /// Number of words.
    pub fn length(&self) -> usize {
        self.words.length
    }

    /// What L4Re's servers take for the opcode, which in an empty message is none.
    pub fn opcode(&self) -> i32 {
        if self.words.length == 0 { -1 } else { self.words.words[0] as i32 }
    }

    /// Sends it and says what came back; an object that came is kept until the next.
    ///
    /// # Errors
    /// The server's error, or that of the IPC.
    pub fn send(&self, to: CapIndex, slot: CapIndex) -> Result<i64> {
        let utcb = utcb();
        let all = self.words.words[..self.words.length].iter().chain(&self.items.words[..self.items.length]);
        all.enumerate().for_each(|(at, word)| utcb.set_mr(at, *word));
        utcb.set_bdr(0);
        utcb.set_br(0, BufferItem::single_cap(slot).0);
        utcb.set_br(1, 0);
        let tag = Tag::new(self.protocol, self.words.length, self.items.length / 2, 0);
        let receive = Timeout::from_microseconds(PATIENCE);
        let answer = ipc::call(to, tag, Timeouts { send: Timeout::NEVER, receive })?;
        if answer.label() < 0 { Err(Error::from_label(answer.label())) } else { Ok(answer.label()) }
    }
}

/// Where requests come from: a generator of pseudo-random numbers, and capabilities of all sorts to send along.
pub struct Source {
    state: u64,
    semaphore: Owned<Semaphore>,
    /// Something of moe's.
    space: Owned<syscall::Dataspace>,
    /// A slot without anything.
    empty: CapIndex,
}

impl Source {
    /// The source that always begins the same.
    ///
    /// # Errors
    /// Those of making the objects.
    pub fn new() -> Result<Source> {
        let (semaphore, space) = (env::factory().create_semaphore()?, env::mem_alloc().allocate(0x4000)?);
        Ok(Source { state: 0x9e37_79b9_7f4a_7c15, semaphore, space, empty: syscall::cap::allocate()? })
    }

    /// A number below `end`.
    pub fn below(&mut self, end: u64) -> u64 {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        self.state % end
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len() as u64) as usize]
    }

    /// A word of the kind that breaks what does not look.
    fn word(&mut self) -> u64 {
        let edges = [0, 1, 2, 7, 0xfff, 0x1000, 0x1001, 0x10_0000, 1 << 31, 1 << 32, (1 << 47) - 1, 1 << 47, 1 << 63];
        match self.below(8) {
            0 => u64::MAX - self.below(3),
            1 => (1 << 63) - self.below(0x2000),
            2 => self.state,
            // Headers of a factory's arguments: type, then size.
            3 => self.below(8) | self.pick(&[0, 1, 8, 9, 0xffff]) << 16,
            4 => self.pick(&[0x4000, 0x4001, 0x4002, 0x4003, 0x4004]),
            _ => self.pick(&edges),
        }
    }

    fn item(&mut self) -> [u64; 2] {
        let object = |cap: CapIndex| Flexpage::object(cap, 0, Rights::ALL).raw();
        let map = item::MAP;
        match self.below(7) {
            0 => [0, 0],
            1 => [map, object(self.semaphore.index())],
            2 | 3 => [map, object(self.space.index())],
            4 => [map, object(self.empty)],
            5 => [map, Flexpage::memory(0x100_0000, 12, Rights::R).raw()],
            _ => [self.word(), self.word()],
        }
    }

    /// A request of this protocol and with one of these opcodes, most of the time.
    pub fn request(&mut self, protocol: i64, opcodes: &[i64]) -> Request {
        let mut words = Vec::of(&[]);
        words.length = if self.below(10) == 0 { self.below(58) } else { self.below(9) } as usize;
        for at in 0..words.length {
            words.words[at] = self.word();
        }
        if words.length > 0 && self.below(5) > 0 {
            words.words[0] = self.pick(opcodes) as u64;
        }
        if protocol == protocol::FACTORY && self.below(2) == 0 {
            // Arguments as they should be, each a header and a value.
            for at in (1..words.length).step_by(2) {
                words.words[at] = argument_header(self.pick(&[ArgumentType::Signed, ArgumentType::Unsigned]), 8);
            }
        }
        let mut items = Vec::of(&[]);
        for _ in 0..self.pick(&[0, 0, 1, 1, 1, 2]) {
            let item = self.item();
            items.words[items.length..items.length + 2].copy_from_slice(&item);
            items.length += 2;
        }
        let protocol = match self.below(12) {
            0 => self.state as i64 >> 48,
            1 => protocol::META,
            _ => protocol,
        };
        Request { protocol, words, items }
    }
}

/// Whether the server did not answer in time.
pub fn is_late(error: &Error) -> bool {
    matches!(error, Error::Ipc(IpcError::ReceiveTimeout | IpcError::SendTimeout))
}

/// The slot in which objects arrive, emptied.
///
/// # Errors
/// `NoMem`.
pub fn emptied(slot: CapIndex) -> Result<CapIndex> {
    Cap::<Anything>::new(slot).release()?;
    Ok(slot)
}

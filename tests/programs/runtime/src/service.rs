//! A server and its client in one program, on two threads.

use alloc::{format, string::String};

use syscall::{
    Cap, Code, Error, Kobject, Owned, Result, Semaphore,
    abi::Rights,
    env,
    ipc::Message,
    message::Registers,
    server::{Call, Object, Server},
    sync::channel,
    thread,
};

use crate::{Check, expect};

pub const CHECKS: &[Check] = &[("typed requests", typed), ("capabilities in messages", capabilities)];

syscall::interface! {
    /// Greets, and counts how often.
    mod greeter = 0x6003 {
        /// A greeting.
        0: fn greet(name: String, times: u8) -> String;
        /// How often it has greeted.
        1: fn count() -> u64;
        /// Fails with `Busy`.
        2: fn fail();
    }
}

struct Greeter(u64);

impl greeter::Server for Greeter {
    fn greet(&mut self, name: String, times: u8) -> Result<String> {
        self.0 += 1;
        Ok(format!("Hello {name}").repeat(times.into()))
    }

    fn count(&mut self) -> Result<u64> {
        Ok(self.0)
    }

    fn fail(&mut self) -> Result {
        Err(Code::Busy.into())
    }
}

/// Starts a server for `object` on a thread of its own; the answer is its gate.
fn serve(make: impl FnOnce() -> Served + Send + 'static) -> Result<Cap<greeter::Object>> {
    let (sender, receiver) = channel();
    drop(thread::spawn(move || -> Result {
        let mut server = Server::new()?;
        let (_, gate) = match make() {
            Served::Greeter(object) => server.serve(object)?,
            Served::Keeper(object) => server.serve(object)?,
        };
        let _ = sender.send(gate.leak().cast());
        server.run()
    })?);
    receiver.recv().map_err(|_| Code::NoReply.into())
}

enum Served {
    Greeter(greeter::Served<Greeter>),
    Keeper(Keeper),
}

fn typed() -> Result {
    use greeter::Client;
    let gate = serve(|| Served::Greeter(greeter::Served(Greeter(0))))?;
    expect(gate.greet("World".into(), 2)? == "Hello WorldHello World")?;
    for n in 2..=100 {
        expect(gate.greet(String::new(), 1)? == "Hello " && gate.count()? == n)?;
    }
    expect(gate.fail() == Err(Error::Code(Code::Busy)))?;
    // A message that is too long for the answer, and requests that do not exist.
    expect(gate.greet("x".repeat(100), 200) == Err(Error::Code(Code::MsgTooLong)))?;
    expect(Message::new(0x6003).with(9_i32).call(gate.index()).is_err_and(|error| error.is(Code::NoSys)))?;
    expect(Message::new(0x6004).with(0_i32).call(gate.index()).is_err_and(|error| error.is(Code::BadProto)))?;
    expect(Message::new(0x6003).call(gate.index()).is_err_and(|error| error.is(Code::MsgTooShort)))?;
    expect(gate.supports(greeter::Object::PROTOCOL)? && !gate.supports(0x6004)?)
}

/// Keeps a semaphore: request 0 brings one, request 1 hands it out.
struct Keeper(Option<Owned<Semaphore>>);

impl Object for Keeper {
    fn handle(&mut self, call: &mut Call<'_>) -> Result<i64> {
        match call.get::<i32>()? {
            0 => {
                self.0 = Some(call.take_cap(0)?);
                Ok(0)
            }
            1 => {
                let kept = self.0.as_ref().ok_or(Code::NoEnt)?;
                call.put_cap(kept.cap(), Rights::CAP_RWS);
                Ok(1)
            }
            _ => Err(Code::NoSys.into()),
        }
    }
}

fn capabilities() -> Result {
    let keeper = serve(|| Served::Keeper(Keeper(None)))?.index();
    let semaphore = env::factory().create_semaphore()?;
    semaphore.up()?;
    let take = |slot| Message::new(0x6005).with(1_i32).receive_cap(slot).call(keeper);
    let back = Owned::<Semaphore>::empty()?;
    expect(take(back.index()).is_err_and(|error| error.is(Code::NoEnt)))?;
    for _ in 0..10 {
        Message::new(0x6005).with(0_i32).item(semaphore.item(Rights::CAP_RWS)).call(keeper)?;
    }
    expect(Message::new(0x6005).with(0_i32).call(keeper).is_err_and(|error| error.is(Code::MsgMissArg)))?;
    expect(take(back.index())?.value() == 1)?;
    expect(back.names_same(semaphore.cap())?)?;
    back.down(syscall::ipc::Timeout::NEVER)?;
    let words = [0_u64; 63];
    expect(words.register(0) == 0)
}

//! A server: calculates for whoever has a capability for its gate, which the script hands to both sides
//! under the name `calculator`.
#![no_std]
#![no_main]

use calculator::calculator::{Served, Server as Calculate};
use syscall::{Code, Result, println, server::Server};

syscall::main!(main);

struct Calculator;

impl Calculate for Calculator {
    fn add(&mut self, left: i64, right: i64) -> Result<i64> {
        Ok(left.checked_add(right).ok_or(Code::Range)?)
    }

    fn subtract(&mut self, left: i64, right: i64) -> Result<i64> {
        Ok(left.checked_sub(right).ok_or(Code::Range)?)
    }

    fn divide(&mut self, left: i64, right: i64) -> Result<i64> {
        Ok(left.checked_div(right).ok_or(Code::Inval)?)
    }
}

fn main() -> Result {
    let mut server = Server::new()?;
    server.serve_on("calculator", Served(Calculator))?;
    println!("server: ready to calculate");
    server.run()
}

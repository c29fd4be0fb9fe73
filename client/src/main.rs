//! A client: asks the server for sums, by the capability that the script gave it as `calculator`.
//! Without that capability it tries a slot that it was not given, and is refused by the kernel.
#![no_std]
#![no_main]

use calculator::calculator::{Client, Object};
use syscall::{Cap, Result, abi::CapIndex, env, println};

syscall::main!(main);

fn main() -> Result {
    let Ok(calculator) = env::cap::<Object>("calculator") else { return without_capability() };
    println!("client: 20 + 22 = {}", calculator.add(20, 22)?);
    println!("client: 50 - 8 = {}", calculator.subtract(50, 8)?);
    match calculator.divide(1, 0) {
        Ok(quotient) => println!("client: 1 / 0 = {quotient}?"),
        Err(error) => println!("client: 1 / 0: the server says: {error}"),
    }
    Ok(())
}

/// A capability cannot be guessed: whatever slot a program names, only those count that it was given.
fn without_capability() -> Result {
    println!("client: I was given no capability 'calculator'; trying a slot at random");
    let guessed = Cap::<Object>::new(CapIndex::new(0x4242));
    match guessed.add(20, 22) {
        Ok(sum) => println!("client: 20 + 22 = {sum}?"),
        Err(error) => println!("client: refused: {error}"),
    }
    Ok(())
}

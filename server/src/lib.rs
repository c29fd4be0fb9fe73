//! The protocol of the pair `client` and `server`: what can be asked of a calculator. Both sides are made
//! from this description, so that they cannot differ.
#![no_std]

syscall::interface! {
    /// A calculator.
    pub mod calculator = 0x6000 {
        /// The sum; an error when it does not fit.
        0: fn add(left: i64, right: i64) -> i64;
        /// The difference; an error when it does not fit.
        1: fn subtract(left: i64, right: i64) -> i64;
        /// The quotient; an error when there is none.
        2: fn divide(left: i64, right: i64) -> i64;
    }
}

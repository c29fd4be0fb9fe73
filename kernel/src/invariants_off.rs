//! What the ordinary kernel does where the fuzzer's looks at itself: nothing.

/// See `invariants.rs`.
#[inline(always)]
pub fn system_call() {}

/// See `invariants.rs`.
#[inline(always)]
pub fn work() {}

/// See `invariants.rs`.
#[inline(always)]
pub fn trap(_: u64) {}

/// See `invariants.rs`.
#[inline(always)]
pub fn check() {}

/// See `invariants.rs`.
#[inline(always)]
pub fn configure(_: &str) -> bool {
    false
}

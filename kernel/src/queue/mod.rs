//! Queues of kernel objects: who runs, who waits for the clock, who waits to send.
//!
//! All are intrusive (the links are fields of the objects, nothing is allocated), hold `&'static`
//! references, and are safe code. An object that can be in several queues at once has one field
//! of links for each and says by [`Linked`]'s tag which is which.

mod list;
mod prio_queue;
mod ready_queue;
mod timeout_queue;

pub use list::{Linked, Links, List};
pub use prio_queue::{PrioLinks, PrioQueue, PrioQueued};
pub use ready_queue::{Ready, ReadyQueue, Schedulable};
pub use timeout_queue::{Timed, TimeoutLinks, TimeoutQueue};

#[cfg(test)]
mod tests;

//! Channels: any number of senders, one receiver, values in order.
//!
//! ```no_run
//! # fn example() -> syscall::Result {
//! use syscall::{sync::channel, thread};
//!
//! let (sender, receiver) = channel();
//! thread::spawn(move || (1..=3).for_each(|n| drop(sender.send(n))))?;
//! assert_eq!(receiver.iter().sum::<i32>(), 6);
//! # Ok(()) }
//! ```

use alloc::{collections::VecDeque, sync::Arc};
use core::{fmt, time::Duration};

use super::{Condvar, Mutex};

struct Shared<T> {
    state: Mutex<State<T>>,
    arrived: Condvar,
}

struct State<T> {
    values: VecDeque<T>,
    senders: usize,
    receiver_lives: bool,
}

/// The sending end; clones send to the same receiver.
pub struct Sender<T> {
    shared: Arc<Shared<T>>,
}

/// The receiving end.
pub struct Receiver<T> {
    shared: Arc<Shared<T>>,
}

/// Nobody will receive the value, which comes back.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SendError<T>(pub T);

/// Why nothing was received.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ReceiveError {
    /// Nothing is there now.
    Empty,
    /// Nothing is there, and all senders are gone.
    Disconnected,
}

impl<T> fmt::Display for SendError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the receiver of the channel is gone")
    }
}

impl fmt::Display for ReceiveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "the channel is empty",
            Self::Disconnected => "all senders of the channel are gone",
        })
    }
}

/// A new channel.
pub fn channel<T>() -> (Sender<T>, Receiver<T>) {
    let state = State { values: VecDeque::new(), senders: 1, receiver_lives: true };
    let shared = Arc::new(Shared { state: Mutex::new(state), arrived: Condvar::new() });
    (Sender { shared: shared.clone() }, Receiver { shared })
}

impl<T> Sender<T> {
    /// Sends a value; never waits.
    ///
    /// # Errors
    /// The value comes back when the receiver is gone.
    pub fn send(&self, value: T) -> Result<(), SendError<T>> {
        let mut state = self.shared.state.lock();
        if !state.receiver_lives {
            return Err(SendError(value));
        }
        state.values.push_back(value);
        drop(state);
        self.shared.arrived.notify_one();
        Ok(())
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        self.shared.state.lock().senders += 1;
        Self { shared: self.shared.clone() }
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        let mut state = self.shared.state.lock();
        state.senders -= 1;
        let last = state.senders == 0;
        drop(state);
        if last {
            self.shared.arrived.notify_all();
        }
    }
}

impl<T> Receiver<T> {
    /// Receives a value, waiting for it.
    ///
    /// # Errors
    /// `Disconnected` when there is none and all senders are gone.
    pub fn recv(&self) -> Result<T, ReceiveError> {
        let mut state = self.shared.state.lock();
        loop {
            match state.take() {
                Err(ReceiveError::Empty) => state = self.shared.arrived.wait(state),
                result => return result,
            }
        }
    }

    /// Receives a value, waiting for it for `duration` at most.
    ///
    /// # Errors
    /// `Empty` after that time; `Disconnected` when there is none and all senders are gone.
    pub fn recv_timeout(&self, duration: Duration) -> Result<T, ReceiveError> {
        let mut state = self.shared.state.lock();
        loop {
            match state.take() {
                Err(ReceiveError::Empty) => {
                    let (again, woken) = self.shared.arrived.wait_timeout(state, duration);
                    state = again;
                    if !woken {
                        return state.take();
                    }
                }
                result => return result,
            }
        }
    }

    /// Receives a value if there is one.
    ///
    /// # Errors
    /// `Empty`, or `Disconnected` when all senders are gone too.
    pub fn try_recv(&self) -> Result<T, ReceiveError> {
        self.shared.state.lock().take()
    }

    /// All values, until all senders are gone.
    pub fn iter(&self) -> impl Iterator<Item = T> + '_ {
        core::iter::from_fn(|| self.recv().ok())
    }
}

impl<T> State<T> {
    fn take(&mut self) -> Result<T, ReceiveError> {
        let nothing = if self.senders == 0 { ReceiveError::Disconnected } else { ReceiveError::Empty };
        self.values.pop_front().ok_or(nothing)
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        let mut state = self.shared.state.lock();
        state.receiver_lives = false;
        // Outside of the lock, since dropping values may do anything.
        let values = core::mem::take(&mut state.values);
        drop(state);
        drop(values);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_come_in_order_and_ends_are_seen() {
        let (sender, receiver) = channel();
        sender.send(1).unwrap();
        sender.clone().send(2).unwrap();
        assert_eq!((receiver.recv(), receiver.try_recv()), (Ok(1), Ok(2)));
        assert_eq!(receiver.try_recv(), Err(ReceiveError::Empty));
        drop(sender);
        assert_eq!(receiver.recv(), Err(ReceiveError::Disconnected));
        let (sender, receiver) = channel();
        drop(receiver);
        assert_eq!(sender.send(3), Err(SendError(3)));
    }
}

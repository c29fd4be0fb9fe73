//! Synchronisation between threads of one program. Uncontended operations stay in user space; threads
//! wait on the kernel's semaphores.

pub mod raw;

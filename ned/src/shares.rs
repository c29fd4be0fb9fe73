//! What of the system's memory is for programs, so that one which takes all it can get leaves enough for ned
//! and the services: unless a script gives a program factories of its own, these take the place of ned's.
//!
//! All programs share one factory of dataspaces, whose clients do not get at what moe keeps back. Each has its own
//! factory of kernel objects, whose quota is a part of the kernel's memory.

use loader::Grant;
use syscall::{Factory, Owned, Result, boot, env};

/// The part of the kernel's memory that a program may use.
const KERNEL_SHARE: u64 = 4;

/// The programs' shares.
pub struct Shares {
    memory: Option<Owned<Factory>>,
    /// Quota of a program's factory of kernel objects, in bytes; 0 where the kernel does not say how much memory it has.
    kernel_bytes: u64,
}

impl Shares {
    /// Makes the programs' factory of dataspaces. A ned that has no more than a quota itself shares that.
    ///
    /// # Errors
    /// Those of the factory.
    pub fn new() -> Result<Shares> {
        let memory = env::mem_alloc();
        let info = memory.info()?;
        let memory = match info.quota {
            u64::MAX => Some(memory.as_factory().create_factory(info.mem_limit)?),
            _ => None,
        };
        Ok(Shares {
            memory,
            kernel_bytes: boot::kernel_memory_bytes(boot::memory_descriptors(env::kip())) / KERNEL_SHARE,
        })
    }

    /// The dataspace factory for a program whose script wishes it `wished`.
    pub fn memory(&self, wished: Grant) -> Grant {
        match &self.memory {
            Some(shared) if wished.cap == env::mem_alloc().index() => Grant { cap: shared.index(), ..wished },
            _ => wished,
        }
    }

    /// The factory of kernel objects for a program whose script wishes it `wished`, and whose owner is to
    /// hold on to it until the program has it.
    ///
    /// # Errors
    /// Those of the kernel's factory.
    pub fn kernel_objects(&self, wished: Grant) -> Result<(Grant, Option<Owned<Factory>>)> {
        if self.kernel_bytes == 0 || wished.cap != env::factory().index() {
            return Ok((wished, None));
        }
        let own = env::factory().create_factory(self.kernel_bytes)?;
        Ok((Grant { cap: own.index(), ..wished }, Some(own)))
    }
}

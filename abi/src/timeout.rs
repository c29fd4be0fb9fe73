//! IPC timeouts (`l4sys/__timeout.h`).

/// One timeout: 0 is never, otherwise mantissa and exponent of microseconds, or the number of a buffer
/// register that holds an absolute time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(transparent)]
pub struct Timeout(u16);

/// When a timeout fires.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Deadline {
    /// Never.
    Never,
    /// At once: the partner must be ready.
    Now,
    /// So many microseconds from now.
    Relative(u64),
    /// At the time in microseconds that stands in this buffer register (and the kernel clock counts).
    Absolute(usize),
}

impl Timeout {
    /// No timeout.
    pub const NEVER: Self = Self(0);
    /// The partner must be ready.
    pub const ZERO: Self = Self(0x400);
    /// The longest relative timeout in microseconds.
    pub const MAX_MICROSECONDS: u64 = (1 << 41) - 1;

    /// The least timeout of at least `microseconds`; never, if that is beyond [`Self::MAX_MICROSECONDS`].
    pub const fn from_microseconds(microseconds: u64) -> Self {
        if microseconds == 0 {
            return Self::ZERO;
        }
        if microseconds > Self::MAX_MICROSECONDS {
            return Self::NEVER;
        }
        let bits = 64 - microseconds.leading_zeros();
        let mut exponent = bits.saturating_sub(10);
        let mut mantissa = (microseconds + (1 << exponent) - 1) >> exponent;
        if mantissa > 0x3ff {
            if exponent == 0x1f {
                mantissa = 0x3ff;
            } else {
                exponent += 1;
                mantissa >>= 1;
            }
        }
        Self((exponent as u16) << 10 | mantissa as u16)
    }

    /// The timeout at the absolute time that stands in buffer register `register` (0 to 57).
    pub const fn absolute(register: u8) -> Self {
        Self(0x8000 | (register as u16 & 0x3f))
    }

    /// The timeout with this encoding.
    pub const fn from_raw(raw: u16) -> Self {
        Self(raw)
    }

    /// The encoding.
    pub const fn raw(self) -> u16 {
        self.0
    }

    /// When it fires.
    pub const fn deadline(self) -> Deadline {
        match self.0 {
            0 => Deadline::Never,
            raw if raw & 0x8000 != 0 => {
                let register = (raw & 0x3f) as usize;
                let last = crate::utcb::BUFFER_REGISTERS - 1;
                Deadline::Absolute(if register > last { last } else { register })
            }
            raw if raw & 0x3ff == 0 => Deadline::Now,
            raw => Deadline::Relative((raw as u64 & 0x3ff) << ((raw >> 10) & 0x1f)),
        }
    }
}

/// The two timeouts of an IPC.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Timeouts {
    /// For the partner to become ready to receive.
    pub send: Timeout,
    /// For a message to come.
    pub receive: Timeout,
}

impl Timeouts {
    /// Wait for ever in both phases.
    pub const NEVER: Self = Self { send: Timeout::NEVER, receive: Timeout::NEVER };
    /// Wait in neither phase.
    pub const ZERO: Self = Self { send: Timeout::ZERO, receive: Timeout::ZERO };

    /// The timeouts in a register.
    pub const fn from_raw(raw: u32) -> Self {
        Self { send: Timeout((raw >> 16) as u16), receive: Timeout(raw as u16) }
    }

    /// The register value.
    pub const fn raw(self) -> u32 {
        (self.send.0 as u32) << 16 | self.receive.0 as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn never_shorter_than_asked_and_within_a_thousandth() {
        for us in [1, 1023, 1024, 1025, 2047, 4095, 1_000_000, 123_456_789, Timeout::MAX_MICROSECONDS / 2] {
            let Deadline::Relative(got) = Timeout::from_microseconds(us).deadline() else { panic!("{us}") };
            assert!(got + got / 500 >= us && got <= us + us / 250 + 1, "{us} {got}");
        }
        assert_eq!(Timeout::from_microseconds(0).deadline(), Deadline::Now);
        assert_eq!(Timeouts::from_raw(0x0400_0400), Timeouts::ZERO);
    }
}

//! What can go wrong: L4Re's error codes, IPC errors, and numbers that are neither.

use abi::{IpcError, error};

pub use abi::Error as Code;

/// A failed operation. [`Code`]s and IPC errors convert into it by `?`.
///
/// ```no_run
/// use syscall::{Code, Error, Result};
///
/// fn half(number: u64) -> Result<u64> {
///     if number % 2 == 0 { Ok(number / 2) } else { Err(Code::Inval.into()) }
/// }
/// assert_eq!(half(3), Err(Error::Code(Code::Inval)));
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Error {
    /// The object or server answered with an error code.
    Code(Code),
    /// The message did not get through.
    Ipc(IpcError),
    /// The program was not given the capability of this name.
    Missing(&'static str),
    /// A negative answer with a number that the interface does not define (positive here).
    Unknown(i64),
}

/// Result of an operation.
pub type Result<T = (), E = Error> = core::result::Result<T, E>;

impl Error {
    /// The error that a (negative) label of a reply stands for.
    pub fn from_label(label: i64) -> Self {
        let code = -label;
        if let Some(known) = Code::from_code(code) {
            return Self::Code(known);
        }
        if (error::IPC_LOW..=error::IPC_HIGH).contains(&code)
            && let Some(ipc) = IpcError::from_code((code - error::IPC_LOW) as u64)
        {
            return Self::Ipc(ipc);
        }
        Self::Unknown(code)
    }

    /// The label by which a server reports this error.
    pub fn to_label(self) -> i64 {
        match self {
            Self::Code(code) => -code.code(),
            Self::Ipc(ipc) => -(error::IPC_LOW + ipc.code() as i64),
            Self::Missing(_) => -Code::NoEnt.code(),
            Self::Unknown(code) => -code,
        }
    }

    /// The error in the calling thread's UTCB, after an IPC whose tag says that there is one.
    pub(crate) fn last_ipc() -> Self {
        let code = crate::arch::utcb().error() & 0x1f;
        IpcError::from_code(code).map_or(Self::Unknown(error::IPC_LOW + code as i64), Self::Ipc)
    }

    /// Whether this is the error with `code`.
    pub fn is(self, code: Code) -> bool {
        self.to_label() == -code.code()
    }
}

impl From<Code> for Error {
    fn from(code: Code) -> Self {
        Self::Code(code)
    }
}

impl From<IpcError> for Error {
    fn from(error: IpcError) -> Self {
        Self::Ipc(error)
    }
}

impl core::fmt::Display for Error {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Code(code) => write!(f, "{code}"),
            Self::Ipc(error) => write!(f, "IPC: {}", error.text()),
            Self::Missing(name) => {
                write!(
                    f,
                    "no capability '{name}': the script that starts the program hands it over, in caps = {{ {name} = ... }}"
                )
            }
            Self::Unknown(code) => write!(f, "unknown error (-{code})"),
        }
    }
}

/// As for people, since it is what `unwrap` shows.
impl core::fmt::Debug for Error {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        core::fmt::Display::fmt(self, f)
    }
}

impl core::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_come_back() {
        for label in [-12, -1001, -2003, -77] {
            assert_eq!(Error::from_label(label).to_label(), label);
        }
        assert!(Error::from_label(-12).is(Code::NoMem));
        assert_eq!(Error::from_label(-2004), Error::Ipc(IpcError::NotExistent));
    }
}

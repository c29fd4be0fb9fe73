//! L4Re's user-level protocols.

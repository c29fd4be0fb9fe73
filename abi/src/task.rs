//! Task objects (`l4sys/task.h`), under [`crate::protocol::TASK`].

/// Maps from a source task: words send base, flexpage; item: the source task.
pub const OP_MAP: u64 = 0;
/// Unmaps the flexpages from the third word on; the second word is a mask of [`UNMAP_ALL_SPACES`] and [`UNMAP_DELETE_OBJECT`].
pub const OP_UNMAP: u64 = 1;
/// One selector: whether the slot is full, in the label; two selectors: whether both name the same object.
pub const OP_CAP_INFO: u64 = 2;
/// Adds kernel-user memory: word and reply are a flexpage.
pub const OP_ADD_KU_MEM: u64 = 3;
/// Sets descriptors of the local descriptor table, from the second word's on.
pub const OP_LDT_SET: u64 = 0x11;

/// Unmap from the task itself too (`L4_FP_ALL_SPACES`).
pub const UNMAP_ALL_SPACES: u64 = 0x8000_0000;
/// Delete the objects too, where the capability has the right (`L4_FP_DELETE_OBJ`).
pub const UNMAP_DELETE_OBJECT: u64 = 0xc000_0000;
/// Entries of the local descriptor table that one call can set.
pub const LDT_MAX_ENTRIES: usize = crate::utcb::MESSAGE_REGISTERS - 2;

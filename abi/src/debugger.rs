//! The kernel debugger's object (`l4sys/debugger.h`), under [`crate::protocol::DEBUGGER`]; the object asked about is the item.

/// Added to the opcodes below: the group of operations on kernel objects (`l4sys/kdebug.h`).
pub const GROUP_KOBJECT: u64 = 0x100;

/// Sets the object's name: characters from word 1 on.
pub const OP_SET_NAME: u64 = 0;
/// The object's number.
pub const OP_GLOBAL_ID: u64 = 1;
/// The number of the object at a kernel address.
pub const OP_POINTER_GLOBAL_ID: u64 = 2;
/// Number of a kind of log entry.
pub const OP_LOG_TYPE_ID: u64 = 3;
/// Switches a kind of log entry on or off.
pub const OP_LOG_SWITCH: u64 = 4;
/// The name of the object with a number.
pub const OP_GLOBAL_ID_NAME: u64 = 5;
/// The name of a kind of log entry.
pub const OP_LOG_NAME: u64 = 6;
/// Tells where an image lies in a task.
pub const OP_ADD_IMAGE_INFO: u64 = 7;
/// The object's name.
pub const OP_GET_NAME: u64 = 8;
/// Information about all objects.
pub const OP_OBJECT_INFO: u64 = 16;

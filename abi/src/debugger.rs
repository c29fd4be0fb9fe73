//! The kernel debugger's object (`l4sys/debugger.h`), under [`crate::protocol::DEBUGGER`]; the object asked about is the item.

/// Output through the debugger: opcodes without a group (`l4sys/kdebug.h`). Asks for the debugger itself; text like [`OP_OUT_STRING`].
pub const OP_ENTER: u64 = 0;
/// Writes the character in word 1.
pub const OP_OUT_CHAR: u64 = 1;
/// Writes text: its length in bytes is word 1, its bytes are the words from 2 on.
pub const OP_OUT_STRING: u64 = 2;
/// Writes the low 32 bits of word 1 in hexadecimal.
pub const OP_OUT_HEX32: u64 = 3;
/// Writes the low 20 bits of word 1 in hexadecimal.
pub const OP_OUT_HEX20: u64 = 4;
/// Writes the low 16 bits of word 1 in hexadecimal.
pub const OP_OUT_HEX16: u64 = 5;
/// Writes the low 12 bits of word 1 in hexadecimal.
pub const OP_OUT_HEX12: u64 = 6;
/// Writes the low 8 bits of word 1 in hexadecimal.
pub const OP_OUT_HEX8: u64 = 7;
/// Writes word 1 as a decimal number.
pub const OP_OUT_DECIMAL: u64 = 8;

/// The group of operations on kernel objects (`l4sys/kdebug.h`).
const GROUP_KOBJECT: u64 = 0x100;

/// Sets the object's name: characters from word 1 on.
pub const OP_SET_NAME: u64 = GROUP_KOBJECT;
/// The object's number.
pub const OP_GLOBAL_ID: u64 = GROUP_KOBJECT + 1;
/// The number of the object at a kernel address.
pub const OP_POINTER_GLOBAL_ID: u64 = GROUP_KOBJECT + 2;
/// Number of a kind of log entry.
pub const OP_LOG_TYPE_ID: u64 = GROUP_KOBJECT + 3;
/// Switches a kind of log entry on or off.
pub const OP_LOG_SWITCH: u64 = GROUP_KOBJECT + 4;
/// The name of the object with a number.
pub const OP_GLOBAL_ID_NAME: u64 = GROUP_KOBJECT + 5;
/// The name of a kind of log entry.
pub const OP_LOG_NAME: u64 = GROUP_KOBJECT + 6;
/// Tells where an image lies in a task.
pub const OP_ADD_IMAGE_INFO: u64 = GROUP_KOBJECT + 7;
/// The object's name.
pub const OP_GET_NAME: u64 = GROUP_KOBJECT + 8;
/// Information about all objects.
pub const OP_OBJECT_INFO: u64 = GROUP_KOBJECT + 16;

/// Where the operations begin that only a kernel built for measuring has (Furore's tests). Fiasco takes a group that it does
/// not have for none, and has no operation there.
const GROUP_MEASURE: u64 = 0x8080;

/// The longest stretch with interrupts off since this was asked last: its length in ticks of the time stamp counter; how the
/// kernel was entered (see the kernel's `measure.rs`); the instruction pointer, tag and first word of the thread that ran then.
pub const OP_LONGEST_STRETCH: u64 = GROUP_MEASURE;
/// Bytes of the kernel's memory that are free.
pub const OP_FREE_MEMORY: u64 = GROUP_MEASURE + 1;

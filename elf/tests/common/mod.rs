//! Builds small ELF64 files that are right in every part, for the tests to break.
//! Each test file uses its part of it.
#![allow(dead_code)]

/// A program header to be.
#[derive(Clone, Copy)]
pub struct Header {
    pub p_type: u32,
    pub flags: u32,
    pub offset: u64,
    pub address: u64,
    pub file_size: u64,
    pub memory_size: u64,
}

pub const PT_LOAD: u32 = 1;
pub const PT_DYNAMIC: u32 = 2;
pub const PT_INTERP: u32 = 3;
pub const PT_TLS: u32 = 7;
pub const RX: u32 = 5;
pub const RW: u32 = 6;

/// What the file built by [`file`] is made of.
pub struct Spec {
    pub e_type: u16,
    pub machine: u16,
    pub entry: u64,
    pub headers: Vec<Header>,
}

/// Code at 0x1000 (file offset 0x1000), data at 0x3000 with thread-local image, dynamic section and relocations.
pub fn ordinary() -> Spec {
    let load = |flags, address, file_size, memory_size| Header {
        p_type: PT_LOAD,
        flags,
        offset: address,
        address,
        file_size,
        memory_size,
    };
    Spec {
        e_type: 3,
        machine: 62,
        entry: 0x1010,
        headers: vec![
            load(4, 0, 0x400, 0x400),
            load(RX, 0x1000, 0x800, 0x800),
            load(RW, 0x3000, 0x200, 0x2000),
            Header { p_type: PT_TLS, ..load(4, 0x3000, 0x10, 0x40) },
            Header { p_type: PT_DYNAMIC, ..load(RW, 0x3100, 0x40, 0x40) },
        ],
    }
}

/// The bytes of the file: headers, code, data, a symbol table with `start` and `work`, section headers.
pub fn file(spec: &Spec) -> Vec<u8> {
    let mut bytes = vec![0u8; 0x4000];
    let put = |bytes: &mut Vec<u8>, at: usize, value: &[u8]| bytes[at..at + value.len()].copy_from_slice(value);
    put(&mut bytes, 0, b"\x7fELF\x02\x01\x01");
    put(&mut bytes, 16, &spec.e_type.to_le_bytes());
    put(&mut bytes, 18, &spec.machine.to_le_bytes());
    put(&mut bytes, 20, &1u32.to_le_bytes());
    put(&mut bytes, 24, &spec.entry.to_le_bytes());
    put(&mut bytes, 32, &64u64.to_le_bytes());
    put(&mut bytes, 40, &0x3f00u64.to_le_bytes());
    for (at, value) in [(52, 64u16), (54, 56), (56, spec.headers.len() as u16), (58, 64), (60, 3), (62, 0)] {
        put(&mut bytes, at, &value.to_le_bytes());
    }
    for (index, header) in spec.headers.iter().enumerate() {
        let at = 64 + index * 56;
        put(&mut bytes, at, &header.p_type.to_le_bytes());
        put(&mut bytes, at + 4, &header.flags.to_le_bytes());
        let words = [header.offset, header.address, header.address, header.file_size, header.memory_size, 0x1000];
        for (word, value) in words.into_iter().enumerate() {
            put(&mut bytes, at + 8 + word * 8, &value.to_le_bytes());
        }
    }
    // DT_RELA, DT_RELASZ, DT_RELAENT, DT_NULL; two relative relocations.
    for (word, value) in [7u64, 0x3180, 8, 48, 9, 24, 0, 0].into_iter().enumerate() {
        put(&mut bytes, 0x3100 + word * 8, &value.to_le_bytes());
    }
    for (word, value) in [0x3000u64, 8, 0x1010, 0x3008, 8, 0x3020].into_iter().enumerate() {
        put(&mut bytes, 0x3180 + word * 8, &value.to_le_bytes());
    }
    symbols(&mut bytes);
    bytes
}

/// Symbols: null, `start` at 0x1000 with size 0x20, `work` at 0x1020 without a size.
fn symbols(bytes: &mut [u8]) {
    let mut put = |at: usize, value: &[u8]| bytes[at..at + value.len()].copy_from_slice(value);
    put(0x3e00, b"\0start\0work\0");
    for (index, (name, address, size)) in [(1u32, 0x1000u64, 0x20u64), (7, 0x1020, 0)].into_iter().enumerate() {
        let at = 0x3d00 + (index + 1) * 24;
        put(at, &name.to_le_bytes());
        put(at + 4, &[0x12, 0, 1, 0]);
        put(at + 8, &address.to_le_bytes());
        put(at + 16, &size.to_le_bytes());
    }
    let mut section = |index: usize, kind: u32, offset: u64, size: u64, link: u32, entry_size: u64| {
        let at = 0x3f00 + index * 64;
        put(at + 4, &kind.to_le_bytes());
        put(at + 24, &offset.to_le_bytes());
        put(at + 32, &size.to_le_bytes());
        put(at + 40, &link.to_le_bytes());
        put(at + 48, &1u64.to_le_bytes());
        put(at + 56, &entry_size.to_le_bytes());
    };
    section(1, 2, 0x3d00, 72, 2, 24);
    section(2, 3, 0x3e00, 12, 0, 0);
}

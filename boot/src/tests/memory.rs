//! A piece of physical memory for tests, and the Multiboot 1 structures and ELF files in it.

use crate::PhysicalMemory;

/// Memory from `base` on.
pub struct Memory {
    pub base: u64,
    pub bytes: Vec<u8>,
}

impl Memory {
    pub fn new(base: u64, size: usize) -> Self {
        Self { base, bytes: vec![0; size] }
    }

    pub fn put(&mut self, address: u64, bytes: &[u8]) {
        let at = (address - self.base) as usize;
        self.bytes[at..at + bytes.len()].copy_from_slice(bytes);
    }

    pub fn put_u32(&mut self, address: u64, value: u32) {
        self.put(address, &value.to_le_bytes());
    }
}

impl PhysicalMemory for Memory {
    fn bytes(&self, address: u64, size: u64) -> Option<&[u8]> {
        let start = address.checked_sub(self.base)? as usize;
        self.bytes.get(start..start.checked_add(size as usize)?)
    }
}

/// A Multiboot 1 structure at 0x1000 with a command line, modules and a memory map.
pub fn multiboot1(modules: &[(u32, u32, &str)], map: &[(u64, u64, u32)]) -> Memory {
    let mut memory = Memory::new(0x1000, 0x8000);
    memory.put_u32(0x1000, 1 << 2 | 1 << 3 | 1 << 6 | 1 << 9);
    memory.put_u32(0x1010, 0x1100);
    memory.put(0x1100, b"/bootstrap -serial\0");
    memory.put_u32(0x1040, 0x1180);
    memory.put(0x1180, b"test loader\0");
    memory.put_u32(0x1014, modules.len() as u32);
    memory.put_u32(0x1018, 0x2000);
    let mut text = 0x3000;
    for (index, (start, end, line)) in modules.iter().enumerate() {
        let entry = 0x2000 + index as u64 * 16;
        memory.put_u32(entry, *start);
        memory.put_u32(entry + 4, *end);
        memory.put_u32(entry + 8, text as u32);
        memory.put(text, line.as_bytes());
        text += line.len() as u64 + 1;
    }
    memory.put_u32(0x102c, map.len() as u32 * 24);
    memory.put_u32(0x1030, 0x5000);
    for (index, (start, length, kind)) in map.iter().enumerate() {
        let entry = 0x5000 + index as u64 * 24;
        memory.put_u32(entry, 20);
        memory.put(entry + 4, &start.to_le_bytes());
        memory.put(entry + 12, &length.to_le_bytes());
        memory.put_u32(entry + 20, *kind);
    }
    memory
}

/// An ELF64 file with one executable segment of `memory_size` bytes at `virtual_base` + `physical`; `e_type` 2 is
/// fixed, 3 position independent.
pub fn elf(e_type: u16, virtual_base: u64, physical: u64, memory_size: u64) -> Vec<u8> {
    let mut bytes = vec![0u8; 0x200];
    let mut put = |at: usize, value: &[u8]| bytes[at..at + value.len()].copy_from_slice(value);
    put(0, b"\x7fELF\x02\x01\x01");
    put(16, &e_type.to_le_bytes());
    put(18, &62u16.to_le_bytes());
    put(20, &1u32.to_le_bytes());
    put(24, &(virtual_base + physical).to_le_bytes());
    put(32, &64u64.to_le_bytes());
    put(52, &64u16.to_le_bytes());
    put(54, &56u16.to_le_bytes());
    put(56, &1u16.to_le_bytes());
    put(58, &64u16.to_le_bytes());
    put(64, &1u32.to_le_bytes());
    put(68, &5u32.to_le_bytes());
    for (word, value) in
        [0x100, virtual_base + physical, physical, memory_size.min(0x100), memory_size, 0x1000].into_iter().enumerate()
    {
        put(72 + word * 8, &value.to_le_bytes());
    }
    bytes
}

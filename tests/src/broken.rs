//! Modules that are broken on purpose: each function takes a good ELF64 file and breaks one thing in it. Offsets are those of
//! the ELF64 file format.

/// Offsets in the file header.
const CLASS: usize = 4;
const ENTRY: usize = 24;
const PROGRAM_HEADERS: usize = 32;
const PROGRAM_HEADER_COUNT: usize = 56;
/// Size of a program header and offsets in it.
const PROGRAM_HEADER_SIZE: usize = 56;
const VIRTUAL_ADDRESS: usize = 16;
const PHYSICAL_ADDRESS: usize = 24;
const LOAD: u32 = 1;

/// The same, compressed. (Not broken; what follows is.)
pub fn compressed(file: Vec<u8>) -> Vec<u8> {
    furore_tools::cd::gzip(&file).expect("compresses in memory")
}

/// Compressed, with a bit that fell over on the way: one of its checksum.
pub fn compressed_badly(file: Vec<u8>) -> Vec<u8> {
    let mut packed = compressed(file);
    let checksum = packed.len() - 8;
    packed[checksum] ^= 1;
    packed
}

/// Compressed, of which only the first half came.
pub fn compressed_truncated(file: Vec<u8>) -> Vec<u8> {
    truncated(compressed(file))
}

/// As it is.
pub fn whole(file: Vec<u8>) -> Vec<u8> {
    file
}

/// A single image whose last module is longer than there is of it: the contents' end, which the word behind their mark says, is one page early.
pub fn image_cut(mut file: Vec<u8>) -> Vec<u8> {
    let mark = file.windows(8).position(|at| at == b"contents").expect("an image says where its contents are");
    let end = u32::from_le_bytes(file[mark + 12..][..4].try_into().unwrap());
    file[mark + 12..][..4].copy_from_slice(&(end - 4096).to_le_bytes());
    file
}

/// No ELF at all.
pub fn not_elf(_: Vec<u8>) -> Vec<u8> {
    b"This is no program, but a text of some length that somebody put in the wrong place.\n".repeat(4)
}

/// Only the first half.
pub fn truncated(mut file: Vec<u8>) -> Vec<u8> {
    file.truncate(file.len() / 2);
    file
}

/// Says of itself that it is for 32 bits.
pub fn class_32(mut file: Vec<u8>) -> Vec<u8> {
    file[CLASS] = 1;
    file
}

/// Its second loadable segment lies over its first.
pub fn overlapping(mut file: Vec<u8>) -> Vec<u8> {
    let loads = load_headers(&file);
    for field in [VIRTUAL_ADDRESS, PHYSICAL_ADDRESS] {
        let first: [u8; 8] = file[loads[0] + field..][..8].try_into().unwrap();
        file[loads[1] + field..][..8].copy_from_slice(&first);
    }
    file
}

/// Starts at an address where it has nothing.
pub fn entry_outside(mut file: Vec<u8>) -> Vec<u8> {
    file[ENTRY..][..8].copy_from_slice(&0x7000_0000_u64.to_le_bytes());
    file
}

/// The same, loaded over bootstrap: its first segment lies at 1 MiB.
pub fn over_bootstrap(mut file: Vec<u8>) -> Vec<u8> {
    let first = load_headers(&file)[0];
    file[first + PHYSICAL_ADDRESS..][..8].copy_from_slice(&0x10_0000_u64.to_le_bytes());
    file
}

/// Where in the file the headers of the loadable segments are.
fn load_headers(file: &[u8]) -> Vec<usize> {
    let start = u64::from_le_bytes(file[PROGRAM_HEADERS..][..8].try_into().unwrap()) as usize;
    let count = u16::from_le_bytes(file[PROGRAM_HEADER_COUNT..][..2].try_into().unwrap()) as usize;
    let headers = (0..count).map(|index| start + index * PROGRAM_HEADER_SIZE);
    headers.filter(|&at| u32::from_le_bytes(file[at..][..4].try_into().unwrap()) == LOAD).collect()
}

/// Bootstrap as no Multiboot loader would start it: its Multiboot header's entry leads to code that clears the loader's magic number
/// and then goes on to the real entry. Built on the address fields of the Multiboot 1 header.
pub fn without_loader(mut file: Vec<u8>) -> Vec<u8> {
    const MAGIC: u32 = 0x1bad_b002;
    /// Words of the header: magic, flags, checksum, header, load, load end, bss end and entry address.
    const LOAD_ADDRESS: usize = 16;
    const LOAD_END: usize = 20;
    const ENTRY_ADDRESS: usize = 28;
    let word = |file: &[u8], at: usize| u32::from_le_bytes(file[at..][..4].try_into().unwrap());
    let header =
        (0..8192).step_by(4).find(|&at| word(&file, at) == MAGIC).expect("bootstrap has no Multiboot 1 header");
    let (entry, load) = (word(&file, header + ENTRY_ADDRESS), word(&file, header + LOAD_ADDRESS));
    // The loader reads the file as one piece, in which the header lies at its address: so far is memory from the file.
    let shift = word(&file, header + 12) - header as u32;
    let end = match word(&file, header + LOAD_END) {
        0 => shift + file.len() as u32,
        end => end,
    };
    let stub_at = end.max(load).next_multiple_of(16);
    let mut stub = vec![0x31, 0xc0, 0xe9];
    stub.extend(entry.wrapping_sub(stub_at + 7).to_le_bytes());
    let place = (stub_at - shift) as usize;
    file.resize(file.len().max(place + stub.len()), 0);
    file[place..][..stub.len()].copy_from_slice(&stub);
    file[header + LOAD_END..][..4].copy_from_slice(&(stub_at + stub.len() as u32).to_le_bytes());
    file[header + ENTRY_ADDRESS..][..4].copy_from_slice(&stub_at.to_le_bytes());
    file
}

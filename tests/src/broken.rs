//! Modules that are broken on purpose: each function takes a good ELF64 file and breaks one thing in it. Offsets are those of
//! the ELF64 file format.

use console::Mode;

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

/// Bootstrap that runs into an invalid instruction before it has switched to 64-bit mode: where it reads the EFER register.
pub fn fault_in_32_bit(file: Vec<u8>) -> Vec<u8> {
    const READ_EFER: [u8; 7] = [0xb9, 0x80, 0, 0, 0xc0, 0x0f, 0x32];
    invalid_at(file, |code| (code == READ_EFER).then_some(5))
}

/// Bootstrap that runs into one in 64-bit mode: in its first instructions there, which load the segment registers.
pub fn fault_in_64_bit(file: Vec<u8>) -> Vec<u8> {
    const CLEAR_SEGMENTS: [u8; 7] = [0x31, 0xc0, 0x8e, 0xd0, 0x8e, 0xd8, 0x8e];
    invalid_at(file, |code| (code == CLEAR_SEGMENTS).then_some(0))
}

/// The kernel that runs into one on its way to its own tables: behind the far return that gives it its code segment.
pub fn fault_behind_segments(file: Vec<u8>) -> Vec<u8> {
    const FAR_RETURN_AND_LOAD: [u8; 4] = [0x48, 0xcb, 0x66, 0x8e];
    invalid_at(file, |code| (code[..4] == FAR_RETURN_AND_LOAD).then_some(2))
}

/// The kernel that runs into one as soon as it has its own exception handlers: behind `lidt [register]`.
pub fn fault_behind_handlers(file: Vec<u8>) -> Vec<u8> {
    const REGISTERS: [u8; 6] = [0x18, 0x19, 0x1a, 0x1b, 0x1e, 0x1f];
    invalid_at(file, |code| (code[..2] == [0x0f, 0x01] && REGISTERS.contains(&code[2])).then_some(3))
}

/// The kernel that runs into one when the machine wakes up: where the code in low memory calls it.
pub fn fault_when_waking(file: Vec<u8>) -> Vec<u8> {
    const CLEAR_FRAME_AND_LOAD: [u8; 5] = [0x31, 0xed, 0x48, 0x8b, 0x83];
    invalid_at(file, |code| (code[..5] == CLEAR_FRAME_AND_LOAD).then_some(9))
}

/// The kernel with an invalid instruction as its first.
pub fn fault_at_entry(mut file: Vec<u8>) -> Vec<u8> {
    let entry = u64::from_le_bytes(file[ENTRY..][..8].try_into().unwrap());
    put_at(&mut file, entry, &INVALID);
    file
}

/// A program that does nothing for ever, from its first instruction on.
pub fn loops_at_entry(mut file: Vec<u8>) -> Vec<u8> {
    const LOOP: [u8; 2] = [0xeb, 0xfe];
    let entry = u64::from_le_bytes(file[ENTRY..][..8].try_into().unwrap());
    put_at(&mut file, entry, &LOOP);
    file
}

/// An instruction that every processor refuses.
const INVALID: [u8; 2] = [0x0f, 0x0b];

/// Puts an invalid instruction wherever in the file `place` gives a place, counted from seven bytes that it likes.
fn invalid_at(file: Vec<u8>, place: impl Fn(&[u8]) -> Option<usize>) -> Vec<u8> {
    let mut broken = file.clone();
    for at in file.windows(7).enumerate().filter_map(|(at, code)| place(code).map(|offset| at + offset)) {
        broken[at..][..2].copy_from_slice(&INVALID);
    }
    assert!(broken != file, "the file has the instruction that is to be replaced");
    broken
}

/// Puts bytes at a virtual address.
fn put_at(file: &mut [u8], address: u64, bytes: &[u8]) {
    const FILE_OFFSET: usize = 8;
    const FILE_SIZE: usize = 32;
    let quad = |at: usize| u64::from_le_bytes(file[at..][..8].try_into().unwrap());
    let place = load_headers(file).into_iter().find_map(|header| {
        let offset = address.checked_sub(quad(header + VIRTUAL_ADDRESS)).filter(|at| *at < quad(header + FILE_SIZE));
        offset.map(|offset| quad(header + FILE_OFFSET) + offset)
    });
    let place = place.expect("the address is in the file") as usize;
    file[place..][..bytes.len()].copy_from_slice(bytes);
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

/// Nothing.
pub fn empty(_: Vec<u8>) -> Vec<u8> {
    Vec::new()
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

/// Bootstrap as no Multiboot loader would start it: the loader's magic number is cleared.
pub fn without_loader(file: Vec<u8>) -> Vec<u8> {
    const CLEAR_EAX: [u8; 2] = [0x31, 0xc0];
    with_prologue(file, &CLEAR_EAX)
}

/// Where [`framebuffer_above_4_gib`] says that the screen is: no device of QEMU's has one there, but memory will do.
pub const HIGH_FRAMEBUFFER: Mode = Mode { address: 0x1_5000_0000, pitch: 4096, width: 1000, height: 600, ..Mode::NONE };

/// Bootstrap that hears of a framebuffer at [`HIGH_FRAMEBUFFER`], 32 bits a pixel, red above green above blue: words are added to the Multiboot 1
/// information of QEMU's loader, behind which it has room.
pub fn framebuffer_above_4_gib(file: Vec<u8>) -> Vec<u8> {
    /// Offsets in the information, and the flag that the framebuffer's words are there.
    const FLAGS: u32 = 0;
    const FRAMEBUFFER: u32 = 88;
    const HAS_FRAMEBUFFER: u32 = 1 << 12;
    /// Bits, kind (direct colours), then each colour's first bit and size.
    const COLOURS: [u8; 8] = [32, 1, 16, 8, 8, 8, 0, 8];
    let Mode { address, pitch, width, height, .. } = HIGH_FRAMEBUFFER;
    let [first, second] = [0, 4].map(|at| u32::from_le_bytes(COLOURS[at..][..4].try_into().unwrap()));
    let words = [address as u32, (address >> 32) as u32, pitch, width, height, first, second];
    // or dword [ebx + offset], value; mov dword [ebx + offset], value
    let instruction = |code: [u8; 2], offset: u32, value: u32| {
        code.into_iter().chain(offset.to_le_bytes()).chain(value.to_le_bytes()).collect::<Vec<_>>()
    };
    let mut code = instruction([0x81, 0x8b], FLAGS, HAS_FRAMEBUFFER);
    for (offset, word) in (FRAMEBUFFER..).step_by(4).zip(words) {
        code.extend(instruction([0xc7, 0x83], offset, word));
    }
    with_prologue(file, &code)
}

/// Bootstrap whose Multiboot header's entry leads to 32-bit `code` that goes on to the real entry. Built on the address fields of
/// the Multiboot 1 header.
fn with_prologue(mut file: Vec<u8>, code: &[u8]) -> Vec<u8> {
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
    let mut stub = code.to_vec();
    stub.push(0xe9);
    stub.extend(entry.wrapping_sub(stub_at + stub.len() as u32 + 4).to_le_bytes());
    let place = (stub_at - shift) as usize;
    file.resize(file.len().max(place + stub.len()), 0);
    file[place..][..stub.len()].copy_from_slice(&stub);
    file[header + LOAD_END..][..4].copy_from_slice(&(stub_at + stub.len() as u32).to_le_bytes());
    file[header + ENTRY_ADDRESS..][..4].copy_from_slice(&stub_at.to_le_bytes());
    file
}

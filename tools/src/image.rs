//! The single image: bootstrap and all modules of a menu entry in one ELF file, which QEMU's `-kernel` and GRUB load.
//!
//! The modules lie behind bootstrap's own memory, compressed (crate `boot`, `contents`). So that a loader that goes by the addresses of
//! a Multiboot header loads them too, file and memory are one piece: bootstrap's `.bss` is in the file, as zeros.

use crate::cd;
use crate::menu::Entry;
use crate::workspace::Workspace;
use anyhow::{Context, Result, ensure};
use std::path::{Path, PathBuf};

/// Offsets in the ELF64 file header, and in a program header.
const PROGRAM_HEADERS: usize = 32;
const SECTION_HEADERS: usize = 40;
const SECTION_COUNT: usize = 60;
const FILE_OFFSET: usize = 8;
const PHYSICAL_ADDRESS: usize = 24;
const FILE_SIZE: usize = 32;
const MEMORY_SIZE: usize = 40;
/// A Multiboot header lies in this much of the file.
const HEADERS_END: usize = 8192;
/// Multiboot 1: magic, and offsets of the words that say where file and memory end.
const MULTIBOOT1: u32 = 0x1bad_b002;
const MULTIBOOT1_ENDS: [usize; 2] = [20, 24];
/// Multiboot 2: magic, size of what precedes the tags, and the tag with the addresses.
const MULTIBOOT2: u32 = 0xe852_50d6;
const MULTIBOOT2_TAGS: usize = 16;
const ADDRESS_TAG: u16 = 2;
const ADDRESS_TAG_ENDS: [usize; 2] = [16, 20];

/// Writes the image of `entry`, whose files are laid out below `target/iso`, to `target/images/`.
pub fn write(workspace: &Workspace, entry: &Entry) -> Result<PathBuf> {
    let name = entry.title.to_ascii_lowercase().replace(|c: char| !c.is_ascii_alphanumeric(), "-");
    let folder = workspace.target_dir.join("images");
    std::fs::create_dir_all(&folder)?;
    let file = folder.join(name).with_extension("elf");
    std::fs::write(&file, of_entry(&workspace.target_dir.join("iso"), entry)?)?;
    Ok(file)
}

/// One line about a written image.
pub fn summary(workspace: &Workspace, file: &Path) -> Result<String> {
    let size = file.metadata()?.len() as f64 / 1e6;
    let name = file.strip_prefix(&workspace.top).unwrap_or(file).display();
    Ok(format!("{name}: {size:.1} MB; try it with: qemu-system-x86_64 -serial stdio -kernel {name}"))
}

/// The image of `entry`, whose files lie below `tree`.
pub fn of_entry(tree: &Path, entry: &Entry) -> Result<Vec<u8>> {
    let kernel = entry.kernel.as_ref().context("this menu entry has no kernel line")?;
    let read = |path: &str| std::fs::read(tree.join(path)).with_context(|| format!("cannot read {path}"));
    let bootstrap = read(&kernel.path)?;
    let modules: Vec<(String, Vec<u8>)> = entry
        .modules
        .iter()
        .map(|module| {
            let file = read(&module.path)?;
            let is_packed = module.path.ends_with(crate::menu::COMPRESSED);
            Ok((module.command_line(), if is_packed { file } else { cd::gzip(&file)? }))
        })
        .collect::<Result<_>>()?;
    let mut contents = Vec::new();
    let records = modules.iter().map(|(line, data)| (line.as_str(), data.as_slice()));
    boot::contents::write(&kernel.command_line(), records, |piece| contents.extend_from_slice(piece));
    with_contents(bootstrap, &contents)
}

/// Bootstrap's file with `contents` behind its memory.
fn with_contents(mut file: Vec<u8>, contents: &[u8]) -> Result<Vec<u8>> {
    let segment = quad(&file, PROGRAM_HEADERS)? as usize;
    let offset = quad(&file, segment + FILE_OFFSET)? as usize;
    let address = quad(&file, segment + PHYSICAL_ADDRESS)?;
    let memory_size = quad(&file, segment + MEMORY_SIZE)?;
    let start = address + memory_size;
    let end = start + contents.len() as u64;

    // What follows the segment in bootstrap's file is for linkers and debuggers.
    file.truncate(offset + quad(&file, segment + FILE_SIZE)? as usize);
    file.resize(offset + memory_size as usize, 0);
    file.extend_from_slice(contents);
    for field in [FILE_SIZE, MEMORY_SIZE] {
        put(&mut file, segment + field, &(end - address).to_le_bytes());
    }
    put(&mut file, SECTION_HEADERS, &[0; 8]);
    put(&mut file, SECTION_COUNT, &[0; 4]);

    let headers = &file[..HEADERS_END.min(file.len())];
    let find = |wanted: &[u8]| headers.windows(wanted.len()).step_by(4).position(|at| at == wanted).map(|at| at * 4);
    let multiboot1 = find(&MULTIBOOT1.to_le_bytes()).context("bootstrap has no Multiboot 1 header")?;
    let multiboot2 = find(&MULTIBOOT2.to_le_bytes()).context("bootstrap has no Multiboot 2 header")?;
    let mark = find(&boot::contents::MARK.to_le_bytes()).context("bootstrap has no place for an image's contents")?;
    let address_tag = address_tag(&file, multiboot2)?;
    let end_words = [multiboot1 + MULTIBOOT1_ENDS[0], multiboot1 + MULTIBOOT1_ENDS[1]];
    for at in end_words.into_iter().chain(ADDRESS_TAG_ENDS.map(|end| address_tag + end)) {
        put(&mut file, at, &u32::try_from(end)?.to_le_bytes());
    }
    put(&mut file, mark + 8, &u32::try_from(start)?.to_le_bytes());
    put(&mut file, mark + 12, &u32::try_from(end)?.to_le_bytes());
    Ok(file)
}

/// Where in the file the Multiboot 2 header's tag with the addresses is.
fn address_tag(file: &[u8], header: usize) -> Result<usize> {
    let mut tag = header + MULTIBOOT2_TAGS;
    loop {
        let kind = file.get(tag..tag + 2).context("bootstrap's Multiboot 2 header has no end")?;
        let size = file.get(tag + 4..tag + 8).context("bootstrap's Multiboot 2 header has no end")?;
        let size = u32::from_le_bytes(size.try_into()?) as usize;
        match u16::from_le_bytes(kind.try_into()?) {
            ADDRESS_TAG => return Ok(tag),
            kind => ensure!(kind != 0 && size != 0, "bootstrap's Multiboot 2 header has no addresses"),
        }
        tag += size.next_multiple_of(8);
    }
}

fn quad(file: &[u8], at: usize) -> Result<u64> {
    let bytes = file.get(at..at + 8).context("bootstrap's file is too short")?;
    Ok(u64::from_le_bytes(bytes.try_into()?))
}

fn put(file: &mut [u8], at: usize, bytes: &[u8]) {
    file[at..at + bytes.len()].copy_from_slice(bytes);
}

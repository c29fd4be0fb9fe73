//! The module list for moe (`l4util/include/l4mod.h`): what bootstrap leaves behind of the menu.
//!
//! One block of pages: the head, one entry per module, the command lines, the kernel's with the options that bootstrap passes on. The first three modules are listed for their command lines only; their files
//! are gone when the kernel starts.

use crate::{
    information::Information,
    layout::Layout,
    modules::{IMAGES, Image, flag},
    options::Options,
};
use abi::l4re::l4mod::{ModInfo, Module};
use core::mem::offset_of;

/// The size of the list in bytes.
pub fn size(information: &Information, options: &Options) -> u64 {
    let modules = information.modules.len();
    let lines: usize = (0..modules).map(|index| information.line(index).len() + 1).sum();
    let own = information.text(information.command_line).len() + 1;
    (size_of::<ModInfo>() + modules * size_of::<Module>() + own + lines + options.for_kernel().len()) as u64
}

/// Writes the list to `out`, the memory at `layout.module_list`.
///
/// # Panics
/// If `out` is smaller than [`size`] says.
pub fn write(out: &mut [u8], information: &Information, layout: &Layout<'_>, options: &Options) {
    out.fill(0);
    let base = layout.module_list.start;
    let count = information.modules.len();
    let entries = size_of::<ModInfo>();
    let mut end = entries + count * size_of::<Module>();

    let mut put_text = |out: &mut [u8], parts: [&str; 2]| {
        let at = end;
        for byte in parts.into_iter().flat_map(str::bytes) {
            out[end] = byte;
            end += 1;
        }
        end += 1;
        base + at as u64
    };
    let put = |out: &mut [u8], at: usize, value: u64| out[at..at + 8].copy_from_slice(&value.to_le_bytes());

    let own_line = put_text(out, [information.text(information.command_line), ""]);
    put(out, offset_of!(ModInfo, cmdline), own_line);
    put(out, offset_of!(ModInfo, mods_addr), base + entries as u64);
    put(out, offset_of!(ModInfo, mods_count), count as u64);

    let for_kernel = options.for_kernel();
    for (index, module) in information.modules.iter().enumerate() {
        let entry = entries + index * size_of::<Module>();
        let extra = if index == Image::Kernel as usize { for_kernel.as_str() } else { "" };
        let line = put_text(out, [information.line(index), extra]);
        let start = if index < IMAGES { 0 } else { layout.destinations[index] };
        let end = if index < IMAGES { 0 } else { start + module.size };
        put(out, entry + offset_of!(Module, flags), flag(index));
        put(out, entry + offset_of!(Module, mod_start), start);
        put(out, entry + offset_of!(Module, mod_end), end);
        put(out, entry + offset_of!(Module, cmdline), line);
    }
}

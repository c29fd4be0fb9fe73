//! The module list for moe (`l4util/include/l4mod.h`): what bootstrap leaves behind of the menu.
//!
//! One block of pages: the head, one entry per module, the framebuffer's description where there is one, the command lines, the kernel's with the options that bootstrap passes on. The first three modules are listed for their command lines only; their files
//! are gone when the kernel starts.

use crate::{
    information::Information,
    layout::Layout,
    modules::{IMAGES, Image, flag},
    options::Options,
};
use abi::l4re::l4mod::{ModInfo, Module};
use abi::l4re::vbe::{ControllerInfo, ModeInfo};
use core::mem::offset_of;

/// The size of the list in bytes.
pub fn size(information: &Information, options: &Options) -> u64 {
    let modules = information.modules.len();
    let lines: usize = (0..modules).map(|index| information.line(index).len() + 1).sum();
    let own = information.text(information.command_line).len() + 1;
    let text = own + lines + options.for_kernel().len();
    (size_of::<ModInfo>() + modules * size_of::<Module>() + vbe_size(information) + text) as u64
}

/// The size of the framebuffer's description.
fn vbe_size(information: &Information) -> usize {
    if information.framebuffer.is_some() { size_of::<ControllerInfo>() + size_of::<ModeInfo>() } else { 0 }
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
    let vbe = entries + count * size_of::<Module>();
    let mut end = vbe + vbe_size(information);

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
    if let Some(mode) = information.framebuffer {
        let (controller, mode) = mode.to_vbe();
        let mode_at = vbe + size_of::<ControllerInfo>();
        put(out, offset_of!(ModInfo, vbe_ctrl_info), base + vbe as u64);
        put(out, offset_of!(ModInfo, vbe_mode_info), base + mode_at as u64);
        out[vbe..mode_at].copy_from_slice(&controller.to_bytes());
        out[mode_at..mode_at + size_of::<ModeInfo>()].copy_from_slice(&mode.to_bytes());
    }

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

//! The list of boot modules that bootstrap leaves for moe (`l4util/include/l4mod.h`); the KIP's
//! `user_ptr` is its physical address. All fields are little endian, addresses physical.

/// `l4util_l4mod_info`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ModInfo {
    /// Unused, 0.
    pub flags: u64,
    /// Address of bootstrap's command line, a C string, or 0.
    pub cmdline: u64,
    /// Address of the array of [`Module`].
    pub mods_addr: u64,
    /// Number of modules.
    pub mods_count: u32,
    /// Padding.
    pub pad: u32,
    /// Address of the VBE controller information, or 0.
    pub vbe_ctrl_info: u64,
    /// Address of the VBE mode information, or 0.
    pub vbe_mode_info: u64,
}

/// `l4util_l4mod_mod`: one module.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Module {
    /// What it is: one of [`module_flag`].
    pub flags: u64,
    /// Address of the first byte.
    pub mod_start: u64,
    /// Address behind the last byte.
    pub mod_end: u64,
    /// Address of name and arguments, a C string.
    pub cmdline: u64,
}

/// Values of [`Module::flags`].
pub mod module_flag {
    /// An ordinary module, to be offered in `rom`.
    pub const UNSPEC: u64 = 0;
    /// The kernel.
    pub const KERNEL: u64 = 1;
    /// sigma0.
    pub const SIGMA0: u64 = 2;
    /// The root task.
    pub const ROOTTASK: u64 = 3;
    /// Mask of the values above.
    pub const MASK: u64 = 7;
}

const _: () = assert!(size_of::<ModInfo>() == 48);
const _: () = assert!(size_of::<Module>() == 32);

//! The kernel info page (`l4sys/kip.h`, `l4sys/memdesc.h`).
//!
//! Bootstrap writes the memory descriptors and the addresses of sigma0, moe and the module list; the kernel
//! the rest. Offsets beyond the header are Furore's own choice and found through the header.

/// The first word (`"L4µK"` as the header has it).
pub const MAGIC: u32 = 0x4BE6_344C;
/// Kernel version of the Fiasco family (`L4_KIP_VERSION_FIASCO`).
pub const VERSION_FIASCO: u32 = 0x8700_4444;
/// Offset of the code that returns the clock in microseconds.
pub const READ_US_OFFSET: usize = 0x900;
/// Offset of the code that returns the clock in nanoseconds.
pub const READ_NS_OFFSET: usize = 0x980;
/// Where Furore's memory descriptors begin.
pub const MEM_DESCS_OFFSET: usize = 0x100;
/// How many memory descriptors there is room for.
pub const MEM_DESCS_MAX: usize = (0x800 - MEM_DESCS_OFFSET) / size_of::<MemDesc>();
/// Where Furore's version string and feature strings begin: zero-terminated strings, ended by an empty one.
pub const VERSION_STRINGS_OFFSET: usize = 0xa00;

/// The fixed part of the kernel info page.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Kip {
    /// [`MAGIC`].
    pub magic: u32,
    /// [`VERSION_FIASCO`] in the bits of its mask.
    pub version: u32,
    /// Offset of the version strings, divided by 16.
    pub offset_version_strings: u8,
    /// Reserved.
    pub fill0: [u8; 3],
    /// Unused on this architecture.
    pub kip_sys_calls: u8,
    /// Number of the AMP node.
    pub node: u8,
    /// Reserved.
    pub fill1: [u8; 2],
    /// Entry point of sigma0.
    pub sigma0_ip: u64,
    /// Entry point of the root task.
    pub root_ip: u64,
    /// Unused: the clock is read by the code at [`READ_US_OFFSET`].
    pub clock_val: u64,
    /// Frequency of the CPU in kHz.
    pub frequency_cpu: u64,
    /// Physical address of the ACPI root system description pointer, or 0.
    pub acpi_rsdp_addr: u64,
    /// Physical address of the device tree, or 0.
    pub dt_addr: u64,
    /// Physical address of the module list ([`crate::l4re::l4mod`]).
    pub user_ptr: u64,
    /// Reserved.
    pub res0: u64,
    /// Granularity of time slices in microseconds.
    pub scheduler_granularity: u32,
    /// Offset of the memory descriptors.
    pub mem_descs: u32,
    /// Number of memory descriptors.
    pub mem_descs_num: u32,
    /// Reserved.
    pub res1: u32,
    /// Reserved.
    pub res2: [u64; 2],
    /// Name of the platform, zero-terminated.
    pub platform_name: [u8; 16],
    /// Whether the platform has several CPUs.
    pub is_mp: u32,
    /// Padding.
    pub fill2: u32,
}

const _: () = {
    assert!(core::mem::offset_of!(Kip, sigma0_ip) == 0x10);
    assert!(core::mem::offset_of!(Kip, acpi_rsdp_addr) == 0x30);
    assert!(core::mem::offset_of!(Kip, mem_descs) == 0x54);
    assert!(core::mem::offset_of!(Kip, platform_name) == 0x70);
    assert!(size_of::<Kip>() <= MEM_DESCS_OFFSET);
};

/// What a memory descriptor describes (`l4_mem_type_t`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum MemType {
    /// An unused descriptor.
    Undefined = 0,
    /// Ordinary memory.
    Conventional = 1,
    /// Taken by the kernel, sub-types [`RESERVED_KERNEL`] and following.
    Reserved = 2,
    /// Memory of its own kind: sigma0's image.
    Dedicated = 3,
    /// Shared memory.
    Shared = 4,
    /// Information of the boot loader.
    Info = 0xd,
    /// Memory of the root task: its image, modules, module list.
    Bootloader = 0xe,
    /// Firmware and devices, sub-types [`ARCH_ACPI_TABLES`] and following.
    Arch = 0xf,
}

/// Sub-type of [`MemType::Info`]: the ACPI RSDP.
pub const INFO_ACPI_RSDP: u8 = 0;
/// Sub-type of [`MemType::Reserved`]: the kernel's image.
pub const RESERVED_KERNEL: u8 = 0;
/// Sub-type of [`MemType::Reserved`]: the kernel's heap.
pub const RESERVED_HEAP: u8 = 1;
/// Sub-type of [`MemType::Reserved`]: device memory that the kernel uses.
pub const RESERVED_MMIO: u8 = 2;
/// Sub-type of [`MemType::Arch`]: ACPI tables.
pub const ARCH_ACPI_TABLES: u8 = 3;
/// Sub-type of [`MemType::Arch`]: ACPI non-volatile storage.
pub const ARCH_ACPI_NVS: u8 = 4;

/// A memory descriptor: start and type in the first word, end in the second, both in units of 1 KiB.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(C)]
pub struct MemDesc {
    low: u64,
    high: u64,
}

impl MemDesc {
    const UNIT: u64 = 0x3ff;

    /// An unused descriptor.
    pub const UNUSED: Self = Self { low: 0, high: 0 };

    /// Describes the bytes from `start` to `last` inclusive (rounded down and up to 1 KiB).
    pub const fn new(start: u64, last: u64, kind: MemType, sub_type: u8) -> Self {
        Self { low: (start & !Self::UNIT) | kind as u64 | ((sub_type as u64 & 0xf) << 4), high: last }
    }

    /// The two words as they stand in the kernel info page.
    pub const fn words(self) -> [u64; 2] {
        [self.low, self.high]
    }

    /// First address.
    pub const fn start(self) -> u64 {
        self.low & !Self::UNIT
    }

    /// Last address, inclusive.
    pub const fn last(self) -> u64 {
        self.high | Self::UNIT
    }

    /// The type; unknown types read as [`MemType::Undefined`].
    pub const fn kind(self) -> MemType {
        match self.low & 0xf {
            1 => MemType::Conventional,
            2 => MemType::Reserved,
            3 => MemType::Dedicated,
            4 => MemType::Shared,
            0xd => MemType::Info,
            0xe => MemType::Bootloader,
            0xf => MemType::Arch,
            _ => MemType::Undefined,
        }
    }

    /// The sub-type.
    pub const fn sub_type(self) -> u8 {
        ((self.low >> 4) & 0xf) as u8
    }

    /// Whether the descriptor speaks of virtual addresses.
    pub const fn is_virtual(self) -> bool {
        self.low & 0x200 != 0
    }

    /// The same descriptor, for virtual addresses.
    pub const fn with_virtual(self) -> Self {
        Self { low: self.low | 0x200, ..self }
    }
}

/// Scheduler class in the feature list and in the scheduler's `info`: fixed priorities.
pub const FEATURE_FIXED_PRIO: &str = "fi_gs";
/// Feature: memory that was mapped can be revoked and so given back.
pub const FEATURE_MAPDB: &str = "mapdb";
/// Feature: FS and GS base can be set by the thread object.
pub const FEATURE_SEGMENTS: &str = "segments";
/// Feature: threads can have page-fault trampolines.
pub const FEATURE_PF_TRAMPOLINE: &str = "pf_tramp";
/// Feature: CPU time is measured at each switch, not by ticks.
pub const FEATURE_FINE_CPU_TIME: &str = "fi_gr_cputime";

//! The kernel info page: what bootstrap wrote is read once at boot, and the kernel's half is filled in.
#![allow(unsafe_code)] // reads what bootstrap left in memory

use crate::arch::{self, clock, cpu};
use abi::kip::*;
use abi::l4re::l4mod::{ModInfo, Module, module_flag};
use core::fmt::Write;
use core::ptr::NonNull;

/// The version of the interface, as the page's version string names it.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The page, through the direct map.
pub struct KernelInfoPage(NonNull<Kip>);

impl KernelInfoPage {
    /// The page that bootstrap hands over.
    ///
    /// # Safety
    /// `page` is the kernel info page in the direct map; nobody else uses it before user programs run.
    pub unsafe fn new(page: *mut u8) -> Self {
        let page = NonNull::new(page.cast::<Kip>()).expect("bootstrap hands over a kernel info page");
        let kip = Self(page);
        assert!(
            kip.header().magic == MAGIC,
            "no kernel info page where bootstrap says it is: start this kernel by Furore's bootstrap"
        );
        kip
    }

    /// The fixed part.
    pub fn header(&self) -> &Kip {
        // SAFETY: see `new`.
        unsafe { self.0.as_ref() }
    }

    /// Physical address of the page.
    pub fn phys(&self) -> u64 {
        arch::virt_to_phys(self.0.as_ptr())
    }

    /// The memory descriptors.
    pub fn descriptors(&self) -> &[MemDesc] {
        let (offset, count) = (self.header().mem_descs as usize, self.header().mem_descs_num as usize);
        let room = (abi::PAGE_SIZE - offset.min(abi::PAGE_SIZE)) / size_of::<MemDesc>();
        // SAFETY: within the page; see `new`.
        unsafe { core::slice::from_raw_parts(self.0.as_ptr().cast::<u8>().add(offset).cast(), count.min(room)) }
    }

    /// Adds a memory descriptor, in the place of an unused one or behind the last.
    pub fn add_descriptor(&mut self, descriptor: MemDesc) {
        let count = self.descriptors().len();
        let place = self.descriptors().iter().position(|descriptor| *descriptor == MemDesc::UNUSED).unwrap_or(count);
        assert!(place < MEM_DESCS_MAX, "the kernel info page has no room for another memory descriptor");
        let offset = self.header().mem_descs as usize;
        // SAFETY: within the page, as just checked; see `new`.
        unsafe {
            self.0.as_ptr().cast::<u8>().add(offset).cast::<MemDesc>().add(place).write(descriptor);
            self.0.as_mut().mem_descs_num = (count.max(place + 1)) as u32;
        }
    }

    /// The kernel's own command line.
    pub fn command_line(&self) -> &'static str {
        let info = self.header().user_ptr;
        if info == 0 {
            return "";
        }
        // SAFETY: bootstrap left the module list there (l4util/l4mod.h), in memory that stays reserved;
        // all of it is below 4 GiB, which the direct map has from the start.
        unsafe {
            let info = &*arch::phys_to_virt(info).cast::<ModInfo>();
            let modules = core::slice::from_raw_parts(
                arch::phys_to_virt(info.mods_addr).cast::<Module>(),
                info.mods_count as usize,
            );
            let kernel = modules.iter().find(|module| module.flags & module_flag::MASK == module_flag::KERNEL);
            let Some(text) = kernel.map(|module| module.cmdline).filter(|&text| text != 0) else { return "" };
            core::ffi::CStr::from_ptr(arch::phys_to_virt(text).cast()).to_str().unwrap_or("")
        }
    }

    /// Fills in the kernel's half: version, features, clock, and which addresses programs can use.
    pub fn complete(&mut self) {
        let user = MemDesc::new(0, arch::USER_END - 1, MemType::Conventional, 0);
        let hole = MemDesc::new(arch::USER_END, !arch::USER_END, MemType::Reserved, 0);
        self.add_descriptor(user.with_virtual());
        self.add_descriptor(hole.with_virtual());
        let frequency = cpu::frequency_khz();
        // SAFETY: see `new`.
        let page: &mut [u8; abi::PAGE_SIZE] = unsafe { self.0.cast().as_mut() };
        clock::write_kip_code(page);
        let mut strings = Strings { page, at: VERSION_STRINGS_OFFSET };
        strings.add(format_args!("Furore microkernel {VERSION}, speaks L4Re's interface"));
        let features =
            [FEATURE_FIXED_PRIO, FEATURE_MAPDB, FEATURE_SEGMENTS, FEATURE_PF_TRAMPOLINE, FEATURE_FINE_CPU_TIME];
        for feature in features {
            strings.add(format_args!("{feature}"));
        }
        strings.add(format_args!(""));
        // SAFETY: see `new`.
        let header = unsafe { self.0.as_mut() };
        header.version = VERSION_FIASCO;
        header.offset_version_strings = (VERSION_STRINGS_OFFSET >> 4) as u8;
        header.frequency_cpu = frequency;
        header.scheduler_granularity = 1;
        header.platform_name = *b"pc\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
    }
}

/// Writes zero-terminated strings one behind the other.
struct Strings<'a> {
    page: &'a mut [u8; abi::PAGE_SIZE],
    at: usize,
}

impl Strings<'_> {
    fn add(&mut self, text: core::fmt::Arguments) {
        let _ = self.write_fmt(text);
        self.page[self.at] = 0;
        self.at += 1;
    }
}

impl Write for Strings<'_> {
    fn write_str(&mut self, text: &str) -> core::fmt::Result {
        let end = self.at + text.len();
        self.page.get_mut(self.at..end).ok_or(core::fmt::Error)?.copy_from_slice(text.as_bytes());
        self.at = end;
        Ok(())
    }
}

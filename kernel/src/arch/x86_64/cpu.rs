//! What the processor is and can do.
#![allow(unsafe_code)] // model-specific registers

use core::arch::x86_64::{__cpuid, __cpuid_count, CpuidResult};
use core::fmt;

use ::x86_64::registers::model_specific::Msr;

use super::fpu;

fn leaf(number: u32) -> CpuidResult {
    let limit = __cpuid(number & 0xffff_0000).eax;
    if number > limit { CpuidResult { eax: 0, ebx: 0, ecx: 0, edx: 0 } } else { __cpuid_count(number, 0) }
}

/// Protections that the kernel switches on where the processor has them.
pub(super) struct SecurityFeatures {
    pub smep: bool,
    pub smap: bool,
    pub umip: bool,
}

pub(super) fn security_features() -> SecurityFeatures {
    let features = leaf(7);
    SecurityFeatures {
        smep: features.ebx & 1 << 7 != 0,
        smap: features.ebx & 1 << 20 != 0,
        umip: features.ecx & 1 << 2 != 0,
    }
}

/// The number by which interrupts are sent to this CPU.
pub(super) fn apic_id() -> u32 {
    leaf(1).ebx >> 24
}

/// Whether the processor has AVX, and saves its registers where [`super::fpu`] has a place for them.
pub(super) fn has_avx() -> bool {
    const XSAVE: u32 = 1 << 26;
    const AVX: u32 = 1 << 28;
    const SAVED: u32 = fpu::FEATURES.bits() as u32;
    if leaf(1).ecx & (XSAVE | AVX) != XSAVE | AVX || leaf(0xd).eax & SAVED != SAVED {
        return false;
    }
    let upper_halves = __cpuid_count(0xd, 2);
    (upper_halves.ebx as usize, upper_halves.eax as usize) == fpu::UPPER_HALVES
}

/// Fills the page attribute table: entry 2, which page-table entries select by PCD alone, is write-combining, the
/// others are what the processor has them be. `kernel::space` and `kernel_map` count on it.
pub(super) fn set_cache_types() {
    const PAGE_ATTRIBUTES: u32 = 0x277;
    const CACHE_TYPES: u64 = 0x0007_0406_0001_0406;
    // SAFETY: every x86-64 processor has the table; no entry that is in use changes its meaning.
    unsafe { Msr::new(PAGE_ATTRIBUTES).write(CACHE_TYPES) };
}

pub(super) fn has_local_apic() -> bool {
    leaf(1).edx & 1 << 9 != 0
}

pub(super) fn has_tsc_deadline() -> bool {
    leaf(1).ecx & 1 << 24 != 0
}

/// Text in CPUID registers; prints up to the first zero byte, without blanks around it.
pub struct Name<const WORDS: usize>([u32; WORDS]);

impl<const WORDS: usize> fmt::Display for Name<WORDS> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use fmt::Write;
        let bytes = self.0.iter().flat_map(|word| word.to_le_bytes()).take_while(|&byte| byte != 0);
        let mut blanks = 0;
        let mut started = false;
        for byte in bytes {
            if byte == b' ' {
                blanks += usize::from(started);
                continue;
            }
            (0..core::mem::take(&mut blanks)).try_for_each(|_| f.write_char(' '))?;
            started = true;
            f.write_char(if byte.is_ascii_graphic() { byte.into() } else { '?' })?;
        }
        Ok(())
    }
}

/// Maker of the processor, as "GenuineIntel".
pub fn vendor() -> Name<3> {
    let leaf = __cpuid(0);
    Name([leaf.ebx, leaf.edx, leaf.ecx])
}

/// Model name; empty if the processor does not say.
pub fn model() -> Name<12> {
    let mut words = [0; 12];
    for (number, part) in words.chunks_exact_mut(4).enumerate() {
        let leaf = leaf(0x8000_0002 + number as u32);
        part.copy_from_slice(&[leaf.eax, leaf.ebx, leaf.ecx, leaf.edx]);
    }
    Name(words)
}

/// Family, model and stepping.
pub fn signature() -> (u32, u32, u32) {
    let eax = leaf(1).eax;
    let (family, model) = (eax >> 8 & 0xf, eax >> 4 & 0xf);
    let extended_model = if matches!(family, 6 | 15) { eax >> 12 & 0xf0 } else { 0 };
    let extended_family = if family == 15 { eax >> 20 & 0xff } else { 0 };
    (family + extended_family, model + extended_model, eax & 0xf)
}

/// Frequency of the time stamp counter in kHz: the kernel info page's `frequency_cpu`.
pub fn frequency_khz() -> u64 {
    super::clock::tsc_hz() / 1000
}

/// Names of the features that matter here and that the processor has.
pub fn features() -> impl Iterator<Item = &'static str> {
    let basic = leaf(1);
    let structured = leaf(7);
    let extended = leaf(0x8000_0001);
    let power = leaf(0x8000_0007);
    [
        ("fpu", basic.edx & 1),
        ("fxsr", basic.edx >> 24 & 1),
        ("sse", basic.edx >> 25 & 1),
        ("sse2", basic.edx >> 26 & 1),
        ("sse3", basic.ecx & 1),
        ("avx", has_avx().into()),
        ("apic", basic.edx >> 9 & 1),
        ("x2apic", basic.ecx >> 21 & 1),
        ("tsc-deadline", basic.ecx >> 24 & 1),
        ("invariant-tsc", power.edx >> 8 & 1),
        ("nx", extended.edx >> 20 & 1),
        ("1gb-pages", extended.edx >> 26 & 1),
        ("pcid", basic.ecx >> 17 & 1),
        ("smep", structured.ebx >> 7 & 1),
        ("smap", structured.ebx >> 20 & 1),
        ("umip", structured.ecx >> 2 & 1),
        ("fsgsbase", structured.ebx & 1),
        ("hypervisor", basic.ecx >> 31 & 1),
    ]
    .into_iter()
    .filter_map(|(name, present)| (present != 0).then_some(name))
}

//! Tables in an arena: as QEMU writes them, and broken in every way that random bytes find.

use super::*;
use proptest::prelude::*;

/// Memory that begins at physical address 0.
#[derive(Clone, Copy)]
struct Arena<'a>(&'a [u8]);

impl<'a> Memory<'a> for Arena<'a> {
    fn bytes(self, phys: u64, length: usize) -> Option<&'a [u8]> {
        let start = usize::try_from(phys).ok().filter(|&start| start != 0)?;
        self.0.get(start..start.checked_add(length)?)
    }
}

/// A table with this signature and body, and a right checksum.
fn sealed(signature: &[u8; 4], body: &[u8]) -> Vec<u8> {
    let mut table = [signature.as_slice(), &((HEADER + body.len()) as u32).to_le_bytes(), &[0; 28], body].concat();
    table[9] = 0_u8.wrapping_sub(table.iter().fold(0, |sum, &byte| sum.wrapping_add(byte)));
    table
}

const MADT: usize = 0x1000;
const FADT: usize = 0x2000;
const DSDT: usize = 0x3000;
const RSDT: usize = 0x4000;
const FACS: usize = 0x5040;
const SIZE: usize = 0x10_0000;

fn put(memory: &mut [u8], place: usize, bytes: &[u8]) {
    memory[place..place + bytes.len()].copy_from_slice(bytes);
}

/// A machine with these entries in its MADT and this AML in its DSDT; the RSDP lies in the BIOS.
fn machine(entries: &[u8], aml: &[u8]) -> Vec<u8> {
    let mut memory = vec![0; SIZE];
    put(&mut memory, MADT, &sealed(b"APIC", &[&[0, 0, 0xe0, 0xfe, 1, 0, 0, 0], entries].concat()));
    let mut fadt = vec![0; 100];
    put(&mut fadt, 36 - HEADER, &(FACS as u32).to_le_bytes());
    put(&mut fadt, 40 - HEADER, &(DSDT as u32).to_le_bytes());
    put(&mut fadt, 56 - HEADER, &[0x00, 0x06]);
    put(&mut fadt, 48 - HEADER, &[0xb2, 0, 0, 0, 0xf1]);
    put(&mut fadt, 64 - HEADER, &[0x04, 0x06]);
    put(&mut fadt, 112 - HEADER, &(1_u32 << 10).to_le_bytes());
    put(&mut fadt, 116 - HEADER, &[1, 8, 0, 1, 0xf9, 0x0c, 0, 0, 0, 0, 0, 0, 0x0f]);
    put(&mut memory, FADT, &sealed(b"FACP", &fadt));
    put(&mut memory, FACS, b"FACS\x40\0\0\0");
    put(&mut memory, DSDT, &sealed(b"DSDT", aml));
    let pointers = [FADT as u32, 0xffff_fff0, MADT as u32].map(u32::to_le_bytes).concat();
    put(&mut memory, RSDT, &sealed(b"RSDT", &pointers));
    let mut rsdp = [b"RSD PTR ".as_slice(), &[0; 8], &(RSDT as u32).to_le_bytes()].concat();
    rsdp[8] = 0_u8.wrapping_sub(rsdp.iter().fold(0, |sum, &byte| sum.wrapping_add(byte)));
    put(&mut memory, 0xf_5a40, &rsdp);
    memory
}

/// What QEMU's pc says: one I/O APIC; the interval timer at line 2, PCI's lines level-triggered.
const QEMU: &[u8] = &[
    0, 8, 0, 0, 1, 0, 0, 0, // a local APIC
    1, 12, 0, 0, 0, 0, 0xc0, 0xfe, 0, 0, 0, 0, // the I/O APIC
    2, 10, 0, 0, 2, 0, 0, 0, 0, 0, // timer
    2, 10, 0, 9, 9, 0, 0, 0, 0x0d, 0, // ACPI: high, level
    2, 10, 7, 5, 5, 0, 0, 0, 0x0f, 0, // another bus
    4, 6, 0xff, 0, 0, 1, // NMI
];
const S5: &[u8] = b"\x10\x08_S5_\x12\x08\x04\x0a\x05\x01\x00\x00";

#[test]
fn qemus_interrupt_controllers() {
    let memory = machine(QEMU, S5);
    let madt = Tables::find(Arena(&memory), 0).unwrap().madt().unwrap();
    assert!(madt.io_apics().eq([IoApic { address: 0xfec0_0000, first_line: 0 }]));
    assert!(madt.overrides().eq([
        Override { isa: 0, line: 2, is_low: None, is_level: None },
        Override { isa: 9, line: 9, is_low: Some(false), is_level: Some(true) },
    ]));
}

#[test]
fn power_off_and_reset() {
    let memory = machine(QEMU, S5);
    let tables = Tables::find(Arena(&memory), 0).unwrap();
    let fadt = tables.fadt().unwrap();
    assert_eq!(fadt.control_ports(), Some([0x604, 0]));
    assert_eq!(fadt.enable_command(), Some((0xb2, 0xf1)));
    assert_eq!(fadt.soft_off_types(&tables), Some([5, 1]));
    assert_eq!(fadt.reset_register(), Some(ResetRegister::Port(0xcf9, 0x0f)));
}

#[test]
fn sleep_and_wake() {
    let mut memory = machine(QEMU, S5);
    let wake_vector = |memory: &[u8]| {
        let tables = Tables::find(Arena(memory), 0).unwrap();
        let fadt = tables.fadt().unwrap();
        assert_eq!(fadt.event_ports(), Some([0x600, 0]));
        fadt.wake_vector(&tables)
    };
    assert_eq!(wake_vector(&memory), Some(FACS as u64 + 12));
    memory[FACS + 4] = 16;
    assert_eq!(wake_vector(&memory), None);
}

#[test]
fn a_wrong_checksum_is_no_table() {
    let mut memory = machine(QEMU, S5);
    memory[MADT + 50] ^= 1;
    assert!(Tables::find(Arena(&memory), 0).unwrap().madt().is_none());
    memory[RSDT + 40] ^= 1;
    assert!(Tables::find(Arena(&memory), 0).is_none());
}

#[test]
fn the_rsdp_that_is_given_comes_first() {
    let mut memory = machine(QEMU, S5);
    let rsdp = memory[0xf_5a40..0xf_5a40 + RSDP].to_vec();
    put(&mut memory, 0xf_5a40, &[0; RSDP]);
    put(&mut memory, 0x5008, &rsdp);
    assert!(Tables::find(Arena(&memory), 0).is_none());
    assert!(Tables::find(Arena(&memory), 0x5008).is_some());
}

#[test]
fn an_entry_of_no_length_ends_the_list() {
    for length in [0, 1, 13, 255] {
        let memory = machine(&[1, length, 0, 0, 0, 0, 0xc0, 0xfe, 0, 0, 0, 0], S5);
        assert_eq!(Tables::find(Arena(&memory), 0).unwrap().madt().unwrap().io_apics().count(), 0);
    }
}

/// Everything that can be asked, of memory that may say anything.
fn ask_everything(memory: &[u8], rsdp: u64) {
    let Some(tables) = Tables::find(Arena(memory), rsdp) else { return };
    if let Some(madt) = tables.madt() {
        assert!(madt.io_apics().count() + madt.overrides().count() <= LONGEST / 2);
    }
    if let Some(fadt) = tables.fadt() {
        let _ = (fadt.control_ports(), fadt.enable_command(), fadt.reset_register(), fadt.soft_off_types(&tables));
        let _ = (fadt.event_ports(), fadt.wake_vector(&tables));
    }
}

/// MADT entries and AML, as many bytes of the first as the first byte says, mutated.
#[test]
fn mutated_tables_are_survived() {
    let corpus = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus/acpi");
    furore_mutate::fuzz(&corpus, 2000, |input| {
        let Some((&length, rest)) = input.split_first() else { return };
        let (entries, aml) = rest.split_at(rest.len().min(length.into()));
        ask_everything(&machine(entries, &aml[..aml.len().min(0x800)]), 0);
    });
}

proptest! {
    #[test]
    fn random_entries_are_survived(entries in prop::collection::vec(0..20_u8, 0..200), aml in prop::collection::vec(any::<u8>(), 0..100)) {
        ask_everything(&machine(&entries, &aml), 0);
    }

    /// AML that has `_S5_`, and whatever behind it.
    #[test]
    fn a_broken_package_is_survived(tail in prop::collection::vec(any::<u8>(), 0..8)) {
        let aml = [b"\x08_S5_\x12".as_slice(), &tail].concat();
        ask_everything(&machine(QEMU, &aml), 0);
    }

    /// Bytes changed where only a checksum, mended again, would tell.
    #[test]
    fn changed_tables_are_survived(changes in prop::collection::vec((0..4_usize, 0..120_usize, any::<u8>()), 1..6)) {
        let mut memory = machine(QEMU, S5);
        for (table, offset, value) in changes {
            let place = [MADT, FADT, DSDT, RSDT][table];
            let delta = value.wrapping_sub(memory[place + offset]);
            memory[place + offset] = value;
            memory[place + 9] = memory[place + 9].wrapping_sub(delta);
        }
        ask_everything(&memory, 0);
        ask_everything(&memory, 0xf_5a40);
    }
}

//! The user's image on every combination of firmware, medium, machine, CPU, number of CPUs and memory, each to hello and to
//! the power-off. `make test` takes a few, in which each value of an axis meets each of every other; `make test-all` takes all.

use crate::case::{Boot, Case, Disk, IMAGE_ENTRY, case};
use std::collections::HashSet;

/// A value of an axis: what names call it, and its arguments for QEMU.
type Value = (&'static str, &'static str);

const FIRMWARE: [Value; 2] = [("BIOS", ""), ("UEFI", "-bios /usr/share/ovmf/OVMF.fd")];
const MEDIA: [(&str, Boot); 3] = [
    ("CD", Boot::UserCd(Some(IMAGE_ENTRY))),
    ("disk", Boot::UserDisk(Disk::Fixed, Some(IMAGE_ENTRY))),
    ("USB stick", Boot::UserDisk(Disk::UsbStick, Some(IMAGE_ENTRY))),
];
const MACHINES: [Value; 2] = [("pc", "-machine pc"), ("q35", "-machine q35")];
const CPUS: [Value; 3] = [("default CPU", ""), ("max", "-cpu max"), ("qemu64", "-cpu qemu64")];
const NUMBERS: [Value; 2] = [("1 CPU", "-smp 1"), ("4 CPUs", "-smp 4")];
const LEAST: &str = "least memory";
const MEMORY: [Value; 3] = [(LEAST, ""), ("128 MB", "-m 128"), ("8 GB", "-m 8G")];
/// The least memory of both firmwares: 6 MB are enough for all from GRUB on, 56 MB for OVMF and GRUB.
const LEAST_MEMORY: [&str; 2] = ["-m 8", "-m 64"];

/// Values of each axis.
const SIZES: [usize; 6] = [FIRMWARE.len(), MEDIA.len(), MACHINES.len(), CPUS.len(), NUMBERS.len(), MEMORY.len()];

/// A value of each axis.
type Point = [usize; 6];

/// All combinations.
fn points() -> Vec<Point> {
    let value = |index: usize, axis: usize| index / SIZES[..axis].iter().product::<usize>() % SIZES[axis];
    (0..SIZES.iter().product()).map(|index| std::array::from_fn(|axis| value(index, axis))).collect()
}

/// The pairs of values that meet in a combination: axis and value of each.
fn pairs(point: Point) -> impl Iterator<Item = [(usize, usize); 2]> {
    let values = move |axis| (axis, point[axis]);
    (0..6).flat_map(move |second| (0..second).map(move |first| [values(first), values(second)]))
}

/// Few combinations that together meet all pairs: always the one next that has most of those still missing.
fn few() -> Vec<Point> {
    let all = points();
    let mut missing: HashSet<_> = all.iter().copied().flat_map(pairs).collect();
    let mut taken = Vec::new();
    while !missing.is_empty() {
        let has = |point: &&Point| pairs(**point).filter(|pair| missing.contains(pair)).count();
        let next = *all.iter().max_by_key(has).expect("there are combinations");
        for pair in pairs(next) {
            missing.remove(&pair);
        }
        taken.push(next);
    }
    taken
}

fn combination([firmware, medium, machine, cpu, number, memory]: Point) -> Case {
    let (medium, boot) = MEDIA[medium].clone();
    let axes = [FIRMWARE[firmware], MACHINES[machine], CPUS[cpu], NUMBERS[number], MEMORY[memory]];
    let names: Vec<&str> = axes.iter().map(|(name, _)| *name).collect();
    let mut arguments: Vec<&str> = axes.iter().map(|(_, arguments)| *arguments).collect();
    if MEMORY[memory].0 == LEAST {
        arguments.push(LEAST_MEMORY[firmware]);
    }
    let name = format!("combination: {medium}, {}", names.join(", "));
    // The name of a case is a static text; there are few, and the process is short.
    case(name.leak(), boot)
        .qemu(&arguments.join(" "))
        .says_within(120, "ACPI root pointer at 0x")
        .says(&["Hello World!"])
        .powers_off()
}

/// The few that every test run tries.
pub fn representative() -> Vec<Case> {
    few().into_iter().map(combination).collect()
}

/// All of them.
pub fn all() -> Vec<Case> {
    points().into_iter().map(combination).collect()
}

#[test]
fn few_combinations_meet_all_pairs() {
    assert_eq!(points().iter().collect::<HashSet<_>>().len(), 216);
    let (all, met): (HashSet<_>, HashSet<_>) =
        (points().into_iter().flat_map(pairs).collect(), few().into_iter().flat_map(pairs).collect());
    assert_eq!(all, met);
    assert!(few().len() < 15, "{}", few().len());
}

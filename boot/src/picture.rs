//! The picture of what lies where in physical memory, as the course's slides draw it: one row per piece,
//! lowest address first, what is taken and what is free.

use crate::{
    memory_map::{Entry, Kind},
    region::{Owner, Region, RegionList},
};
use core::{fmt, ops::Range};

/// One row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row<'a> {
    /// Its addresses.
    pub range: Range<u64>,
    /// Whose it is: `free` for RAM that nobody has taken.
    pub owner: &'static str,
    /// What moe may do with it; 0 where it is not moe's.
    pub rights: u8,
    /// What it is.
    pub name: &'a str,
}

/// Calls `found` with each piece of RAM that is in none of `regions`.
pub fn free(map: &[Entry], regions: &RegionList<'_>, mut found: impl FnMut(Range<u64>)) {
    let mut at = 0;
    for region in regions.iter() {
        ram_within(map, at..region.range.start, &mut found);
        at = region.range.end;
    }
    ram_within(map, at..u64::MAX, &mut found);
}

/// Calls `draw` with each row. Neighbours of one owner, name and rights become one row.
pub fn rows<'a>(map: &[Entry], regions: &RegionList<'a>, mut draw: impl FnMut(&Row<'a>)) {
    let mut pending: Option<Row<'a>> = None;
    let mut draw_joined = |row: Row<'a>| match &mut pending {
        Some(last)
            if last.range.end == row.range.start
                && (last.owner, last.name, last.rights) == (row.owner, row.name, row.rights) =>
        {
            last.range.end = row.range.end;
        }
        _ => {
            if let Some(last) = pending.replace(row) {
                draw(&last);
            }
        }
    };
    let mut at = 0;
    for region in regions.iter() {
        free_rows(map, at..region.range.start, &mut draw_joined);
        draw_joined(row(region));
        at = region.range.end;
    }
    free_rows(map, at..u64::MAX, &mut draw_joined);
    if let Some(last) = pending {
        draw(&last);
    }
}

/// Rows for the RAM within `gap`.
fn free_rows<'a>(map: &[Entry], gap: Range<u64>, draw: &mut impl FnMut(Row<'a>)) {
    ram_within(map, gap, &mut |range| draw(Row { range, owner: "free", rights: 0, name: "" }));
}

/// The RAM within `gap`.
fn ram_within(map: &[Entry], gap: Range<u64>, found: &mut impl FnMut(Range<u64>)) {
    for entry in map.iter().filter(|e| e.kind == Kind::Ram) {
        let range = entry.start.max(gap.start)..entry.end.min(gap.end);
        if range.start < range.end {
            found(range);
        }
    }
}

fn row<'a>(region: &Region<'a>) -> Row<'a> {
    let rights = if let Owner::Moe(rights) = region.owner { rights.0 } else { 0 };
    let owner = region.owner.name();
    let name = if region.name == owner { "" } else { region.name };
    Row { range: region.range.clone(), owner, rights, name }
}

impl fmt::Display for Row<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Range { start, end } = self.range;
        write!(f, "{start:>11x} | {:^9} | {}", self.owner, Size(end - start))?;
        let letter = |bit, letter| if self.rights & bit != 0 { letter } else { '-' };
        if self.rights != 0 {
            write!(f, "  {}{}{}", letter(4, 'r'), letter(2, 'w'), letter(1, 'x'))?;
        } else if !self.name.is_empty() {
            write!(f, "     ")?;
        }
        if self.name.is_empty() { Ok(()) } else { write!(f, "  {}", self.name) }
    }
}

/// A size in bytes, shown in the unit that fits, eleven columns wide.
pub struct Size(pub u64);

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (unit, name): (u64, _) = match self.0 {
            0..1024 => return write!(f, "{:>6} byte", self.0),
            1024..0x10_0000 => (1 << 10, "KiB"),
            0x10_0000..0x4000_0000 => (1 << 20, "MiB"),
            _ => (1 << 30, "GiB"),
        };
        write!(f, "{:>5}.{} {name}", self.0 / unit, u128::from(self.0 % unit) * 10 / u128::from(unit))
    }
}

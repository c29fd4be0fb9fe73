//! Spaces as a flat list of pages: what the real ones must agree with.

use super::machine::{MEMORY_END, SMALL_FROM};
use crate::space::{PAGE, SUPERPAGE};
use abi::Rights;

#[derive(Clone, Debug)]
pub struct Page {
    pub space: usize,
    pub address: u64,
    pub order: u8,
    pub phys: u64,
    pub rights: Rights,
    pub parent: Option<usize>,
    /// Of a superpage that is split: the rights to each piece, unless it is lost.
    pieces: Option<Vec<Option<Rights>>>,
    live: bool,
}

impl Page {
    fn covers(&self, address: u64) -> bool {
        self.piece(address).is_some()
    }

    /// The page as the tables have it at `address`, if it is there: address, order, physical address, rights.
    pub fn piece(&self, address: u64) -> Option<(u64, u8, u64, Rights)> {
        let offset = address.checked_sub(self.address).filter(|&offset| offset < size(self.order))?;
        match &self.pieces {
            None => Some((self.address, self.order, self.phys, self.rights)),
            Some(pieces) => {
                let rights = pieces[(offset >> PAGE) as usize]?;
                let start = offset >> PAGE << PAGE;
                Some((self.address + start, PAGE, self.phys + start, rights))
            }
        }
    }

    /// How many entries of the tables it has.
    pub fn entries(&self) -> usize {
        self.pieces.as_ref().map_or(1, |pieces| pieces.iter().flatten().count())
    }

    fn is_small(&self) -> bool {
        self.order == PAGE || self.pieces.is_some()
    }

    /// Takes `rights` to the part of it that lies in `phys`, as far as it can be done without removing all of it.
    fn lose(&mut self, phys: &std::ops::Range<u64>, rights: Rights) {
        let gone = rights.contains(Rights::R);
        let taken = Rights(rights.0 & !Rights::R.0);
        let all = phys.start <= self.phys && self.phys + size(self.order) <= phys.end;
        if self.pieces.is_none() {
            if !gone && (all || self.rights & taken == Rights::NONE) {
                self.rights = Rights(self.rights.0 & !taken.0);
                return;
            }
            if gone && all {
                self.live = false;
                return;
            }
            self.pieces = Some(vec![Some(self.rights); 512]);
        }
        for (index, piece) in self.pieces.iter_mut().flatten().enumerate() {
            if phys.contains(&(self.phys + ((index as u64) << PAGE))) {
                *piece = piece.filter(|_| !gone).map(|rights| Rights(rights.0 & !taken.0));
            }
        }
        self.live = self.entries() > 0;
    }
}

/// Pages are never removed from the list, so that their indices stay. Space 0 is the root.
#[derive(Clone, Default)]
pub struct Model {
    pub pages: Vec<Page>,
}

fn size(order: u8) -> u64 {
    1 << order
}

impl Model {
    pub fn live(&self) -> impl Iterator<Item = (usize, &Page)> {
        self.pages.iter().enumerate().filter(|(_, page)| page.live)
    }

    pub fn find(&self, space: usize, address: u64) -> Option<usize> {
        self.live().find(|(_, page)| page.space == space && page.covers(address)).map(|(index, _)| index)
    }

    fn is_below(&self, mut index: usize, ancestor: usize) -> bool {
        while let Some(parent) = self.pages[index].parent {
            if parent == ancestor {
                return true;
            }
            index = parent;
        }
        false
    }

    /// What is below `ancestor` by way of those children that overlap `phys`.
    fn below(&self, ancestor: usize, phys: std::ops::Range<u64>) -> Vec<usize> {
        let overlaps = |page: &Page| page.phys < phys.end && page.phys + size(page.order) > phys.start;
        let children: Vec<usize> = self
            .live()
            .filter(|(_, page)| page.parent == Some(ancestor) && overlaps(page))
            .map(|(index, _)| index)
            .collect();
        let within = |index: usize| children.iter().any(|&child| child == index || self.is_below(index, child));
        self.live().map(|(index, _)| index).filter(|&index| within(index)).collect()
    }

    fn remove(&mut self, index: usize) {
        for other in self.below(index, 0..u64::MAX) {
            self.pages[other].live = false;
        }
        self.pages[index].live = false;
    }

    fn fabricate(&mut self, address: u64) {
        if self.find(0, address).is_some() || address >= MEMORY_END {
            return;
        }
        let room = !self.live().any(|(_, page)| page.space == 0 && page.address >> SUPERPAGE == address >> SUPERPAGE);
        let order = if address < SMALL_FROM && room { SUPERPAGE } else { PAGE };
        let address = address & !(size(order) - 1);
        self.pages.push(Page {
            space: 0,
            address,
            order,
            phys: address,
            rights: Rights::RWX,
            parent: None,
            pieces: None,
            live: true,
        });
    }

    pub fn map(
        &mut self,
        (source, mut from): (usize, u64),
        (target, mut to): (usize, u64),
        order: u8,
        rights: Rights,
        grant: bool,
    ) {
        let mut left = size(order);
        while left > 0 {
            if source == 0 {
                self.fabricate(from);
            }
            let mut step = size(PAGE);
            if let Some(parent) = self.find(source, from) {
                let sent = self.pages[parent].clone();
                let (_, sent_order, _, sent_rights) = sent.piece(from).expect("found there");
                let allowed = sent_rights & rights;
                let occupied = self.live().any(|(_, page)| {
                    page.space == target && page.is_small() && page.address >> SUPERPAGE == to >> SUPERPAGE
                });
                let aligned = (from | to) & (size(SUPERPAGE) - 1) == 0;
                let large = sent_order == SUPERPAGE && aligned && left >= size(SUPERPAGE);
                let order = if large
                    && (!occupied || self.find(target, to).is_some_and(|there| !self.pages[there].is_small()))
                {
                    SUPERPAGE
                } else {
                    PAGE
                };
                if allowed != Rights::NONE {
                    step = size(order);
                    if !self.map_page(parent, from, (target, to), order, allowed | Rights::R, grant && source != 0) {
                        continue; // there is room now, perhaps for a superpage
                    }
                }
            }
            from += step;
            to += step;
            left -= step.min(left);
        }
    }

    /// Whether the page is mapped; if not, what was in its place is gone.
    fn map_page(
        &mut self,
        parent: usize,
        from: u64,
        (space, address): (usize, u64),
        order: u8,
        rights: Rights,
        grant: bool,
    ) -> bool {
        let sent = self.pages[parent].clone();
        let grant = grant && sent.order == order; // split superpages are sent in pieces
        let phys = sent.phys + (from - sent.address);
        if let Some(there) = self.find(space, address) {
            let old = &mut self.pages[there];
            let (_, old_order, old_phys, _) = old.piece(address).expect("found there");
            if old.parent == Some(parent) && old_phys == phys && old_order == order && !grant {
                let had = match &mut old.pieces {
                    Some(pieces) => pieces[((address - old.address) >> PAGE) as usize].as_mut().expect("found there"),
                    None => &mut old.rights,
                };
                *had = *had | rights;
                return true;
            }
            self.remove(there);
            return false;
        }
        if grant {
            let page = &mut self.pages[parent];
            (page.space, page.address, page.rights) = (space, address, rights);
        } else {
            self.pages.push(Page {
                space,
                address,
                order,
                phys,
                rights,
                parent: Some(parent),
                pieces: None,
                live: true,
            });
        }
        true
    }

    pub fn unmap(&mut self, space: usize, address: u64, order: u8, rights: Rights, self_too: bool) {
        let start = address & !(size(order) - 1);
        let end = start + size(order);
        let touched: Vec<usize> = self
            .live()
            .filter(|(_, page)| page.space == space && page.address < end && page.address + size(page.order) > start)
            .map(|(index, _)| index)
            .collect();
        for index in touched {
            let page = self.pages[index].clone();
            if !page.live {
                continue;
            }
            let from = start.max(page.address) - page.address + page.phys;
            let to = end.min(page.address + size(page.order)) - page.address + page.phys;
            let part = from..to;
            let mut pages = self.below(index, part.clone());
            if self_too {
                pages.push(index);
            }
            for other in pages {
                let other = &mut self.pages[other];
                if other.phys < to && other.phys + size(other.order) > from {
                    other.lose(&part, rights);
                }
            }
        }
    }
}

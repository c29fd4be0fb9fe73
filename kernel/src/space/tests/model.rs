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
    live: bool,
}

/// Pages are never removed from the list, so that their indices stay. Space 0 is the root.
#[derive(Default)]
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
        let here =
            |page: &Page| page.space == space && (page.address..page.address + size(page.order)).contains(&address);
        self.live().find(|(_, page)| here(page)).map(|(index, _)| index)
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
        let order = if address < SMALL_FROM { SUPERPAGE } else { PAGE };
        let address = address & !(size(order) - 1);
        self.pages.push(Page {
            space: 0,
            address,
            order,
            phys: address,
            rights: Rights::RWX,
            parent: None,
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
                let allowed = sent.rights & rights;
                let occupied = self.live().any(|(_, page)| {
                    page.space == target && page.order == PAGE && page.address >> SUPERPAGE == to >> SUPERPAGE
                });
                let aligned = (from | to) & (size(SUPERPAGE) - 1) == 0;
                let large = sent.order == SUPERPAGE && aligned && left >= size(SUPERPAGE);
                let order = if large
                    && (!occupied || self.find(target, to).is_some_and(|there| self.pages[there].order == SUPERPAGE))
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
        let grant = grant && sent.order == order;
        let phys = sent.phys + (from - sent.address);
        if let Some(there) = self.find(space, address) {
            let old = &mut self.pages[there];
            if old.parent == Some(parent) && old.phys == phys && old.order == order && !grant {
                old.rights = old.rights | rights;
                return true;
            }
            self.remove(there);
            return false;
        }
        if grant {
            let page = &mut self.pages[parent];
            (page.space, page.address, page.rights) = (space, address, rights);
        } else {
            self.pages.push(Page { space, address, order, phys, rights, parent: Some(parent), live: true });
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
            let part = if self_too { 0..u64::MAX } else { from..to };
            let mut pages = self.below(index, part);
            if self_too {
                pages.push(index);
            }
            for other in pages {
                let page = &mut self.pages[other];
                if rights.contains(Rights::R) {
                    page.live = false;
                } else {
                    page.rights = Rights(page.rights.0 & !rights.0); // read is not among them
                }
            }
        }
    }
}

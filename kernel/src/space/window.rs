//! Which part of a flexpage meets which part of a receive window: Fiasco's `free_constraint`.

use super::PAGE;
use abi::{Flexpage, FlexpageKind};

/// A source and a target range of equal size, naturally aligned to it.
///
/// Memory is counted in bytes; ports and capability slots are counted as if each were a page
/// (port or slot number times 4096), which is how flexpages write them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Where the sent range starts.
    pub source: u64,
    /// Where it is to appear.
    pub target: u64,
    /// Logarithm of its size.
    pub order: u8,
}

impl Window {
    /// What is mapped when `sent` meets the window `receive` at `send_base`: the smaller of the
    /// two moves inside the larger to where `send_base` points. Ports do not move: what is mapped is
    /// what both have. `None` when their kinds do not fit, they have no port in common, or one is
    /// smaller than a page.
    #[inline(always)]
    pub fn new(sent: Flexpage, receive: Flexpage, send_base: u64) -> Option<Self> {
        let kind = sent.kind();
        if kind == FlexpageKind::Special || (receive.kind() != kind && !receive.is_all()) {
            return None;
        }
        let (source, sent_order) = range(sent, kind)?;
        let (target, receive_order) = range(receive, kind)?;
        if kind == FlexpageKind::Io {
            return same_ports((source, sent_order), (target, receive_order));
        }
        let (order, larger) = (sent_order.min(receive_order), sent_order.max(receive_order));
        let offset = low_bits(send_base, larger) & !low_bits(u64::MAX, order);
        Some(if receive_order >= sent_order {
            Self { source, target: target + offset, order }
        } else {
            Self { source: source + offset, target, order }
        })
    }
}

/// The smaller of two ranges of ports, if it lies in the larger.
fn same_ports(sent: (u64, u8), receive: (u64, u8)) -> Option<Window> {
    let (smaller, larger) = if sent.1 <= receive.1 { (sent, receive) } else { (receive, sent) };
    let (source, order) = smaller;
    (source - low_bits(source, larger.1) == larger.0).then_some(Window { source, target: source, order })
}

/// Start and order of a flexpage, in the units of [`Window`].
#[inline]
fn range(page: Flexpage, kind: FlexpageKind) -> Option<(u64, u8)> {
    const WHOLE: u8 = u64::BITS as u8 - 1;
    let order = match kind {
        FlexpageKind::Memory => page.order(),
        // All slots or ports that there can be, whatever the number says.
        _ if page.order() + PAGE > WHOLE => return Some((0, WHOLE)),
        _ => page.order() + PAGE,
    };
    (order >= PAGE).then(|| (page.address() & !low_bits(u64::MAX, order), order))
}

const fn low_bits(value: u64, order: u8) -> u64 {
    value & ((1 << order) - 1)
}

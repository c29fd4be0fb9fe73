//! sigma0's protocol: requests for physical memory and ports (`libsigma0/include/sigma0.h`). Tag label
//! is the kernel's number for it (−6); word 0 is one of the requests below, word 1, where needed, a
//! flexpage; the answer is one item. A page fault to sigma0 is answered one to one.

/// Upper bits of word 0 that mark a request of this protocol.
pub const REQ_MAGIC: u64 = !0xff;
/// Mask of the request's number.
pub const REQ_ID_MASK: u64 = 0xf0;
/// RAM at the flexpage's address.
pub const REQ_FPAGE_RAM: u64 = REQ_MAGIC | 0x60;
/// I/O memory at the flexpage's address, uncached.
pub const REQ_FPAGE_IOMEM: u64 = REQ_MAGIC | 0x70;
/// I/O memory at the flexpage's address, cached.
pub const REQ_FPAGE_IOMEM_CACHED: u64 = REQ_MAGIC | 0x80;
/// RAM of the flexpage's order, anywhere.
pub const REQ_FPAGE_ANY: u64 = REQ_MAGIC | 0x90;
/// The kernel info page, read-only.
pub const REQ_KIP: u64 = REQ_MAGIC | 0xa0;
/// Print all resource maps.
pub const REQ_DEBUG_DUMP: u64 = REQ_MAGIC | 0xc0;
/// Print coverage data.
pub const REQ_COV: u64 = REQ_MAGIC | 0xe0;

/// Whether `word` is a request of this protocol.
pub const fn is_request(word: u64) -> bool {
    word & REQ_MAGIC == REQ_MAGIC
}

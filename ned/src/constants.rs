//! The tables of numbers of the package L4: protocols, rights, flags.

use lua::{Lua, Table};
use syscall::abi::{
    self, item,
    l4re::{self, aux_vector::ldr_flags, mem_alloc::flags},
    protocol,
};

/// Makes a table of names and numbers.
fn table(lua: Lua, entries: &[(&str, i64)]) -> Table {
    let table = lua.create_table_for(entries.len());
    for (name, number) in entries {
        table.set(name, *number);
    }
    table
}

/// Enters the tables into the package.
pub fn install(lua: Lua, package: &Table) {
    let protocols = table(
        lua,
        &[
            ("Dataspace", l4re::PROTO_DATASPACE),
            ("Namespace", l4re::PROTO_NAMESPACE),
            ("Goos", l4re::PROTO_GOOS),
            ("Mem_alloc", l4re::PROTO_MEM_ALLOC),
            ("Rm", l4re::PROTO_RM),
            ("Event", l4re::PROTO_EVENT),
            ("Inhibitor", l4re::PROTO_INHIBITOR),
            ("Sigma0", protocol::SIGMA0),
            ("Log", protocol::LOG),
            ("Scheduler", protocol::SCHEDULER),
            ("Factory", protocol::FACTORY),
            ("Vm", protocol::VM),
            ("Dma_space", protocol::DMA_SPACE),
            ("Irq_sender", protocol::IRQ_SENDER),
            ("Semaphore", protocol::SEMAPHORE),
            ("Iommu", protocol::IOMMU),
            ("Ipc_gate", abi::factory::IPC_GATE),
        ],
    );
    let rights = |bits: abi::Rights| i64::from(bits.0);
    let rights = table(
        lua,
        &[
            ("r", rights(abi::Rights::CAP_R)),
            ("w", rights(abi::Rights::CAP_W)),
            ("s", rights(abi::Rights::CAP_S)),
            ("d", rights(abi::Rights::CAP_D)),
            ("n", item::NO_REFERENCE_COUNT as i64),
            ("c", item::OBJECT_RIGHT_1 as i64),
            ("ro", rights(abi::Rights::CAP_R)),
            ("rw", rights(abi::Rights::CAP_RW)),
            ("rws", rights(abi::Rights::CAP_RWS)),
        ],
    );
    let loader = table(
        lua,
        &[
            ("eager_map", ldr_flags::EAGER_MAP as i64),
            ("all_segs_cow", ldr_flags::ALL_SEGS_COW as i64),
            ("pinned_segs", ldr_flags::PINNED_SEGS as i64),
        ],
    );
    let memory = table(
        lua,
        &[
            ("Continuous", flags::CONTINUOUS as i64),
            ("Pinned", flags::PINNED as i64),
            ("Super_pages", flags::SUPER_PAGES as i64),
        ],
    );
    // What the service code of a program says of its work (the debug level of `l4re_aux_t`).
    let debug = table(
        lua,
        &[
            ("Info", 0x1),
            ("Warn", 0x2),
            ("Boot", 0x4),
            ("Server", 0x10),
            ("Exceptions", 0x20),
            ("Cmd_line", 0x40),
            ("Loader", 0x80),
            ("Name_space", 0x400),
            ("All", 0xffff_ffff),
        ],
    );
    package.set("Proto", protocols);
    package.set("Rights", rights);
    package.set("Ldr_flags", loader);
    package.set("Mem_alloc_flags", memory);
    package.set("Dbg", debug);
}

//! Heap, mappings, files, environment.

use alloc::{collections::BTreeMap, format, string::String, vec, vec::Vec};

use syscall::{Code, Dataspace, Result, env, memory::Mapping};

use crate::{Check, expect};

pub const CHECKS: &[Check] =
    &[("heap grows and is reused", heap), ("mappings", mappings), ("files", files), ("environment", environment)];

fn heap() -> Result {
    for _ in 0..50 {
        let large = vec![7_u8; 1 << 20];
        expect(large.iter().all(|&byte| byte == 7))?;
    }
    let before = syscall::heap::available_bytes();
    let map: BTreeMap<u64, String> = (0..2000).map(|n| (n, format!("number {n}"))).collect();
    expect(map[&1999] == "number 1999")?;
    drop(map);
    expect(syscall::heap::available_bytes() >= before)?;
    // More than the quota can give is an error, not a crash.
    let mut huge = Vec::<u8>::new();
    expect(huge.try_reserve(1 << 40).is_err())
}

fn mappings() -> Result {
    for _ in 0..20 {
        let mut mapping = Mapping::anonymous(3 * 4096)?;
        expect(mapping.as_slice().iter().all(|&byte| byte == 0))?;
        mapping.as_mut_slice()[8191] = 1;
        mapping.write(4096, b"shared");
        let mut read = [0; 6];
        mapping.read(4096, &mut read);
        expect(&read == b"shared" && mapping.as_slice()[8191] == 1)?;
    }
    Ok(())
}

fn files() -> Result {
    let own = Mapping::file("rom/runtime")?;
    expect(own.as_slice().starts_with(b"\x7fELF"))?;
    let missing = env::open::<Dataspace>("rom/no-such-file");
    expect(missing.is_err_and(|error| error.is(Code::NoEnt)))
}

fn environment() -> Result {
    expect(env::program_name() == "runtime")?;
    expect(env::args().eq(["rom/runtime", "one", "two"]))?;
    expect(env::var("COLOUR") == Some("blue") && env::var("SIZE").is_none())?;
    expect(env::cap::<Dataspace>("nothing").is_err_and(|error| error.is(Code::NoEnt)))
}

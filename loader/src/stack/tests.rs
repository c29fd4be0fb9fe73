//! Host tests: the initial stack, read back as a program reads it.

use super::*;
use alloc::string::String;

const TOP: u64 = 0x8020_0000;

fn contents<'a>(args: &'a [&'a str], environment: &'a [(&'a str, &'a str)], caps: &'a [CapEntry<'a>]) -> Contents<'a> {
    Contents {
        args,
        environment,
        caps,
        env: Env {
            parent: 0x13000,
            rm: 0x10000,
            mem_alloc: 0x11000,
            log: 0x5000,
            main_thread: 0x3000,
            factory: 0x2000,
            scheduler: 0x7000,
            itas: CapIndex::INVALID.raw(),
            dbg_events: CapIndex::INVALID.raw(),
            first_free_cap: 0x20,
            first_free_reply_cap: 0,
            utcb_area: 0xb300_0310,
            first_free_utcb: 0xb300_0400,
            caps: 0,
        },
        aux: L4Aux { binary: 0, kip_ds: 0x14000, dbg_lvl: 0, ldr_flags: 1, ldr_base: u64::MAX },
        kip: 0xb3f0_0000,
        program_headers: Some(ProgramHeaders { address: 0x100_0040, count: 5, entry_size: 56 }),
    }
}

impl Stack {
    fn word(&self, address: u64) -> u64 {
        let at = (address - self.pointer) as usize;
        u64::from_le_bytes(self.bytes[at..at + 8].try_into().unwrap())
    }

    fn text(&self, address: u64) -> String {
        let at = (address - self.pointer) as usize;
        let text = self.bytes[at..].iter().take_while(|byte| **byte != 0);
        text.map(|byte| *byte as char).collect()
    }
}

#[test]
fn a_runtime_finds_everything_from_the_stack_pointer() {
    let caps = [
        CapEntry { name: "rom", cap: CapIndex::new(0x16) },
        CapEntry { name: "sixteen_letters_", cap: CapIndex::new(0x17) },
    ];
    for extra in [&[][..], &[("A", "1")][..], &[("A", "1"), ("PATH", "rom")][..]] {
        let contents = contents(&["rom/hello", "-v"], extra, &caps);
        let stack = build(TOP, 0x1000, &contents).unwrap();
        assert_eq!(stack.pointer % 16, 0);
        assert_eq!(stack.pointer + stack.bytes.len() as u64, TOP);
        assert_eq!(stack.word(stack.pointer), 2);
        assert_eq!(stack.text(stack.word(stack.pointer + 8)), "rom/hello");
        assert_eq!(stack.text(stack.word(stack.pointer + 16)), "-v");
        assert_eq!(stack.word(stack.pointer + 24), 0);
        let mut at = stack.pointer + 32;
        for (name, value) in extra {
            assert_eq!(stack.text(stack.word(at)), alloc::format!("{name}={value}"));
            at += 8;
        }
        assert_eq!(stack.word(at), 0);
        at += 8;
        let mut entries = Vec::new();
        while stack.word(at) != at::NULL {
            entries.push((stack.word(at), stack.word(at + 8)));
            at += 16;
        }
        let entry = |kind| entries.iter().find(|entry| entry.0 == kind).unwrap().1;
        assert_eq!((entry(at::PHDR), entry(at::PHNUM), entry(at::PHENT)), (0x100_0040, 5, 56));
        assert_eq!((entry(at::PAGESZ), entry(at::L4_KIP)), (0x1000, 0xb3f0_0000));
        let aux = entry(at::L4_AUX);
        assert_eq!(stack.text(stack.word(aux)), "rom/hello");
        assert_eq!((stack.word(aux + 8), stack.word(aux + 24)), (0x14000, 1));
        let env = entry(at::L4_ENV);
        assert_eq!(env, stack.env);
        assert_eq!((stack.word(env), stack.word(env + 9 * 8)), (0x13000, 0x20));
        let mut cap = stack.word(env + 13 * 8);
        assert_eq!((stack.text(cap + 16), stack.word(cap)), ("rom".into(), 0x16000));
        cap += 32;
        assert_eq!(&stack.bytes[(cap + 16 - stack.pointer) as usize..][..16], b"sixteen_letters_");
        cap += 32;
        assert_eq!(stack.word(cap + 8), u64::MAX);
    }
}

#[test]
fn what_cannot_be_laid_down_is_an_error() {
    let long = CapEntry { name: "seventeen_letters", cap: CapIndex::new(0x16) };
    assert!(build(TOP, 0x1000, &contents(&["a"], &[], &[long])).is_err());
    assert!(build(TOP, 0x1000, &contents(&["a\0b"], &[], &[])).is_err());
    let many = ["argument"; 1000];
    assert!(build(TOP, 0x1000, &contents(&many, &[], &[])).is_err());
}

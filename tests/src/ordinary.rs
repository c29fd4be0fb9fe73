//! The ordinary kernel has nothing of what the fuzzer's has: no checks, no planted bugs, no options for them.

use anyhow::{Context, Result, bail};
use furore_tools::build::{CHECKED_KERNEL, KERNEL, Products};

/// Texts of the checks, of the planted bugs, and of their options.
const TEXTS: [&str; 4] = ["broken invariant", "who is ready", "timeout-kept", "found after entry"];

/// Looks for the texts in both kernels.
pub fn check(products: &Products) -> Result<()> {
    let read =
        |product: Option<&std::path::PathBuf>| -> Result<Vec<u8>> { Ok(std::fs::read(product.context("not built")?)?) };
    let (ordinary, checked) = (read(products.system.get(KERNEL))?, read(products.test_programs.get(CHECKED_KERNEL))?);
    for text in TEXTS {
        if has(&ordinary, text) {
            bail!("the ordinary kernel has {text:?} in it, which belongs to the fuzzer's");
        }
        if !has(&checked, text) {
            bail!("the fuzzer's kernel does not have {text:?} in it: this check looks for the wrong text");
        }
    }
    Ok(())
}

fn has(file: &[u8], text: &str) -> bool {
    file.windows(text.len()).any(|part| part == text.as_bytes())
}

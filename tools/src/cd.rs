//! The CD image: every file under `iso/`, bootstrap, the kernel and every user program, with GRUB for BIOS and UEFI in front.
//! Invariant: an image is written only if its menu loads nothing that is not on it.

use crate::build::Products;
use crate::menu::{self, Menu, Problem};
use crate::workspace::Workspace;
use anyhow::{Context, Result, bail};
use flate2::{Compression, read::GzDecoder, write::GzEncoder};
use std::io::Write;
use std::path::Path;
use std::process::Command;

const MENU: &str = "boot/grub/menu.lst";
/// Where GRUB keeps its parts on the host.
pub const GRUB: &str = "/usr/lib/grub";
/// GRUB's modules on the CD, with all that they need; without this list GRUB puts all it has there, 20 MB.
/// The `part_` modules are all that grub-mkrescue's own start-up under UEFI asks for.
const GRUB_MODULES: &str = "acpi all_video configfile echo gzio halt iso9660 legacycfg minicmd multiboot multiboot2 normal part_acorn part_amiga \
    part_apple part_bsd part_dfly part_dvh part_gpt part_msdos part_plan part_sun part_sunpc \
    reboot regexp sleep smbios test";
/// The module that `grub.cfg` wants under UEFI and that GRUB does not have for BIOS, so that the list above cannot name it.
const UEFI_MODULE: &str = "x86_64-efi/loadbios.mod";

/// Lays out the tree of the user's CD below `target/iso` and checks its menu. Returns the menu.
pub fn populate(workspace: &Workspace, products: &Products) -> Result<Menu> {
    let tree = workspace.target_dir.join("iso");
    if tree.exists() {
        std::fs::remove_dir_all(&tree)?;
    }
    copy_tree(&workspace.path("iso"), &tree)?;
    for (name, built) in &products.system {
        let place = tree.join(name);
        if place.exists() {
            bail!("iso/{name} and the program {name} want the same place on the CD: rename one");
        }
        std::fs::copy(built, &place)?;
    }
    let text = std::fs::read_to_string(tree.join(MENU)).with_context(|| format!("cannot read iso/{MENU}"))?;
    let menu = menu::parse(&text);
    compress(&menu, &tree)?;
    let mut problems = menu::check(&menu, |path| tree.join(path).is_file());
    problems.extend(damaged(&menu, &tree));
    for problem in &problems {
        eprintln!("iso/boot/grub/{problem}");
    }
    if !problems.is_empty() {
        bail!("iso/{MENU} has {} problem(s), so no CD is written", problems.len());
    }
    Ok(menu)
}

/// Where the menu names a file with `.gz` behind its name and there is only the plain one, adds the compressed one.
fn compress(menu: &Menu, tree: &Path) -> Result<()> {
    for path in menu.entries.iter().flat_map(|entry| &entry.modules).map(|module| module.path.as_str()) {
        let Some(plain) = path.strip_suffix(menu::COMPRESSED).map(|plain| tree.join(plain)) else { continue };
        if plain.is_file() && !tree.join(path).exists() {
            std::fs::write(tree.join(path), gzip(&std::fs::read(plain)?)?)?;
        }
    }
    Ok(())
}

/// Modules that are gzip files and cannot be unpacked. GRUB would say on the screen that it is out of memory.
fn damaged(menu: &Menu, tree: &Path) -> Vec<Problem> {
    const MAGIC: [u8; 2] = [0x1f, 0x8b];
    let problem = |module: &menu::Load| {
        let file = std::fs::read(tree.join(&module.path)).ok().filter(|file| file.starts_with(&MAGIC))?;
        let error = std::io::copy(&mut GzDecoder::new(file.as_slice()), &mut std::io::sink()).err()?;
        let text = format!("/{} is a damaged gzip file ({error}): compress it again", module.path);
        Some(Problem { line: module.line, text })
    };
    menu.entries.iter().flat_map(|entry| &entry.modules).filter_map(problem).collect()
}

/// `content` as a gzip file, as small as it gets.
pub fn gzip(content: &[u8]) -> Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(content)?;
    Ok(encoder.finish()?)
}

/// Writes the user's CD to `image`. Returns its menu.
pub fn write(workspace: &Workspace, products: &Products, image: &Path) -> Result<Menu> {
    let menu = populate(workspace, products)?;
    make_image(&workspace.target_dir.join("iso"), image)?;
    Ok(menu)
}

/// Makes a bootable CD image of a folder.
pub fn make_image(tree: &Path, image: &Path) -> Result<()> {
    let module = tree.join("boot/grub").join(UEFI_MODULE);
    std::fs::create_dir_all(module.parent().context("no folder for GRUB's modules")?)?;
    std::fs::copy(Path::new(GRUB).join(UEFI_MODULE), &module).context("GRUB for UEFI is not installed")?;
    let output = Command::new("grub-mkrescue")
        .args([&format!("--install-modules={GRUB_MODULES}"), "--fonts=", "--locales=", "--themes=", "-o"])
        .args([image, tree])
        .output()
        .context("cannot start grub-mkrescue")?;
    if !output.status.success() {
        bail!("grub-mkrescue failed:\n{}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(())
}

/// One line about a written image.
pub fn summary(image: &Path) -> Result<String> {
    let size = image.metadata()?.len() as f64 / 1e6;
    let name = image.file_name().unwrap_or_default().to_string_lossy();
    Ok(format!("{name}: {size:.1} MB; try it with: qemu-system-x86_64 -cdrom {name}"))
}

/// Copies all files below `from` to the same places below `to`.
pub fn copy_tree(from: &Path, to: &Path) -> Result<()> {
    std::fs::create_dir_all(to)?;
    let entries = std::fs::read_dir(from).with_context(|| format!("cannot read {}", from.display()))?;
    for entry in entries {
        let entry = entry?;
        let (source, place) = (entry.path(), to.join(entry.file_name()));
        if source.is_dir() {
            copy_tree(&source, &place)?;
        } else {
            std::fs::copy(&source, &place)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    #[test]
    fn what_the_menu_names_with_gz_is_compressed_and_whole() {
        let tree = std::env::temp_dir().join(format!("furore-cd-{}", std::process::id()));
        std::fs::create_dir_all(&tree).unwrap();
        for (name, content) in [("hello", "a program"), ("own.gz", "the user's own"), ("own", "not this one")] {
            std::fs::write(tree.join(name), content).unwrap();
        }
        let menu = menu::parse("title T\nkernel /bootstrap\nmodule /hello.gz\nmodule /own.gz\nmodule /nowhere.gz\n");
        compress(&menu, &tree).unwrap();
        let mut content = String::new();
        let packed = std::fs::read(tree.join("hello.gz")).unwrap();
        flate2::read::GzDecoder::new(packed.as_slice()).read_to_string(&mut content).unwrap();
        assert_eq!(content, "a program");
        assert_eq!(std::fs::read(tree.join("own.gz")).unwrap(), b"the user's own");
        assert!(!tree.join("nowhere.gz").exists());

        assert_eq!(damaged(&menu, &tree), []);
        std::fs::write(tree.join("own.gz"), &packed[..packed.len() - 9]).unwrap();
        let found = damaged(&menu, &tree);
        assert_eq!((found.len(), found[0].line), (1, 4));
        assert!(found[0].text.starts_with("/own.gz is a damaged gzip file"), "{}", found[0].text);
        std::fs::remove_dir_all(tree).unwrap();
    }
}

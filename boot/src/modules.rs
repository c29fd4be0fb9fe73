//! Which boot module is what.
//!
//! L4Re's rule is the position in the menu: kernel, sigma0, moe, then everything else. Names are looked
//! at only to tell the user about a line that was left out.

use crate::{Failure, information::Information};
use abi::l4re::l4mod::module_flag;

/// How many modules bootstrap itself loads and does not keep.
pub const IMAGES: usize = 3;

/// The modules that bootstrap loads, in the order of the menu.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Image {
    /// The kernel.
    Kernel,
    /// The root pager.
    Sigma0,
    /// The root task.
    Moe,
}

impl Image {
    /// All, at the positions at which they must stand.
    pub const ALL: [Self; IMAGES] = [Self::Kernel, Self::Sigma0, Self::Moe];

    /// The name that its module has in Furore's menus.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Kernel => "kernel",
            Self::Sigma0 => "sigma0",
            Self::Moe => "moe",
        }
    }
}

/// The flag of module `index` in the module list for moe.
pub fn flag(index: usize) -> u64 {
    match Image::ALL.get(index) {
        Some(Image::Kernel) => module_flag::KERNEL,
        Some(Image::Sigma0) => module_flag::SIGMA0,
        Some(Image::Moe) => module_flag::ROOTTASK,
        None => module_flag::UNSPEC,
    }
}

/// Checks that everything that a boot needs is in the menu.
///
/// An unknown name among the first three is taken for what stands there (another kernel may have another
/// name); the name of a module that belongs elsewhere is not.
///
/// # Errors
/// Names the first thing that is missing, and the line to add.
pub fn check(information: &Information) -> Result<(), Failure<'_>> {
    let has = |name: &str| (IMAGES..information.modules.len()).any(|i| information.name(i) == name);
    for (index, image) in Image::ALL.into_iter().enumerate() {
        let expected = image.name();
        let found = (index < information.modules.len()).then(|| information.name(index));
        let belongs_elsewhere =
            |name: &str| name != expected && ["kernel", "sigma0", "moe", "l4re", "ned"].contains(&name);
        if found.is_none_or(belongs_elsewhere) {
            return Err(Failure::WrongModule { expected, position: index + 1, found });
        }
    }
    if !has("l4re") {
        return Err(Failure::MissingModule { name: "l4re", purpose: "which loads every program" });
    }
    let init = init_program(information.arguments(Image::Moe as usize));
    if !has(init) {
        return Err(Failure::MissingModule { name: init, purpose: "the first program that moe starts" });
    }
    Ok(())
}

/// The first program that moe starts: `rom/ned`, or what its option `--init=` names.
fn init_program(moe_arguments: &str) -> &str {
    let named = moe_arguments.split_whitespace().find_map(|word| word.strip_prefix("--init="));
    named.map_or("ned", |path| path.rsplit('/').next().unwrap_or(path))
}

/// Positions, from 1, of modules whose line is empty. Multiboot 2 hands on only what follows the file's name.
pub fn nameless(information: &Information) -> impl Iterator<Item = usize> {
    (0..information.modules.len()).filter(|&index| information.name(index).is_empty()).map(|index| index + 1)
}

/// Positions, from 1, of modules that the files in rom/ are made of and that cannot be reached there, as a later one has the
/// same name; each with that one.
pub fn shadowed(information: &Information) -> impl Iterator<Item = (usize, usize)> {
    let count = information.modules.len();
    let successor = move |index: usize| {
        let name = information.name(index);
        (index + 1..count).find(|&later| !name.is_empty() && information.name(later) == name)
    };
    (IMAGES..count).filter_map(move |index| successor(index).map(|later| (index + 1, later + 1)))
}

/// The first three modules whose name is not the usual one: position and name.
pub fn unusual_names(information: &Information) -> impl Iterator<Item = (Image, &str)> {
    let named = Image::ALL.into_iter().enumerate().map(|(index, image)| (image, information.name(index)));
    named.filter(|(image, name)| *name != image.name())
}

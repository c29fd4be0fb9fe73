//! Which packages the workspace holds and what each is built for, from `cargo metadata`. Neighbour: [`crate::build`].
//!
//! A package with a binary is a user program, unless the root Cargo.toml lists its folder under `[workspace.metadata.furore]`
//! as the kernel target's or the host's. Programs below `tests/` are built, but only tests put them on a CD.

use anyhow::{Context, Result, bail};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What a package is built for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// Bare machine: bootstrap and the kernel.
    Kernel,
    /// Furore's user land.
    User,
    /// Tools and tests that run on the developer's machine.
    Host,
}

/// One package of the workspace.
#[derive(Clone, Debug)]
pub struct Package {
    /// Its name.
    pub name: String,
    /// What cargo calls it: unlike the name, never that of a dependency too.
    pub id: String,
    /// Its folder, relative to the top.
    pub folder: PathBuf,
    /// What its binaries are built for; for a pure library, `User`.
    pub target: Target,
    /// Names of its binaries.
    pub binaries: Vec<String>,
    /// Whether it has a library.
    pub has_library: bool,
}

impl Package {
    /// Whether its binaries are there for tests only and stay off the user's CD.
    pub fn is_test_program(&self) -> bool {
        self.folder.starts_with("tests")
    }
}

/// The workspace as `cargo metadata` describes it.
#[derive(Clone, Debug)]
pub struct Workspace {
    /// The top folder of the tree.
    pub top: PathBuf,
    /// Where cargo and we put products.
    pub target_dir: PathBuf,
    /// All packages, sorted by name.
    pub packages: Vec<Package>,
}

impl Workspace {
    /// Asks cargo about the workspace around the current folder.
    pub fn load() -> Result<Self> {
        let output = Command::new("cargo")
            .args(["metadata", "--format-version", "1", "--no-deps"])
            .stderr(std::process::Stdio::inherit())
            .output()
            .context("cannot start cargo")?;
        if !output.status.success() {
            bail!("cargo metadata failed");
        }
        Self::parse(&serde_json::from_slice(&output.stdout)?)
    }

    fn parse(metadata: &Value) -> Result<Self> {
        let top = PathBuf::from(text(metadata, "workspace_root")?);
        let folders_of = |kind: &str| -> Vec<PathBuf> {
            metadata["metadata"]["furore"][kind]
                .as_array()
                .map(|list| list.iter().filter_map(Value::as_str).map(PathBuf::from).collect())
                .unwrap_or_default()
        };
        let (kernel, host) = (folders_of("kernel-target"), folders_of("host"));
        let mut packages = Vec::new();
        for package in metadata["packages"].as_array().context("cargo metadata names no packages")? {
            let manifest = PathBuf::from(text(package, "manifest_path")?);
            let folder = manifest.parent().context("a manifest without folder")?;
            let folder = folder.strip_prefix(&top).unwrap_or(folder).to_path_buf();
            let target = if kernel.contains(&folder) {
                Target::Kernel
            } else if host.contains(&folder) {
                Target::Host
            } else {
                Target::User
            };
            let products = package["targets"].as_array().map(Vec::as_slice).unwrap_or_default();
            let has_kind = |product: &&Value, kind: &str| {
                product["kind"].as_array().is_some_and(|kinds| kinds.iter().any(|k| k == kind))
            };
            let binaries =
                products.iter().filter(|p| has_kind(p, "bin")).map(|p| text(p, "name")).collect::<Result<_>>()?;
            let has_library = products.iter().any(|p| has_kind(&p, "lib"));
            packages.push(Package {
                name: text(package, "name")?,
                id: text(package, "id")?,
                folder,
                target,
                binaries,
                has_library,
            });
        }
        packages.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(Self { top, target_dir: text(metadata, "target_directory")?.into(), packages })
    }

    /// The packages with a binary for `target`.
    pub fn programs(&self, target: Target) -> impl Iterator<Item = &Package> {
        self.packages.iter().filter(move |p| p.target == target && !p.binaries.is_empty())
    }

    /// A path below the top.
    pub fn path(&self, relative: impl AsRef<Path>) -> PathBuf {
        self.top.join(relative)
    }
}

fn text(value: &Value, key: &str) -> Result<String> {
    value[key].as_str().map(str::to_owned).with_context(|| format!("cargo metadata has no {key:?}"))
}

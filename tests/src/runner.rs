//! Runs one case: lays out its files, makes its CD if it boots from one, starts the machine, goes through the steps.

use crate::case::{Boot, Case, Disk, File, IMAGE_ENTRY, Step};
use crate::machine::Machine;
use crate::screen::{self, Picture};
use crate::serial::Found;
use anyhow::{Context, Result, anyhow, bail};
use furore_tools::build::Products;
use furore_tools::menu::Menu;
use furore_tools::qmp::End;
use furore_tools::workspace::Workspace;
use furore_tools::{cd, image, menu, net, qemu};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Lines of the log that a failure shows.
const TAIL: usize = 40;

/// What all cases share.
pub struct Bench {
    /// The tree.
    pub workspace: Workspace,
    /// What was built.
    pub products: Products,
    /// The user's CD, or why there is none.
    pub user_cd: Result<UserCd, String>,
}

/// The user's CD.
pub struct UserCd {
    /// Its file.
    pub image: PathBuf,
    /// Its menu.
    pub menu: Menu,
}

impl Bench {
    /// Where a case's files and its log are.
    fn folder(&self, case: &Case) -> PathBuf {
        let name = case.name.replace(|c: char| !c.is_ascii_alphanumeric(), "-");
        self.workspace.target_dir.join("qemu-tests").join(name)
    }

    /// What the case's machine wrote to its serial line when it ran last.
    pub fn log(&self, case: &Case) -> String {
        std::fs::read_to_string(self.folder(case).join("serial.log")).unwrap_or_default()
    }

    /// The user's CD.
    fn user_image(&self) -> Result<&Path> {
        match &self.user_cd {
            Ok(cd) => Ok(&cd.image),
            Err(why) => bail!("the user's CD cannot be made: {why}"),
        }
    }
}

/// Runs `case`; the error says which step failed and shows the end of the log.
pub fn run(bench: &Bench, case: &Case) -> Result<()> {
    let folder = bench.folder(case);
    if folder.exists() {
        std::fs::remove_dir_all(&folder)?;
    }
    std::fs::create_dir_all(&folder)?;
    let arguments = prepare(bench, case, &folder)?;
    let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let mut machine = Machine::start(case.program, &name, &folder, &arguments)?;
    case.framebuffer.into_iter().for_each(|mode| machine.set_framebuffer(mode));
    let outcome = steps(case, &mut machine, &folder);
    if outcome.is_err() {
        // A picture of what a user would see helps; a machine that has ended has none.
        let _ = machine.screendump(&folder.join("failed.png"));
    }
    std::fs::write(folder.join("serial.log"), machine.serial.text())?;
    outcome.map_err(|error| anyhow!("{error:#}; the log ends with\n{}", machine.serial.tail(TAIL)))
}

/// Puts the case's files into `folder`; returns QEMU's arguments.
fn prepare(bench: &Bench, case: &Case, folder: &Path) -> Result<Vec<String>> {
    let mut arguments = Vec::new();
    match &case.boot {
        Boot::Kernel { image, arguments: options, modules } => {
            lay_out(bench, case, folder)?;
            let modules: Vec<String> = modules.iter().map(|module| module.replace(',', ",,")).collect();
            arguments.extend(["-kernel".to_owned(), (*image).to_owned()]);
            if !options.is_empty() {
                arguments.extend(["-append".to_owned(), options.clone()]);
            }
            if !modules.is_empty() {
                arguments.extend(["-initrd".to_owned(), modules.join(",")]);
            }
        }
        Boot::Cd(text) => {
            let tree = folder.join("cd");
            let grub = tree.join("boot/grub");
            std::fs::create_dir_all(&grub)?;
            lay_out(bench, case, &tree)?;
            if text.starts_with("#cfg") {
                std::fs::write(grub.join("grub.cfg"), text)?;
            } else {
                std::fs::copy(bench.workspace.path("iso/boot/grub/grub.cfg"), grub.join("grub.cfg"))?;
                std::fs::write(grub.join("menu.lst"), text)?;
            }
            cd::make_image(&tree, &folder.join("boot.iso"))?;
            arguments.extend(["-cdrom".to_owned(), "boot.iso".to_owned()]);
        }
        Boot::UserCd(entry) => {
            arguments.extend(["-cdrom".to_owned(), bench.user_image()?.display().to_string()]);
            arguments.extend(entry.iter().flat_map(|title| qemu::entry_arguments(title)));
        }
        Boot::UserDisk(disk, entry) => {
            let (interface, devices) = match disk {
                Disk::Fixed => ("ide", ""),
                Disk::UsbStick => ("none", "-device qemu-xhci -device usb-storage,drive=stick"),
            };
            let image = bench.user_image()?.display();
            let drive = format!("if={interface},id=stick,format=raw,snapshot=on,file={image}");
            arguments.extend(["-drive".to_owned(), drive]);
            arguments.extend(devices.split_whitespace().map(str::to_owned));
            arguments.extend(entry.iter().flat_map(|title| qemu::entry_arguments(title)));
        }
        Boot::Net(file, title) => {
            bench.user_image()?;
            net::write(&bench.workspace.target_dir.join("iso"), &folder.join("net"))?;
            arguments.extend(net::qemu_arguments(Path::new("net"), file));
            arguments.extend(qemu::entry_arguments(title));
        }
    }
    arguments.extend(case.qemu.iter().cloned());
    Ok(arguments)
}

/// Puts all products, and over them the case's own files, into `folder`.
fn lay_out(bench: &Bench, case: &Case, folder: &Path) -> Result<()> {
    for (name, built) in bench.products.system.iter().chain(&bench.products.test_programs) {
        std::fs::hard_link(built, folder.join(name))
            .or_else(|_| std::fs::copy(built, folder.join(name)).map(|_| ()))?;
    }
    for (name, file) in &case.files {
        let content = match file {
            File::Text(text) => text.clone().into_bytes(),
            File::Changed { product, change } => {
                let built = bench.products.system.get(*product).with_context(|| format!("no product {product}"))?;
                change(std::fs::read(built)?)
            }
            File::Image(change) => {
                let menu = bench.user_cd.as_ref().map_err(|why| anyhow!("there is no menu: {why}"))?;
                let entry = menu::entry(&menu.menu, IMAGE_ENTRY)?;
                change(image::of_entry(&bench.workspace.target_dir.join("iso"), entry)?)
            }
        };
        let place = folder.join(name);
        // The products are links: take the link away rather than write through it.
        if place.exists() {
            std::fs::remove_file(&place)?;
        }
        place.parent().map_or(Ok(()), std::fs::create_dir_all)?;
        std::fs::write(place, content)?;
    }
    Ok(())
}

fn steps(case: &Case, machine: &mut Machine, folder: &Path) -> Result<()> {
    let mut position = 0;
    for step in &case.steps {
        match step {
            Step::Serial(text, limit) => position = serial(machine, text, position, *limit)?,
            Step::SerialAll(texts, limit) => {
                let mut furthest = position;
                for text in texts {
                    furthest = furthest.max(serial(machine, text, position, *limit)?);
                }
                position = furthest;
            }
            Step::Times(text, wanted) => {
                let found = machine.serial.text().matches(text.as_str()).count();
                if found != *wanted {
                    bail!("{text:?} is on the serial line {found} times, and should be {wanted} times");
                }
            }
            Step::SerialSilent => {
                // SeaBIOS itself may have talked; what is ours has more than its few control characters.
                if machine.serial.text().chars().any(|c| c.is_ascii_alphanumeric()) {
                    bail!("the serial line should be silent");
                }
            }
            Step::Written(file, text) => written(&folder.join(file), text)?,
            Step::Press(key) => machine.press(key)?,
            Step::Memory { address, size, byte } => {
                let content = machine.memory(*address, *size)?;
                if let Some(other) = content.iter().position(|other| other != byte) {
                    bail!("memory at {:#x} holds {:#x}, not {byte:#x}", address + other as u64, content[other]);
                }
            }
            Step::Wake => machine.wake()?,
            Step::Type(text) => machine.type_text(text)?,
            Step::Screen(text, limit) => shows(machine, text, *limit)?,
            Step::Picture(what, holds, limit) => looks(machine, what, *holds, *limit)?,
            Step::Monitor(command) => machine.monitor(command)?,
            Step::ScreenIsLog(columns, limit) => screen_is_log(machine, *columns, *limit)?,
            Step::StaysUp(time) => {
                std::thread::sleep(*time);
                if !machine.is_up()? {
                    bail!("the machine ended and should stay up");
                }
            }
            Step::Reset(limit) => match machine.wait_for_end(*limit)? {
                Some(End::Reset) => {}
                Some(_) => bail!("the machine ended in another way than by a reset"),
                None => bail!("no reset within {} s", limit.as_secs()),
            },
            Step::PowerOff(limit) => match machine.wait_for_end(*limit)? {
                Some(End::PowerOff) => {}
                Some(End::Reset) => bail!("the machine reset itself instead of switching the power off"),
                Some(End::ByHand) => bail!("QEMU ended without the guest's power-off"),
                None => bail!("no power-off within {} s", limit.as_secs()),
            },
        }
    }
    Ok(())
}

/// Waits for `text` on the serial line after `position`; returns where it ends.
fn serial(machine: &Machine, text: &str, position: usize, limit: Duration) -> Result<usize> {
    match machine.serial.wait_for(text, position, limit) {
        Found::At(end) => Ok(end),
        Found::Closed => bail!("QEMU ended before {text:?} came"),
        Found::Late => bail!("{text:?} did not come within {} s", limit.as_secs()),
    }
}

/// Waits for `text` in a row of the screen.
fn shows(machine: &mut Machine, text: &str, limit: Duration) -> Result<()> {
    let until = Instant::now() + limit;
    loop {
        let (rows, _) = machine.screen_text()?;
        if format!("\n{}\n", rows.join("\n")).contains(text) {
            return Ok(());
        }
        if Instant::now() > until {
            bail!("{text:?} is not on the screen, which shows\n    | {}", rows.join("\n    | "));
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// Waits for `text` in a file that QEMU writes.
fn written(file: &Path, text: &str) -> Result<()> {
    let until = Instant::now() + Duration::from_secs(30);
    loop {
        let content = std::fs::read(file).unwrap_or_default();
        if String::from_utf8_lossy(&content).contains(text) {
            return Ok(());
        }
        if Instant::now() > until {
            bail!("{text:?} is not in {}", file.display());
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// Waits until a picture of the screen is as it should be.
fn looks(machine: &mut Machine, what: &str, holds: fn(&Picture) -> bool, limit: Duration) -> Result<()> {
    let until = Instant::now() + limit;
    while !holds(&machine.picture()?) {
        if Instant::now() > until {
            bail!("the screen does not show {what}");
        }
        std::thread::sleep(Duration::from_millis(200));
    }
    Ok(())
}

/// Waits until the screen, which has at least so many columns, shows the end of the log.
fn screen_is_log(machine: &mut Machine, least: usize, limit: Duration) -> Result<()> {
    let until = Instant::now() + limit;
    loop {
        let (shown, columns) = machine.screen_text()?;
        if columns < least {
            bail!("the screen has {columns} columns, and should have {least}");
        }
        let text = machine.serial.text();
        let start = text.find("Furore bootstrap").context("bootstrap has said nothing")?;
        let mut log = screen::lay_out(&text[start..], columns, shown.len());
        log.resize(shown.len(), String::new());
        let Some(row) = (0..shown.len()).find(|&row| log[row] != shown[row]) else { return Ok(()) };
        if Instant::now() > until {
            bail!("row {row} of the screen shows\n    | {}\nand the log has\n    | {}", shown[row], log[row]);
        }
        std::thread::sleep(Duration::from_millis(200));
    }
}

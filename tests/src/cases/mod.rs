//! The tables of test machines, by what they look at.

use crate::case::Case;

mod benchmark;
mod boot;
mod combinations;
mod crash;
mod devices;
mod exhaustion;
pub mod fuzz;
pub mod kernel;
mod load;
mod memory;
mod modules;
mod options;
mod prompt;
mod screen;
mod script;
mod services;
mod silence;
mod system;

/// A line of Lua that switches the power off.
const POWER_OFF: &str = "L4.Env.icu:shutdown();";

/// Every case, with all combinations of machines or a few.
pub fn all(all_combinations: bool) -> Vec<Case> {
    [
        boot::cases(),
        if all_combinations { combinations::all() } else { combinations::representative() },
        load::cases(),
        memory::cases(),
        system::cases(),
        screen::cases(),
        script::cases(),
        prompt::cases(),
        services::cases(),
        crash::cases(),
        exhaustion::cases(),
        kernel::cases(),
        fuzz::cases(),
        devices::cases(),
        modules::cases(),
        options::cases(),
        silence::cases(),
        benchmark::cases(),
    ]
    .concat()
}

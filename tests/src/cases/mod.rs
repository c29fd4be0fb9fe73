//! The tables of test machines, by what they look at.

use crate::case::Case;

mod benchmark;
mod boot;
mod crash;
mod exhaustion;
pub mod fuzz;
mod kernel;
mod load;
mod modules;
mod options;
mod script;
mod services;
mod system;

/// A line of Lua that switches the power off.
const POWER_OFF: &str = "L4.Env.icu:shutdown();";

/// Every case.
pub fn all() -> Vec<Case> {
    [
        boot::cases(),
        load::cases(),
        system::cases(),
        script::cases(),
        services::cases(),
        crash::cases(),
        exhaustion::cases(),
        kernel::cases(),
        fuzz::cases(),
        modules::cases(),
        options::cases(),
        benchmark::cases(),
    ]
    .concat()
}

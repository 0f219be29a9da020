//! Drives the examples in a real browser: Chromium without a window, through ChromeDriver.
//!
//! A scenario is a file in `tests/scenarios/`: it starts a [`Program`] or a [`Site`] of its own, opens a [`Browser`] and
//! looks at pages as their reader does. Screenshots are kept in `browser/` below Cargo's target folder.

mod browser;
mod pages;
mod program;
mod site;
mod webdriver;

pub use browser::Browser;
pub use pages::pages;
pub use program::{Program, free_port, wait_for_port};
pub use site::Site;
pub use webdriver::Options;

/// What a scenario returns.
pub type TestResult<T = ()> = Result<T, Box<dyn std::error::Error>>;

/// How long anything may take to become what a scenario expects.
pub const PATIENCE: std::time::Duration = std::time::Duration::from_secs(30);

/// Cargo's target folder, as the main package has it.
pub(crate) fn target_folder() -> std::path::PathBuf {
    let default = concat!(env!("CARGO_MANIFEST_DIR"), "/../../target");
    std::env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| default.into()).into()
}

//! Settings: where they come from, and the combinations that are refused at start-up.

mod combinations;
mod environment;
mod formats;
mod presets;
mod validate;
mod warnings;

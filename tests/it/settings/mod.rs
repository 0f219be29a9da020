//! Settings: where they come from, and the combinations that are refused at start-up.

mod environment;
mod formats;
mod validate;
mod warnings;

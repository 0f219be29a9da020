//! What the crate promises, checked through its public API.

mod backends;
mod budget;
mod examples;
mod layering;
mod management;
mod middleware;
mod names;
mod oracle;
mod session;
mod settings;
mod support;
mod testing;

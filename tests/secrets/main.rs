//! Keys, cookies, values and secret keys: nothing prints them, and nothing that is logged contains one, at whatever
//! level, by whatever crate, on whatever engine.
//!
//! The figures are printed: `cargo test --all-features --test secrets -- --nocapture`.

#![cfg(unix)]

mod debug;
mod engines;
mod kept;
mod life;
mod over_http;
#[path = "../engines/redis/server.rs"]
#[allow(dead_code, reason = "one server is enough here")]
mod redis_server;
mod source;
#[path = "../it/support/mod.rs"]
#[allow(dead_code, unused_imports, unused_macros, reason = "a part of it is enough here")]
mod support;
mod traits;
mod witness;

type TestResult<T = ()> = Result<T, jam_session::BoxError>;

//! The engines that keep sessions elsewhere than in a table alone, each through the published suite, and what is
//! peculiar to it.

#[path = "../it/support/databases.rs"]
#[allow(dead_code, unused_macros, unused_imports, reason = "each engine needs a part of it")]
mod databases;
#[path = "../it/support/log.rs"]
#[allow(dead_code, reason = "each engine needs a part of it")]
mod log;

mod cache;
mod cached_db;
mod locmem;
mod redis;

type TestResult<T = ()> = Result<T, jam_session::BoxError>;

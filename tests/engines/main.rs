//! The engines that keep sessions elsewhere than in a table alone, each through the published suite, and what is
//! peculiar to it.

#[path = "../it/support/databases.rs"]
#[allow(dead_code, unused_macros, unused_imports, reason = "each engine needs a part of it")]
mod databases;

mod redis;

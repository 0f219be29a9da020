//! The engines that keep sessions elsewhere than in a table alone: the published suite, Django's own files and cookies,
//! and what attackers, crashes and other processes do to them.
//!
//! The figures are printed: `cargo test --all-features --test engines -- --nocapture`.

#![cfg(unix)]

mod cache;
mod cached_db;
#[path = "../it/support/databases.rs"]
#[allow(dead_code, unused_macros, unused_imports, reason = "each engine needs a part of it")]
mod databases;
mod django_cache;
mod every_store;
mod examples;
mod file;
mod hashed_keys;
mod local_time;
mod locmem;
#[path = "../it/support/log.rs"]
#[allow(dead_code, reason = "each engine needs a part of it")]
mod log;
mod named_layers;
#[path = "../it/support/python.rs"]
mod python;
mod redis;
mod renewed_ends;
mod secrets;
mod signed_cookies;
mod traces;

type TestResult<T = ()> = Result<T, jam_session::BoxError>;

#[test]
fn how_much_of_the_suite_runs_on_each_store() {
    let cases = jam_session::testing::conformance::cases().len();
    let source = include_str!("signed_cookies/mod.rs");
    let left_out = |store: &str| {
        let list = source.split(&format!("session_store_tests!({store},")).nth(1).unwrap_or_default();
        list.split("]);").next().unwrap_or_default().matches(" = \"").count()
    };
    println!("file: conformance: {cases} of {cases} cases on plain, signed, shared_directory");
    for store in ["signed_cookies", "encrypted_cookies"] {
        let left_out = left_out(store);
        println!("signed_cookies: conformance: {} of {cases} cases on {store}", cases - left_out);
        assert!(left_out > 0 && left_out < cases);
    }
}

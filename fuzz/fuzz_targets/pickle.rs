#![no_main]

#[path = "../../tests/fuzz_corpus/checks/mod.rs"]
#[allow(dead_code, unused_imports)]
mod checks;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| checks::pickle(bytes));

//! Python's pickles: what Python wrote is read, what is written Python reads, and nothing else gets in.
//!
//! The figures are printed: `cargo test --all-features --test pickle -- --nocapture`.

mod bombs;
mod canonical;
mod django;
mod hostile;
mod memory;
mod python;
#[path = "../it/support/python.rs"]
mod python_with_django;
#[path = "../faults/bench/random.rs"]
mod random;
mod sessions;
mod stores;
mod values;
mod vectors;

/// What a test returns: any error is a failure.
type TestResult<T = ()> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// Bytes from hexadecimal digits.
fn unhex(digits: &str) -> TestResult<Vec<u8>> {
    let digits: Vec<_> = digits.bytes().collect();
    digits.chunks(2).map(|pair| Ok(u8::from_str_radix(str::from_utf8(pair)?, 16)?)).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

//! Counters and a histogram, for whatever recorder of the crate `metrics` the application has installed.

use std::time::Duration;

use metrics::{Key, Label, Level, Metadata, with_recorder};

use super::Operation;

/// Counts `n` of something. Names and labels are literals: a number that nobody records costs no allocation.
macro_rules! count {
    ($n:expr, $name:literal $(, $label:literal => $value:literal)?) => {
        ::metrics::counter!($name $(, $label => $value)?).increment($n)
    };
}
pub(super) use count;

/// Adds `n`, which may be negative, to how many there are of something.
macro_rules! gauge {
    ($n:expr, $name:literal) => {
        ::metrics::gauge!($name).increment(f64::from($n))
    };
}
pub(super) use gauge;

static METADATA: Metadata<'_> = Metadata::new("jam_session", Level::INFO, None);

/// Their names, in their order.
const OPERATIONS: [&str; 8] = ["load", "create", "save", "touch", "cycle", "delete", "exists", "clear_expired"];

/// The numbers of one store, with their labels.
#[derive(Debug)]
pub(crate) struct Operations([[Key; 2]; 8]);

impl Operations {
    pub(crate) fn of(engine: &'static str) -> Self {
        Self(OPERATIONS.map(|operation| {
            let labels = || vec![Label::new("engine", engine), Label::new("operation", operation)];
            ["jam_session_store_seconds", "jam_session_store_failures_total"]
                .map(|name| Key::from_parts(name, labels()))
        }))
    }

    /// An operation took so long, and the store failed or did not.
    pub(crate) fn ended(&self, operation: Operation, took: Duration, failed: bool) {
        let [seconds, failures] = &self.0[operation as usize];
        with_recorder(|recorder| {
            recorder.register_histogram(seconds, &METADATA).record(took.as_secs_f64());
            if failed {
                recorder.register_counter(failures, &METADATA).increment(1);
            }
        });
    }
}

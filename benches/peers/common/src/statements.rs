//! Counts the statements that sqlx runs, whatever the database: it reports each as a tracing event.

use std::sync::atomic::{AtomicU64, Ordering};

use tracing::{
    Event, Metadata, Subscriber,
    span::{Attributes, Id, Record},
};

static STATEMENTS: AtomicU64 = AtomicU64::new(0);

struct Counter;

/// From now on statements are counted. It costs time, so a server that is timed does not do it.
pub fn count() {
    tracing::subscriber::set_global_default(Counter).expect("nobody else subscribes");
}

pub fn counted() -> u64 {
    STATEMENTS.load(Ordering::Relaxed)
}

impl Subscriber for Counter {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "sqlx::query"
    }

    fn event(&self, _event: &Event<'_>) {
        STATEMENTS.fetch_add(1, Ordering::Relaxed);
    }

    fn new_span(&self, _span: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _span: &Id, _values: &Record<'_>) {}
    fn record_follows_from(&self, _span: &Id, _follows: &Id) {}
    fn enter(&self, _span: &Id) {}
    fn exit(&self, _span: &Id) {}
}

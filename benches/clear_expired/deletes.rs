//! [`Deletes`]: how long each DELETE takes, as sqlx reports it. No lock of a clean-up is held longer.

use std::{
    fmt::Debug,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tracing::{
    Event, Metadata, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{
    Layer,
    layer::{Context, SubscriberExt as _},
    registry,
    util::SubscriberInitExt as _,
};

#[derive(Clone, Default)]
pub(crate) struct Deletes(Arc<Mutex<Duration>>);

impl Deletes {
    /// From now on looks at every statement.
    pub(crate) fn watch() -> Self {
        let deletes = Self::default();
        registry().with(deletes.clone()).init();
        deletes
    }

    pub(crate) fn forget(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Duration::ZERO;
    }

    /// The longest since `forget`.
    pub(crate) fn longest(&self) -> Duration {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S: Subscriber> Layer<S> for Deletes {
    fn enabled(&self, metadata: &Metadata<'_>, _context: Context<'_, S>) -> bool {
        metadata.target() == "sqlx::query"
    }

    fn on_event(&self, event: &Event<'_>, _context: Context<'_, S>) {
        let mut statement = Statement::default();
        event.record(&mut statement);
        if statement.deletes {
            let mut longest = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            *longest = longest.max(Duration::from_secs_f64(statement.seconds));
        }
    }
}

#[derive(Default)]
struct Statement {
    deletes: bool,
    seconds: f64,
}

impl Visit for Statement {
    fn record_f64(&mut self, field: &Field, value: f64) {
        if field.name() == "elapsed_secs" {
            self.seconds = value;
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "summary" {
            self.deletes = value.starts_with("DELETE");
        }
    }

    fn record_debug(&mut self, _field: &Field, _value: &dyn Debug) {}
}

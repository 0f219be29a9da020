//! [`Log`]: what is logged while a test runs.

use std::{
    fmt::{self, Write as _},
    sync::{Arc, Mutex, OnceLock, PoisonError, Weak},
};

use tracing::{
    Event, Subscriber,
    field::{Field, Visit},
    span,
    subscriber::DefaultGuard,
};
use tracing_subscriber::{Layer, layer::Context, prelude::*, registry};

/// The lines that were logged since it was made, at every level.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Lines>);

type Lines = Mutex<Vec<String>>;

/// Who listens to all threads.
static LISTENERS: Mutex<Vec<Weak<Lines>>> = Mutex::new(Vec::new());
static EVERYWHERE: OnceLock<()> = OnceLock::new();

impl Log {
    /// Listens to this thread alone, until the guard is dropped: no other test is heard.
    pub(crate) fn of_this_thread() -> (Self, DefaultGuard) {
        let log = Self::default();
        let lines = Arc::downgrade(&log.0);
        let guard = tracing::subscriber::set_default(registry().with(Listening(move |line: &str| note(&lines, line))));
        (log, guard)
    }

    /// Listens to all threads, other tests and the database's own threads included.
    pub(crate) fn of_all_threads() -> Self {
        EVERYWHERE.get_or_init(|| {
            let subscriber = registry().with(Listening(|line: &str| {
                LISTENERS.lock().unwrap_or_else(PoisonError::into_inner).iter().for_each(|lines| note(lines, line));
            }));
            tracing::subscriber::set_global_default(subscriber).expect("nobody else listens to all threads");
        });
        let log = Self::default();
        let mut listeners = LISTENERS.lock().unwrap_or_else(PoisonError::into_inner);
        listeners.retain(|lines| lines.strong_count() > 0);
        listeners.push(Arc::downgrade(&log.0));
        log
    }

    /// The lines since the last time somebody asked, each `LEVEL target: fields`.
    pub(crate) fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn note(lines: &Weak<Lines>, line: &str) {
    if let Some(lines) = lines.upgrade() {
        lines.lock().unwrap_or_else(PoisonError::into_inner).push(line.to_owned());
    }
}

/// Hands each event and each span to a function, as a line.
struct Listening<F>(F);

impl<S: Subscriber, F: Fn(&str) + 'static> Layer<S> for Listening<F> {
    fn on_event(&self, event: &Event<'_>, _context: Context<'_, S>) {
        let mut line = Line::of(event.metadata());
        event.record(&mut line);
        (self.0)(&line.0);
    }

    fn on_new_span(&self, span: &span::Attributes<'_>, _id: &span::Id, _context: Context<'_, S>) {
        let mut line = Line::of(span.metadata());
        span.record(&mut line);
        (self.0)(&line.0);
    }
}

struct Line(String);

impl Line {
    fn of(metadata: &tracing::Metadata<'_>) -> Self {
        Self(format!("{} {}:", metadata.level(), metadata.target()))
    }
}

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        write!(self.0, " {}={value:?}", field.name()).expect("a String takes everything");
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        write!(self.0, " {}={value}", field.name()).expect("a String takes everything");
    }
}

//! [`Timed`] without the feature `metrics`: nothing is timed.

use crate::events::Operation;

#[derive(Debug, Clone)]
pub(crate) struct Timed;

impl Timed {
    pub(crate) const OFF: Self = Self;

    pub(crate) fn of(_engine: &'static str) -> Self {
        Self
    }

    #[expect(clippy::unused_self, reason = "the same call as with the feature `metrics`")]
    pub(crate) fn time<F>(&self, _operation: Operation, work: F) -> F {
        work
    }
}

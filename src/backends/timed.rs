//! [`Timed`]: how long the operations of a store take, for the feature `metrics`.

use std::{sync::Arc, time::Instant};

use crate::{
    error::StoreError,
    events::{Operation, Operations},
};

/// The numbers of a store, if it is one whose operations are timed.
#[derive(Debug, Clone)]
pub(crate) struct Timed(Option<Arc<Operations>>);

impl Timed {
    pub(crate) const OFF: Self = Self(None);

    pub(crate) fn of(engine: &'static str) -> Self {
        Self(Some(Arc::new(Operations::of(engine))))
    }

    pub(crate) async fn time<T>(
        &self,
        operation: Operation,
        work: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let Some(operations) = &self.0 else { return work.await };
        let mut timing = Timing { operations, operation, started: Instant::now(), failed: false };
        let result = work.await;
        timing.failed = result.as_ref().is_err_and(is_failure);
        result
    }
}

/// Whether the store is to blame, and not what it was asked.
fn is_failure(error: &StoreError) -> bool {
    match error {
        StoreError::Lost(_)
        | StoreError::Contended(_)
        | StoreError::Refused(_)
        | StoreError::Overloaded(_)
        | StoreError::Backend(_) => true,
        StoreError::KeyTaken
        | StoreError::Undecodable(_)
        | StoreError::TooLarge { .. }
        | StoreError::Unsupported(_) => false,
    }
}

/// Says how long an operation took when it ends, also where nobody waited for that: the slowest are given up.
struct Timing<'a> {
    operations: &'a Operations,
    operation: Operation,
    started: Instant,
    failed: bool,
}

impl Drop for Timing<'_> {
    fn drop(&mut self) {
        self.operations.ended(self.operation, self.started.elapsed(), self.failed);
    }
}

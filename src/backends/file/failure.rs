//! What an error of the file system says. It names directories, never a file: those are called like their keys.

use std::{error::Error as StdError, fmt, io};

use crate::error::StoreError;

#[derive(Debug)]
struct Failure {
    what: String,
    source: io::Error,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot {}", self.what)
    }
}

impl StdError for Failure {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(&self.source)
    }
}

/// Says what could not be done, in words that follow "cannot".
pub(super) fn cannot(what: impl Into<String>) -> impl FnOnce(io::Error) -> StoreError {
    move |source| StoreError::Backend(Box::new(Failure { what: what.into(), source }))
}

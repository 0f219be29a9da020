//! [`ScanError`]: why a text is not what it should be.

use std::fmt;

/// Where a text stops being JSON, or what it has too much of.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum ScanError {
    Syntax { at: usize },
    NotAnObject,
    TooDeep { limit: usize },
}

impl fmt::Display for ScanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Syntax { at } => write!(f, "not JSON at byte {at}"),
            Self::NotAnObject => f.write_str("the JSON is not an object"),
            Self::TooDeep { limit } => write!(f, "nested deeper than {limit}"),
        }
    }
}

impl std::error::Error for ScanError {}

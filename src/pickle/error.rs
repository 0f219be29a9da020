//! [`PickleError`]: why bytes are no pickle of data.

use std::{error::Error as StdError, fmt};

/// Why a pickle was not read, or a value cannot be written as one. It is the cause of a
/// [`StoreError::Undecodable`](crate::StoreError::Undecodable).
///
/// No message contains a value; [`Class`](Self::Class) names the class that a value is of.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum PickleError {
    /// The bytes are no pickle, or end too early.
    Malformed {
        /// The byte at which it was found out.
        at: usize,
        /// What is wrong there, in words.
        what: &'static str,
    },
    /// The pickle does something that is more than data, or asks for an object that is not in it.
    Unsupported {
        /// The byte at which it was found out.
        at: usize,
        /// What it does, in words.
        what: &'static str,
    },
    /// The pickle calls or makes something other than the few types that are data. It was not called.
    Class {
        /// Its module and name, where they look like names.
        name: String,
    },
    /// A value contains itself.
    Recursive,
    /// It is nested too deep.
    TooDeep {
        /// How deep it may be nested.
        limit: usize,
    },
    /// It is larger than allowed when everything that it repeats is written out.
    TooLarge {
        /// How many bytes it may have.
        limit: usize,
    },
    /// A value that cannot be what it says it is, like a number with letters.
    Invalid {
        /// What is wrong, in words.
        what: &'static str,
    },
}

impl fmt::Display for PickleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed { at, what } => write!(f, "not a pickle at byte {at}: {what}"),
            Self::Unsupported { at, what } => write!(f, "not data at byte {at} of the pickle: {what}"),
            Self::Class { name } => write!(f, "the pickle holds a {name}, which is not among the types that are data"),
            Self::Recursive => f.write_str("a value contains itself"),
            Self::TooDeep { limit } => write!(f, "nested deeper than {limit}"),
            Self::TooLarge { limit } => write!(f, "larger than {limit} bytes with its repetitions"),
            Self::Invalid { what } => write!(f, "not a value of Python: {what}"),
        }
    }
}

impl StdError for PickleError {}

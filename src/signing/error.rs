//! [`SigningError`]: why a signed text was refused.

use std::{error::Error as StdError, fmt};

use crate::error::StoreError;

/// Why a signed text was refused. None of it quotes the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SigningError {
    /// No key of the signer made the signature, or there is none. Nothing of the text was decoded.
    BadSignature,
    /// The signature is right, and what it signs is not of this format.
    Malformed {
        /// What is wrong, in words.
        what: &'static str,
    },
    /// The text, or what it inflates to, is larger than the limits allow.
    TooLarge {
        /// What is too large, in words.
        what: &'static str,
        /// How large it is; of what is inflated no more is known than that it is at least this much.
        size: usize,
        /// How large it may be.
        limit: usize,
    },
}

impl fmt::Display for SigningError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BadSignature => f.write_str(
                "the signature is not of this secret key, its fallbacks and this key salt, or there is none",
            ),
            Self::Malformed { what } => write!(f, "the signature is right, but {what}"),
            Self::TooLarge { what, size, limit } => write!(f, "{what} is {size}, the limit is {limit}"),
        }
    }
}

impl StdError for SigningError {}

impl From<SigningError> for StoreError {
    fn from(error: SigningError) -> Self {
        match error {
            SigningError::TooLarge { what, size, limit } => Self::TooLarge { what, size, limit },
            SigningError::BadSignature | SigningError::Malformed { .. } => Self::Undecodable(error.into()),
        }
    }
}

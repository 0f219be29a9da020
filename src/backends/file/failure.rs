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

/// Whether the file system would refuse the same again, until somebody changes a permission, a path or a mount. A full
/// disk, too many open files and a failing disk may pass.
fn is_refusal(error: &io::Error) -> bool {
    use io::ErrorKind;
    matches!(
        error.kind(),
        ErrorKind::PermissionDenied
            | ErrorKind::ReadOnlyFilesystem
            | ErrorKind::NotFound
            | ErrorKind::NotADirectory
            | ErrorKind::IsADirectory
            | ErrorKind::InvalidFilename
            | ErrorKind::InvalidInput
            | ErrorKind::InvalidData
            | ErrorKind::FileTooLarge
            | ErrorKind::Unsupported
    )
}

/// Says what could not be done, in words that follow "cannot".
pub(super) fn cannot(what: impl Into<String>) -> impl FnOnce(io::Error) -> StoreError {
    move |source| {
        let refused = is_refusal(&source);
        let failure = Box::new(Failure { what: what.into(), source });
        if refused { StoreError::Refused(failure) } else { StoreError::Backend(failure) }
    }
}

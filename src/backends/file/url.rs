//! The URL of a directory.

use super::FileStore;
use crate::error::StoreError;

/// Opens the directory of `file:/var/lib/sessions`, `file:///var/lib/sessions` or `file:sessions`. What follows is a
/// path as it is: nothing in it is decoded.
pub(crate) fn open_url(url: &str) -> Result<FileStore, StoreError> {
    let path = url.strip_prefix("file:").unwrap_or(url);
    let path = match path.strip_prefix("//") {
        Some(path) if path.starts_with('/') => path,
        Some(_) => return Err(StoreError::Backend("a `file:` URL names no host: `file:/var/lib/sessions`".into())),
        None => path,
    };
    if path.is_empty() {
        return Err(StoreError::Backend("a `file:` URL names a directory: `file:/var/lib/sessions`".into()));
    }
    FileStore::new(path)
}

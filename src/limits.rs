//! [`Limits`]: how large a session may be.

use crate::error::StoreError;

/// How large a session may be, when it is read and when it is written. What is larger is an error, and nothing
/// is written. [`JsonSerializer`](crate::JsonSerializer) has an example.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Bytes of the stored text, before it is signed and compressed. 1 MiB (1,048,576).
    pub stored_bytes: usize,
    /// Names in the dictionary. 1024.
    pub names: usize,
    /// Nesting of a stored value when it is read. 128. Values that are written are at most 64 deep.
    pub depth: usize,
}

impl Default for Limits {
    /// 1 MiB, 1024 names, 128 deep.
    fn default() -> Self {
        Self { stored_bytes: 1 << 20, names: 1024, depth: 128 }
    }
}

impl Limits {
    /// Says whether `text` may be stored.
    ///
    /// # Errors
    ///
    /// [`StoreError::TooLarge`] when it has too many bytes.
    pub fn check_stored(&self, text: &str) -> Result<(), StoreError> {
        let (size, limit) = (text.len(), self.stored_bytes);
        if size > limit {
            return Err(StoreError::TooLarge { what: "the number of bytes of the session", size, limit });
        }
        Ok(())
    }

    /// Says whether a dictionary of this many names may be stored.
    ///
    /// # Errors
    ///
    /// [`StoreError::TooLarge`] when it has too many names.
    pub fn check_names(&self, names: usize) -> Result<(), StoreError> {
        let (size, limit) = (names, self.names);
        if size > limit {
            return Err(StoreError::TooLarge { what: "the number of names in the session", size, limit });
        }
        Ok(())
    }
}

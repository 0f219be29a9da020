//! [`Serializer`]: how a session becomes bytes, Django's `SESSION_SERIALIZER`.

use std::sync::Arc;

use crate::{error::StoreError, limits::Limits, raw, session_data::SessionData};

#[cfg(feature = "pickle")]
mod pickle;
#[cfg(feature = "pickle")]
pub use pickle::PickleSerializer;

/// What somebody has to do whose session holds more than JSON does.
const NOT_JSON: &str =
    "store what JSON has no word for (a date, bytes, a tuple) without `.serializer(PickleSerializer::default())`";

/// Turns a session into bytes and back: Django's `SESSION_SERIALIZER`, with Python's words.
///
/// A store for text, like `DbStore`, needs one whose bytes are UTF-8.
///
/// ```
/// use jam_session::{JsonSerializer, Serializer, SessionData};
///
/// let data: SessionData = r#"{"cat":"dog"}"#.parse()?;
/// let bytes = JsonSerializer::default().dumps(&data)?;
/// assert_eq!(bytes, br#"{"cat":"dog"}"#);
/// # Ok::<(), jam_session::StoreError>(())
/// ```
pub trait Serializer: Send + Sync + 'static {
    /// The bytes of `data`.
    ///
    /// # Errors
    ///
    /// [`StoreError::TooLarge`] beyond the serializer's limits, [`StoreError::Unsupported`] for a value that it
    /// cannot hold.
    #[doc(alias = "encode")]
    fn dumps(&self, data: &SessionData) -> Result<Vec<u8>, StoreError>;

    /// Reads what [`dumps`](Self::dumps) wrote.
    ///
    /// # Errors
    ///
    /// [`StoreError::Undecodable`] when the bytes are not of this serializer, [`StoreError::TooLarge`]
    /// beyond its limits.
    fn loads(&self, bytes: &[u8]) -> Result<SessionData, StoreError>;

    /// [`loads`](Self::loads) for bytes that are text already; a serializer whose bytes are text can cut
    /// the values out of it without a copy.
    ///
    /// # Errors
    ///
    /// As `loads`.
    fn loads_text(&self, text: &Arc<str>) -> Result<SessionData, StoreError> {
        self.loads(text.as_bytes())
    }

    /// How large a session may be: what inflates a stored text stops there.
    fn limits(&self) -> Limits {
        Limits::default()
    }
}

/// JSON as Django writes it: compact and ASCII. The default of every store.
///
/// ```
/// use jam_session::{JsonSerializer, Limits};
///
/// let mut limits = Limits::default();
/// limits.stored_bytes = 64 * 1024;
/// let serializer = JsonSerializer { limits }; // for `DbStore::serializer`
/// ```
#[derive(Debug, Clone, Copy, Default)]
#[doc(alias = "JSONSerializer")]
pub struct JsonSerializer {
    /// How large a session may be. The default is 1 MiB, 1024 names, 128 deep.
    pub limits: Limits,
}

impl Serializer for JsonSerializer {
    fn dumps(&self, data: &SessionData) -> Result<Vec<u8>, StoreError> {
        if !data.is_json() {
            return Err(StoreError::Unsupported(NOT_JSON));
        }
        self.limits.check_names(data.len())?;
        let json = raw::ascii(data.to_json());
        self.limits.check_stored(&json)?;
        Ok(json.into_bytes())
    }

    /// Bytes beyond ASCII count as Latin-1, as in Django.
    fn loads(&self, bytes: &[u8]) -> Result<SessionData, StoreError> {
        let text: Arc<str> = match str::from_utf8(bytes) {
            Ok(text) if text.is_ascii() => text.into(),
            _ => bytes.iter().map(|&byte| char::from(byte)).collect::<String>().into(),
        };
        self.loads_text(&text)
    }

    fn limits(&self) -> Limits {
        self.limits
    }

    fn loads_text(&self, text: &Arc<str>) -> Result<SessionData, StoreError> {
        SessionData::from_json(text, &self.limits)
    }
}

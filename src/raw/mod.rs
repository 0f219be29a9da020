//! [`Raw`]: one stored value, as it is stored.

use std::{cell::Cell, fmt, io, ops::Range, sync::Arc};

use serde::{Serialize, de::DeserializeOwned};
use serde_json::ser::Formatter;

use crate::{error::BoxError, json_scanner};

#[cfg(feature = "pickle")]
mod pickled;

thread_local! {
    /// Where a value is written before its length is known.
    static SCRATCH: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// How much memory a thread keeps for that.
const KEPT_SCRATCH: usize = 16 * 1024;

/// How deep a value may be nested when it is written. Django's own reader gives up near 990.
const DEEPEST_WRITTEN: usize = 64;

/// One stored value, as the JSON text that it is stored as. With a `PickleSerializer` it may be something that JSON
/// has no word for, like a date or bytes.
///
/// A value that nobody changes is written back byte for byte, also where it is something that a typed JSON
/// library would refuse or round: `NaN`, a 400-digit integer, a lone surrogate. A clone is cheap; it shares the
/// text of the session that it was cut from. `Debug` shows its length alone.
///
/// ```
/// use jam_session::Raw;
///
/// let raw = Raw::new(&"Jürgen")?;
/// assert_eq!(raw.as_str(), r#""J\u00fcrgen""#);
/// assert_eq!(raw.get::<String>()?, "Jürgen");
/// # Ok::<(), jam_session::BoxError>(())
/// ```
#[derive(Clone)]
pub struct Raw(Stored);

#[derive(Clone)]
enum Stored {
    Json {
        text: Arc<str>,
        range: Range<usize>,
    },
    #[cfg(feature = "pickle")]
    Pickled(Arc<pickled::Pickled>),
}

impl Raw {
    /// Serializes `value` as JSON in ASCII: what is beyond is written `\uXXXX`, as Python does.
    ///
    /// # Errors
    ///
    /// What `Serialize` says, and values nested more than 64 deep.
    pub fn new<T: Serialize + ?Sized>(value: &T) -> Result<Self, BoxError> {
        // Taken, not borrowed: what `value` calls may come here, too.
        let mut bytes = SCRATCH.take();
        bytes.clear();
        value.serialize(&mut serde_json::Serializer::with_formatter(&mut bytes, Ascii))?;
        let text: Arc<str> = str::from_utf8(&bytes)?.into();
        if bytes.capacity() <= KEPT_SCRATCH {
            SCRATCH.set(bytes);
        }
        json_scanner::check_value(&text, DEEPEST_WRITTEN)?;
        Ok(Self(Stored::Json { range: 0..text.len(), text }))
    }

    pub(crate) fn cut(text: &Arc<str>, range: Range<usize>) -> Self {
        Self(Stored::Json { text: Arc::clone(text), range })
    }

    /// The value as JSON text. Of a value that is [no JSON](Self::is_json) the text that comes nearest: a tuple or a
    /// set is a list, bytes a list of numbers, a date or a decimal a text, a `timedelta` its seconds.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match &self.0 {
            Stored::Json { text, range } => &text[range.clone()],
            #[cfg(feature = "pickle")]
            Stored::Pickled(pickled) => pickled.nearest_json(),
        }
    }

    /// Whether JSON holds the value exactly. A value that it does not hold comes from a `PickleSerializer` (feature
    /// `pickle`), or was made of a `PickledValue`; only a `PickleSerializer` can store it.
    #[must_use]
    pub fn is_json(&self) -> bool {
        matches!(self.0, Stored::Json { .. })
    }

    /// The value as a `T`.
    ///
    /// # Errors
    ///
    /// When the value is not a `T`. The message names the type and the place, and does not quote the value.
    pub fn get<T: DeserializeOwned>(&self) -> Result<T, BoxError> {
        // What the deserializer says may quote the value, and errors end up in logs.
        match &self.0 {
            Stored::Json { .. } => serde_json::from_str(self.as_str())
                .map_err(|error| format!("not a {} at column {}", std::any::type_name::<T>(), error.column()).into()),
            #[cfg(feature = "pickle")]
            Stored::Pickled(pickled) => {
                pickled.get().ok_or_else(|| format!("not a {}", std::any::type_name::<T>()).into())
            }
        }
    }
}

/// Two values are equal when what is stored of them is: a tuple is no list, `1` is not `1.0`.
impl PartialEq for Raw {
    fn eq(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (Stored::Json { .. }, Stored::Json { .. }) => self.as_str() == other.as_str(),
            #[cfg(feature = "pickle")]
            (Stored::Pickled(one), Stored::Pickled(other)) => one == other,
            #[cfg(feature = "pickle")]
            _ => false,
        }
    }
}

impl Eq for Raw {}

impl fmt::Debug for Raw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let size = match &self.0 {
            Stored::Json { range, .. } => range.len(),
            #[cfg(feature = "pickle")]
            Stored::Pickled(pickled) => pickled.size(),
        };
        write!(f, "Raw({size} bytes)")
    }
}

/// A JSON text in ASCII. Beyond ASCII there is nothing in JSON but the insides of strings.
pub(crate) fn ascii(json: String) -> String {
    if json.is_ascii() {
        return json;
    }
    let mut bytes = Vec::with_capacity(json.len() * 2);
    Ascii.write_string_fragment(&mut bytes, &json).expect("memory takes every byte");
    String::from_utf8(bytes).expect("ASCII is UTF-8")
}

/// Compact JSON whose strings are ASCII. Python would read raw UTF-8 as Latin-1.
struct Ascii;

impl Formatter for Ascii {
    fn write_string_fragment<W: io::Write + ?Sized>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        let mut rest = fragment;
        while let Some(at) = rest.find(|c: char| c >= '\u{7f}') {
            writer.write_all(&rest.as_bytes()[..at])?;
            let foreign = rest[at..].chars().next().expect("found just now");
            for unit in foreign.encode_utf16(&mut [0; 2]) {
                write!(writer, "\\u{unit:04x}")?;
            }
            rest = &rest[at + foreign.len_utf8()..];
        }
        writer.write_all(rest.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_ascii_is_escaped_as_python_escapes_it() {
        let raw = Raw::new(&"a\u{7f}é🎷\n\"\\").unwrap();

        assert_eq!(raw.as_str(), r#""a\u007f\u00e9\ud83c\udfb7\n\"\\""#);
        assert_eq!(raw.get::<String>().unwrap(), "a\u{7f}é🎷\n\"\\");
    }

    #[test]
    fn an_error_does_not_quote_the_value() {
        let error = Raw::new("swordfish").unwrap().get::<u32>().unwrap_err();

        assert_eq!(error.to_string(), "not a u32 at column 11");
        assert!(!format!("{error:?}").contains("swordfish"));
    }

    #[test]
    fn a_value_nested_too_deep_is_refused() {
        let nested = |depth| (1..depth).fold(serde_json::json!([]), |inner, _| serde_json::json!([inner]));

        assert!(Raw::new(&nested(64)).is_ok());
        assert!(Raw::new(&nested(65)).is_err());
    }
}

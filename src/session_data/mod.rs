//! [`SessionData`]: the dictionary of one session, in order, each value as the text it is stored as.

use std::{borrow::Cow, fmt, str::FromStr, sync::Arc};

use serde::{Serialize, de::DeserializeOwned};

use crate::{
    error::{BoxError, StoreError},
    json_scanner::{self, ScanError},
    limits::Limits,
    raw::Raw,
};

mod entries;
mod entry;
use entries::Entries;
use entry::Entry;

/// The dictionary of one session: names with values, each value as the text it is stored as.
///
/// Names are in the order in which they were first set. A clone is cheap; it shares everything until it changes.
/// `Debug` shows no values.
///
/// ```
/// use jam_session::SessionData;
///
/// let mut data: SessionData = r#"{"cart":[1,2],"ratio":NaN}"#.parse()?;
/// data.insert("visits", &3)?;
/// assert_eq!(data.get::<u32>("visits")?, Some(3));
/// assert_eq!(data.to_json(), r#"{"cart":[1,2],"ratio":NaN,"visits":3}"#);
/// # Ok::<(), jam_session::BoxError>(())
/// ```
// An empty dictionary is made without an allocation: every request begins with one.
#[derive(Clone, Default)]
pub struct SessionData(Option<Arc<Entries>>);

impl SessionData {
    /// Reads a JSON object; the values are cut out of `text` without a copy.
    ///
    /// # Errors
    ///
    /// [`StoreError::Undecodable`] when the text is not a JSON object or is nested too deep,
    /// [`StoreError::TooLarge`] when it has too many bytes or names.
    pub fn from_json(text: &Arc<str>, limits: &Limits) -> Result<Self, StoreError> {
        limits.check_stored(text)?;
        let mut entries = Vec::new();
        json_scanner::scan_object(text, limits.depth, |name, value| {
            // One over the limit is enough to know; the rest is not kept.
            if entries.len() <= limits.names {
                entries.push(Entry { name: Raw::cut(text, name), value: Raw::cut(text, value) });
            }
        })
        .map_err(|error: ScanError| StoreError::Undecodable(error.into()))?;
        let data = Self(Some(Arc::new(Entries::read(entries))));
        limits.check_names(data.len())?;
        Ok(data)
    }

    /// A dictionary of names, each a JSON string, and values.
    #[cfg(feature = "pickle")]
    pub(crate) fn from_raws(items: impl IntoIterator<Item = (Raw, Raw)>) -> Self {
        let entries = items.into_iter().map(|(name, value)| Entry { name, value }).collect();
        Self(Some(Arc::new(Entries::read(entries))))
    }

    /// The names, each as the JSON string that it was written as, and the values.
    #[cfg(feature = "pickle")]
    pub(crate) fn raws(&self) -> impl Iterator<Item = (&Raw, &Raw)> {
        self.entries().iter().map(|entry| (&entry.name, &entry.value))
    }

    /// Whether JSON holds every value exactly: see [`Raw::is_json`].
    #[must_use]
    pub fn is_json(&self) -> bool {
        self.values().all(Raw::is_json)
    }

    /// The whole dictionary as one compact JSON object. Where a value is [no JSON](Self::is_json) it has the text
    /// that comes nearest, which is for reading: a serializer must not store it.
    #[must_use]
    pub fn to_json(&self) -> String {
        let size = self.entries().iter().map(|e| e.name.as_str().len() + e.value.as_str().len() + 2).sum::<usize>();
        let mut json = String::with_capacity(size + 2);
        json.push('{');
        for (i, entry) in self.entries().iter().enumerate() {
            if i > 0 {
                json.push(',');
            }
            json.push_str(entry.name.as_str());
            json.push(':');
            json.push_str(entry.value.as_str());
        }
        json.push('}');
        json
    }

    /// The value of `key` as a `T`, `None` where there is none.
    ///
    /// # Errors
    ///
    /// When the value is not a `T`.
    pub fn get<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, BoxError> {
        self.raw(key).map(Raw::get).transpose()
    }

    /// The value of `key` as it is stored.
    #[must_use]
    pub fn raw(&self, key: &str) -> Option<&Raw> {
        let entries = self.0.as_ref()?;
        entries.find(key).map(|at| &entries.list()[at].value)
    }

    /// Sets `key` to `value`.
    ///
    /// # Errors
    ///
    /// When the value does not serialize; nothing is changed then.
    pub fn insert<T: Serialize + ?Sized>(&mut self, key: &str, value: &T) -> Result<(), BoxError> {
        self.set(key, Raw::new(value)?);
        Ok(())
    }

    /// Sets `key` to a value as it is stored.
    pub fn set(&mut self, key: &str, value: Raw) {
        Arc::make_mut(self.0.get_or_insert_default()).set(key, value);
    }

    /// Removes `key` and gives its value.
    pub fn remove(&mut self, key: &str) -> Option<Raw> {
        let entries = self.0.as_mut()?;
        let at = entries.find(key)?;
        Some(Arc::make_mut(entries).remove(at))
    }

    /// Sets `key`, or removes it where there is no value.
    pub(crate) fn put(&mut self, key: &str, value: Option<Raw>) {
        match value {
            Some(value) => self.set(key, value),
            None => drop(self.remove(key)),
        }
    }

    /// The names, in order. A name that is no Unicode text (a lone surrogate) appears escaped.
    pub fn keys(&self) -> impl Iterator<Item = Cow<'_, str>> {
        self.entries().iter().map(Entry::key)
    }

    /// The values, in order.
    pub fn values(&self) -> impl Iterator<Item = &Raw> {
        self.entries().iter().map(|entry| &entry.value)
    }

    /// How many names there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries().len()
    }

    /// Whether there is no name.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries().is_empty()
    }

    fn entries(&self) -> &[Entry] {
        self.0.as_deref().map_or(&[], Entries::list)
    }
}

impl PartialEq for SessionData {
    fn eq(&self, other: &Self) -> bool {
        self.entries() == other.entries()
    }
}

impl Eq for SessionData {}

impl FromStr for SessionData {
    type Err = StoreError;

    fn from_str(text: &str) -> Result<Self, StoreError> {
        Self::from_json(&text.into(), &Limits::default())
    }
}

impl fmt::Debug for SessionData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SessionData({} names)", self.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_touched_is_written_back_byte_for_byte() {
        let text = r#"{"big":123456789012345678901234567890,"nan":NaN,"\u00e9":"\ud800","f":1e-07}"#;
        let mut data: SessionData = text.parse().unwrap();

        data.insert("new", "é").unwrap();
        assert_eq!(data.remove("nan").unwrap().as_str(), "NaN");

        let expected = r#"{"big":123456789012345678901234567890,"\u00e9":"\ud800","f":1e-07,"new":"\u00e9"}"#;
        assert_eq!(data.to_json(), expected);
        assert!(data.raw("é").is_some());
    }

    #[test]
    fn of_equal_names_the_last_value_counts_in_the_first_place() {
        let few: SessionData = r#"{"a":1,"b":2,"\u0061":3}"#.parse().unwrap();
        let many =
            format!("{{{},\"n3\":true}}", (0..20).map(|i| format!("\"n{i}\":{i}")).collect::<Vec<_>>().join(","));
        let many: SessionData = many.parse().unwrap();

        assert_eq!(few.to_json(), r#"{"a":3,"b":2}"#);
        assert_eq!((many.len(), many.get("n3").unwrap()), (20, Some(true)));
    }

    #[test]
    fn limits_are_enforced_on_reading() {
        let limits = Limits { names: 2, stored_bytes: 40, depth: 2 };
        let read = |text: &str| SessionData::from_json(&text.into(), &limits);

        assert!(read(r#"{"a":[[1]],"b":2}"#).is_ok());
        assert!(matches!(read(r#"{"a":1,"b":2,"c":3}"#), Err(StoreError::TooLarge { size: 3, limit: 2, .. })));
        assert!(matches!(read(&format!("{{\"a\":\"{}\"}}", "x".repeat(40))), Err(StoreError::TooLarge { .. })));
        assert!(matches!(read(r#"{"a":[[[1]]]}"#), Err(StoreError::Undecodable(_))));
    }

    #[test]
    fn many_names_are_set_replaced_and_removed_as_few_are() {
        let mut data: SessionData = r#"{"\u0061":0,"b":0}"#.parse().unwrap();
        let (names, mut expected) = (0..100, vec![("a".to_owned(), 0), ("b".to_owned(), 0)]);
        for round in 1..4 {
            for name in names.clone().map(|n| format!("n{n}")).chain(["a".to_owned(), "b".to_owned()]) {
                data.insert(&name, &round).unwrap();
                match expected.iter_mut().find(|(known, _)| *known == name) {
                    Some((_, value)) => *value = round,
                    None => expected.push((name, round)),
                }
            }
            // In the middle of it, and then set again, at the end.
            assert_eq!(data.remove("n50").unwrap().get::<i32>().unwrap(), round);
            expected.retain(|(name, _)| name != "n50");
            assert!(data.raw("n50").is_none() && data.remove("n50").is_none());

            let found = data.keys().map(|name| (name.clone().into_owned(), data.get(&name).unwrap().unwrap()));
            assert_eq!(found.collect::<Vec<_>>(), expected, "round {round}");
        }
    }

    #[test]
    fn a_clone_does_not_see_later_changes() {
        let mut data: SessionData = r#"{"a":1}"#.parse().unwrap();
        let before = data.clone();

        data.insert("a", &2).unwrap();

        assert_eq!(before.get::<i32>("a").unwrap(), Some(1));
    }
}

//! The dictionary: `get insert remove pop setdefault update modify keys values items clear`.

use std::sync::Arc;

use serde::{Serialize, de::DeserializeOwned};

use super::{Session, state::State};
use crate::{
    delta::{Change, ModifyFn},
    error::{BoxError, Error},
    raw::Raw,
    session_data::SessionData,
};

impl Session {
    /// The value of `key`, `None` where there is none.
    ///
    /// # Errors
    ///
    /// [`Error::WrongType`] when the value is not a `T`.
    #[doc(alias = "aget")]
    pub fn get<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, Error> {
        self.get_raw(key).map(|raw| typed(key, &raw)).transpose()
    }

    /// The value of `key`, which has to be there: Django's `session[key]`.
    ///
    /// # Errors
    ///
    /// [`Error::MissingKey`] where there is none, [`Error::WrongType`] when it is not a `T`.
    #[doc(alias = "__getitem__")]
    pub fn require<T: DeserializeOwned>(&self, key: &str) -> Result<T, Error> {
        self.get(key)?.ok_or_else(|| Error::MissingKey { key: key.to_owned() })
    }

    /// The value of `key` as it is stored, `None` where there is none.
    #[must_use]
    #[doc(alias = "get_value")]
    pub fn get_raw(&self, key: &str) -> Option<Raw> {
        self.session_data().raw(key).cloned()
    }

    /// Whether there is a value under `key`.
    #[must_use]
    #[doc(alias = "has_key")]
    #[doc(alias = "ahas_key")]
    #[doc(alias = "__contains__")]
    pub fn contains_key(&self, key: &str) -> bool {
        self.session_data().raw(key).is_some()
    }

    /// Sets `key` to `value`: Django's `session[key] = value`. Setting what is there already does not mark the
    /// session modified, unless [`equal_value_modifies`](crate::Settings::equal_value_modifies) is on.
    ///
    /// # Errors
    ///
    /// [`Error::Serialize`] when the value cannot be JSON, [`Error::Committed`] after the response. Nothing is
    /// changed then.
    #[doc(alias = "__setitem__")]
    #[doc(alias = "aset")]
    #[doc(alias = "insert_value")]
    pub fn insert<T: Serialize + ?Sized>(&self, key: &str, value: &T) -> Result<(), Error> {
        let raw = serialized(key, value)?;
        let equal_modifies = self.equal_modifies();
        self.edit(|state| set(state, key, raw, equal_modifies))
    }

    /// Removes `key` and says whether it was there: Django's `del session[key]`, without its `KeyError`.
    ///
    /// # Errors
    ///
    /// [`Error::Committed`] after the response.
    #[doc(alias = "__delitem__")]
    pub fn remove(&self, key: &str) -> Result<bool, Error> {
        self.edit(|state| {
            let found = state.data.remove(key).is_some();
            state.record_change(Change::Remove(key.to_owned()), found);
            found
        })
    }

    /// Removes `key` and gives its value, `None` where there is none.
    ///
    /// # Errors
    ///
    /// [`Error::WrongType`] when the value is not a `T`; it is still there then. [`Error::Committed`] after the
    /// response.
    #[doc(alias = "apop")]
    #[doc(alias = "remove_value")]
    pub fn pop<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, Error> {
        loop {
            let (edits, raw) = self.edit(|state| (state.edits, state.data.raw(key).cloned()))?;
            let value = raw.map(|raw| typed(key, &raw)).transpose()?;
            let removed = self.edit_since(edits, |state| {
                let found = state.data.remove(key).is_some();
                state.record_change(Change::Remove(key.to_owned()), found);
            })?;
            if removed {
                return Ok(value);
            }
        }
    }

    /// The value of `key`, which becomes `value` where there is none. If another request set it meanwhile,
    /// theirs is kept.
    ///
    /// # Errors
    ///
    /// [`Error::WrongType`], [`Error::Serialize`] and [`Error::Committed`], as `get` and `insert`.
    #[doc(alias = "asetdefault")]
    pub fn setdefault<T: Serialize + DeserializeOwned>(&self, key: &str, value: T) -> Result<T, Error> {
        let raw = serialized(key, &value)?;
        let found = self.edit(|state| {
            let found = state.data.raw(key).cloned();
            if found.is_none() {
                state.data.set(key, raw.clone());
            }
            state.record_change(Change::SetDefault(key.to_owned(), raw), found.is_none());
            found
        })?;
        found.map_or(Ok(value), |found| typed(key, &found))
    }

    /// Sets many values, or none of them.
    ///
    /// # Errors
    ///
    /// [`Error::Serialize`] when one of them cannot be JSON, [`Error::Committed`] after the response.
    #[doc(alias = "aupdate")]
    pub fn update<K, V>(&self, items: impl IntoIterator<Item = (K, V)>) -> Result<(), Error>
    where
        K: AsRef<str>,
        V: Serialize,
    {
        let items = items.into_iter().map(|(key, value)| Ok((serialized(key.as_ref(), &value)?, key)));
        let items = items.collect::<Result<Vec<_>, Error>>()?;
        let equal_modifies = self.equal_modifies();
        self.edit(|state| {
            for (raw, key) in items {
                set(state, key.as_ref(), raw, equal_modifies);
            }
            if equal_modifies {
                state.set_modified();
            }
        })
    }

    /// Computes a new value of `key` from the current one and gives the new one.
    ///
    /// No increment is lost: when another request changed the session meanwhile, `f` is run again on what
    /// that one left. So `f` has to be a pure function of its argument. The value returned here is what this
    /// request computed first; after [`save`](Session::save), [`get`](Session::get) shows what was stored.
    ///
    /// ```
    /// # fn visit(session: jam_session::Session) -> Result<(), jam_session::Error> {
    /// let visits = session.modify("visits", |n: Option<u64>| n.unwrap_or(0) + 1)?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::WrongType`], [`Error::Serialize`] and [`Error::Committed`], as `get` and `insert`.
    pub fn modify<T, F>(&self, key: &str, f: F) -> Result<T, Error>
    where
        T: Serialize + DeserializeOwned + 'static,
        F: Fn(Option<T>) -> T + Send + Sync + 'static,
    {
        let f = Arc::new(f);
        let name = key.to_owned();
        let again: ModifyFn = {
            let f = Arc::clone(&f);
            Arc::new(move |raw| {
                let current = raw.map(|raw| typed(&name, raw)).transpose()?;
                serialized(&name, &f(current)).map(Some)
            })
        };
        loop {
            let (edits, raw) = self.edit(|state| (state.edits, state.data.raw(key).cloned()))?;
            let value = f(raw.as_ref().map(|raw| typed(key, raw)).transpose()?);
            let new = serialized(key, &value)?;
            let equal_modifies = self.equal_modifies();
            let changed = self.edit_since(edits, |state| {
                let modifies = equal_modifies || raw.as_ref() != Some(&new);
                state.data.set(key, new);
                state.record_change(Change::Modify(key.to_owned(), Arc::clone(&again)), modifies);
            })?;
            if changed {
                return Ok(value);
            }
        }
    }

    /// The names, in the order in which they were first set.
    #[must_use]
    #[doc(alias = "akeys")]
    pub fn keys(&self) -> Vec<String> {
        self.session_data().keys().map(String::from).collect()
    }

    /// The values, in the order of the names.
    #[must_use]
    #[doc(alias = "avalues")]
    pub fn values(&self) -> Vec<Raw> {
        self.session_data().values().cloned().collect()
    }

    /// Names and values, in order.
    #[must_use]
    #[doc(alias = "aitems")]
    pub fn items(&self) -> Vec<(String, Raw)> {
        self.keys().into_iter().zip(self.values()).collect()
    }

    /// Removes everything, but keeps the session and its key. [`flush`](Session::flush) ends it.
    ///
    /// # Errors
    ///
    /// [`Error::Committed`] after the response.
    pub fn clear(&self) -> Result<(), Error> {
        self.edit(|state| {
            state.data = SessionData::default();
            state.record_change(Change::Clear, true);
        })
    }

    fn equal_modifies(&self) -> bool {
        self.0.context.settings.equal_value_modifies
    }

    /// Changes the state if nobody else did since `edits` were counted.
    pub(super) fn edit_since(&self, edits: u64, edit: impl FnOnce(&mut State)) -> Result<bool, Error> {
        self.edit(|state| (state.edits == edits).then(|| edit(state)).is_some())
    }
}

pub(super) fn set(state: &mut State, key: &str, raw: Raw, equal_modifies: bool) {
    let equal = state.data.raw(key) == Some(&raw);
    if !equal {
        state.data.set(key, raw.clone());
    }
    state.record_change(Change::Set(key.to_owned(), raw), equal_modifies || !equal);
}

fn typed<T: DeserializeOwned>(key: &str, raw: &Raw) -> Result<T, Error> {
    raw.get().map_err(|source: BoxError| Error::WrongType { key: key.to_owned(), source })
}

fn serialized<T: Serialize + ?Sized>(key: &str, value: &T) -> Result<Raw, Error> {
    Raw::new(value).map_err(|source| Error::Serialize { key: key.to_owned(), source })
}

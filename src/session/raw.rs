//! Values as they are stored, for what no type of Rust stands for: `insert_raw`.

use super::{Session, dict};
use crate::{error::Error, raw::Raw};

impl Session {
    /// Sets `key` to a value as it is stored: one that [`get_raw`](Self::get_raw) gave, or one that JSON has no word
    /// for and that was made of a `PickledValue` (feature `pickle`). Like [`insert`](Self::insert) it does not mark the
    /// session modified when the value is there already.
    ///
    /// A value that is [no JSON](Raw::is_json) needs a store with a `PickleSerializer`; the save fails with any other.
    ///
    /// # Errors
    ///
    /// [`Error::Committed`] after the response.
    pub fn insert_raw(&self, key: &str, value: Raw) -> Result<(), Error> {
        let equal_modifies = self.0.context.settings.equal_value_modifies;
        self.edit(|state| dict::set(state, key, value, equal_modifies))
    }
}

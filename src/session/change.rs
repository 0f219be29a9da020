//! A change that may end in nothing: what lists of Django in the session need.

use std::sync::Arc;

use super::Session;
use crate::{
    delta::{Change, ModifyFn},
    error::Error,
};

impl Session {
    /// Changes the value of `key` to what `f` makes of it, or removes it where that is nothing. If another request
    /// is quicker, `f` is asked again.
    pub(crate) fn change(&self, key: &str, f: &ModifyFn) -> Result<(), Error> {
        loop {
            let (edits, raw) = self.edit(|state| (state.edits, state.data.raw(key).cloned()))?;
            let new = f(raw.as_ref())?;
            let changed = self.edit_since(edits, |state| {
                let modifies = raw != new;
                state.data.put(key, new);
                state.record_change(Change::Modify(key.to_owned(), Arc::clone(f)), modifies);
            })?;
            if changed {
                return Ok(());
            }
        }
    }
}

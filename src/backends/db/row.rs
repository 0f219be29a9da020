//! A row that is to be written: as a model, and in the order in which statements bind it.

use std::sync::Arc;

use time::OffsetDateTime;

use super::{DbStore, Driver, statements};
use crate::{
    backends::{Draft, deadline},
    base_session::{AbstractBaseSession, BaseSession, StoredText, Written},
    error::StoreError,
    pointer::Pointer,
    session_key::SessionKey,
};

/// More than a pointer takes, however it is encoded. What is longer is not decoded to find out.
const LONGEST_POINTER: usize = 1024;

impl<DB: Driver, M: AbstractBaseSession<DB>> DbStore<DB, M> {
    /// The row of `draft` under `session_key`.
    pub(super) fn new_model(session_key: &SessionKey, stored: &StoredText, draft: &Draft, now: OffsetDateTime) -> M {
        let (session_key, session_data) = (session_key.clone(), stored.clone());
        let base = BaseSession { session_key, session_data, expire_date: draft.expire_date };
        M::create_model_instance(base, &draft.session_data, now)
    }

    /// Data, expiry, extra columns, key: the beginning of INSERT and UPDATE alike.
    pub(super) fn push_model(&self, args: &mut DB::Arguments, model: &M, written: Written) -> Result<(), StoreError> {
        let base = model.base();
        DB::push_text(args, &base.session_data.0).map_err(StoreError::Refused)?;
        self.push_date(args, base.expire_date)?;
        for column in statements::columns(M::EXTRA_COLUMNS, written) {
            model.bind_extra(column.name, args).map_err(StoreError::Refused)?;
        }
        push_key::<DB>(args, &base.session_key)
    }

    /// Data, expiry, key.
    pub(super) fn push_base(&self, args: &mut DB::Arguments, model: &M) -> Result<(), StoreError> {
        let base = model.base();
        DB::push_text(args, &base.session_data.0).map_err(StoreError::Backend)?;
        self.push_date(args, base.expire_date)?;
        push_key::<DB>(args, &base.session_key)
    }

    /// Inserts the row of a session that has had the key `old`.
    pub(super) async fn insert_renewed(&self, model: M, old: &SessionKey) -> Result<(), StoreError> {
        let mut args = DB::Arguments::default();
        self.push_model(&mut args, &model, Written::Insert)?;
        if M::EXTRA_COLUMNS.iter().any(|column| column.written == Written::Insert) {
            old.names().iter().try_for_each(|name| push_key::<DB>(&mut args, name))?;
        }
        let session_key = &model.base().session_key;
        self.execute_with_key(&self.sql.insert_renewed, args, session_key, deadline::current()).await.map(|_| ())
    }

    /// Whether this is the text of a pointer that a renewal has left, and no session.
    pub(super) fn is_pointer(&self, stored: &Arc<str>) -> bool {
        stored.len() <= LONGEST_POINTER && self.codec.decode(stored).is_ok_and(|data| Pointer::is(&data))
    }

    /// What a row has to be like for an UPDATE to write it: its data as loaded, and not expired.
    pub(super) fn push_guard(
        &self,
        args: &mut DB::Arguments,
        loaded: &StoredText,
        now: OffsetDateTime,
    ) -> Result<(), StoreError> {
        DB::push_text(args, &loaded.0).map_err(StoreError::Refused)?;
        self.push_date(args, now)
    }
}

pub(super) fn push_key<DB: Driver>(args: &mut DB::Arguments, session_key: &SessionKey) -> Result<(), StoreError> {
    DB::push_text(args, &session_key.as_str().into()).map_err(StoreError::Refused)
}

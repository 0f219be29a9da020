//! A row that is to be written: as a model, and in the order in which statements bind it.

use time::OffsetDateTime;

use super::{DbStore, Driver, statements};
use crate::{
    backends::Draft,
    base_session::{AbstractBaseSession, BaseSession, StoredText, Written},
    error::StoreError,
    session_key::SessionKey,
};

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

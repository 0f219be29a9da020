//! [`BaseSessionManager`]: the rows themselves, for administration. Requests use the store.

use std::sync::Arc;

use time::OffsetDateTime;

use super::{DbStore, Driver};
use crate::{
    backends::{Draft, SessionStore},
    base_session::{AbstractBaseSession, BaseSession, StoredText, Written},
    error::StoreError,
    session_data::SessionData,
    session_key::SessionKey,
};

/// Reads and writes rows as the model `M`: Django's `Session.objects`.
///
/// It does not ask what is there before it writes, so it is not what saves a request's session. Its keys are those of the
/// table: with [`Settings::hash_keys`](crate::Settings::hash_keys), what [`SessionKey::hashed`] says.
#[derive(Debug)]
pub struct BaseSessionManager<'a, DB: Driver, M: AbstractBaseSession<DB>>(&'a DbStore<DB, M>);

impl<DB: Driver, M: AbstractBaseSession<DB>> DbStore<DB, M> {
    /// The rows of this store's table.
    #[must_use]
    pub fn objects(&self) -> BaseSessionManager<'_, DB, M> {
        BaseSessionManager(self)
    }

    /// Reads the row of `session_key` as a model, also where it is expired.
    ///
    /// # Errors
    ///
    /// When the database fails, or the row is not an `M`.
    pub async fn get(&self, session_key: &SessionKey) -> Result<Option<M>, StoreError> {
        self.objects().get(session_key).await
    }

    /// The dictionary of a row, decoded as this store decodes it.
    ///
    /// # Errors
    ///
    /// [`StoreError::Undecodable`] when it does not decode.
    pub fn get_decoded(&self, model: &M) -> Result<SessionData, StoreError> {
        self.codec.decode(&model.base().session_data.0)
    }
}

impl<DB: Driver, M: AbstractBaseSession<DB>> BaseSessionManager<'_, DB, M> {
    /// The text under which `data` is stored at `now`.
    ///
    /// # Errors
    ///
    /// [`StoreError::TooLarge`] when it may not be stored.
    pub fn encode(&self, data: &SessionData, now: OffsetDateTime) -> Result<StoredText, StoreError> {
        self.0.codec.encode(data, now).map(StoredText)
    }

    /// Writes `data` under `session_key` at `now`, whatever was there before; an empty dictionary deletes the row.
    ///
    /// # Errors
    ///
    /// When the database fails or the session is too large.
    pub async fn save(
        &self,
        session_key: &SessionKey,
        data: SessionData,
        expire_date: OffsetDateTime,
        now: OffsetDateTime,
    ) -> Result<(), StoreError> {
        let store = self.0;
        if data.is_empty() {
            return store.delete(session_key).await;
        }
        let draft = Draft::new(data, expire_date);
        let stored = StoredText(store.codec.encode(&draft.session_data, now)?);
        let model = DbStore::<DB, M>::new_model(session_key, &stored, &draft, now);
        let mut args = DB::Arguments::default();
        store.push_model(&mut args, &model, Written::Save)?;
        super::push_key::<DB>(&mut args, session_key)?;
        if store.execute(&store.sql.overwrite, args, None).await? == 0 {
            let mut args = DB::Arguments::default();
            store.push_model(&mut args, &model, Written::Insert)?;
            store.execute_with_key(&store.sql.insert, args, session_key, None).await?;
        }
        Ok(())
    }

    /// Reads the row of `session_key` as a model, also where it is expired.
    ///
    /// # Errors
    ///
    /// When the database fails, or the row is not an `M`.
    pub async fn get(&self, session_key: &SessionKey) -> Result<Option<M>, StoreError> {
        let mut args = DB::Arguments::default();
        super::push_key::<DB>(&mut args, session_key)?;
        let row = DB::fetch(&self.0.pool, Arc::clone(&self.0.sql.get), args).await;
        let row = row.map_err(|error| self.0.failure(error))?;
        let model = row.map(|row| self.0.model(&row)).transpose()?;
        Ok(model.filter(|model| model.base().session_key == *session_key))
    }
}

impl<DB: Driver, M: AbstractBaseSession<DB>> DbStore<DB, M> {
    /// A model from a row that begins with key, data and expiry.
    pub(super) fn model(&self, row: &DB::Row) -> Result<M, StoreError> {
        let base = DB::read(row).map_err(|error| self.failure(error))?;
        let not_a = |what: &str| StoreError::Undecodable(what.into());
        let base = BaseSession {
            session_key: SessionKey::parse(&base.session_key).map_err(|error| StoreError::Undecodable(error.into()))?,
            session_data: StoredText(base.session_data),
            expire_date: self
                .local_time
                .to_instant::<DB>(base.expire_date.ok_or_else(|| not_a("expire_date is not a date"))?),
        };
        M::from_row(base, row).map_err(StoreError::Undecodable)
    }
}

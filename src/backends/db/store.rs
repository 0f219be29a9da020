//! [`DbStore`] as a [`SessionStore`]: one statement per operation.

use std::sync::Arc;

use time::{OffsetDateTime, UtcOffset};

use super::{
    DbStore, Driver, SessionEvent,
    batch::{Create, Delete, Job as _, Load},
    push_key, statements,
};
use crate::{
    backends::{Draft, Record, Saved, SessionStore, deadline},
    base_session::{AbstractBaseSession, BaseSession, StoredText, Written},
    error::StoreError,
    session_key::SessionKey,
};

impl<DB: Driver, M: AbstractBaseSession<DB>> SessionStore for DbStore<DB, M> {
    async fn load(&self, session_key: &SessionKey, now: OffsetDateTime) -> Result<Option<Record>, StoreError> {
        let row = self.run(Load { session_key: session_key.clone(), now }).await?;
        row.map_or(Ok(None), |row| self.decode(session_key, row))
    }

    async fn create(&self, session_key: &SessionKey, draft: &Draft, now: OffsetDateTime) -> Result<Record, StoreError> {
        let stored = StoredText(self.codec.encode(&draft.session_data, now)?);
        let model = Self::new_model(session_key, &stored, draft, now);
        if let Some(old) = &draft.renews {
            self.insert_renewed(model, old).await?;
        } else {
            let bytes = stored.0.len();
            let create = Create { session_key: session_key.clone(), deadline: deadline::current(), bytes, model };
            self.run(create).await?;
        }
        self.tell(SessionEvent::Created { user_id: M::user_id(&draft.session_data) });
        Ok(Record::new(session_key.clone(), draft.session_data.clone(), draft.expire_date, stored))
    }

    async fn save(&self, loaded: &Record, draft: &Draft, now: OffsetDateTime) -> Result<Saved, StoreError> {
        self.replace(loaded, &loaded.session_key, draft, now).await
    }

    async fn touch(
        &self,
        loaded: &Record,
        expire_date: OffsetDateTime,
        now: OffsetDateTime,
    ) -> Result<Saved, StoreError> {
        let record = Record { expire_date, ..loaded.clone() };
        let mut args = DB::Arguments::default();
        self.push_date(&mut args, expire_date)?;
        let base =
            BaseSession { session_key: record.session_key.clone(), session_data: record.stored.clone(), expire_date };
        let model = M::create_model_instance(base, &record.session_data, now);
        for column in statements::columns(M::EXTRA_COLUMNS, Written::Touch) {
            model.bind_extra(column.name, &mut args).map_err(StoreError::Refused)?;
        }
        push_key::<DB>(&mut args, &loaded.session_key)?;
        self.push_date(&mut args, loaded.expire_date)?;
        self.push_date(&mut args, now)?;
        let rows = self.execute(&self.sql.touch, args, deadline::current()).await?;
        Ok(if rows > 0 { Saved::Done(record) } else { Saved::Gone })
    }

    async fn cycle(
        &self,
        loaded: &Record,
        session_key: &SessionKey,
        draft: &Draft,
        now: OffsetDateTime,
    ) -> Result<Saved, StoreError> {
        self.replace(loaded, session_key, draft, now).await
    }

    async fn delete(&self, session_key: &SessionKey) -> Result<(), StoreError> {
        let delete = Delete { session_key: session_key.clone() };
        // Whoever is told of each needs to know which were there.
        if self.on_event.is_some() { delete.alone(self).await } else { self.run(delete).await }
    }

    async fn delete_loaded(&self, loaded: &Record, now: OffsetDateTime) -> Result<Saved, StoreError> {
        let mut args = DB::Arguments::default();
        push_key::<DB>(&mut args, &loaded.session_key)?;
        self.push_guard(&mut args, &loaded.stored, now)?;
        if self.remove(&self.sql.delete_loaded, args, SessionEvent::ended).await? > 0 {
            return Ok(Saved::Done(loaded.clone()));
        }
        Ok(self.load(&loaded.session_key, now).await?.map_or(Saved::Gone, Saved::Conflict))
    }

    async fn exists(&self, session_key: &SessionKey) -> Result<bool, StoreError> {
        let mut args = DB::Arguments::default();
        push_key::<DB>(&mut args, session_key)?;
        let found = DB::fetch(&self.pool, Arc::clone(&self.sql.exists), args).await;
        found.map(|row| row.is_some()).map_err(|error| self.failure(error))
    }

    async fn clear_expired(&self, now: OffsetDateTime) -> Result<u64, StoreError> {
        self.clear_in_batches(now).await
    }

    fn local_offset(&self, at: OffsetDateTime) -> Option<UtcOffset> {
        self.local_time.offset(at)
    }

    fn engine(&self) -> &'static str {
        DB::URL_SCHEMES[0]
    }
}

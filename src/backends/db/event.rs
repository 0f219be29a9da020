//! Telling the application that sessions begin and end, with whose they were.

use std::{fmt, sync::Arc};

use super::{DbStore, Driver};
use crate::{base_session::AbstractBaseSession, error::StoreError};

/// Something that happened to a session of somebody.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum SessionEvent {
    /// A session was stored for the first time.
    Created {
        /// Whose it is, if it is known yet.
        user_id: Option<String>,
    },
    /// A session was ended: by logging out, or by somebody who ended it from elsewhere.
    Ended {
        /// Whose it was.
        user_id: Option<String>,
    },
    /// A session had expired and was cleared away.
    Expired {
        /// Whose it was.
        user_id: Option<String>,
    },
}

impl SessionEvent {
    pub(super) fn ended(user_id: Option<String>) -> Self {
        Self::Ended { user_id }
    }

    pub(super) fn expired(user_id: Option<String>) -> Self {
        Self::Expired { user_id }
    }
}

/// A function of the application.
#[derive(Clone)]
pub(super) struct OnEvent(pub(super) Arc<dyn Fn(SessionEvent) + Send + Sync>);

impl fmt::Debug for OnEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OnEvent(..)")
    }
}

impl<DB: Driver, M: AbstractBaseSession<DB>> DbStore<DB, M> {
    /// Calls `f` after a session was created, ended or cleared away by this store. The user ids come from the
    /// model's [`USER_ID_COLUMN`](AbstractBaseSession::USER_ID_COLUMN); without one there are none.
    ///
    /// `f` runs on the request's path: let it hand the event on. To know whose rows were deleted, the
    /// statements get a `RETURNING`, which MariaDB has and MySQL has not.
    #[doc(alias = "on_end")]
    #[must_use]
    pub fn on_event(self, f: impl Fn(SessionEvent) + Send + Sync + 'static) -> Self {
        Self { on_event: Some(OnEvent(Arc::new(f))), ..self }
    }

    pub(super) fn tell(&self, event: SessionEvent) {
        if let Some(OnEvent(f)) = &self.on_event {
            f(event);
        }
    }

    /// Runs a DELETE, says how many rows it removed, and tells of each.
    pub(super) async fn remove(
        &self,
        sql: &Arc<str>,
        args: DB::Arguments,
        event: fn(Option<String>) -> SessionEvent,
    ) -> Result<u64, StoreError> {
        let (Some(_), Some(column)) = (&self.on_event, M::USER_ID_COLUMN) else {
            let removed = self.execute(sql, args, None).await?;
            (0..removed).for_each(|_| self.tell(event(None)));
            return Ok(removed);
        };
        let sql = format!("{sql} RETURNING {column}, session_data");
        let mut writer = self.writer(None).await?;
        let rows = DB::fetch_all_on(&mut writer.connection, sql.into(), args).await;
        drop(writer);
        let rows = rows.map_err(|error| self.failure(error))?;
        for row in &rows {
            let text = |column| DB::read_text(row, column).map_err(|error| self.failure(error));
            // Where there is a pointer the user's session goes on, or its end was told of.
            let is_pointer = text(1)?.is_some_and(|stored| self.is_pointer(&stored.into()));
            self.tell(event(text(0)?.filter(|_| !is_pointer)));
        }
        Ok(rows.len() as u64)
    }
}

//! The session row: [`BaseSession`] has Django's three columns, [`AbstractBaseSession`] adds yours.

use std::sync::Arc;

use time::OffsetDateTime;

use crate::session_key::SessionKey;

/// The three columns of Django's session table. As a model it is that table, `django_session`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[doc(alias = "AbstractBaseSession")]
#[doc(alias = "django_session")]
#[doc(alias = "models.Session")]
pub struct BaseSession {
    /// The key, at most 40 characters: the primary key of the table.
    pub session_key: SessionKey,
    /// The encoded session: what the serializer wrote.
    pub session_data: StoredText,
    /// When the row expires, in UTC, to the microsecond.
    pub expire_date: OffsetDateTime,
}

/// The encoded text of a session. Cheap to clone; its `Debug` shows the length alone.
#[derive(Clone, PartialEq, Eq)]
pub struct StoredText(pub Arc<str>);

impl std::fmt::Debug for StoredText {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "StoredText({} bytes)", self.0.len())
    }
}

#[cfg(feature = "_sql")]
pub use model::{AbstractBaseSession, Column};

#[cfg(feature = "_sql")]
mod model {
    use sqlx::Database;
    use time::OffsetDateTime;

    use super::BaseSession;
    use crate::{error::BoxError, session_data::SessionData};

    /// A row of the session table, as one database stores it. Implement it to add columns.
    ///
    /// [`DbStore`](crate::DbStore) makes a model on every create and save and writes its columns beside
    /// the three of [`BaseSession`]. Requests never read them back; [`DbStore::get`](crate::DbStore::get) does.
    /// The table is yours to create, or [`MIGRATION`](Self::MIGRATION) says how.
    ///
    /// ```
    /// # #[cfg(feature = "sqlite")] {
    /// use jam_session::{AbstractBaseSession, BaseSession, BoxError, Column, SessionData, SqliteStore};
    /// use jam_session::sqlx::{Arguments, Sqlite, sqlite::SqliteArguments};
    /// use time::OffsetDateTime;
    ///
    /// /// A session that says whose it is, so that all sessions of one account can be found.
    /// struct AccountSession {
    ///     base: BaseSession,
    ///     account_id: Option<i64>,
    /// }
    ///
    /// impl AbstractBaseSession<Sqlite> for AccountSession {
    ///     const DB_TABLE: &'static str = "account_session";
    ///     const EXTRA_COLUMNS: &'static [Column] = &[Column::new("account_id")];
    ///
    ///     fn create_model_instance(base: BaseSession, data: &SessionData, _now: OffsetDateTime) -> Self {
    ///         Self { base, account_id: data.get("account_id").ok().flatten() }
    ///     }
    ///
    ///     fn base(&self) -> &BaseSession {
    ///         &self.base
    ///     }
    ///
    ///     fn bind_extra(&self, _column: &str, args: &mut SqliteArguments) -> Result<(), BoxError> {
    ///         args.add(self.account_id)
    ///     }
    /// }
    ///
    /// type Store = SqliteStore<AccountSession>;
    /// # }
    /// ```
    #[doc(alias = "base_session")]
    #[doc(alias = "get_model_class")]
    pub trait AbstractBaseSession<DB: Database>: Sized + Send + Sync + 'static {
        /// The table's name: letters, digits and underscores, with a schema and a dot in front if you like.
        #[doc(alias = "db_table")]
        const DB_TABLE: &'static str;

        /// The columns beyond the base three.
        const EXTRA_COLUMNS: &'static [Column] = &[];

        /// The SQL that makes the table where it is missing, statements that end in semicolons; `None` where it
        /// has the base three columns alone. [`DbStore::migrate`](crate::DbStore::migrate) runs it.
        const MIGRATION: Option<&'static str> = None;

        /// The column with the id of the user whose session it is, if there is one:
        /// [`DbStore::on_event`](crate::DbStore::on_event) tells of it.
        const USER_ID_COLUMN: Option<&'static str> = None;

        /// The id of the user whose session has this data, where the model knows.
        #[must_use]
        fn user_id(data: &SessionData) -> Option<String> {
            let _ = data;
            None
        }

        /// Makes the row that is written at `now`: `base` is what is stored anyway, `data` what it was encoded
        /// from.
        fn create_model_instance(base: BaseSession, data: &SessionData, now: OffsetDateTime) -> Self;

        /// Makes the row from one that was read, for [`BaseSessionManager::get`](crate::BaseSessionManager::get):
        /// `row` has the extra columns under their names.
        ///
        /// # Errors
        ///
        /// What sqlx says when a column is of another type. Where this method is not implemented, that it
        /// is not.
        fn from_row(base: BaseSession, row: &DB::Row) -> Result<Self, BoxError> {
            let _ = (base, row);
            Err("implement `AbstractBaseSession::from_row` to read rows as this model".into())
        }

        /// The base three.
        fn base(&self) -> &BaseSession;

        /// Adds the value of `column`, one of [`EXTRA_COLUMNS`](Self::EXTRA_COLUMNS), with `args.add(..)`.
        ///
        /// # Errors
        ///
        /// What sqlx says when the value does not encode.
        fn bind_extra(&self, column: &str, args: &mut DB::Arguments) -> Result<(), BoxError> {
            let _ = args;
            Err(format!("`bind_extra` has no value for the column `{column}`").into())
        }
    }

    /// One extra column of a model, and when it is written.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    #[non_exhaustive]
    pub struct Column {
        /// The column's name: letters, digits and underscores.
        pub name: &'static str,
        pub(crate) written: Written,
        /// Read back the way `expire_date` is.
        pub(crate) is_date: bool,
    }

    /// The least that has to happen to a row for the column to be written.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub(crate) enum Written {
        Insert,
        Save,
        Touch,
    }

    impl Column {
        /// Written when the row is created and whenever the session is saved.
        #[must_use]
        pub const fn new(name: &'static str) -> Self {
            Self { name, written: Written::Save, is_date: false }
        }

        /// Written when the row is created, and never again: `created`.
        #[must_use]
        pub const fn insert_only(name: &'static str) -> Self {
            Self { name, written: Written::Insert, is_date: false }
        }

        /// Written on every save, and also when a request only extends the session: `last_seen`.
        #[must_use]
        pub const fn touch(name: &'static str) -> Self {
            Self { name, written: Written::Touch, is_date: false }
        }

        /// The same column, as one that has the type of `expire_date`.
        pub(crate) const fn date(self) -> Self {
            Self { is_date: true, ..self }
        }
    }

    impl<DB: Database> AbstractBaseSession<DB> for BaseSession {
        const DB_TABLE: &'static str = "django_session";

        fn create_model_instance(base: BaseSession, _data: &SessionData, _now: OffsetDateTime) -> Self {
            base
        }

        fn from_row(base: BaseSession, _row: &DB::Row) -> Result<Self, BoxError> {
            Ok(base)
        }

        fn base(&self) -> &BaseSession {
            self
        }
    }
}

#[cfg(feature = "_sql")]
pub(crate) use model::Written;

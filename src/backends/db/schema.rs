//! The table: its SQL, creating it, and telling Django of it.

use time::OffsetDateTime;

use super::{DbStore, Driver};
use crate::{base_session::AbstractBaseSession, error::StoreError};

/// The name that the files in `migrations/` give the table.
const NAME: &str = "django_session";

impl<DB: Driver, M: AbstractBaseSession<DB>> DbStore<DB, M> {
    /// The SQL that creates the table and its indexes where they are missing, for those whose own tool runs
    /// all SQL. For [`BaseSession`](crate::BaseSession) that is what Django's own migration creates.
    #[must_use]
    pub fn schema_sql(&self) -> String {
        let table = &self.sql.table;
        let sql = M::MIGRATION.unwrap_or(DB::MIGRATION);
        let default = if M::MIGRATION.is_some() { M::DB_TABLE } else { NAME };
        if table == default { sql.to_owned() } else { renamed::<DB>(sql, default, table) }
    }

    /// Creates the table and its indexes where they are missing. It can run at every start, also in
    /// several processes at once.
    ///
    /// # Errors
    ///
    /// When the database refuses.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        for statement in DB::migration_statements(&self.schema_sql()) {
            DB::execute_raw(&self.pool, statement).await.map_err(|error| StoreError::Backend(error.into()))?;
        }
        Ok(())
    }

    /// Tells a Django that shares this database that its migration `sessions.0001_initial` has run, so that
    /// `manage.py migrate` does not try to make the table again. Says whether it had to be told; without a
    /// table `django_migrations` there is nobody to tell.
    ///
    /// # Errors
    ///
    /// When the database refuses.
    #[doc(alias = "django_migrations")]
    pub async fn record_in_django_migrations(&self, now: OffsetDateTime) -> Result<bool, StoreError> {
        if self.texts::<3>(DB::columns_sql("django_migrations"), None).await?.is_empty() {
            return Ok(false);
        }
        let there = "SELECT 1 FROM django_migrations WHERE app = 'sessions' AND name = '0001_initial'";
        if DB::fetch(&self.pool, there.into(), DB::Arguments::default())
            .await
            .map_err(|error| self.failure(error))?
            .is_some()
        {
            return Ok(false);
        }
        let marker = DB::marker(1);
        let insert =
            format!("INSERT INTO django_migrations (app, name, applied) VALUES ('sessions', '0001_initial', {marker})");
        let mut args = DB::Arguments::default();
        self.push_date(&mut args, now)?;
        DB::execute(&self.pool, insert.into(), args).await.map_err(|error| self.failure(error))?;
        Ok(true)
    }
}

/// `sql` for a table of another name; its indexes get the name, too, because a schema has but one of each.
fn renamed<DB: Driver>(sql: &str, from: &str, to: &str) -> String {
    let quote = DB::QUOTE;
    let bare = to.rsplit('.').next().unwrap_or(to);
    let quoted = to.split('.').map(|part| format!("{quote}{part}{quote}")).collect::<Vec<_>>().join(".");
    sql.replace(&format!("{quote}{from}{quote}"), &quoted)
        .replace(&format!("{quote}{from}_"), &format!("{quote}{bare}_"))
}

//! Django's table: its SQL, and creating it.

use std::sync::Arc;

use super::{DbStore, Driver};
use crate::{base_session::BaseSession, error::StoreError};

impl<DB: Driver> DbStore<DB, BaseSession> {
    /// The SQL that creates the table and its index where they are missing: the file in `migrations/`,
    /// for those whose own tool runs all SQL.
    #[must_use]
    pub fn schema_sql() -> &'static str {
        DB::MIGRATION
    }

    /// Creates the table and its index where they are missing. It can run at every start, also in
    /// several processes at once.
    ///
    /// # Errors
    ///
    /// When the database refuses.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        for statement in statements(DB::MIGRATION) {
            let sql: Arc<str> = statement.into();
            DB::execute(&self.pool, sql, DB::Arguments::default())
                .await
                .map_err(|error| StoreError::Backend(error.into()))?;
        }
        Ok(())
    }
}

/// The statements of a file: what ends in a semicolon, without the lines that are comments.
fn statements(file: &str) -> Vec<String> {
    let code: Vec<_> = file.lines().filter(|line| !line.trim_start().starts_with("--")).collect();
    code.join("\n").split(';').map(str::trim).filter(|s| !s.is_empty()).map(str::to_owned).collect()
}

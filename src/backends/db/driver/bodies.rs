//! What the drivers have in common and generic code cannot say.

/// Writes what generic code cannot: these bodies need bounds that hold only for a named driver.
macro_rules! impl_driver {
    ($db:ty { $($dialect:item)* }) => {
        impl sealed::Sealed for $db {}
        impl Driver for $db {
            $($dialect)*
            fn push_text(args: &mut Self::Arguments, text: &Arc<str>) -> Result<(), BoxError> {
                args.add(Arc::clone(text))
            }
            async fn execute(pool: &Pool<Self>, sql: Arc<str>, args: Self::Arguments) -> sqlx::Result<u64> {
                // A pool that is asked itself wraps the connection's stream in one more.
                let mut connection = pool.acquire().await?;
                Self::execute_on(&mut connection, sql, args).await
            }
            async fn execute_on(
                connection: &mut Self::Connection,
                sql: Arc<str>,
                args: Self::Arguments,
            ) -> sqlx::Result<u64> {
                let done = sqlx::query_with(AssertSqlSafe(sql), args).execute(connection).await?;
                Ok(done.rows_affected())
            }
            async fn fetch_all_on(
                connection: &mut Self::Connection,
                sql: Arc<str>,
                args: Self::Arguments,
            ) -> sqlx::Result<Vec<Self::Row>> {
                sqlx::query_with(AssertSqlSafe(sql), args).fetch_all(connection).await
            }
            async fn execute_raw(pool: &Pool<Self>, sql: String) -> sqlx::Result<()> {
                sqlx::raw_sql(AssertSqlSafe(sql)).execute(pool).await.map(|_| ())
            }
            async fn fetch(pool: &Pool<Self>, sql: Arc<str>, args: Self::Arguments) -> sqlx::Result<Option<Self::Row>> {
                sqlx::query_with(AssertSqlSafe(sql), args).fetch_optional(pool).await
            }
            async fn fetch_all(pool: &Pool<Self>, sql: Arc<str>, args: Self::Arguments) -> sqlx::Result<Vec<Self::Row>> {
                let mut connection = pool.acquire().await?;
                Self::fetch_all_on(&mut connection, sql, args).await
            }
            fn push_optional_text(args: &mut Self::Arguments, text: Option<&str>) -> Result<(), BoxError> {
                args.add(text.map(str::to_owned))
            }
            fn read_date(row: &Self::Row, column: usize) -> sqlx::Result<Option<OffsetDateTime>> {
                read_date(row, column)
            }
            fn read_text(row: &Self::Row, column: usize) -> sqlx::Result<Option<String>> {
                row.try_get(column)
            }
            fn read(row: &Self::Row) -> sqlx::Result<BaseRow> {
                let expire_date = read_date(row, 2)?;
                let session_data = Arc::from(row.try_get::<&str, _>(1)?);
                Ok(BaseRow { session_key: row.try_get(0)?, session_data, expire_date })
            }
        }
    };
}
pub(super) use impl_driver;

/// The statements of a file: what ends in a semicolon, without comment lines.
#[cfg(any(feature = "sqlite", feature = "mysql"))]
pub(super) fn split(file: &str) -> Vec<String> {
    let code: Vec<_> = file.lines().filter(|line| !line.trim_start().starts_with("--")).collect();
    code.join("\n").split(';').map(str::trim).filter(|s| !s.is_empty()).map(str::to_owned).collect()
}

//! Whether the table is what the store needs, told at start-up instead of by the first request.

use std::fmt;

use super::{DbStore, Driver};
use crate::{base_session::AbstractBaseSession, error::StoreError};

/// The longest key that Django's column holds.
const KEY_LENGTH: usize = 40;

/// How many rows are looked at: some may be of an old key, or damaged.
const SAMPLE: usize = 20;

/// One thing that is wrong with the session table, in a sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SchemaProblem(String);

impl fmt::Display for SchemaProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A column as the database describes it.
struct Described {
    name: String,
    sql_type: String,
    /// A collation under which equal texts need not be the same bytes, or none could be found.
    collation: Option<String>,
}

impl<DB: Driver, M: AbstractBaseSession<DB>> DbStore<DB, M> {
    /// Looks at the table and says what is wrong with it: nothing, if the list is empty.
    ///
    /// # Errors
    ///
    /// When the database cannot be asked.
    pub async fn check_schema(&self) -> Result<Vec<SchemaProblem>, StoreError> {
        let table = &self.sql.table;
        let columns = self.texts::<3>(DB::columns_sql(table), None).await?;
        let columns: Vec<_> = columns.into_iter().filter_map(described).collect();
        if columns.is_empty() {
            let cure = "run `jam-session migrate`, or call `store.migrate().await` at start-up";
            return Ok(vec![SchemaProblem(format!("there is no table `{table}`: {cure}"))]);
        }
        let mut problems = Vec::new();
        let extra = M::EXTRA_COLUMNS.iter().map(|column| column.name);
        for name in ["session_key", "session_data", "expire_date"].into_iter().chain(extra) {
            match columns.iter().find(|column| column.name == name) {
                None => problems.push(format!("the table `{table}` has no column `{name}`: add it")),
                Some(column) => problems.extend(column.problem::<DB>()),
            }
        }
        let indexes = self.texts::<2>(DB::indexes_sql(table), None).await?;
        problems.extend(index_problems(&indexes, table));
        if problems.is_empty() {
            problems.extend(self.data_problem().await?);
        }
        Ok(problems.into_iter().map(SchemaProblem).collect())
    }

    /// Whether none of the latest rows decodes: then they are signed with another key, or one side alone signs.
    async fn data_problem(&self) -> Result<Option<String>, StoreError> {
        let table = &self.sql.table;
        let latest = format!("SELECT session_data FROM {table} ORDER BY expire_date DESC LIMIT {SAMPLE}");
        let mut problem = None;
        for text in self.texts::<1>(latest, None).await?.into_iter().flatten().flatten() {
            match self.codec.read(&text.into()) {
                Err(StoreError::Undecodable(error)) => problem = Some(error),
                // One that is too large may still be ours.
                _ => return Ok(None),
            }
        }
        Ok(problem.map(|error| format!("the sessions in the table `{table}` cannot be read: {error}")))
    }
}

fn described([name, sql_type, collation]: [Option<String>; 3]) -> Option<Described> {
    Some(Described { name: name?, sql_type: sql_type?.to_lowercase(), collation })
}

impl Described {
    fn problem<DB: Driver>(&self) -> Option<String> {
        let (name, sql_type) = (&self.name, &self.sql_type);
        if let Some(collation) = &self.collation {
            return Some(format!(
                "the column `{name}` has the collation {collation}: give it one that tells all texts apart"
            ));
        }
        let (accepted, wanted) = match name.as_str() {
            "session_key" => (self.length().is_none_or(|length| length >= KEY_LENGTH), "varchar(40)"),
            "session_data" => (
                DB::DATA_TYPES.is_empty() || DB::DATA_TYPES.contains(&sql_type.as_str()),
                DB::DATA_TYPES.first().copied().unwrap_or("text"),
            ),
            "expire_date" => (
                DB::DATE_TYPES.is_empty() || DB::DATE_TYPES.contains(&sql_type.as_str()),
                DB::DATE_TYPES.first().copied().unwrap_or("datetime"),
            ),
            _ => (true, ""),
        };
        (!accepted).then(|| {
            format!("the column `{name}` is {sql_type}, which is too short or of the wrong kind: make it {wanted}")
        })
    }

    fn length(&self) -> Option<usize> {
        let (_, length) = self.sql_type.split_once('(')?;
        length.trim_end_matches(')').parse().ok()
    }
}

fn index_problems(indexes: &[[Option<String>; 2]], table: &str) -> Vec<String> {
    let on = |name: &str, unique: bool| {
        indexes.iter().any(|[column, is_unique]| column.as_deref() == Some(name) && (!unique || is_unique.is_some()))
    };
    let mut problems = Vec::new();
    if !on("session_key", true) {
        problems.push(format!("nothing makes `session_key` unique in the table `{table}`: make it the primary key"));
    }
    if !on("expire_date", false) {
        problems.push(format!(
            "no index of the table `{table}` begins with `expire_date`: clearing expired sessions reads it all"
        ));
    }
    problems
}

//! What went wrong: one sentence with the cure, and the exit code.

use std::{
    error::Error,
    io::{Write as _, stderr},
    process::ExitCode,
};

use jam_session::{AbstractBaseSession, DbStore, Driver, SchemaProblem, StoreError, sqlx};

#[derive(Debug)]
pub(crate) enum Failure {
    Failed(String),
    Usage(String),
    Schema(Vec<SchemaProblem>),
}

impl Failure {
    /// The failure of a statement: often it is the table, and the table can say what it lacks.
    pub(crate) async fn of<DB: Driver, M: AbstractBaseSession<DB>>(store: &DbStore<DB, M>, error: StoreError) -> Self {
        match store.check_schema().await {
            Ok(problems) if !problems.is_empty() => Self::Schema(problems),
            _ => Self::Failed(sentence(&error)),
        }
    }

    pub(crate) fn report(&self) -> ExitCode {
        let (lines, code) = match self {
            Self::Failed(line) => (vec![line.clone()], 1),
            Self::Usage(line) => (vec![line.clone()], 2),
            Self::Schema(problems) => (problems.iter().map(ToString::to_string).collect(), 3),
        };
        for line in lines {
            let _ = writeln!(stderr(), "error: {line}");
        }
        ExitCode::from(code)
    }
}

/// What an error says, and in brackets what the database said.
pub(crate) fn sentence(error: &StoreError) -> String {
    let error: &dyn Error = match error {
        StoreError::Backend(source) | StoreError::Refused(source) | StoreError::Undecodable(source) => &**source,
        other => other,
    };
    match error.source().and_then(|source| source.downcast_ref::<sqlx::Error>()) {
        // Of a URL that cannot be read, the password may be what cannot be read.
        None | Some(sqlx::Error::Configuration(_)) => error.to_string(),
        Some(sqlx::Error::Database(database)) => format!("{error} ({})", database.message()),
        Some(source) => format!("{error} ({source})"),
    }
}

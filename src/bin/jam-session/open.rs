//! Opening the database that a URL names.

use jam_session::{DbStore, Driver, StoreError};
use tokio::time::timeout;

#[cfg(feature = "redis")]
use crate::cache;
use crate::{
    Cli, Target, commands,
    failure::{Failure, sentence},
    files,
};

pub(crate) async fn open_and_run(url: &str, cli: &Cli) -> Result<(), Failure> {
    match url.split(':').next().unwrap_or_default() {
        #[cfg(feature = "sqlite")]
        "sqlite" => {
            let url = existing_file(url, &cli.command);
            commands::run(&open(jam_session::SqliteStore::connect(&url), &cli.target).await?, &cli.command).await
        }
        #[cfg(feature = "postgres")]
        "postgres" | "postgresql" => {
            commands::run(&open(jam_session::PostgresStore::connect(url), &cli.target).await?, &cli.command).await
        }
        #[cfg(feature = "mysql")]
        "mysql" | "mariadb" => {
            commands::run(&open(jam_session::MySqlStore::connect(url), &cli.target).await?, &cli.command).await
        }
        "file" => files::run(url, cli).await,
        #[cfg(feature = "redis")]
        "redis" | "rediss" | "redis+unix" | "unix" => cache::run(url, &cli.command).await,
        // It knows which feature is missing for this URL.
        _ => match jam_session::connect(url).await {
            Err(error) => Err(Failure::Failed(sentence(&error))),
            Ok(_) => Err(Failure::Failed("this program knows no such database".to_owned())),
        },
    }
}

/// A wrong path is to be noticed, not to become an empty database; only `migrate` makes one.
#[cfg(feature = "sqlite")]
fn existing_file(url: &str, command: &crate::Command) -> String {
    if matches!(command, crate::Command::Migrate { .. }) || url.contains("mode=") || url.contains(":memory:") {
        return url.to_owned();
    }
    let separator = if url.contains('?') { '&' } else { '?' };
    format!("{url}{separator}mode=rw")
}

async fn open<DB: Driver>(
    connecting: impl Future<Output = Result<DbStore<DB>, StoreError>>,
    target: &Target,
) -> Result<DbStore<DB>, Failure> {
    let Ok(connected) = timeout(target.connect_timeout(), connecting).await else {
        let seconds = target.connect_timeout;
        return Err(Failure::Failed(format!(
            "the database did not answer within {seconds} s; check that its server runs, and the URL's host and port"
        )));
    };
    let store = connected.map_err(|error| Failure::Failed(sentence(&error)))?;
    let store = DbStore::with_table(store.pool().clone(), &target.table);
    let store = store.map_err(|error| Failure::Usage(error.to_string()))?;
    Ok(match target.signing.signer()? {
        Some(signer) => store.signing(signer),
        None => store,
    })
}

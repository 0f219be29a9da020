//! `SqliteStore::connect`, `migrate`, and what they say when they cannot.

use jam_session::{
    Draft, SessionKey, SessionStore, SqliteStore, StoreError,
    sqlx::{self, Row as _, SqlSafeStr, sqlite::SqliteRow},
};
use time::{Duration, OffsetDateTime};
use tokio::task::JoinSet;

use crate::support::TestResult;

const NOW: OffsetDateTime = OffsetDateTime::UNIX_EPOCH;

fn url(directory: &tempfile::TempDir, query: &str) -> String {
    format!("sqlite:{}{query}", directory.path().join("sessions.db").display())
}

async fn row(store: &SqliteStore, sql: impl SqlSafeStr + Send) -> TestResult<SqliteRow> {
    Ok(sqlx::query(sql).fetch_one(store.pool()).await?)
}

fn draft(json: &str) -> TestResult<Draft> {
    Ok(Draft::new(json.parse()?, NOW + Duration::HOUR))
}

fn key() -> TestResult<SessionKey> {
    Ok(SessionKey::parse("0123456789abcdefghijklmnopqrstuv")?)
}

/// An error with its causes.
fn chain(error: &dyn std::error::Error) -> String {
    error.source().map_or(error.to_string(), |cause| format!("{error}: {}", chain(cause)))
}

#[tokio::test]
async fn a_missing_file_is_created_and_found_again() -> TestResult {
    let directory = tempfile::tempdir()?;
    let store = SqliteStore::connect(&url(&directory, "")).await?;
    store.migrate().await?;
    store.create(&key()?, &draft(r#"{"a":1}"#)?, NOW).await?;
    store.pool().close().await;

    let again = SqliteStore::connect(&url(&directory, "?mode=rw")).await?;

    let loaded = again.load(&key()?, NOW).await?.expect("it was stored");
    assert_eq!(loaded.session_data.to_json(), r#"{"a":1}"#);
    Ok(())
}

#[tokio::test]
async fn a_missing_file_that_is_not_to_be_created_is_an_error_with_the_cure() -> TestResult {
    let directory = tempfile::tempdir()?;
    let path = directory.path().join("sessions.db");
    for mode in ["rw", "ro"] {
        let error = SqliteStore::connect(&url(&directory, &format!("?mode={mode}"))).await.expect_err("no such file");

        let text = chain(&error);
        assert!(text.contains(&path.display().to_string()), "no path: {text}");
        assert!(text.contains("directory exists and is writable"), "no cure: {text}");
        assert!(!path.exists());
    }
    Ok(())
}

#[tokio::test]
async fn a_missing_directory_is_an_error_with_the_path() -> TestResult {
    let directory = tempfile::tempdir()?;
    let path = directory.path().join("missing").join("sessions.db");

    let error = SqliteStore::connect(&format!("sqlite:{}", path.display())).await.expect_err("no such directory");

    assert!(chain(&error).contains(&path.display().to_string()), "{}", chain(&error));
    Ok(())
}

#[tokio::test]
async fn the_url_of_another_database_is_refused() {
    for url in ["postgres://user:secret@localhost/db", "sessions.db", ""] {
        let error = SqliteStore::connect(url).await.expect_err("not SQLite");

        assert!(chain(&error).contains("SQLite"), "{}", chain(&error));
        assert!(!chain(&error).contains("secret"), "{}", chain(&error));
    }
}

#[tokio::test]
async fn a_file_has_a_write_ahead_log_and_a_busy_timeout_of_two_seconds() -> TestResult {
    let directory = tempfile::tempdir()?;
    let store = SqliteStore::connect(&url(&directory, "")).await?;

    assert_eq!(row(&store, "PRAGMA journal_mode").await?.try_get::<String, _>(0)?, "wal");
    assert_eq!(row(&store, "PRAGMA busy_timeout").await?.try_get::<i64, _>(0)?, 2000);
    Ok(())
}

#[tokio::test]
async fn a_read_only_file_is_read() -> TestResult {
    let directory = tempfile::tempdir()?;
    let store = SqliteStore::connect(&url(&directory, "")).await?;
    store.migrate().await?;
    store.create(&key()?, &draft("{}")?, NOW).await?;

    let reader = SqliteStore::connect(&url(&directory, "?mode=ro")).await?;

    assert!(reader.load(&key()?, NOW).await?.is_some());
    assert!(matches!(reader.delete(&key()?).await, Err(StoreError::Refused(_))));
    assert!(reader.exists(&key()?).await?);
    Ok(())
}

#[tokio::test]
async fn a_memory_database_lives_as_long_as_the_store() -> TestResult {
    let store = SqliteStore::connect("sqlite::memory:").await?;
    store.migrate().await?;
    store.create(&key()?, &draft(r#"{"a":1}"#)?, NOW).await?;

    // The one connection is never closed for having been idle, or old.
    let options = store.pool().options();
    assert_eq!((options.get_idle_timeout(), options.get_max_lifetime()), (None, None));
    assert_eq!(options.get_max_connections(), 1);
    let clone = store.clone();
    drop(store);
    let loads: JoinSet<_> = (0..20).map(|_| load(clone.clone())).collect();
    assert!(loads.join_all().await.into_iter().all(|found| found));
    Ok(())
}

async fn load(store: SqliteStore) -> bool {
    let key = key().expect("a plain key");
    store.load(&key, NOW).await.expect("a database in memory").is_some()
}

#[tokio::test]
async fn two_memory_databases_are_two() -> TestResult {
    let (one, two) = (SqliteStore::connect("sqlite::memory:").await?, SqliteStore::connect("sqlite::memory:").await?);
    one.migrate().await?;
    two.migrate().await?;

    one.create(&key()?, &draft("{}")?, NOW).await?;

    assert!(!two.exists(&key()?).await?);
    Ok(())
}

#[tokio::test]
async fn migrate_runs_again_and_leaves_what_is_there() -> TestResult {
    let store = SqliteStore::connect("sqlite::memory:").await?;
    store.migrate().await?;
    store.create(&key()?, &draft("{}")?, NOW).await?;

    store.migrate().await?;

    assert!(store.exists(&key()?).await?);
    let indexes = "SELECT count(*) FROM sqlite_master WHERE type = 'index' AND sql LIKE '%\"expire_date\"%'";
    assert_eq!(row(&store, indexes).await?.try_get::<i64, _>(0)?, 1);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn sixteen_processes_may_migrate_at_once() -> TestResult {
    async fn start(url: String) -> Result<SqliteStore, StoreError> {
        let store = SqliteStore::connect(&url).await?;
        store.migrate().await?;
        Ok(store)
    }

    let directory = tempfile::tempdir()?;
    let starts: JoinSet<_> = (0..16).map(|_| start(url(&directory, ""))).collect();

    for started in starts.join_all().await {
        let store = started.map_err(|error| chain(&error))?;
        assert!(!store.exists(&key()?).await?);
    }
    Ok(())
}

#[tokio::test]
async fn a_missing_table_is_an_error_with_its_name_and_the_cure() -> TestResult {
    let store = SqliteStore::connect("sqlite::memory:").await?;

    let load = store.load(&key()?, NOW).await.expect_err("no table");
    let create = store.create(&key()?, &draft("{}")?, NOW).await.expect_err("no table");

    for error in [load, create] {
        let text = chain(&error);
        assert!(text.contains("`django_session`") && text.contains("`store.migrate().await`"), "{text}");
    }
    Ok(())
}

#[cfg(unix)]
mod permissions {
    use std::{
        fs,
        os::unix::fs::{PermissionsExt as _, symlink},
        path::Path,
    };

    use super::*;

    fn mode(path: &Path) -> TestResult<u32> {
        Ok(fs::metadata(path)?.permissions().mode() & 0o777)
    }

    /// Opens a database and writes to it.
    async fn written(url: &str) -> TestResult<SqliteStore> {
        let store = SqliteStore::connect(url).await?;
        store.migrate().await?;
        store.create(&key()?, &draft("{}")?, NOW).await?;
        Ok(store)
    }

    #[tokio::test]
    async fn a_database_that_is_created_is_its_owners_alone_and_so_are_the_files_beside_it() -> TestResult {
        let directory = tempfile::tempdir()?;
        let folder = directory.path().display();
        for (name, url) in [
            ("plain.db", format!("sqlite:{folder}/plain.db")),
            ("slashes.db", format!("sqlite://{folder}/slashes.db")),
            ("rwc.db", format!("sqlite:{folder}/rwc.db?mode=rwc")),
            ("a b?.db", format!("sqlite:{folder}/a%20b%3F.db")),
            ("uri.db", format!("sqlite:file:{folder}/uri.db")),
            ("host.db", format!("sqlite:file://localhost{folder}/host.db")),
            ("c d.db", format!("sqlite:file://{folder}/c%2520d.db")),
        ] {
            let store = written(&url).await?;
            for suffix in ["", "-wal", "-shm"] {
                let path = directory.path().join(format!("{name}{suffix}"));
                assert_eq!(mode(&path)?, 0o600, "{}", path.display());
            }
            store.pool().close().await;
        }
        assert_eq!(fs::read_dir(directory.path())?.count(), 7, "nothing else was made");
        Ok(())
    }

    #[tokio::test]
    async fn a_database_that_is_there_keeps_its_permissions() -> TestResult {
        let directory = tempfile::tempdir()?;
        let path = directory.path().join("sessions.db");
        written(&url(&directory, "")).await?.pool().close().await;
        for permissions in [0o640, 0o664, 0o600] {
            fs::set_permissions(&path, fs::Permissions::from_mode(permissions))?;
            let store = SqliteStore::connect(&url(&directory, "")).await?;
            assert!(store.exists(&key()?).await?);
            assert_eq!(mode(&path)?, permissions);
            store.pool().close().await;
        }
        Ok(())
    }

    #[tokio::test]
    async fn a_link_to_a_database_that_is_missing_creates_it_for_its_owner_alone() -> TestResult {
        let directory = tempfile::tempdir()?;
        fs::create_dir(directory.path().join("data"))?;
        symlink("data/link", directory.path().join("sessions.db"))?;
        symlink("real.db", directory.path().join("data/link"))?;

        let store = written(&url(&directory, "")).await?;

        assert_eq!(mode(&directory.path().join("data/real.db"))?, 0o600);
        store.pool().close().await;
        symlink("circle", directory.path().join("circle"))?;
        assert!(SqliteStore::connect(&format!("sqlite:{}/circle", directory.path().display())).await.is_err());
        Ok(())
    }

    #[tokio::test]
    async fn no_file_is_created_for_a_database_in_memory() -> TestResult {
        let directory = tempfile::tempdir()?;
        for url in [url(&directory, "?mode=memory"), "sqlite::memory:".to_owned()] {
            written(&url).await?;
        }
        // SQLite's own name for a database in a temporary file of its own.
        SqliteStore::connect("sqlite:").await?;

        assert_eq!(fs::read_dir(directory.path())?.count(), 0);
        assert!(!Path::new(":memory:").exists());
        Ok(())
    }
}

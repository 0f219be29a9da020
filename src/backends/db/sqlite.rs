//! [`SqliteStore`]: opening an SQLite database.

use std::{
    fs, io,
    path::{Path, PathBuf},
    str::FromStr,
    time::Duration,
};

use sqlx::{
    Sqlite, SqlitePool,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions},
};

use super::{DbStore, connect::unopenable};
use crate::{base_session::BaseSession, error::StoreError};

/// Sessions in an SQLite table.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), jam_session::StoreError> {
/// use jam_session::{SessionLayer, SqliteStore};
///
/// let store = SqliteStore::connect("sqlite::memory:").await?;
/// store.migrate().await?;
/// let layer = SessionLayer::new(store);
/// # Ok(()) }
/// ```
pub type SqliteStore<M = BaseSession> = DbStore<Sqlite, M>;

/// How long a statement waits for another writer: less than the deadline of a save.
const BUSY_TIMEOUT: Duration = Duration::from_secs(2);

/// As many symbolic links one after the other are followed; Linux follows 40.
const MAX_LINKS: usize = 40;

impl DbStore<Sqlite, BaseSession> {
    /// Opens a database by its URL: `sqlite:sessions.db`, `sqlite:///var/lib/app/sessions.db`,
    /// `sqlite::memory:`.
    ///
    /// A file that is missing is created, unless the URL has a `mode` (`?mode=rw`, `?mode=ro`). On Unix only its owner
    /// may read and write it (0600), because its keys open sessions; SQLite gives the `-wal` and `-shm` files beside it
    /// the same permissions. The permissions of a file that is there stay as they are. Files get write-ahead logging,
    /// so that readers do not wait for writers, and writers wait for each other for at most 2 seconds. A memory
    /// database lives as long as the store.
    ///
    /// # Errors
    ///
    /// When the URL is not one of SQLite, or the file cannot be opened; the message names the path.
    pub async fn connect(url: &str) -> Result<Self, StoreError> {
        // sqlx takes any other text for a path, also the URL of another database with its password.
        if !url.starts_with("sqlite:") {
            let error = sqlx::Error::Configuration("it does not begin with `sqlite:`".into());
            return Err(unopenable("SQLite", None, error));
        }
        let options = SqliteConnectOptions::from_str(url)
            .map_err(|error| unopenable("SQLite", None, error))?
            .busy_timeout(BUSY_TIMEOUT);
        let path = options.get_filename().display().to_string();
        let pool = match in_memory(url) {
            true => memory_pool(options).await,
            false => file_pool(options, url).await,
        };
        Ok(Self::new(pool.map_err(|error| unopenable("SQLite", Some(&path), error))?))
    }
}

fn in_memory(url: &str) -> bool {
    url.contains(":memory:") || url.contains("mode=memory")
}

/// One connection that never closes: the last one to close would take the data along.
async fn memory_pool(options: SqliteConnectOptions) -> sqlx::Result<SqlitePool> {
    // A request that is dropped while its connection is pinged would close it.
    let pool = SqlitePoolOptions::new().max_connections(1).test_before_acquire(false);
    pool.idle_timeout(None).max_lifetime(None).connect_with(options).await
}

async fn file_pool(options: SqliteConnectOptions, url: &str) -> sqlx::Result<SqlitePool> {
    let creates = !url.contains("mode=") || url.contains("mode=rwc");
    if let Some(path) = file_of(options.get_filename()).filter(|_| creates) {
        create_private(&path).map_err(sqlx::Error::Io)?;
    }
    let options = options.create_if_missing(creates);
    // A file that may not be written to keeps the journal it has.
    let options = match url.contains("mode=ro") || url.contains("immutable=") {
        true => options,
        false => options.journal_mode(SqliteJournalMode::Wal),
    };
    SqlitePoolOptions::new().test_before_acquire(false).connect_with(options).await
}

/// The file that SQLite opens under a name, which may be a URI (`file:/var/lib/app/sessions.db`); none where that URI
/// says itself how to open it, or where the name is empty: a database that SQLite keeps in a file of its own.
fn file_of(name: &Path) -> Option<PathBuf> {
    let Some(uri) = name.to_str().and_then(|name| name.strip_prefix("file:")) else {
        return (!name.as_os_str().is_empty()).then(|| name.to_owned());
    };
    let uri = uri.split('#').next().unwrap_or_default();
    let (path, query) = uri.split_once('?').unwrap_or((uri, ""));
    let path = path.strip_prefix("//").map_or(path, |rest| rest.find('/').map_or("", |at| &rest[at..]));
    let opens_otherwise = query.split('&').any(|field| field.starts_with("mode=") && field != "mode=rwc");
    (!path.is_empty() && !opens_otherwise).then(|| PathBuf::from(percent_decoded(path)))
}

fn percent_decoded(text: &str) -> String {
    let mut parts = text.split('%');
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        match part.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => bytes.extend([&[byte], &part.as_bytes()[2..]].concat()),
            None => bytes.extend([b"%", part.as_bytes()].concat()),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Creates the file if it is missing, readable for its owner alone from the first moment: SQLite would leave its
/// permissions to the umask. It opens an empty file as a new database.
fn create_private(path: &Path) -> io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    // SQLite follows a link to a file that is missing, and creates that file.
    let target = link_target(path)?;
    match options.open(&target) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        // A directory that may not be written to can have the file all the same.
        Err(_) if target.exists() => Ok(()),
        created => created.map(drop),
    }
}

/// Where a chain of links ends, be there a file or not.
fn link_target(path: &Path) -> io::Result<PathBuf> {
    let mut target = path.to_owned();
    for _ in 0..MAX_LINKS {
        match fs::read_link(&target) {
            Ok(next) => target = target.parent().map_or(next.clone(), |folder| folder.join(&next)),
            Err(_) => return Ok(target),
        }
    }
    Err(io::Error::other("too many symbolic links"))
}

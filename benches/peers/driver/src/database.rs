//! One scratch database for each server, gone at the end: a file, a PostgreSQL database, a MariaDB database.

use std::{env, fs, path::PathBuf};

use sqlx::{AssertSqlSafe, Connection as _, MySqlConnection, PgConnection, Row as _, SqliteConnection};

use crate::{BoxError, machine, plan::Database};

/// What the names of all of them begin with; the driver's process id follows.
pub const PREFIX: &str = "jam_bench_";

pub struct Scratch {
    pub database: Database,
    pub url: String,
    name: String,
    server: String,
    directory: Option<PathBuf>,
}

fn server(database: Database) -> String {
    let (variable, local) = match database {
        Database::Postgres => ("JAM_TEST_POSTGRES_URL", "postgres://postgres@127.0.0.1:5432/postgres"),
        _ => ("JAM_TEST_MYSQL_URL", "mysql://root@127.0.0.1:3306"),
    };
    env::var(variable).unwrap_or_else(|_| local.to_owned())
}

/// The URL with another database.
fn with_database(server: &str, name: &str) -> String {
    let (scheme, rest) = server.split_once("://").unwrap_or(("", server));
    let (rest, query) = rest.split_once('?').map_or((rest, None), |(rest, query)| (rest, Some(query)));
    let host = rest.split('/').next().unwrap_or_default();
    let query = query.map(|query| format!("?{query}")).unwrap_or_default();
    format!("{scheme}://{host}/{name}{query}")
}

/// Where the server listens, as host and port.
pub fn address(url: &str) -> Option<String> {
    let host = url.split_once("://")?.1.split(['/', '?']).next()?;
    let host = host.rsplit('@').next()?;
    let port = if url.starts_with("mysql") { 3306 } else { 5432 };
    Some(if host.contains(':') { host.to_owned() } else { format!("{host}:{port}") })
}

/// The version of the database, or why there is none.
pub async fn version(database: Database) -> Result<String, BoxError> {
    Ok(match database {
        Database::Sqlite => {
            let mut connection = SqliteConnection::connect("sqlite::memory:").await?;
            sqlx::query("SELECT sqlite_version()").fetch_one(&mut connection).await?.try_get(0)?
        }
        Database::Postgres => {
            let mut connection = PgConnection::connect(&server(database)).await?;
            sqlx::query("SHOW server_version").fetch_one(&mut connection).await?.try_get(0)?
        }
        Database::MariaDb => {
            let mut connection = MySqlConnection::connect(&server(database)).await?;
            sqlx::query("SELECT VERSION()").fetch_one(&mut connection).await?.try_get(0)?
        }
    })
}

/// Whether the server is on this machine, where process ids mean something.
pub fn is_local(database: Database) -> bool {
    let address = address(&server(database)).unwrap_or_default();
    database != Database::Sqlite && ["127.0.0.1", "localhost", "[::1]"].iter().any(|host| address.starts_with(host))
}

/// Scratch databases of any run, on the server.
pub async fn names(database: Database) -> Result<Vec<String>, BoxError> {
    let like = format!("{PREFIX}%").replace('_', "\\_");
    Ok(match database {
        Database::Sqlite => Vec::new(),
        Database::Postgres => {
            let mut connection = PgConnection::connect(&server(database)).await?;
            let sql = "SELECT datname::text FROM pg_database WHERE datname LIKE $1";
            sqlx::query_scalar(sql).bind(like).fetch_all(&mut connection).await?
        }
        Database::MariaDb => {
            let mut connection = MySqlConnection::connect(&server(database)).await?;
            let sql = "SELECT CAST(schema_name AS CHAR) FROM information_schema.schemata WHERE schema_name LIKE ?";
            sqlx::query_scalar(sql).bind(like).fetch_all(&mut connection).await?
        }
    })
}

pub async fn drop_named(database: Database, name: &str) -> Result<(), BoxError> {
    // Connections of a server that has just ended may linger.
    let force = if database == Database::Postgres { " WITH (FORCE)" } else { "" };
    execute(database, &server(database), &format!("DROP DATABASE IF EXISTS {name}{force}")).await
}

impl Scratch {
    pub async fn new(database: Database, number: usize) -> Result<Self, BoxError> {
        let name = format!("{PREFIX}{}_{number}", std::process::id());
        let server = server(database);
        let mut scratch = Self { database, url: with_database(&server, &name), name, server, directory: None };
        if database == Database::Sqlite {
            let directory = env::temp_dir().join(&scratch.name);
            fs::create_dir(&directory)?;
            scratch.url = format!("sqlite:{}", directory.join("sessions.db").display());
            scratch.directory = Some(directory);
        } else {
            execute(database, &scratch.server, &format!("CREATE DATABASE {}", scratch.name)).await?;
        }
        Ok(scratch)
    }

    pub async fn drop(self) -> Result<(), BoxError> {
        if let Some(directory) = &self.directory {
            return Ok(fs::remove_dir_all(directory)?);
        }
        drop_named(self.database, &self.name).await
    }

    /// Microseconds of CPU that the database's processes have used for this database; MariaDB's for all together.
    /// `None` where they are inside of the server's process, or on another machine.
    pub async fn cpu_micros(&self) -> Option<u64> {
        match self.database {
            Database::Sqlite => None,
            // The title of a backend names its database.
            Database::Postgres => {
                let backends = machine::processes_with(&self.name).ok()?;
                Some(backends.into_iter().filter_map(machine::cpu_micros).sum())
            }
            Database::MariaDb => machine::cpu_micros(self.mariadb().await?),
        }
    }

    async fn mariadb(&self) -> Option<u32> {
        let mut connection = MySqlConnection::connect(&self.server).await.ok()?;
        let row = sqlx::query("SELECT @@pid_file").fetch_one(&mut connection).await.ok()?;
        let file: String = row.try_get(0).ok()?;
        fs::read_to_string(file).ok()?.trim().parse().ok()
    }

    /// Makes the table `rows` longer with copies of a row that is there, under random keys.
    pub async fn fill(&self, binary: &str, rows: u64) -> Result<(), BoxError> {
        let (table, key, rest) = match binary {
            "by-hand" => ("session", "session_key", "session_data, expire_date"),
            "jam" => ("django_session", "session_key", "session_data, expire_date"),
            "tower-sessions" => (self.tower_sessions_table(), "id", "data, expiry_date"),
            "axum-session" => ("sessions", "id", "expires, session"),
            _ => return Ok(()),
        };
        let one = format!("(SELECT {rest} FROM {table} LIMIT 1) AS one");
        let sql = match self.database {
            Database::Sqlite => format!(
                "INSERT INTO {table} ({key}, {rest}) WITH RECURSIVE n(i) AS \
                 (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rows}) \
                 SELECT lower(hex(randomblob(16))), {rest} FROM n, {one}"
            ),
            Database::Postgres => format!(
                "INSERT INTO {table} ({key}, {rest}) SELECT md5(i::text || random()::text), {rest} \
                 FROM generate_series(1, {rows}) AS i, {one}"
            ),
            Database::MariaDb => format!(
                "INSERT INTO {table} ({key}, {rest}) SELECT LEFT(MD5(CONCAT(seq, RAND())), 22), {rest} FROM seq_1_to_{rows}, {one}"
            ),
        };
        execute(self.database, &self.url, &sql).await?;
        let analyze =
            if self.database == Database::MariaDb { format!("ANALYZE TABLE {table}") } else { "ANALYZE".into() };
        execute(self.database, &self.url, &analyze).await
    }

    fn tower_sessions_table(&self) -> &'static str {
        match self.database {
            Database::Postgres => "tower_sessions.session",
            Database::MariaDb => "session",
            Database::Sqlite => "tower_sessions",
        }
    }
}

async fn execute(database: Database, url: &str, sql: &str) -> Result<(), BoxError> {
    let sql = sqlx::raw_sql(AssertSqlSafe(sql.to_owned()));
    match database {
        Database::Sqlite => sql.execute(&mut SqliteConnection::connect(url).await?).await.map(|_| ())?,
        Database::Postgres => sql.execute(&mut PgConnection::connect(url).await?).await.map(|_| ())?,
        Database::MariaDb => sql.execute(&mut MySqlConnection::connect(url).await?).await.map(|_| ())?,
    }
    Ok(())
}

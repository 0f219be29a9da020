//! What is measured: which servers, which requests, how many at once, over which databases.

use std::{env, time::Duration};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Route {
    Untouched,
    UntouchedWithCookie,
    Read,
    Write,
    New,
    Login,
    Logout,
    Unknown,
    Malformed,
}

pub const ROUTES: [Route; 9] = [
    Route::Untouched,
    Route::UntouchedWithCookie,
    Route::Read,
    Route::Write,
    Route::New,
    Route::Login,
    Route::Logout,
    Route::Unknown,
    Route::Malformed,
];

impl Route {
    pub fn name(self) -> &'static str {
        match self {
            Self::Untouched => "untouched",
            Self::UntouchedWithCookie => "untouched, with cookie",
            Self::Read => "read",
            Self::Write => "read and write",
            Self::New => "new session",
            Self::Login => "login",
            Self::Logout => "logout",
            Self::Unknown => "unknown key",
            Self::Malformed => "malformed key",
        }
    }

    pub fn request(self) -> (&'static str, &'static str) {
        match self {
            Self::Untouched | Self::UntouchedWithCookie => ("GET", "/untouched"),
            Self::Read | Self::Unknown | Self::Malformed => ("GET", "/read"),
            Self::Write => ("POST", "/write"),
            Self::New => ("POST", "/new"),
            Self::Login => ("POST", "/login"),
            Self::Logout => ("POST", "/logout"),
        }
    }

    /// Whether a server without sessions can answer it.
    pub fn is_untouched(self) -> bool {
        matches!(self, Self::Untouched | Self::UntouchedWithCookie)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Server {
    pub name: &'static str,
    pub binary: &'static str,
    pub variant: &'static str,
}

const fn server(name: &'static str, binary: &'static str, variant: &'static str) -> Server {
    Server { name, binary, variant }
}

pub const BARE: Server = server("bare axum", "bare", "");
pub const BY_HAND: Server = server("by-hand", "by-hand", "");
pub const JAM: Server = server("jam-session", "jam", "plain");
pub const SERVERS: [Server; 7] = [
    BARE,
    BY_HAND,
    JAM,
    server("jam-session (signed)", "jam", "signed"),
    server("tower-sessions", "tower-sessions", ""),
    server("axum_session (no cache)", "axum-session", "store"),
    server("axum_session (cache)", "axum-session", "memory"),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Database {
    Sqlite,
    Postgres,
    MariaDb,
}

impl Database {
    pub fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "SQLite",
            Self::Postgres => "PostgreSQL",
            Self::MariaDb => "MariaDB",
        }
    }
}

pub const DATABASES: [Database; 3] = [Database::Sqlite, Database::Postgres, Database::MariaDb];

/// One row of a table: all servers, in turns.
#[derive(Debug, Clone, Copy)]
pub struct Cell {
    pub route: Route,
    pub connections: usize,
    /// So many sessions for all of them together, instead of one each.
    pub shared: Option<usize>,
}

/// Cells over one database and one size of session; the servers are started anew for each group.
#[derive(Debug, Clone)]
pub struct Group {
    pub database: Database,
    pub size: usize,
    pub names: usize,
    /// Rows that are in the table beside the visitors' own.
    pub rows: u64,
    pub cells: Vec<Cell>,
    /// Whether statements, allocations and the like are counted, too.
    pub counts: bool,
}

pub struct Plan {
    pub groups: Vec<Group>,
    pub rounds: usize,
    pub round: Duration,
    pub warm_up: Duration,
    /// Whether instructions are counted with callgrind, which takes minutes.
    pub instructions: bool,
}

fn cells(routes: &[Route], connections: &[usize]) -> Vec<Cell> {
    let of = |&route: &Route| connections.iter().map(move |&connections| Cell { route, connections, shared: None });
    routes.iter().flat_map(of).collect()
}

const MAIN: [Route; 3] = [Route::Read, Route::Write, Route::New];
const REST: [Route; 4] = [Route::Login, Route::Logout, Route::Unknown, Route::Malformed];
const UNTOUCHED: [Route; 2] = [Route::Untouched, Route::UntouchedWithCookie];

impl Plan {
    pub fn named(name: &str) -> Option<Self> {
        let plan = match name {
            "quick" => Self::quick(),
            "full" => Self::full(),
            "scale" => Self::scale(),
            _ => return None,
        };
        Some(plan.filtered())
    }

    fn quick() -> Self {
        let mut groups = Vec::new();
        for database in DATABASES {
            let mut small = cells(&MAIN, &[16, 64]);
            if database == Database::Sqlite {
                small.extend(cells(&[Route::UntouchedWithCookie], &[16]));
            }
            groups.push(Group { database, size: 200, names: 10, rows: 0, cells: small, counts: true });
            let large = cells(&[Route::Read], &[64]);
            groups.push(Group { database, size: 4096, names: 10, rows: 0, cells: large, counts: false });
        }
        let (round, warm_up) = (Duration::from_millis(400), Duration::from_millis(200));
        Self { groups, rounds: 3, round, warm_up, instructions: false }
    }

    fn full() -> Self {
        let mut groups = Vec::new();
        for database in DATABASES {
            for size in [200, 4096, 65536] {
                let mut all = cells(&MAIN, &[1, 16, 64, 256]);
                if size == 200 {
                    all.extend(cells(&REST, &[16, 64]));
                    let shared = |route| Cell { route, connections: 16, shared: Some(64) };
                    all.extend([Route::Read, Route::Write].map(shared));
                    if database == Database::Sqlite {
                        all.extend(cells(&UNTOUCHED, &[1, 16, 64]));
                    }
                }
                groups.push(Group { database, size, names: 10, rows: 0, cells: all, counts: true });
            }
        }
        let (round, warm_up) = (Duration::from_millis(800), Duration::from_millis(400));
        Self { groups, rounds: 5, round, warm_up, instructions: true }
    }

    /// How cost grows with the rows of the table and with the names of a session.
    fn scale() -> Self {
        let rows = env::var("BENCH_ROWS").unwrap_or_else(|_| "1000,100000,1000000".to_owned());
        let rows: Vec<u64> = rows.split(',').filter_map(|rows| rows.trim().parse().ok()).collect();
        let mut groups = Vec::new();
        for database in DATABASES {
            let cells = cells(&MAIN, &[16]);
            let group = |size, names, rows| Group { database, size, names, rows, cells: cells.clone(), counts: false };
            groups.extend(rows.iter().map(|&rows| group(200, 10, rows)));
            groups.extend([10, 1000].map(|names| group(32 * 1024, names, 0)));
        }
        let (round, warm_up) = (Duration::from_millis(800), Duration::from_millis(400));
        Self { groups, rounds: 5, round, warm_up, instructions: false }
    }

    /// `BENCH_ONLY` keeps what has all of its words, such as `PostgreSQL,read,64`: a database, a route, a number of
    /// connections, `200B` for a size.
    fn filtered(mut self) -> Self {
        let only = env::var("BENCH_ONLY").unwrap_or_default();
        let only: Vec<_> = only.split(',').map(str::trim).filter(|word| !word.is_empty()).collect();
        for group in &mut self.groups {
            let (database, size) = (group.database.name(), format!("{}B", group.size));
            group.cells.retain(|cell| {
                let words = [database, &size, cell.route.name(), &cell.connections.to_string()].map(str::to_owned);
                only.iter().all(|word| words.iter().any(|known| known.eq_ignore_ascii_case(word)))
            });
        }
        self.groups.retain(|group| !group.cells.is_empty());
        self
    }
}

/// The servers that `BENCH_SERVERS` names, or all of them.
pub fn servers() -> Vec<Server> {
    let only = env::var("BENCH_SERVERS").unwrap_or_default();
    let wanted = |server: &Server| only.is_empty() || only.split(',').any(|name| name.trim() == server.name);
    SERVERS.into_iter().filter(wanted).collect()
}

//! What is measured: which requests, how many at once, over which databases.

use std::{env, time::Duration};

use crate::{
    route::Route,
    servers::{Kind, Server},
};

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
#[derive(Debug, Clone, Copy, PartialEq)]
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
    pub kinds: &'static [Kind],
    pub cells: Vec<Cell>,
    /// Whether statements, allocations and the like are counted, too.
    pub counts: bool,
    /// Whether instructions are counted with callgrind.
    pub instructions: bool,
}

pub struct Plan {
    pub groups: Vec<Group>,
    pub rounds: usize,
    pub round: Duration,
    pub warm_up: Duration,
    /// Where two processes are asked whether they see each other's changes.
    pub two_processes: Vec<Database>,
}

const ALL: &[Kind] = &[Kind::Bare, Kind::Plain, Kind::Signed, Kind::Cached];
const MAIN: [Route; 3] = [Route::Read, Route::Write, Route::New];
const REST: [Route; 4] = [Route::Login, Route::Logout, Route::Unknown, Route::Malformed];
const UNTOUCHED: [Route; 2] = [Route::Untouched, Route::UntouchedWithCookie];

fn cells(routes: &[Route], connections: &[usize]) -> Vec<Cell> {
    let of = |&route: &Route| connections.iter().map(move |&connections| Cell { route, connections, shared: None });
    routes.iter().flat_map(of).collect()
}

fn group(database: Database, size: usize, cells: Vec<Cell>) -> Group {
    let small = size <= 4096;
    let instructions = small && database == Database::Sqlite;
    Group { database, size, names: 10, rows: 0, kinds: ALL, cells, counts: small, instructions }
}

impl Plan {
    pub fn named(name: &str) -> Option<Self> {
        let plan = match name {
            "quick" => Self::quick(),
            "full" => Self::full(),
            "scale" => Self::scale(),
            "counts" => Self::counts(),
            "stale" => Self { two_processes: DATABASES.to_vec(), ..Self::of(Vec::new(), 0) },
            _ => return None,
        };
        Some(plan.filtered(&env::var("BENCH_ONLY").unwrap_or_default()))
    }

    fn of(groups: Vec<Group>, round: u64) -> Self {
        let (round, warm_up) = (Duration::from_millis(round), Duration::from_millis(150));
        Self { groups, rounds: 3, round, warm_up, two_processes: Vec::new() }
    }

    fn quick() -> Self {
        let mut groups = Vec::new();
        for database in DATABASES {
            let mut small = cells(&[Route::Read, Route::Write], &[16, 64]);
            small.extend(cells(&[Route::New], &[64]));
            if database == Database::Sqlite {
                small.extend(cells(&[Route::UntouchedWithCookie], &[16]));
            }
            let large = cells(&[Route::Read], &[64]);
            groups.push(Group { instructions: false, ..group(database, 200, small) });
            groups.push(Group { instructions: false, counts: false, ..group(database, 4096, large) });
        }
        Self::of(groups, 250)
    }

    /// Every route at every number of connections with a small session, reading and writing with larger ones.
    fn full() -> Self {
        let mut groups = Vec::new();
        for database in DATABASES {
            let mut small = cells(&MAIN, &[1, 16, 64, 256]);
            small.extend(cells(&REST, &[1, 16, 64, 256]));
            small.extend([Route::Read, Route::Write].map(|route| Cell { route, connections: 16, shared: Some(64) }));
            // The same for every database, but for servers that ask it all the same.
            let at: &[usize] = if database == Database::Sqlite { &[1, 16, 64, 256] } else { &[64] };
            small.extend(cells(&UNTOUCHED, at));
            groups.push(group(database, 200, small));
            for size in [4096, 65536] {
                groups.push(group(database, size, cells(&[Route::Read, Route::Write], &[1, 64])));
            }
        }
        Self { two_processes: vec![Database::Postgres], ..Self::of(groups, 400) }
    }

    /// What does not depend on how fast the machine is.
    fn counts() -> Self {
        let sizes = DATABASES.into_iter().flat_map(|database| [200, 4096].map(|size| (database, size)));
        Self::of(sizes.map(|(database, size)| group(database, size, Vec::new())).collect(), 0)
    }

    /// How cost grows with the rows of the table and with the names of a session.
    fn scale() -> Self {
        let rows = env::var("BENCH_ROWS").unwrap_or_else(|_| "1000,100000,1000000".to_owned());
        let rows: Vec<u64> = rows.split(',').filter_map(|rows| rows.trim().parse().ok()).collect();
        let mut groups = Vec::new();
        for database in DATABASES {
            let plain = |size, names, rows| {
                let group = group(database, size, cells(&MAIN, &[16]));
                Group { names, rows, kinds: &[Kind::Plain], counts: false, instructions: false, ..group }
            };
            groups.extend(rows.iter().map(|&rows| plain(200, 10, rows)));
            groups.extend([10, 1000].map(|names| plain(32 * 1024, names, 0)));
        }
        Self::of(groups, 800)
    }

    /// `only` keeps what has all of its words, such as `PostgreSQL,read,64`: a database, a route (without its comma), a
    /// number of connections, `200B` for a size. Parts of a group are timed and not counted.
    fn filtered(mut self, only: &str) -> Self {
        let only: Vec<_> = only.split(',').map(str::trim).filter(|word| !word.is_empty()).collect();
        let has = |words: &[String]| only.iter().all(|word| words.iter().any(|known| known.eq_ignore_ascii_case(word)));
        for group in &mut self.groups {
            let about = [group.database.name().to_owned(), format!("{}B", group.size)];
            group.cells.retain(|cell| {
                let route = cell.route.name().replace(',', "");
                has(&[about.clone(), [route, cell.connections.to_string()]].concat())
            });
            group.counts &= has(&about);
            group.instructions &= has(&about);
        }
        self.groups.retain(|group| !group.cells.is_empty() || group.counts || group.instructions);
        self.two_processes.retain(|database| has(&[database.name().to_owned()]));
        self
    }

    /// About how long it takes with these servers.
    pub fn estimate(&self, servers: &[Server]) -> Duration {
        // Visitors that come and begin a session, a table that is filled: as measured.
        let setting_up = Duration::from_millis(200);
        let cell = self.warm_up + self.round * self.rounds as u32 + setting_up;
        let mut sum = Duration::ZERO;
        for group in &self.groups {
            let servers = group.servers(servers);
            for (cells, server) in group.cells.iter().flat_map(|cell| servers.iter().map(move |server| (cell, server)))
            {
                sum += cell * u32::from(server.answers(cells.route, group.size));
            }
            let each = u64::from(group.counts) * 2 + u64::from(group.instructions) * 12 + group.rows / 60_000;
            sum += Duration::from_secs(each) * servers.len() as u32;
        }
        sum + Duration::from_secs(150) * self.two_processes.len() as u32
    }
}

impl Group {
    /// Those of `servers` that take part.
    pub fn servers(&self, servers: &[Server]) -> Vec<Server> {
        let takes_part = |server: &&Server| self.kinds.contains(&server.kind) && self.fits(server);
        servers.iter().filter(takes_part).copied().collect()
    }

    /// Whether the server's table has room for sessions of this size: `text` of MySQL ends at 65,535 bytes.
    fn fits(&self, server: &Server) -> bool {
        self.size < 65_535 || self.database != Database::MariaDb || server.binary != "axum-session"
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::servers::SERVERS;

    #[test]
    fn the_whole_run_ends_within_forty_minutes_and_the_quick_one_within_five() {
        assert!(Plan::full().estimate(&SERVERS) < Duration::from_secs(40 * 60));
        assert!(Plan::quick().estimate(&SERVERS) < Duration::from_secs(5 * 60));
    }

    #[test]
    fn a_part_has_all_of_its_words() {
        let part = Plan::full().filtered("postgresql, read, 64");

        let sizes: Vec<_> = part.groups.iter().map(|group| group.size).collect();
        assert_eq!(sizes, [200, 4096, 65536]);
        let expected = Cell { route: Route::Read, connections: 64, shared: None };
        assert!(part.groups.iter().all(|group| group.cells == [expected] && !group.counts));
        assert!(part.two_processes.is_empty());
    }

    #[test]
    fn parts_by_database_make_the_whole() {
        let parts = DATABASES.map(|database| Plan::full().filtered(database.name()));

        let of = |plan: &Plan| plan.groups.iter().map(|group| (group.cells.len(), group.counts)).collect::<Vec<_>>();
        assert_eq!(parts.iter().flat_map(of).collect::<Vec<_>>(), of(&Plan::full()));
    }
}

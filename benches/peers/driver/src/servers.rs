//! The servers that are compared, and which requests tell them apart.

use std::env;

use crate::route::Route;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Without sessions.
    Bare,
    /// Sessions in a database, as the library or the hand does it.
    Plain,
    /// Rows that are signed.
    Signed,
    /// A cache before the database.
    Cached,
    /// A cache that hears of other processes' changes: of interest where there are two.
    Listening,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Server {
    pub name: &'static str,
    pub binary: &'static str,
    pub variant: &'static str,
    pub kind: Kind,
}

const fn server(kind: Kind, name: &'static str, binary: &'static str, variant: &'static str) -> Server {
    Server { name, binary, variant, kind }
}

pub const PASSING: &str = "bare axum, pass-through layer";
pub const BY_HAND: &str = "by-hand";
pub const JAM: &str = "jam-session";
pub const SIGNED: &str = "jam-session (signed)";

/// In the order of the tables.
pub const SERVERS: [Server; 13] = [
    server(Kind::Bare, "bare axum", "bare", ""),
    server(Kind::Bare, PASSING, "bare", "pass-through"),
    server(Kind::Plain, BY_HAND, "by-hand", ""),
    server(Kind::Plain, JAM, "jam", "plain"),
    server(Kind::Signed, SIGNED, "jam", "signed"),
    server(Kind::Cached, "jam-session (cached_db, local)", "jam", "locmem"),
    server(Kind::Listening, "jam-session (cached_db, local, listen)", "jam", "listen"),
    server(Kind::Cached, "jam-session (cached_db, Redis)", "jam", "redis"),
    server(Kind::Plain, "tower-sessions", "tower-sessions", "store"),
    server(Kind::Cached, "tower-sessions (moka cache)", "tower-sessions", "moka"),
    server(Kind::Cached, "tower-sessions (Redis cache)", "tower-sessions", "redis"),
    server(Kind::Plain, "axum_session (no cache)", "axum-session", "store"),
    server(Kind::Plain, "axum_session (cache)", "axum-session", "memory"),
];

impl Server {
    pub fn needs_redis(self) -> bool {
        self.variant == "redis"
    }

    /// Whether its answer says something that another server's does not.
    pub fn answers(self, route: Route, size: usize) -> bool {
        match self.kind {
            Kind::Bare => route.is_untouched(),
            Kind::Plain => true,
            Kind::Signed => size <= 4096 && matches!(route, Route::Read | Route::Write),
            Kind::Cached => matches!(route, Route::Read | Route::Write | Route::Login | Route::Logout),
            Kind::Listening => false,
        }
    }
}

/// The servers that `BENCH_SERVERS` names (without their own commas), or all of them.
pub fn wanted(redis: bool) -> Vec<Server> {
    let only = env::var("BENCH_SERVERS").unwrap_or_default();
    let named =
        |server: &Server| only.is_empty() || only.split(',').any(|name| name.trim() == server.name.replace(',', ""));
    SERVERS.into_iter().filter(|server| named(server) && (redis || !server.needs_redis())).collect()
}

//! Counting: what does not depend on how fast the machine is. One visitor, one request after the other.

use serde_json::{Value, json};

use crate::{
    BoxError,
    database::{self, Scratch},
    plan::{Database, Group},
    route::{ROUTES, Route},
    run::Context,
    server::{How, Running},
    servers::Server,
    tap::{Counted, Tap},
    visitor::Visitor,
};

/// Requests that are counted of each route, after as many that warm up.
const REQUESTS: u64 = 100;

/// Statements, round trips to the database and allocations of each route, per request.
pub async fn of(
    context: &Context<'_>,
    server: Server,
    scratch: &Scratch,
    group: &Group,
) -> Result<Vec<Value>, BoxError> {
    let (tap, url) = tapped(scratch).await?;
    let how = How { counting: true, ..context.how(group.size, group.names) };
    let running = Running::start(server, scratch, &url, how).await?;
    let mut rows = Vec::new();
    for route in ROUTES.into_iter().filter(|&route| server.answers(route, group.size)) {
        let row = route_of(&running, &tap, route).await;
        let (stats, tapped) = row.map_err(|error| format!("{}, {}: {error}", server.name, route.name()))?;
        let each = |total: u64| (total as f64 / REQUESTS as f64 * 10.0).round() / 10.0;
        let embedded = scratch.database == Database::Sqlite;
        rows.push(json!({
            "database": group.database.name(), "size": group.size, "route": route.name(), "server": server.name,
            "statements": each(if embedded { stats[2] } else { tapped.statements }),
            "round_trips": (!embedded).then(|| each(tapped.round_trips)),
            "bytes_to_database": (!embedded).then(|| each(tapped.bytes).round()),
            "allocations": each(stats[0]), "allocated_bytes": each(stats[1]).round(),
        }));
    }
    running.stop().await?;
    Ok(rows)
}

/// Has the server speak to its database through a tap.
async fn tapped(scratch: &Scratch) -> Result<(Tap, String), BoxError> {
    let tap = Tap::default();
    let mysql = scratch.database == Database::MariaDb;
    let Some(address) = (scratch.database != Database::Sqlite).then(|| database::address(&scratch.url)).flatten()
    else {
        return Ok((tap, scratch.url.clone()));
    };
    let opened = tap.open(address.clone(), mysql).await?;
    let url = match scratch.url.contains(&address) {
        true => scratch.url.replace(&address, &opened),
        false => scratch.url.replace(address.split(':').next().unwrap_or_default(), &opened),
    };
    Ok((tap, url))
}

async fn route_of(running: &Running, tap: &Tap, route: Route) -> Result<([u64; 3], Counted), BoxError> {
    let mut visitor = Visitor::of(running.server, &running.address, route).await?;
    // A logout needs a session, and making one is not what is counted.
    let before =
        if route == Route::Logout { beginnings(running, tap, &mut visitor).await? } else { Default::default() };
    let (stats, tapped) = counted(running, tap, &mut visitor, route).await?;
    let stats = [0, 1, 2].map(|at| stats[at].saturating_sub(before.0[at]));
    Ok((stats, minus(tapped, before.1)))
}

async fn beginnings(running: &Running, tap: &Tap, visitor: &mut Visitor) -> Result<([u64; 3], Counted), BoxError> {
    counted(running, tap, visitor, Route::New).await
}

async fn counted(
    running: &Running,
    tap: &Tap,
    visitor: &mut Visitor,
    route: Route,
) -> Result<([u64; 3], Counted), BoxError> {
    for _ in 0..REQUESTS {
        visitor.visit(route).await?;
    }
    // What asking costs is known from asking twice.
    let (zero, before, start) = (running.stats().await?, running.stats().await?, tap.counted());
    for _ in 0..REQUESTS {
        visitor.visit(route).await?;
    }
    let after = running.stats().await?;
    let stats = [0, 1, 2].map(|at| (after[at] - before[at]).saturating_sub(before[at] - zero[at]));
    Ok((stats, minus(tap.counted(), start)))
}

fn minus(a: Counted, b: Counted) -> Counted {
    Counted {
        statements: a.statements.saturating_sub(b.statements),
        round_trips: a.round_trips.saturating_sub(b.round_trips),
        bytes: a.bytes.saturating_sub(b.bytes),
    }
}

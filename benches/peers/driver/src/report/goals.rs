//! What is aimed at, what was seen, and whether that is enough.

use std::fmt::Write as _;

use serde_json::Value;

use super::{keys, text, with};
use crate::{
    results::rows,
    route::Route,
    servers::{BY_HAND, JAM, PASSING, SIGNED},
};

/// The connections at which processor time is compared.
const CONNECTIONS: u64 = 64;

struct Goal {
    what: String,
    seen: f64,
    at_most: f64,
}

/// The clean-up's goals are lines of its own output: `goal: WHAT: SEEN, at most LIMIT: met`.
pub fn section(found: &Value, clean_up: &str) -> String {
    let mut page = "\n## Goals\n\n| | seen | goal | |\n|---|---:|---:|---|\n".to_owned();
    for Goal { what, seen, at_most } in all(found) {
        let met = if seen <= at_most { "met" } else { "not met" };
        let _ = writeln!(page, "| {what} | {seen:.2} | ≤ {at_most} | {met} |");
    }
    for line in clean_up.lines().filter_map(|line| line.strip_prefix("goal: ")) {
        let parts: Vec<_> = line.split(": ").collect();
        if let [what, seen, met] = parts[..] {
            let (seen, limit) = seen.split_once(", at most ").unwrap_or((seen, "–"));
            let _ = writeln!(page, "| clean-up, {what} | {seen} | ≤ {limit} | {met} |");
        }
    }
    page
}

fn all(found: &Value) -> Vec<Goal> {
    let [cells, counts, instructions] = ["cells", "counts", "instructions"].map(|list| rows(found, list));
    let mut goals = signing(&cells);
    goals.extend(compared(&counts, "allocations", "read", 4096, [JAM, BY_HAND], 0.35));
    goals.extend(compared(&instructions, "instructions", "read", 4096, [JAM, BY_HAND], 0.35));
    for route in ["untouched", "untouched, with cookie"] {
        goals.extend(compared(&instructions, "instructions", route, 200, [JAM, PASSING], 1.12));
        goals.extend(more_allocations(&counts, route));
    }
    goals.extend(stale(&rows(found, "stale")));
    goals
}

/// Processor time of the server with signed rows, of that with plain ones.
fn signing(cells: &[Value]) -> Vec<Goal> {
    let routes = [Route::Read, Route::Write].map(Route::name);
    let compared = |cell: &&Value| cell["connections"] == CONNECTIONS && routes.contains(&text(&cell["route"]));
    let cells: Vec<_> = cells.iter().filter(compared).cloned().collect();
    let mut goals = Vec::new();
    for key in keys(&cells, &["database", "size", "route"]) {
        let seen = ratio(&with(&cells, &key), "server_cpu_us", [SIGNED, JAM]);
        let what = format!("CPU, signed / plain: {}, {}, {} bytes", text(&key[0].1), text(&key[2].1), key[1].1);
        goals.extend(seen.map(|seen| Goal { what, seen, at_most: 1.5 }));
    }
    goals
}

/// One server's figure of another's, for each database.
fn compared(rows: &[Value], figure: &str, route: &str, size: u64, servers: [&str; 2], at_most: f64) -> Vec<Goal> {
    let rows: Vec<_> = rows.iter().filter(|row| row["route"] == route && row["size"] == size).cloned().collect();
    let goal = |key: &super::Key| {
        let seen = ratio(&with(&rows, key), figure, servers)?;
        let what = format!("{figure}, {} / {}: {}, {route}, {size} bytes", servers[0], servers[1], text(&key[0].1));
        Some(Goal { what, seen, at_most })
    };
    keys(&rows, &["database"]).iter().filter_map(goal).collect()
}

fn more_allocations(counts: &[Value], route: &str) -> Option<Goal> {
    let rows: Vec<_> = counts.iter().filter(|row| row["route"] == route && row["size"] == 200).cloned().collect();
    let of = |server: &str| rows.iter().find(|row| row["server"] == server)?["allocations"].as_f64();
    let what = format!("allocations more than {PASSING}: {route}");
    Some(Goal { what, seen: of(JAM)? - of(PASSING)?, at_most: 3.0 })
}

fn ratio(rows: &[Value], figure: &str, [one, other]: [&str; 2]) -> Option<f64> {
    let of = |server: &str| rows.iter().find(|row| row["server"] == server)?[figure].as_f64();
    of(one).zip(of(other).filter(|&other| other > 0.0)).map(|(one, other)| one / other)
}

/// Stale answers of this crate when its documentation says that there are none any more.
fn stale(rows: &[Value]) -> Vec<Goal> {
    // From which of the moments on: at once, after 100 ms, after 6 s.
    let promised = |server: &str| match server {
        "jam-session" | "jam-session (cached_db, Redis)" => Some((0, "at once")),
        "jam-session (cached_db, local, listen)" => Some((1, "after 100 ms")),
        "jam-session (cached_db, local)" => Some((2, "after 6 s")),
        _ => None,
    };
    let goal = |row: &Value| {
        let (from, when) = promised(text(&row["server"]))?;
        let later =
            |name: &str| row[name].as_array().map(|all| all[from..].iter().filter_map(Value::as_f64).sum::<f64>());
        let seen = ["change", "login", "logout"].into_iter().filter_map(later).sum::<f64>();
        let seen = seen + row["lost"].as_f64()? + row["came_back"].as_f64()?;
        let what = format!(
            "stale answers {when}, lost changes, ended sessions that came back: {}, {}",
            text(&row["server"]),
            text(&row["database"])
        );
        Some(Goal { what, seen, at_most: 0.0 })
    };
    rows.iter().filter_map(goal).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_goal_is_met_up_to_its_limit_and_not_above() {
        let cpu = |server: &str, cpu: f64| json!({ "database": "SQLite", "size": 200, "rows": 0, "route": "read", "connections": 64, "server": server, "server_cpu_us": cpu });
        let met = json!({ "cells": [cpu(JAM, 10.0), cpu(SIGNED, 15.0)] });
        let missed = json!({ "cells": [cpu(JAM, 10.0), cpu(SIGNED, 15.1)] });

        assert!(section(&met, "").contains("| CPU, signed / plain: SQLite, read, 200 bytes | 1.50 | ≤ 1.5 | met |"));
        assert!(section(&missed, "").contains("| 1.51 | ≤ 1.5 | not met |"));
    }

    #[test]
    fn a_local_cache_may_be_stale_until_its_time_is_over() {
        let of = |server: &str| json!({ "stale": [{ "database": "PostgreSQL", "server": server, "change": [200, 200, 0], "login": [0, 0, 0], "logout": [0, 0, 0], "lost": 0, "came_back": 0 }] });

        assert!(section(&of("jam-session (cached_db, local)"), "").contains("| 0.00 | ≤ 0 | met |"));
        assert!(section(&of("jam-session (cached_db, Redis)"), "").contains("| 400.00 | ≤ 0 | not met |"));
    }

    #[test]
    fn the_clean_up_says_itself_whether_it_met_its_goals() {
        let page = section(&json!({}), "noise\ngoal: SQLite, writers' p99: 12.0 ms, at most 30 ms: met\n");

        assert!(page.contains("| clean-up, SQLite, writers' p99 | 12.0 ms | ≤ 30 ms | met |"));
    }
}

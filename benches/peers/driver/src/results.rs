//! What was found, as it is kept in a file: a run, or several partial runs that were put together.

use std::{fs, path::Path};

use serde_json::{Value, json};

use crate::{BoxError, plan::DATABASES, route::ROUTES, servers::SERVERS};

/// Each list of rows, and what its rows are replaced by: all servers of a cell at once, because they were measured in
/// turns; a server's own row where nothing depends on the others.
const LISTS: [(&str, &[&str]); 4] = [
    ("cells", &["database", "size", "names", "rows", "route", "connections", "shared"]),
    ("counts", &["database", "size", "route", "server"]),
    ("instructions", &["database", "size", "route", "server"]),
    ("stale", &["database", "server"]),
];

pub fn read(path: &Path) -> Result<Option<Value>, BoxError> {
    if !path.exists() {
        return Ok(None);
    }
    Ok(Some(serde_json::from_str(&fs::read_to_string(path)?)?))
}

pub fn save(path: &Path, results: &Value) -> Result<(), BoxError> {
    let beside = path.with_extension("json.new");
    fs::write(&beside, serde_json::to_string_pretty(results)? + "\n")?;
    Ok(fs::rename(beside, path)?)
}

/// Puts what a run or a part of one has found over what was known.
pub fn merge(known: &mut Value, found: &Value) {
    for (database, version) in found["databases"].as_object().into_iter().flatten() {
        known["databases"][database] = version.clone();
    }
    let runs = rows(known, "runs");
    let run = runs.iter().position(|run| *run == found["run"]).unwrap_or(runs.len());
    known["runs"] = json!(runs);
    if run == runs.len() {
        known["runs"].as_array_mut().expect("a list").push(found["run"].clone());
    }
    for (list, key) in LISTS {
        let new = rows(found, list);
        let same = |a: &Value, b: &Value| key.iter().all(|name| a[*name] == b[*name]);
        let mut all = rows(known, list);
        all.retain(|row| !new.iter().any(|other| same(row, other)));
        all.extend(new.into_iter().map(|mut row| {
            row["run"] = json!(run);
            row
        }));
        all.sort_by_key(place);
        known[list] = json!(all);
    }
    forget_runs(known);
}

/// Drops what runs of this name have found.
pub fn forget(results: &mut Value, name: &str) {
    let runs = rows(results, "runs");
    let named = |row: &Value| row["run"].as_u64().is_some_and(|run| runs[run as usize]["name"] == name);
    for (list, _) in LISTS {
        results[list] = rows(results, list).into_iter().filter(|row| !named(row)).collect();
    }
    forget_runs(results);
}

/// Drops the runs of which nothing is left.
fn forget_runs(results: &mut Value) {
    let of = |row: &Value| row["run"].as_u64().unwrap_or_default() as usize;
    let all: Vec<Value> = LISTS.iter().flat_map(|(list, _)| rows(results, list)).collect();
    let runs = rows(results, "runs");
    let kept: Vec<usize> = (0..runs.len()).filter(|&run| all.iter().any(|row| of(row) == run)).collect();
    for (list, _) in LISTS {
        for row in results[list].as_array_mut().into_iter().flatten() {
            row["run"] = json!(kept.iter().position(|&run| run == of(row)));
        }
    }
    results["runs"] = kept.into_iter().map(|run| runs[run].clone()).collect();
}

pub fn rows(results: &Value, list: &str) -> Vec<Value> {
    results[list].as_array().cloned().unwrap_or_default()
}

/// The order of the tables.
fn place(row: &Value) -> [usize; 8] {
    let number = |name: &str| row[name].as_u64().unwrap_or_default() as usize;
    let at = |names: &[&str], value: &Value| names.iter().position(|name| value == name).unwrap_or(names.len());
    [
        at(&DATABASES.map(crate::plan::Database::name), &row["database"]),
        number("size"),
        number("names"),
        number("rows"),
        at(&ROUTES.map(crate::route::Route::name), &row["route"]),
        number("shared"),
        number("connections"),
        at(&SERVERS.map(|server| server.name), &row["server"]),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(run: &str, database: &str, rps: u64) -> Value {
        let cell = |server: &str| {
            json!({ "database": database, "size": 200, "names": 10, "rows": 0, "route": "read", "connections": 16,
                    "shared": null, "server": server, "rps": rps })
        };
        json!({ "run": { "name": run }, "databases": { database: "1" }, "cells": [cell("jam-session"), cell("by-hand")] })
    }

    #[test]
    fn a_part_replaces_whole_cells_and_leaves_the_others() {
        let mut results = json!({});
        merge(&mut results, &found("one", "PostgreSQL", 1));
        merge(&mut results, &found("two", "SQLite", 2));
        let mut alone = found("three", "PostgreSQL", 3);
        alone["cells"].as_array_mut().unwrap().pop();
        merge(&mut results, &alone);

        let cells = rows(&results, "cells");
        let shown: Vec<_> = cells.iter().map(|cell| (&cell["database"], &cell["server"], &cell["rps"])).collect();
        assert_eq!(
            json!(shown),
            json!([["SQLite", "by-hand", 2], ["SQLite", "jam-session", 2], ["PostgreSQL", "jam-session", 3]])
        );
        assert_eq!(results["runs"], json!([{ "name": "two" }, { "name": "three" }]));
        assert_eq!(cells.iter().map(|cell| cell["run"].as_u64().unwrap()).collect::<Vec<_>>(), [0, 0, 1]);

        forget(&mut results, "two");
        assert_eq!(results["runs"], json!([{ "name": "three" }]));
        assert_eq!(rows(&results, "cells").len(), 1);
    }
}

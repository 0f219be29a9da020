//! Tables of what was timed and of what was counted.

use std::fmt::Write as _;

use serde_json::Value;

use super::{figure, keys, text, with};
use crate::{results::rows, servers::BY_HAND};

/// Behind a figure, what it is of the yardstick's.
fn ratio(rows: &[Value], row: &Value, name: &str) -> String {
    let named = |name: &str| rows.iter().find(|row| row["server"] == name);
    let yardstick = named(BY_HAND).or_else(|| named("bare axum"));
    match (row[name].as_f64(), yardstick.and_then(|row| row[name].as_f64())) {
        (Some(figure), Some(yardstick)) if yardstick > 0.0 => format!("{:.2}", figure / yardstick),
        _ => "–".to_owned(),
    }
}

/// A table for each cell.
pub fn timed(found: &Value) -> String {
    let cells = rows(found, "cells");
    let mut page = String::new();
    for heading in keys(&cells, &["database", "size", "names", "rows"]) {
        let cells = with(&cells, &heading);
        let [database, size, names, rows] = [0, 1, 2, 3].map(|at| &heading[at].1);
        let _ = write!(page, "\n## {}, sessions of {} bytes and {} names", text(database), figure(size), figure(names));
        if rows.as_u64() > Some(0) {
            let _ = write!(page, ", {} rows", figure(rows));
        }
        page.push('\n');
        for key in keys(&cells, &["route", "connections", "shared"]) {
            let _ = write!(page, "\n**{}**, {} connections", text(&key[0].1), key[1].1);
            if let Some(shared) = key[2].1.as_u64() {
                let _ = write!(page, ", which share {shared} sessions");
            }
            page += &cell(&with(&cells, &key));
        }
    }
    page
}

fn cell(rows: &[Value]) -> String {
    let mut page = "\n\n| | requests/s | × | low–high | p50 µs | p99 µs | CPU µs, server | database | packets |\n\
         |---|---:|---:|---:|---:|---:|---:|---:|---:|\n"
        .to_owned();
    for row in rows {
        let f = |name: &str| figure(&row[name]);
        let _ = writeln!(
            page,
            "| {} | {} | {} | {}–{} | {} | {} | {} | {} | {} |",
            text(&row["server"]),
            f("rps"),
            ratio(rows, row, "rps"),
            f("rps_low"),
            f("rps_high"),
            f("p50_us"),
            f("p99_us"),
            f("server_cpu_us"),
            f("database_cpu_us"),
            f("packets"),
        );
    }
    page
}

/// What does not depend on the machine's speed.
pub fn counted(found: &Value) -> String {
    let (counts, instructions) = (rows(found, "counts"), rows(found, "instructions"));
    let mut page = String::new();
    if !counts.is_empty() {
        page.push_str("\n## Counted, per request\n\nOne connection, one request after the other.\n");
    }
    for heading in keys(&counts, &["database", "size"]) {
        let _ = write!(page, "\n### {}, {} bytes\n\n", text(&heading[0].1), figure(&heading[1].1));
        page.push_str(
            "| | | statements | round trips | bytes to the database | allocations | their bytes | instructions |\n\
             |---|---|---:|---:|---:|---:|---:|---:|\n",
        );
        for row in with(&counts, &heading) {
            let same =
                |other: &&Value| ["database", "size", "route", "server"].iter().all(|name| other[*name] == row[*name]);
            let counted = instructions.iter().find(same).map_or(Value::Null, |other| other["instructions"].clone());
            let f = |name: &str| figure(&row[name]);
            let _ = writeln!(
                page,
                "| {} | {} | {} | {} | {} | {} | {} | {} |",
                text(&row["route"]),
                text(&row["server"]),
                f("statements"),
                f("round_trips"),
                f("bytes_to_database"),
                f("allocations"),
                f("allocated_bytes"),
                figure(&counted),
            );
        }
    }
    page
}

//! The page: what was measured, how, and whether the goals are met.

use std::{fmt::Write as _, fs, path::Path};

use serde_json::Value;

use crate::{
    BoxError,
    results::{read, rows},
    summary::{self, thousands},
};

mod goals;
mod plots;
mod tables;
mod two_processes;

/// Which figures tell two cells of one table apart.
type Key = Vec<(&'static str, Value)>;

const INTRODUCTION: &str = "# Performance

The same application with different sessions, side by side: `benches/peers/run full` (half an hour), or `quick` for a
few minutes' worth of it, `scale` for large tables and sessions, `clear_expired` for the clean-up; each writes this page.
`BENCH_ONLY` runs a part of it, such as one database, and puts it in its place among what was measured before.

**Method.** *by-hand* is the yardstick: no middleware, and handlers that do the least there is to do themselves: the
cookie, one SELECT by primary key, `serde_json`, one UPDATE or INSERT, with sqlx as it comes. All servers have the same
axum, runtime (one worker), routes, data and pool size (8), and run on one core, while the driver has another; the
databases run where the system puts them. The servers take turns within a cell, round by round. Every answer is
checked, and a wrong one fails the run. Shown are medians of the rounds, with the lowest and the highest, and behind
requests per second how that compares with by-hand. *CPU* is what the processes of the server and of the database (and
of Redis, where it is the cache) used per request; SQLite works inside of the server. *Packets* are those of the
loopback per request, both ways. Allocations come from a counting allocator, statements and round trips from a tap
between server and database (SQLite: from sqlx), instructions from callgrind: 200 requests minus 100.

**Caches.** *local* and *moka* are in the process, of 100,000 sessions; *Redis* is shared. *axum_session (cache)* is that
crate as it ships, which keeps sessions in memory; without it, its memory is set to nothing. Its table on MariaDB has no
room for sessions of 64 KB.
";

/// Writes the page and its plots beside `results`, and the table into `readme`.
pub fn write(results: &Path, readme: &Path) -> Result<(), BoxError> {
    let folder = results.parent().ok_or("results are in a folder")?;
    let clean_up = fs::read_to_string(folder.join("clear_expired.txt")).unwrap_or_default();
    plots::remove_old(folder)?;
    let mut page = INTRODUCTION.to_owned();
    let found = read(results)?;
    if let Some(found) = &found {
        page += &about(found);
        page += &goals::section(found, &clean_up);
        page += &two_processes::section(found);
        page += &plots::over_connections(found, folder)?;
        page += &tables::counted(found);
        page += &tables::timed(found);
        let text = fs::read_to_string(readme)?;
        match summary::replaced(&text, found) {
            Some(text) => fs::write(readme, text)?,
            None => eprintln!("{} has no place for the table: {}", readme.display(), summary::BEGIN),
        }
    }
    if let Some(scale) = &read(&folder.join("scale.json"))? {
        page += "\n# Scale\n\nCost against the rows of the table, and against the names of a session of 32 KB.\n";
        page += &about(scale);
        page += &plots::over_sizes(scale, folder)?;
        page += &tables::timed(scale);
    }
    if !clean_up.is_empty() {
        let _ = write!(page, "\n# Clean-up\n\n`benches/peers/run clear_expired`:\n\n```text\n{clean_up}```\n");
    }
    Ok(fs::write(folder.join("README.md"), page)?)
}

/// The runs that the figures come from.
fn about(found: &Value) -> String {
    let databases = found["databases"].as_object().into_iter().flatten();
    let databases: Vec<_> =
        databases.filter_map(|(name, version)| Some(format!("{name} {}", version.as_str()?))).collect();
    let mut page = format!("\n{}.\n\n", databases.join(", "));
    for run in rows(found, "runs") {
        let said = |name: &str, before: &str| match text(&run[name]) {
            "" => String::new(),
            words => format!("{before}{words}"),
        };
        let _ = writeln!(
            page,
            "- `{}`{}{}: {} rounds of {} ms, on {}{}{}.",
            text(&run["name"]),
            said("only", ", only "),
            said("servers", ", only "),
            run["rounds"],
            run["round_ms"],
            text(&run["machine"]),
            said("date", ", "),
            said("commit", ", commit "),
        );
    }
    page
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// The different values of `names` among `rows`, in the order in which they come.
fn keys(rows: &[Value], names: &[&'static str]) -> Vec<Key> {
    let mut keys: Vec<Key> = Vec::new();
    for row in rows {
        let key: Key = names.iter().map(|&name| (name, row[name].clone())).collect();
        if !keys.contains(&key) {
            keys.push(key);
        }
    }
    keys
}

fn with(rows: &[Value], key: &Key) -> Vec<Value> {
    rows.iter().filter(|row| key.iter().all(|(name, value)| row[*name] == *value)).cloned().collect()
}

fn figure(value: &Value) -> String {
    match value.as_f64() {
        Some(figure) if figure >= 1000.0 => thousands(figure),
        Some(figure) => format!("{figure}"),
        None => "–".to_owned(),
    }
}

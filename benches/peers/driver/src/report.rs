//! Tables and plots from `results.json` and `scale.json`.

use std::{fmt::Write as _, fs, path::Path};

use serde_json::Value;

use crate::{
    BoxError,
    summary::{self, thousands},
    svg::Plot,
};

/// Which figures tell two cells of one table apart.
type Key = Vec<(&'static str, Value)>;

const INTRODUCTION: &str = "# Performance

The same application with different sessions, side by side in one run: `benches/peers/run full`, or `quick` for a few
minutes' worth of it, or `scale` for large tables and sessions; each writes this page. *by-hand* is the yardstick: no
middleware, and handlers that do the least there is to do themselves: the cookie, one SELECT by primary key,
`serde_json`, one UPDATE or INSERT, with sqlx as it comes.

All servers have the same axum, runtime (one worker), routes, data and pool size (8), and run on one core, while the
driver has another; the database runs where the system puts it. They take turns, round by round. Every answer is
checked, and a wrong one fails the run. Shown are medians of the rounds, with the lowest and the highest, and behind
requests per second how that compares with by-hand. *CPU* is what the processes of the server and of the database used
per request (SQLite works inside of the server). *Packets* are those of the loopback per request, both ways.
";

/// Writes the page and its plots beside `results`, and the table into `readme`.
pub fn write(results: &Path, readme: &Path) -> Result<(), BoxError> {
    let folder = results.parent().ok_or("results are in a folder")?;
    let found: Option<Value> = read(results)?;
    let scale: Option<Value> = read(&folder.join("scale.json"))?;
    let mut page = INTRODUCTION.to_owned();
    if let Some(found) = &found {
        write!(page, "\n{}", about(found))?;
        page.push_str(&plots(found, folder)?);
        page.push_str(&counts(found)?);
        page.push_str(&tables(found)?);
        let text = fs::read_to_string(readme)?;
        match summary::replaced(&text, found) {
            Some(text) => fs::write(readme, text)?,
            None => eprintln!("{} has no place for the table: {}", readme.display(), summary::BEGIN),
        }
    }
    if let Some(scale) = &scale {
        write!(page, "\n## Scale\n\n{}", about(scale))?;
        page.push_str(&growth(scale, folder)?);
        page.push_str(&tables(scale)?);
    }
    Ok(fs::write(folder.join("README.md"), page)?)
}

/// Whether the table in `readme` is that of `results`.
pub fn check(results: &Path, readme: &Path) -> Result<(), BoxError> {
    let (Some(found), text) = (read(results)?, fs::read_to_string(readme)?) else { return Ok(()) };
    match summary::replaced(&text, &found) {
        Some(replaced) if replaced != text => Err("the table is not that of the results: run `report`".into()),
        _ => Ok(()),
    }
}

fn read(path: &Path) -> Result<Option<Value>, BoxError> {
    if !path.exists() {
        return Ok(None);
    }
    Ok(Some(serde_json::from_str(&fs::read_to_string(path)?)?))
}

fn about(found: &Value) -> String {
    let databases = found["databases"].as_object().into_iter().flatten();
    let databases: Vec<_> =
        databases.filter_map(|(name, version)| Some(format!("{name} {}", version.as_str()?))).collect();
    format!(
        "Run: `{}`, {} rounds of {} ms, on {}; {}.\n",
        text(&found["run"]),
        found["rounds"],
        found["round_ms"],
        text(&found["machine"]),
        databases.join(", ")
    )
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn rows(found: &Value, what: &str) -> Vec<Value> {
    found[what].as_array().cloned().unwrap_or_default()
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

/// Behind a figure, what it is of the yardstick's.
fn ratio(rows: &[Value], row: &Value, name: &str) -> String {
    let yardstick = rows.iter().find(|row| row["server"] == "by-hand" || row["server"] == "bare axum");
    match (row[name].as_f64(), yardstick.and_then(|row| row[name].as_f64())) {
        (Some(figure), Some(yardstick)) if yardstick > 0.0 => format!("{:.2}", figure / yardstick),
        _ => "–".to_owned(),
    }
}

fn tables(found: &Value) -> Result<String, BoxError> {
    let cells = rows(found, "cells");
    let mut page = String::new();
    for heading in keys(&cells, &["database", "size", "names", "rows"]) {
        let cells = with(&cells, &heading);
        let [database, size, names, rows] = [0, 1, 2, 3].map(|at| &heading[at].1);
        write!(page, "\n## {}, sessions of {} bytes and {names} names", text(database), figure(size))?;
        if rows.as_u64() > Some(0) {
            write!(page, ", {} rows", figure(rows))?;
        }
        page.push('\n');
        for key in keys(&cells, &["route", "connections", "shared"]) {
            let cells = with(&cells, &key);
            write!(page, "\n**{}**, {} connections", text(&key[0].1), key[1].1)?;
            if let Some(shared) = key[2].1.as_u64() {
                write!(page, ", which share {shared} sessions")?;
            }
            page.push_str(
                "\n\n| | requests/s | × | low–high | p50 µs | p99 µs | CPU µs, server | database | packets |\n",
            );
            page.push_str("|---|---:|---:|---:|---:|---:|---:|---:|---:|\n");
            for row in &cells {
                let f = |name: &str| figure(&row[name]);
                writeln!(
                    page,
                    "| {} | {} | {} | {}–{} | {} | {} | {} | {} | {} |",
                    text(&row["server"]),
                    f("rps"),
                    ratio(&cells, row, "rps"),
                    f("rps_low"),
                    f("rps_high"),
                    f("p50_us"),
                    f("p99_us"),
                    f("server_cpu_us"),
                    f("database_cpu_us"),
                    f("packets"),
                )?;
            }
        }
    }
    Ok(page)
}

/// What does not depend on the machine's speed.
fn counts(found: &Value) -> Result<String, BoxError> {
    let (counts, instructions) = (rows(found, "counts"), rows(found, "instructions"));
    let mut page = String::new();
    if !counts.is_empty() {
        page.push_str("\n## Counted, per request\n\nOne connection, one request after the other.\n");
    }
    for heading in keys(&counts, &["database", "size"]) {
        let counts = with(&counts, &heading);
        write!(page, "\n### {}, {} bytes\n\n", text(&heading[0].1), figure(&heading[1].1))?;
        page.push_str(
            "| | | statements | round trips | bytes to the database | allocations | their bytes | instructions |\n",
        );
        page.push_str("|---|---|---:|---:|---:|---:|---:|---:|\n");
        for row in &counts {
            let same =
                |other: &&Value| ["database", "size", "route", "server"].iter().all(|name| other[*name] == row[*name]);
            let counted = instructions.iter().find(same).map_or(Value::Null, |other| other["instructions"].clone());
            let f = |name: &str| figure(&row[name]);
            writeln!(
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
            )?;
        }
    }
    Ok(page)
}

/// For each database, size and route: requests per second over connections.
fn plots(found: &Value, folder: &Path) -> Result<String, BoxError> {
    let cells: Vec<_> = rows(found, "cells").into_iter().filter(|cell| cell["shared"].is_null()).collect();
    let mut page = String::new();
    for key in keys(&cells, &["database", "size", "route"]) {
        let title = format!("{}, {}, {} bytes", text(&key[0].1), text(&key[2].1), figure(&key[1].1));
        let plot = plotted(&title, "requests/s, by connections", &with(&cells, &key), "connections", "rps");
        page.push_str(&saved(folder, &title, &plot.bars())?);
    }
    Ok(page)
}

/// CPU per request over rows, and over names.
fn growth(found: &Value, folder: &Path) -> Result<String, BoxError> {
    let cells = rows(found, "cells");
    let mut page = String::new();
    for (what, of) in [("rows", "names"), ("names", "rows")] {
        let cells: Vec<_> = cells.iter().filter(|cell| (cell["rows"] == 0) == (what == "names")).cloned().collect();
        for key in keys(&cells, &["database", "route", of]) {
            let title = format!("{}, {}, by {what}", text(&key[0].1), text(&key[1].1));
            let plot = plotted(&title, "median answer in µs", &with(&cells, &key), what, "p50_us");
            page.push_str(&saved(folder, &title, &plot.lines())?);
        }
    }
    Ok(page)
}

fn plotted<'a>(title: &'a str, unit: &'a str, cells: &[Value], over: &'static str, what: &str) -> Plot<'a> {
    let x = keys(cells, &[over]);
    let of = |server: &Key| {
        let figures = x.iter().map(|x| with(&with(cells, server), x).first()?[what].as_f64()).collect();
        (text(&server[0].1).to_owned(), figures)
    };
    let series = keys(cells, &["server"]).iter().map(of).collect();
    Plot { title, unit, x: x.iter().map(|x| figure(&x[0].1)).collect(), series }
}

fn saved(folder: &Path, title: &str, svg: &str) -> Result<String, BoxError> {
    let name: String = title.to_lowercase().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    let name = name.split('-').filter(|part| !part.is_empty()).collect::<Vec<_>>().join("-");
    fs::write(folder.join(format!("{name}.svg")), svg)?;
    Ok(format!("\n![{title}]({name}.svg)\n"))
}

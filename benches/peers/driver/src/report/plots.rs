//! Which figures are drawn.

use std::{fs, path::Path};

use serde_json::{Value, json};

use super::{Key, figure, keys, text, with};
use crate::{BoxError, plan::DATABASES, results::rows, servers::SIGNED, svg::Plot};

/// Plots of former runs may be of cells that are not measured any more.
pub fn remove_old(folder: &Path) -> Result<(), BoxError> {
    for entry in fs::read_dir(folder)?.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let ours = DATABASES.iter().any(|database| name.starts_with(&database.name().to_lowercase()));
        if ours && name.ends_with(".svg") {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// For each database, size and route: requests per second over connections.
pub fn over_connections(found: &Value, folder: &Path) -> Result<String, BoxError> {
    // Signed rows have a line of their own among the goals.
    let drawn = |cell: &Value| cell["shared"].is_null() && cell["server"] != SIGNED;
    let cells: Vec<_> = rows(found, "cells").into_iter().filter(drawn).collect();
    let mut page = String::new();
    for key in keys(&cells, &["database", "size", "route"]) {
        let cells = with(&cells, &key);
        let title = format!("{}, {}, {} bytes", text(&key[0].1), text(&key[2].1), figure(&key[1].1));
        let plot = plotted(&title, ["requests per second", "connections"], &cells, "connections", "rps");
        page.push_str(&saved(folder, &title, &plot.bars())?);
    }
    Ok(page)
}

/// Median answer and requests per second over rows, and over names.
pub fn over_sizes(found: &Value, folder: &Path) -> Result<String, BoxError> {
    let cells = rows(found, "cells");
    let mut page = String::new();
    for (what, label) in [("rows", "rows in the table"), ("names", "names in the session")] {
        let of_names = |cell: &Value| cell["rows"] == json!(0);
        let cells: Vec<_> = cells.iter().filter(|cell| of_names(cell) == (what == "names")).cloned().collect();
        for key in keys(&cells, &["database", "route"]) {
            for (figure, unit) in [("p50_us", "median answer, µs"), ("rps", "requests per second")] {
                let words = if figure == "rps" { "requests per second" } else { "median answer" };
                let title = format!("{}, {}, {words} by {what}", text(&key[0].1), text(&key[1].1));
                let plot = plotted(&title, [unit, label], &with(&cells, &key), what, figure);
                page.push_str(&saved(folder, &title, &plot.lines())?);
            }
        }
    }
    Ok(page)
}

fn plotted<'a>(title: &'a str, axes: [&'a str; 2], cells: &[Value], over: &'static str, what: &str) -> Plot<'a> {
    let x = keys(cells, &[over]);
    let of = |server: &Key| {
        let figures = x.iter().map(|x| with(&with(cells, server), x).first()?[what].as_f64()).collect();
        (text(&server[0].1).to_owned(), figures)
    };
    let series = keys(cells, &["server"]).iter().map(of).collect();
    Plot { title, unit: axes[0], over: axes[1], x: x.iter().map(|x| figure(&x[0].1)).collect(), series }
}

fn saved(folder: &Path, title: &str, svg: &str) -> Result<String, BoxError> {
    let name: String = title.to_lowercase().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    let name = name.split('-').filter(|part| !part.is_empty()).collect::<Vec<_>>().join("-");
    fs::write(folder.join(format!("{name}.svg")), svg)?;
    Ok(format!("\n![{title}]({name}.svg)\n"))
}

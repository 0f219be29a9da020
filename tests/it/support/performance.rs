//! The table of the README that is made from `docs/performance/results.json`. What drives the benches takes this file
//! in, too, and writes what the test compares.

use serde_json::Value;

pub(crate) const BEGIN: &str = "<!-- performance:begin -->";
pub(crate) const END: &str = "<!-- performance:end -->";

/// What is quoted: the yardstick first.
const COLUMNS: [&str; 6] = [
    "by-hand",
    "jam-session",
    "jam-session (cached_db, local)",
    "tower-sessions",
    "axum_session (no cache)",
    "axum_session (cache)",
];
const ROUTES: [&str; 3] = ["read", "read and write", "new session"];
const DATABASES: [&str; 3] = ["SQLite", "PostgreSQL", "MariaDB"];
const CONNECTIONS: u64 = 64;

/// Requests per second with sessions of 200 bytes, and how that compares with the yardstick.
pub(crate) fn table(results: &Value) -> String {
    let mut text = format!("| requests/s, {CONNECTIONS} connections, 200 bytes | {} |\n", COLUMNS.join(" | "));
    text.push_str(&format!("|---|{}\n", "---:|".repeat(COLUMNS.len())));
    for database in DATABASES {
        for route in ROUTES {
            let rps = COLUMNS.map(|server| rps(results, database, route, server));
            if rps.iter().all(Option::is_none) {
                continue;
            }
            let figures: Vec<_> = rps.iter().map(|figure| figure_of(*figure, rps[0])).collect();
            text.push_str(&format!("| {database}, {route} | {} |\n", figures.join(" | ")));
        }
    }
    text
}

fn figure_of(rps: Option<f64>, yardstick: Option<f64>) -> String {
    match (rps, yardstick) {
        (Some(rps), Some(yardstick)) => format!("{} ({:.2})", thousands(rps), rps / yardstick),
        (Some(rps), None) => thousands(rps),
        _ => "–".to_owned(),
    }
}

/// `12,345`
pub(crate) fn thousands(figure: f64) -> String {
    let digits = format!("{figure:.0}");
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn rps(results: &Value, database: &str, route: &str, server: &str) -> Option<f64> {
    let cells = results["cells"].as_array()?;
    let cell = cells.iter().find(|cell| {
        cell["database"] == database
            && cell["route"] == route
            && cell["server"] == server
            && cell["size"] == 200
            && cell["connections"] == CONNECTIONS
            && cell["shared"].is_null()
    })?;
    cell["rps"].as_f64()
}

/// `text` with the table between its markers; `None` where it has none.
pub(crate) fn replaced(text: &str, results: &Value) -> Option<String> {
    let (before, rest) = text.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{BEGIN}\n{}{END}{after}", table(results)))
}

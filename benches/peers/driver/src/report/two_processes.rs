//! What two processes over one database know of each other.

use std::fmt::Write as _;

use serde_json::Value;

use super::{keys, text, with};
use crate::results::rows;

const INTRODUCTION: &str = "\n## Two processes, one database

Two processes of each server over one database (and one Redis), as behind a load balancer, one request after the other.
Each session is first read through both. Then one process changes it, or logs in with it, or the other logs out, and the
process that did not is asked: a stale answer shows the value from before, or an ended session or a replaced key that is
still good. The three figures are the answers *at once / after 100 ms / after 6 s*. *Lost changes*: the one counts a
session up, then the other, and the store does not hold both. *Came back*: the one logs out, then the other changes the
session, and the store holds its data again; both are read through a third process, which has nothing in memory.
Configured as in each library's documentation: this crate's local cache believes a session for 5 seconds, *listen* for as
long as a message takes; moka and the memory of axum_session as long as the session or 60 minutes.
";

pub fn section(found: &Value) -> String {
    let stale = rows(found, "stale");
    if stale.is_empty() {
        return String::new();
    }
    let mut page = INTRODUCTION.to_owned();
    for heading in keys(&stale, &["database"]) {
        let rows = with(&stale, &heading);
        let of = &rows[0]["sessions"];
        let _ = write!(page, "\n**{}**, stale answers of {of}\n\n", text(&heading[0].1));
        page += "| | changed | logged in | logged out | lost changes | came back |\n|---|---:|---:|---:|---:|---:|\n";
        for row in rows {
            let three = |name: &str| {
                let figures = row[name].as_array().into_iter().flatten();
                figures.map(Value::to_string).collect::<Vec<_>>().join(" / ")
            };
            let _ = writeln!(
                page,
                "| {} | {} | {} | {} | {} | {} |",
                text(&row["server"]),
                three("change"),
                three("login"),
                three("logout"),
                row["lost"],
                row["came_back"],
            );
        }
    }
    page
}

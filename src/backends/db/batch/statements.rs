//! The SQL text of statements for many rows.

use std::sync::{Arc, OnceLock};

use super::{super::driver::Driver, super::statements::columns, lane::SIZES};
use crate::base_session::{Column, Written};

/// The keys of a statement that binds them as one array, and how many there are.
const KEYS: &str = "unnest($1::text[])";
const COUNT: &str = "cardinality($1)";

/// One text for each number of rows, made when it is first needed.
#[derive(Debug, Default)]
pub(super) struct Texts([OnceLock<Arc<str>>; SIZES.len()]);

impl Texts {
    /// The text for so many rows, which are one of [`SIZES`] unless any number has the same text.
    pub(super) fn get(&self, rows: usize, make: impl FnOnce() -> String) -> Arc<str> {
        let at = SIZES.iter().position(|&size| size >= rows).unwrap_or(SIZES.len() - 1);
        Arc::clone(self.0[at].get_or_init(|| make().into()))
    }
}

/// The keys, then now.
pub(super) fn load<DB: Driver>(table: &str, rows: usize) -> String {
    let now = DB::marker(if DB::ARRAYS { 2 } else { rows + 1 });
    let keys = match DB::ARRAYS {
        true => format!("session_key IN ({})", few(KEYS, COUNT)),
        false => DB::key_in(rows),
    };
    let date = DB::date_column("expire_date");
    let one_by_one = format!("session_key, session_data, {date}");
    let columns = DB::GATHERED.unwrap_or(&one_by_one);
    format!("SELECT {columns} FROM {table} WHERE {keys} AND expire_date > {now}")
}

/// The keys.
pub(super) fn delete<DB: Driver>(table: &str, rows: usize) -> String {
    match DB::ARRAYS {
        // Not IN, which would lose the order of the keys; in it two statements do not wait for each other in a circle.
        true => format!("DELETE FROM {table} USING ({}) AS v (k) WHERE session_key = v.k", few(KEYS, COUNT)),
        false => format!("DELETE FROM {table} WHERE {}", DB::key_in(rows)),
    }
}

/// All of these rows, though PostgreSQL is not to count on it: of a number that it cannot know it expects a tenth. It
/// plans a statement once, perhaps while the table is next to empty; a plan for many rows would look through all of the
/// table, and would go on to do so when that has grown.
fn few(rows: &str, count: &str) -> String {
    format!("SELECT * FROM {rows} LIMIT (SELECT {count})")
}

/// Row by row: data, expiry, extra columns, key.
pub(super) fn insert<DB: Driver>(table: &str, extra: &'static [Column], rows: usize) -> String {
    let names = ["session_data", "expire_date"].into_iter();
    let names = names.chain(columns(extra, Written::Insert).map(|column| column.name)).chain(["session_key"]);
    let names: Vec<_> = names.collect();
    let source = match as_arrays::<DB>(extra) {
        true => "SELECT * FROM unnest($1::text[], $2::timestamptz[], $3::text[])".to_owned(),
        false => format!("VALUES {}", values::<DB>(names.len(), rows)),
    };
    format!("INSERT INTO {table} ({}) {source}", names.join(", "))
}

/// Row by row: data, expiry, extra columns, key, then the guard: old data, now. It gives the keys of the rows that
/// it has written.
pub(super) fn update<DB: Driver>(table: &str, extra: &'static [Column], rows: usize) -> String {
    let written = ["session_data", "expire_date"].into_iter();
    let written: Vec<_> = written.chain(columns(extra, Written::Save).map(|column| column.name)).collect();
    let sets: Vec<_> = written.iter().zip(1..).map(|(name, n)| format!("{name} = v.c{n}")).collect();
    let (key, data, now) = (written.len() + 1, written.len() + 2, written.len() + 3);
    let names: Vec<_> = (1..=now).map(|n| format!("c{n}")).collect();
    let source = match as_arrays::<DB>(extra) {
        true => few("unnest($1::text[], $2::timestamptz[], $3::text[], $4::text[], $5::timestamptz[])", COUNT),
        false if DB::ARRAYS => {
            // Twice: of these the number is known, and a tenth of many is not few.
            let fewer = few(&format!("(VALUES {}) AS v", values::<DB>(now, rows)), &rows.to_string());
            few(&format!("({fewer}) AS v"), &rows.to_string())
        }
        false => format!("VALUES {}", values::<DB>(now, rows)),
    };
    let (exact_key, exact_data) = (DB::exact("t.session_key"), DB::exact("t.session_data"));
    format!(
        "WITH v ({}) AS ({source}) UPDATE {table} AS t SET {} FROM v \
         WHERE {exact_key} = v.c{key} AND {exact_data} = v.c{data} AND t.expire_date > v.c{now} RETURNING session_key",
        names.join(", "),
        sets.join(", ")
    )
}

/// Whether the rows are bound column by column, an array each: it is known what type the base three have.
pub(super) fn as_arrays<DB: Driver>(extra: &'static [Column]) -> bool {
    DB::ARRAYS && extra.is_empty()
}

fn values<DB: Driver>(columns: usize, rows: usize) -> String {
    let row = |row: usize| {
        let markers: Vec<_> = (1..=columns).map(|column| DB::marker(row * columns + column)).collect();
        format!("({})", markers.join(", "))
    };
    (0..rows).map(row).collect::<Vec<_>>().join(", ")
}

//! The SQL text of a store, built once.

use std::sync::Arc;

use super::driver::Driver;
use crate::{
    base_session::{AbstractBaseSession, Column, Written},
    error::SettingsError,
};

/// Every call passes the same text, which is what sqlx's cache of prepared statements keys on.
#[derive(Debug)]
pub(super) struct Statements {
    pub(super) table: String,
    pub(super) load: Arc<str>,
    pub(super) get: Arc<str>,
    pub(super) insert: Arc<str>,
    /// Of a session that has had another key.
    pub(super) insert_renewed: Arc<str>,
    pub(super) update: Arc<str>,
    /// Leaves the extra columns as they are.
    pub(super) update_base: Arc<str>,
    pub(super) overwrite: Arc<str>,
    pub(super) touch: Arc<str>,
    pub(super) delete: Arc<str>,
    pub(super) delete_loaded: Arc<str>,
    pub(super) exists: Arc<str>,
}

impl Statements {
    pub(super) fn new<DB: Driver, M: AbstractBaseSession<DB>>(table: &str) -> Result<Self, SettingsError> {
        let table = checked_table(table)?;
        for column in M::EXTRA_COLUMNS {
            check_name(column.name)?;
        }
        Ok(Self {
            table: table.to_owned(),
            load: load::<DB>(table).into(),
            get: get::<DB>(table, M::EXTRA_COLUMNS).into(),
            insert: insert::<DB>(table, M::EXTRA_COLUMNS).into(),
            insert_renewed: insert_renewed::<DB>(table, M::EXTRA_COLUMNS).into(),
            update: update::<DB>(table, M::EXTRA_COLUMNS).into(),
            update_base: update::<DB>(table, &[]).into(),
            overwrite: overwrite::<DB>(table, M::EXTRA_COLUMNS).into(),
            touch: touch::<DB>(table, M::EXTRA_COLUMNS).into(),
            delete: format!("DELETE FROM {table} WHERE session_key = {}", DB::exact_marker(1)).into(),
            delete_loaded: delete_loaded::<DB>(table).into(),
            exists: format!("SELECT 1 FROM {table} WHERE session_key = {}", DB::exact_marker(1)).into(),
        })
    }
}

/// The columns that are bound when a row is created, saved or only extended.
pub(super) fn columns(extra: &'static [Column], least: Written) -> impl Iterator<Item = &'static Column> {
    let wanted = move |column: &&Column| match least {
        Written::Insert => true,
        Written::Save => column.written != Written::Insert,
        Written::Touch => column.written == Written::Touch,
    };
    extra.iter().filter(wanted)
}

fn load<DB: Driver>(table: &str) -> String {
    let (key, now, date) = (DB::exact_marker(1), DB::marker(2), DB::date_column("expire_date"));
    format!("SELECT session_key, session_data, {date} FROM {table} WHERE session_key = {key} AND expire_date > {now}")
}

/// Key, data, expiry, extra columns, of whatever rows a condition names.
pub(super) fn select<DB: Driver>(table: &str, extra: &'static [Column]) -> String {
    let column = |column: &Column| match column.is_date {
        true => format!(", {} AS {}", DB::date_column(column.name), column.name),
        false => format!(", {}", column.name),
    };
    let (date, extra) = (DB::date_column("expire_date"), extra.iter().map(column).collect::<String>());
    format!("SELECT session_key, session_data, {date}{extra} FROM {table}")
}

/// Also of an expired session.
fn get<DB: Driver>(table: &str, extra: &'static [Column]) -> String {
    format!("{} WHERE session_key = {}", select::<DB>(table, extra), DB::exact_marker(1))
}

/// Data, expiry, extra columns, key.
fn insert<DB: Driver>(table: &str, extra: &'static [Column]) -> String {
    let names: Vec<_> = base_and(columns(extra, Written::Insert)).collect();
    let markers: Vec<_> = (1..=names.len()).map(DB::marker).collect();
    format!("INSERT INTO {table} ({}) VALUES ({})", names.join(", "), markers.join(", "))
}

/// Data, expiry, extra columns, key, then the two names of the old key, whose row gives the columns that are written on
/// insert alone. MySQL reads the table that it writes only where a sub-select with a LIMIT makes a copy.
fn insert_renewed<DB: Driver>(table: &str, extra: &'static [Column]) -> String {
    let kept = |name: &str| extra.iter().any(|column| column.written == Written::Insert && column.name == name);
    let names: Vec<_> = base_and(columns(extra, Written::Insert)).collect();
    let kept_names: Vec<_> = names.iter().copied().filter(|name| kept(name)).collect();
    if kept_names.is_empty() {
        return insert::<DB>(table, extra);
    }
    let values = names.iter().zip(1..).map(|(name, n)| match kept(name) {
        true => format!("COALESCE(o.{name}, {})", DB::marker(n)),
        false => DB::marker(n),
    });
    let values: Vec<_> = values.collect();
    let (key, hash) = (DB::exact_marker(names.len() + 1), DB::exact_marker(names.len() + 2));
    format!(
        "INSERT INTO {table} ({}) SELECT {} FROM (SELECT 1 AS one) AS n LEFT JOIN (SELECT {} FROM {table} \
         WHERE session_key = {key} OR session_key = {hash} LIMIT 1) AS o ON 1 = 1",
        names.join(", "),
        values.join(", "),
        kept_names.join(", ")
    )
}

/// Data, expiry, extra columns, key, then the guard: old key, old data, now.
fn update<DB: Driver>(table: &str, extra: &'static [Column]) -> String {
    let sets: Vec<_> = base_and(columns(extra, Written::Save)).zip(1..).map(set::<DB>).collect();
    let n = sets.len();
    let (key, data, now) = (DB::exact_marker(n + 1), DB::exact_marker(n + 2), DB::marker(n + 3));
    format!(
        "UPDATE {table} SET {} WHERE session_key = {key} AND session_data = {data} AND expire_date > {now}",
        sets.join(", ")
    )
}

/// Data, expiry, extra columns, key, and the key again: whatever was there.
fn overwrite<DB: Driver>(table: &str, extra: &'static [Column]) -> String {
    let sets: Vec<_> = base_and(columns(extra, Written::Save)).zip(1..).map(set::<DB>).collect();
    let key = DB::exact_marker(sets.len() + 1);
    format!("UPDATE {table} SET {} WHERE session_key = {key}", sets.join(", "))
}

/// Expiry, touch columns, then the guard: key, old expiry, now.
fn touch<DB: Driver>(table: &str, extra: &'static [Column]) -> String {
    let names = ["expire_date"].into_iter().chain(columns(extra, Written::Touch).map(|column| column.name));
    let sets: Vec<_> = names.zip(1..).map(set::<DB>).collect();
    let n = sets.len();
    let (key, same, now) = (DB::exact_marker(n + 1), DB::same_date("expire_date", n + 2), DB::marker(n + 3));
    format!("UPDATE {table} SET {} WHERE session_key = {key} AND {same} AND expire_date > {now}", sets.join(", "))
}

/// The guard of an UPDATE: key, old data, now.
fn delete_loaded<DB: Driver>(table: &str) -> String {
    let (key, data, now) = (DB::exact_marker(1), DB::exact_marker(2), DB::marker(3));
    format!("DELETE FROM {table} WHERE session_key = {key} AND session_data = {data} AND expire_date > {now}")
}

fn set<DB: Driver>((name, n): (&str, usize)) -> String {
    format!("{name} = {}", DB::marker(n))
}

fn base_and(extra: impl Iterator<Item = &'static Column>) -> impl Iterator<Item = &'static str> {
    ["session_data", "expire_date"].into_iter().chain(extra.map(|column| column.name)).chain(["session_key"])
}

fn checked_table(table: &str) -> Result<&str, SettingsError> {
    table.splitn(2, '.').try_for_each(check_name)?;
    Ok(table)
}

/// Names become part of SQL text, so they are plain.
fn check_name(name: &str) -> Result<(), SettingsError> {
    let plain = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    if name.is_empty() || !plain || name.as_bytes()[0].is_ascii_digit() {
        return Err(SettingsError(format!("{name:?} is no name for a table or column: use letters, digits and _")));
    }
    Ok(())
}

#[cfg(all(test, feature = "sqlite"))]
mod tests {
    use super::*;
    use crate::base_session::BaseSession;

    #[test]
    fn the_statements_are_what_a_reviewer_expects() {
        let sql = Statements::new::<sqlx::Sqlite, BaseSession>("django_session").unwrap();

        assert_eq!(
            &*sql.insert,
            "INSERT INTO django_session (session_data, expire_date, session_key) VALUES (?1, ?2, ?3)"
        );
        assert_eq!(
            &*sql.update,
            "UPDATE django_session SET session_data = ?1, expire_date = ?2, session_key = ?3 \
             WHERE session_key = ?4 COLLATE BINARY AND session_data = ?5 COLLATE BINARY AND expire_date > ?6"
        );
        assert_eq!(
            &*sql.touch,
            "UPDATE django_session SET expire_date = ?1 \
             WHERE session_key = ?2 COLLATE BINARY AND expire_date IN (?3, substr(?3, 1, 19)) AND expire_date > ?4"
        );
    }

    #[test]
    fn a_name_that_is_not_plain_is_refused() {
        for bad in ["", "1a", "a b", "a;drop", "a.b.c", "\"a\"", "tablé"] {
            assert!(checked_table(bad).is_err(), "{bad}");
        }
        assert!(checked_table("public.my_session2").is_ok());
    }
}

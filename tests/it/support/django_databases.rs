//! The databases of `databases.rs` as Django's `DATABASES` names them.

use serde_json::{Value, json};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

pub(crate) fn sqlite(url: &str) -> Value {
    json!({ "ENGINE": "django.db.backends.sqlite3", "NAME": url.trim_start_matches("sqlite:") })
}

pub(crate) fn postgres(url: &str) -> Result<Value> {
    let mut settings = server("django.db.backends.postgresql", url)?;
    let schema = url.rsplit("%3D").next().ok_or("a schema")?;
    settings["OPTIONS"] = json!({ "options": format!("-c search_path={schema}") });
    Ok(settings)
}

pub(crate) fn mysql(url: &str) -> Result<Value> {
    server("django.db.backends.mysql", url)
}

fn server(engine: &str, url: &str) -> Result<Value> {
    let rest = url.split("://").nth(1).ok_or("a URL")?;
    let (authority, path) = rest.split_once('/').ok_or("a path")?;
    let (user, host) = authority.split_once('@').unwrap_or(("", authority));
    let (host, port) = host.split_once(':').unwrap_or((host, ""));
    let (user, password) = user.split_once(':').unwrap_or((user, ""));
    let name = path.split('?').next().unwrap_or_default();
    Ok(json!({ "ENGINE": engine, "NAME": name, "USER": user, "PASSWORD": password, "HOST": host, "PORT": port }))
}

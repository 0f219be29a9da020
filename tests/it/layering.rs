//! The floors of the crate: imports go down only. Here is also what else a file may not do.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::support::TestResult;

mod functions;

/// The modules of each floor. A module of floor 0 imports only those before it; on the other floors neighbours do
/// not know each other. The façade and the binaries stand on top of all.
const FLOORS: [&[&str]; 6] = [
    &[
        "error",
        "clock",
        "random",
        "session_key",
        "events",
        "date_text",
        "json_scanner",
        "pickle",
        "raw",
        "limits",
        "session_data",
        "delta",
        "client",
        "expiry",
        "times",
        "pointer",
        "settings",
        "serializers",
        "signing",
        "codec",
        // Text alone.
        "guides",
    ],
    &["base_session", "cache"],
    &["backends"],
    &["session"],
    &["middleware", "extract", "django_auth", "management"],
    // For the tests of applications, which have a layer.
    &["testing"],
];

struct Source {
    /// Below `src`, with slashes.
    path: String,
    /// Without comments.
    code: String,
}

impl Source {
    /// `session` for `session/dict.rs`; none for the façade and the binaries.
    fn module(&self) -> Option<&str> {
        let top = self.path.split('/').next().unwrap_or_default();
        (!["lib.rs", "main.rs", "bin"].contains(&top)).then(|| top.trim_end_matches(".rs"))
    }

    fn is(&self, place: &str) -> bool {
        self.path == format!("{place}.rs") || self.path.starts_with(&format!("{place}/"))
    }

    /// What the code names after `crate::`, and after as many `super::` as lead there.
    fn imports(&self) -> Vec<String> {
        let depth = self.path.trim_end_matches("/mod.rs").matches('/').count() + 1;
        let mut imports = named_after(&self.code, "crate::");
        // An exported macro lives at the root, wherever it is defined.
        imports.retain(|name| !name.starts_with("__"));
        imports.extend(named_after(&self.code, &"super::".repeat(depth)).into_iter().filter(|name| is_module(name)));
        imports
    }
}

fn is_module(name: &str) -> bool {
    place_of(name).is_some()
}

/// Floor, and the place on it.
fn place_of(module: &str) -> Option<(usize, usize)> {
    FLOORS.iter().enumerate().find_map(|(floor, modules)| {
        let place = modules.iter().position(|name| *name == module)?;
        Some((floor, place))
    })
}

fn sources() -> TestResult<Vec<Source>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut folders: Vec<PathBuf> = vec![root.clone()];
    let mut sources = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let parts: Vec<_> = path.strip_prefix(&root)?.iter().map(|part| part.to_string_lossy()).collect();
                sources.push(Source { path: parts.join("/"), code: without_comments(&fs::read_to_string(&path)?) });
            }
        }
    }
    Ok(sources)
}

fn without_comments(text: &str) -> String {
    text.lines().map(|line| line.split_once("//").map_or(line, |(code, _)| code)).collect::<Vec<_>>().join("\n")
}

/// The names that follow `prefix`, also in a group: `a` and `b` in `crate::{a::X, b}`.
fn named_after(code: &str, prefix: &str) -> Vec<String> {
    let follows_path = |at: usize| code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':');
    let places = code.match_indices(prefix).filter(|(at, _)| !follows_path(*at));
    places.flat_map(|(at, _)| first_names(code[at + prefix.len()..].trim_start())).collect()
}

fn first_names(path: &str) -> Vec<String> {
    let name = |text: &str| text.trim_start().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
    let Some(group) = path.strip_prefix('{') else { return vec![name(path)] };
    let (mut names, mut depth, mut start) = (Vec::new(), 0, 0);
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth > 0 => depth -= 1,
            ',' | '}' if depth == 0 => {
                names.push(name(&group[start..at]));
                start = at + 1;
                if c == '}' {
                    break;
                }
            }
            _ => {}
        }
    }
    names.retain(|name: &String| !name.is_empty());
    names
}

/// Why `module` may not import `import`, if so.
fn wrong_import(module: &str, import: &str) -> Option<String> {
    let Some(ours) = place_of(module) else {
        return Some(format!("`{module}` has no floor: add it to FLOORS in tests/it/layering.rs"));
    };
    let Some(theirs) = place_of(import) else {
        return Some(format!("`crate::{import}` is no module of a floor below; import from where it is defined"));
    };
    let down = if ours.0 == 0 { theirs <= ours } else { theirs.0 < ours.0 || theirs == ours };
    (!down).then(|| format!("`{module}` (floor {}) imports `{import}` (floor {})", ours.0, theirs.0))
}

fn none_of(problems: &[String]) {
    assert!(problems.is_empty(), "\n{}\n", problems.join("\n"));
}

#[test]
fn imports_go_down() -> TestResult {
    let mut problems = Vec::new();
    for source in sources()? {
        let Some(module) = source.module() else { continue };
        // Every module is asked about itself, so that a new one without a floor is found.
        let imports = source.imports().into_iter().chain([module.to_owned()]);
        let wrong = imports.filter_map(|import| wrong_import(module, &import));
        problems.extend(wrong.map(|problem| format!("{}: {problem}", source.path)));
    }
    none_of(&problems);
    Ok(())
}

#[test]
fn stores_do_not_know_each_other() -> TestResult {
    let sources = sources()?;
    let stores: Vec<_> = sources.iter().filter_map(|source| store_of(&source.path)).collect();
    let mut problems = Vec::new();
    for source in &sources {
        let Some(store) = store_of(&source.path) else { continue };
        let depth = source.path.trim_end_matches("/mod.rs").matches('/').count();
        let known = named_after(&source.code, &"super::".repeat(depth));
        // The cached table is the two of them, by name.
        let allowed = |other: &str| other == store || (store == "cached_db" && ["cache", "db"].contains(&other));
        let wrong = known.into_iter().filter(|name| stores.contains(&name.as_str()) && !allowed(name));
        problems.extend(wrong.map(|other| format!("{}: imports the store `{other}`", source.path)));
    }
    assert!(stores.contains(&"memory") && stores.contains(&"db"));
    none_of(&problems);
    Ok(())
}

/// `memory` for `backends/memory.rs`, `db` for all of `backends/db/`.
fn store_of(path: &str) -> Option<&str> {
    let name = path.strip_prefix("backends/")?.split('/').next()?.trim_end_matches(".rs");
    (!["mod", "base", "deadline"].contains(&name)).then_some(name)
}

#[test]
fn the_ground_floors_know_no_runtime_no_http_and_no_database() -> TestResult {
    let on = |source: &Source, floor: usize| {
        source.module().is_some_and(|module| FLOORS[floor].contains(&module) && !source.is("cache"))
    };
    let names = |source: &Source, name: &str| {
        let found = named_after(&source.code, &format!("{name}::"));
        !found.is_empty() || source.code.contains(&format!("use {name};"))
    };
    let mut problems = Vec::new();
    for source in sources()? {
        let ground = on(&source, 0);
        if (ground || on(&source, 1)) && names(&source, "tokio") {
            problems.push(format!("{}: floors 0 and 1 know no runtime", source.path));
        }
        if ground && names(&source, "http") && !source.is("settings") {
            problems.push(format!("{}: on floor 0 only the settings name a status", source.path));
        }
        let database = ["base_session", "backends/db", "lib", "bin"].iter().any(|place| source.is(place));
        if names(&source, "sqlx") && !database {
            problems.push(format!("{}: only base_session, backends/db and the program know sqlx", source.path));
        }
        let asks_system = source.code.contains("SystemTime::now") || source.code.contains("now_utc");
        if asks_system && !source.is("clock") {
            problems.push(format!("{}: time comes from the Clock", source.path));
        }
    }
    none_of(&problems);
    Ok(())
}

#[test]
fn the_checks_find_what_they_look_for() {
    let source =
        Source { path: "session/dict.rs".into(), code: "use crate::{a::{X, y::Z}, b, middleware::Q};\n".into() };
    assert_eq!(source.imports(), ["a", "b", "middleware"]);
    let source = Source { path: "raw.rs".into(), code: "use super::session;\nfn f() -> super::Other {}".into() };
    assert_eq!(source.imports(), ["session"]);

    assert!(wrong_import("session", "middleware").is_some_and(|problem| problem.contains("floor 4")));
    assert!(wrong_import("extract", "middleware").is_some());
    assert!(wrong_import("raw", "session_data").is_some());
    assert!(wrong_import("session", "Session").is_some());
    assert!(wrong_import("brand_new", "raw").is_some_and(|problem| problem.contains("no floor")));
    assert!(wrong_import("session", "backends").is_none());
}

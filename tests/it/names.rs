//! The maps of ARCHITECTURE.md are complete, what they lead to exists, and the documentation's search knows both
//! sides. The README installs the version that it is about.

use std::{
    collections::{BTreeSet, HashMap},
    fs,
    path::{Path, PathBuf},
};

use crate::support::TestResult;

const DJANGO_NAMES: &str = include_str!("../data/django-names.txt");
const ARCHITECTURE: &str = include_str!("../../ARCHITECTURE.md");
const README: &str = include_str!("../../README.md");

/// From a name to the right side of its row.
type Map<'a> = HashMap<&'a str, &'a str>;

fn map(section: &str) -> Map<'_> {
    let section = ARCHITECTURE.split("\n## ").find_map(|text| text.strip_prefix(section)).unwrap_or_default();
    let rows = section.lines().filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |")?.split_once(" | "));
    rows.flat_map(|(names, here)| quoted(names).map(move |name| (name, here))).collect()
}

/// What stands between backticks.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

#[derive(Default)]
struct Source {
    /// Public functions, types, fields, variants, and what traits declare.
    names: BTreeSet<String>,
    aliases: BTreeSet<String>,
}

impl Source {
    fn read() -> TestResult<Self> {
        let mut source = Self::default();
        for file in rust_files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"))? {
            source.add(&fs::read_to_string(file)?);
        }
        Ok(source)
    }

    fn add(&mut self, text: &str) {
        // The public trait or enum around the line, and how it is indented.
        let mut around: Option<(&str, usize)> = None;
        for line in text.lines() {
            let code = line.trim_start();
            let indent = line.len() - code.len();
            if let Some(alias) = code.strip_prefix("#[doc(alias = \"").and_then(|rest| rest.strip_suffix("\")]")) {
                self.aliases.insert(alias.to_owned());
            }
            match around {
                Some((_, outer)) if indent == outer && code.starts_with('}') => around = None,
                Some((kind, outer)) if indent == outer + 4 => self.names.extend(member(kind, code)),
                _ => {}
            }
            let Some(public) = code.strip_prefix("pub ") else { continue };
            self.names.extend(item(public).or_else(|| public.split_once(": ").map(|(field, _)| field.to_owned())));
            if let Some(kind) = ["trait", "enum"].into_iter().find(|kind| public.starts_with(kind)) {
                around = Some((kind, indent));
            }
        }
    }

    fn has(&self, path: &str) -> bool {
        path.split("::").all(|name| self.names.contains(name))
    }

    /// Whether a search for the name finds something: by an alias, or because it is called so here, too.
    fn finds(&self, name: &str) -> bool {
        let last = name.rsplit('.').next().unwrap_or(name);
        [name, last].iter().any(|name| self.aliases.contains(*name) || self.names.contains(*name))
    }
}

fn rust_files(folder: &Path) -> TestResult<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        match path.is_dir() {
            true => files.extend(rust_files(&path)?),
            false => files.push(path),
        }
    }
    Ok(files)
}

/// The name that `fn name…`, `struct Name…` and their like declare.
fn item(code: &str) -> Option<String> {
    let code = code.strip_prefix("async ").unwrap_or(code);
    let code = code.strip_prefix("const fn ").map_or_else(|| code.to_owned(), |rest| format!("fn {rest}"));
    let (kind, rest) = code.split_once(' ')?;
    ["fn", "struct", "enum", "trait", "type", "const"].contains(&kind).then(|| identifier(rest))
}

/// What a line of a public trait or enum declares.
fn member(kind: &str, code: &str) -> Option<String> {
    match kind {
        "trait" => item(code),
        _ => code.starts_with(char::is_uppercase).then(|| identifier(code)),
    }
}

fn identifier(code: &str) -> String {
    code.chars().take_while(|&c| c.is_alphanumeric() || c == '_').collect()
}

#[test]
fn every_name_of_djangos_pages_has_a_row() {
    let map = map("Names: Django\n");
    let names: Vec<_> = DJANGO_NAMES.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
    assert!(names.len() > 100, "{} names are too few", names.len());

    let missing: Vec<_> = names.iter().filter(|name| !map.contains_key(*name)).collect();

    assert!(missing.is_empty(), "no row for {missing:?}");
}

#[test]
fn what_the_maps_lead_to_exists() -> TestResult {
    let source = Source::read()?;
    for section in ["Names: Django\n", "Names: tower-sessions\n"] {
        let map = map(section);
        let dangling: Vec<_> = map.values().flat_map(|here| quoted(here)).filter(|path| !source.has(path)).collect();

        assert!(map.len() > 20, "{section} has {} rows", map.len());
        assert!(dangling.is_empty(), "{section} leads to {dangling:?}");
    }
    Ok(())
}

#[test]
fn a_search_finds_what_the_maps_lead_to() -> TestResult {
    let source = Source::read()?;
    for section in ["Names: Django\n", "Names: tower-sessions\n"] {
        let here = map(section).into_iter().filter(|(_, here)| !here.starts_with("not here") && here.contains('`'));
        let lost: Vec<_> = here.map(|(name, _)| name).filter(|name| !source.finds(name)).collect();

        assert!(lost.is_empty(), "{section} no item has #[doc(alias)] for {lost:?}");
    }
    Ok(())
}

#[test]
fn a_name_that_is_not_here_has_a_reason_or_a_future() {
    for section in ["Names: Django\n", "Names: tower-sessions\n"] {
        for (name, here) in map(section) {
            let bare = here.starts_with("not here")
                && !here.starts_with("not here, because ")
                && !here.starts_with("not here yet");
            assert!(!bare, "{name}: {here}");
        }
    }
}

#[test]
fn the_readme_installs_this_version_and_shows_code_at_once() {
    let dependency = format!("jam-session = {{ version = \"{}\",", env!("CARGO_PKG_VERSION"));
    let first_code = README.lines().position(|line| line.starts_with("```rust")).unwrap_or(usize::MAX);

    assert!(README.contains(&dependency), "the README does not say {dependency}");
    assert!(first_code < 20, "the first example begins at line {first_code}");
    assert!(README.contains(concat!("version is ", env!("CARGO_PKG_RUST_VERSION"), ".")));
}

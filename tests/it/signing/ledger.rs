//! Keeps the score: a row matches, is listed with a reason, or fails.

/// Rows that differ on purpose.
pub(super) struct Listed {
    pub(super) names: &'static [&'static str],
    pub(super) reason: &'static str,
}

/// The score of one section of one Django.
pub(super) struct Ledger {
    section: String,
    matched: usize,
    listed: Vec<String>,
    failing: Vec<String>,
}

impl Ledger {
    pub(super) fn new(section: &str, version: &str) -> Self {
        let section = format!("{section} {version}");
        Self { section, matched: 0, listed: Vec::new(), failing: Vec::new() }
    }

    /// A row matches or is on the list; one that does both fails as much as one that does neither.
    pub(super) fn row(&mut self, name: &str, list: &[Listed], outcome: Result<(), String>) {
        let is_listed = list.iter().any(|listed| listed.names.contains(&name));
        match (outcome, is_listed) {
            (Ok(()), false) => self.matched += 1,
            (Err(_), true) => self.listed.push(name.to_owned()),
            (Ok(()), true) => self.failing.push(format!("{name}: it is on the list, and matches")),
            (Err(problem), false) => self.failing.push(format!("{name}: {problem}")),
        }
    }

    /// Prints the figures, and gives the names of the rows that are listed; fails unless every one of so many rows is
    /// accounted for.
    pub(super) fn report(self, rows: usize, list: &[Listed]) -> Vec<String> {
        let Self { section, matched, listed, failing } = self;
        let lists = listed.len();
        println!("signing: {section} {rows} rows: matched {matched}, listed {lists}");
        for entry in list {
            let here = listed.iter().filter(|row| entry.names.contains(&row.as_str())).count();
            if here > 0 {
                println!("signing: {section} listed {here}: {}", entry.reason);
            }
        }
        assert!(failing.is_empty(), "{section}:\n{}", failing.join("\n"));
        assert_eq!(matched + lists, rows, "{section}: the number of rows");
        listed
    }
}

/// Fails for a name on a list that no row needs.
pub(super) fn every_name_is_needed(list: &[Listed], listed: &[String]) {
    for entry in list {
        let needless: Vec<_> = entry.names.iter().filter(|name| !listed.iter().any(|row| row == *name)).collect();
        assert!(needless.is_empty(), "no row needs {needless:?}");
    }
}

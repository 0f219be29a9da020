//! Keeps the score: what matched, what deviates as it was meant to, and what fails.

use std::collections::BTreeSet;

use serde_json::Value;

use super::deviations::DEVIATIONS;

/// The score of one section.
pub(super) struct Ledger {
    section: &'static str,
    rows: usize,
    matched: usize,
    deviating: Vec<String>,
    failing: Vec<String>,
}

impl Ledger {
    /// A section whose trace has this many rows.
    pub(super) fn new(section: &'static str, rows: usize) -> Self {
        Self { section, rows, matched: 0, deviating: Vec::new(), failing: Vec::new() }
    }

    /// Compares what Django did with what happened here.
    pub(super) fn compare(&mut self, name: &str, django: &Value, ours: &Value) {
        let differs = difference(django, ours);
        let listed: Vec<_> = DEVIATIONS.iter().filter(|d| d.section == self.section && covers(d.rows, name)).collect();
        match listed.as_slice() {
            [] if differs.is_empty() => self.matched += 1,
            [deviation] if !differs.is_empty() && differs == deviation.differs.iter().copied().collect() => {
                self.deviating.push(name.to_owned());
            }
            _ => {
                let listed: Vec<_> = listed.iter().map(|deviation| (deviation.rows, deviation.differs)).collect();
                self.failing.push(format!(
                    "{}: {name}\n  expected {django}\n  got      {ours}\n  differs in {differs:?}, listed {listed:?}",
                    self.section
                ));
            }
        }
    }

    fn figures(&self) -> [usize; 4] {
        let counted = [self.matched, self.deviating.len(), self.failing.len()];
        let [matched, deviating, failing] = counted;
        [counted.iter().sum(), matched, deviating, failing]
    }
}

/// Prints the figures and the reasons behind them; fails for every row that is not as it should be, and for every
/// word on a list that covers no row.
pub(super) fn report(sections: &[Ledger]) {
    let mut total = [0; 4];
    for section in sections {
        print_figures(section.section, section.figures());
        total = std::array::from_fn(|i| total[i] + section.figures()[i]);
    }
    print_figures("total", total);
    let mut problems: Vec<_> = sections.iter().flat_map(|section| section.failing.clone()).collect();
    for listed in DEVIATIONS {
        let names = deviating(sections, listed.section, listed.rows);
        println!("oracle: deviating {}: {}: {}: {}", names.len(), listed.section, listed.rows, listed.rule);
        problems.extend(void_words(listed.rows, &names));
    }
    for section in sections {
        assert_eq!(section.figures()[0], section.rows, "the number of rows of {}", section.section);
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

fn print_figures(of: &str, [rows, matched, deviating, failing]: [usize; 4]) {
    println!("oracle: {of} {rows} rows: matched {matched}, deviating {deviating}, failing {failing}");
}

/// The rows that deviate and that a pattern covers.
fn deviating<'a>(sections: &'a [Ledger], section: &str, pattern: &str) -> Vec<&'a str> {
    let ledgers = sections.iter().filter(|ledger| ledger.section == section);
    ledgers.flat_map(|ledger| &ledger.deviating).map(String::as_str).filter(|name| covers(pattern, name)).collect()
}

/// The fields in which two objects differ, also those that only one of them has.
fn difference<'a>(django: &'a Value, ours: &'a Value) -> BTreeSet<&'a str> {
    let fields = |side: &'a Value| side.as_object().expect("an object of fields").keys();
    fields(django)
        .chain(fields(ours))
        .filter(|field| django.get(field) != ours.get(field))
        .map(String::as_str)
        .collect()
}

/// Whether a pattern covers a row's name: segment by segment, `*` for any and `|` between alternatives.
fn covers(pattern: &str, name: &str) -> bool {
    let one = |(words, segment): (&str, &str)| words == "*" || words.split('|').any(|word| word == segment);
    pattern.split('/').count() == name.split('/').count() && pattern.split('/').zip(name.split('/')).all(one)
}

/// The words of a pattern that no row needs.
fn void_words(pattern: &str, names: &[&str]) -> Vec<String> {
    let mut void = Vec::new();
    for (i, words) in pattern.split('/').enumerate() {
        let needed = |word: &str| names.iter().any(|name| word == "*" || name.split('/').nth(i) == Some(word));
        void.extend(
            words.split('|').filter(|word| !needed(word)).map(|word| format!("{pattern}: no row needs {word}")),
        );
    }
    void
}

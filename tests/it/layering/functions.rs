//! Functions are short.

use super::{none_of, sources};
use crate::support::TestResult;

/// A function that is longer does two things.
const LONGEST_FUNCTION: usize = 40;

#[test]
fn functions_are_short() -> TestResult {
    let mut problems = Vec::new();
    for source in sources()? {
        let lines: Vec<_> = source.code.lines().collect();
        let functions = lines.iter().enumerate().filter(|(_, line)| begins_function(line));
        let long = functions.map(|(at, _)| (at, function_length(&lines[at..]))).filter(|(_, n)| *n > LONGEST_FUNCTION);
        problems.extend(long.map(|(at, n)| format!("{}:{}: a function of {n} lines", source.path, at + 1)));
    }
    none_of(&problems);
    Ok(())
}

fn begins_function(line: &str) -> bool {
    let words = line.split_whitespace().map(|word| word.split('(').next().unwrap_or_default());
    let mut words = words.skip_while(|word| ["pub", "crate)", "super)", "const", "async", "in"].contains(word));
    words.next() == Some("fn")
}

/// `cargo fmt` puts the brace that ends a function under the line that begins it.
fn function_length(lines: &[&str]) -> usize {
    let indent = |line: &str| line.len() - line.trim_start().len();
    let here = indent(lines[0]);
    let ends = |line: &&str| indent(line) == here && line.trim_end().ends_with(['}', ';']);
    lines.iter().position(ends).map_or(lines.len(), |last| last + 1)
}

#[test]
fn the_length_of_a_function_is_found() {
    let long = format!("    pub(crate) async fn f(\n    ) {{\n{}    }}\n", "        g();\n".repeat(50));
    let lines: Vec<_> = long.lines().collect();
    assert!(begins_function(lines[0]));
    assert_eq!(function_length(&lines), 53);
    assert_eq!(function_length(&["fn f();", "}"]), 1);
}

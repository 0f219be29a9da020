//! What no test of behaviour can see: that the time a comparison takes tells nothing.

use std::{fs, path::Path};

use crate::TestResult;

/// What may be compared with `==` where signatures are made and checked: none of it is secret.
const OPEN: [&str; 6] = ["Legacy::", "length ==", "byte ==", "status ==", "rest ==", "digit =="];

/// The code of a file, without its tests, which are at its end.
fn code(path: &Path) -> TestResult<String> {
    let text = fs::read_to_string(path)?;
    Ok(text.split("#[cfg(test)]").next().unwrap_or_default().to_owned())
}

#[test]
fn signatures_are_compared_in_constant_time_alone() -> TestResult {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/signing");
    let mut verified = 0;
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let code = code(&path)?;
        // `Mac::verify_slice` compares with the crate `subtle`.
        verified += code.matches(".verify_slice(").count();
        for line in code.lines().filter(|line| line.contains("==") || line.contains("!=")) {
            assert!(OPEN.iter().any(|open| line.contains(open)) || line.contains("//"), "{}: {line}", path.display());
        }
    }
    assert_eq!(verified, 4);
    Ok(())
}

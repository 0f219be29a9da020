//! A Python with Django, in an environment that the tests make for themselves below `target/`.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

/// The interpreter, `None` (said loudly) where there is no Python or Django cannot be installed.
pub(crate) fn with_django() -> Option<&'static Path> {
    static PYTHON: OnceLock<Option<PathBuf>> = OnceLock::new();
    PYTHON.get_or_init(|| made().map_err(|reason| skipped(&reason)).ok()).as_deref()
}

fn made() -> Result<PathBuf, String> {
    let requirements = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/django/requirements.txt");
    let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join("django");
    let python = home.join("bin/python");
    let stamp = home.join("requirements.txt");
    let wanted = std::fs::read(&requirements).map_err(|error| error.to_string())?;
    if std::fs::read(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(python);
    }
    run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&home))?;
    run(Command::new(&python)
        .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r"])
        .arg(&requirements))?;
    std::fs::write(&stamp, wanted).map_err(|error| error.to_string())?;
    Ok(python)
}

/// Runs a command and gives what it printed.
pub(crate) fn run(command: &mut Command) -> Result<String, String> {
    let output = command.output().map_err(|error| format!("{command:?}: {error}"))?;
    match output.status.success() {
        true => Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned()),
        false => Err(format!("{command:?}: {}", String::from_utf8_lossy(&output.stderr))),
    }
}

fn skipped(reason: &str) {
    assert!(env::var_os("JAM_REQUIRE_SERVICES").is_none(), "no Django, and JAM_REQUIRE_SERVICES is set: {reason}");
    println!("SKIPPED: no Django ({reason}); this test has checked nothing");
    eprintln!("SKIPPED: no Django ({reason}); this test has checked nothing");
}

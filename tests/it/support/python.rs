//! Pythons with Django, in environments that the tests make for themselves below `target/`.

use std::{
    env,
    fs::{self, File},
    path::{Path, PathBuf},
    process::Command,
};

/// A release of Django that tests run beside.
#[derive(Clone, Copy)]
struct Django {
    /// As in `tests/django/requirements-*.txt`.
    version: &'static str,
    /// The Pythons that it runs on, the best first. The machine's own, `python3`, is tried when none of them is there.
    pythons: &'static [&'static str],
    /// Whether no other Python will do.
    strict: bool,
}

const DJANGOS: [Django; 4] = [
    Django { version: "3.2", pythons: &["3.10", "3.9", "3.8", "3.11", "3.12"], strict: false },
    Django { version: "4.2", pythons: &["3.11", "3.12", "3.10", "3.9"], strict: false },
    Django { version: "5.2", pythons: &["3.11", "3.12", "3.13", "3.10"], strict: false },
    Django { version: "6", pythons: &["3.13", "3.12", "3.14"], strict: true },
];

/// The interpreter of an environment with Django `3.2`, `4.2`, `5.2` or `6`. `None`, said loudly, where there is no
/// Python for it or it cannot be installed.
pub(crate) fn with_django(version: &str) -> Option<PathBuf> {
    let django = DJANGOS.iter().find(|django| django.version == version).expect("one of the list");
    django.made().map_err(|reason| django.skipped(&reason)).ok()
}

impl Django {
    fn made(self) -> Result<PathBuf, String> {
        let requirements = format!("tests/django/requirements-{}.txt", self.version);
        let requirements = Path::new(env!("CARGO_MANIFEST_DIR")).join(requirements);
        let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("django-{}", self.version));
        let (python, stamp) = (home.join("bin/python"), home.join("requirements.txt"));
        let wanted = fs::read(&requirements).map_err(|error| error.to_string())?;
        // Other tests, and other test binaries, want the same one.
        let lock = File::create(home.with_extension("lock")).map_err(|error| error.to_string())?;
        lock.lock().map_err(|error| error.to_string())?;
        if fs::read(&stamp).is_ok_and(|installed| installed == wanted) {
            return Ok(python);
        }
        run(Command::new(self.base()?).args(["-m", "venv", "--clear"]).arg(&home))?;
        run(Command::new(&python)
            .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r"])
            .arg(&requirements))?;
        fs::write(&stamp, wanted).map_err(|error| error.to_string())?;
        Ok(python)
    }

    /// A Python for this Django: what is called so, or what pyenv keeps.
    fn base(self) -> Result<PathBuf, String> {
        let named = self.pythons.iter().find_map(|version| found(version));
        let any = || (!self.strict).then(|| PathBuf::from("python3"));
        named.or_else(any).ok_or_else(|| format!("it needs Python {}", self.pythons.join(" or ")))
    }

    fn skipped(self, reason: &str) {
        let version = self.version;
        // A Python that new is asked of nobody.
        let required = env::var_os("JAM_REQUIRE_SERVICES").is_some() && !(self.strict && self.base().is_err());
        assert!(!required, "no Django {version}, and JAM_REQUIRE_SERVICES is set: {reason}");
        println!("SKIPPED: no Django {version} ({reason}); this test has checked nothing");
        eprintln!("SKIPPED: no Django {version} ({reason}); this test has checked nothing");
    }
}

/// The interpreter of a version like `3.12`, if it is there and can make environments.
fn found(version: &str) -> Option<PathBuf> {
    let home = env::var_os("PYENV_ROOT").map(PathBuf::from);
    let home = home.or_else(|| Some(PathBuf::from(env::var_os("HOME")?).join(".pyenv")))?;
    let kept = fs::read_dir(home.join("versions")).into_iter().flatten().flatten().map(|entry| entry.path());
    let kept = kept.filter(|path| path.file_name().is_some_and(|name| is_release(&name.to_string_lossy(), version)));
    let mut candidates = kept.map(|path| path.join("bin/python3")).chain([format!("python{version}").into()]);
    candidates.find(|python| run(Command::new(python).args(["-c", "import ensurepip, sqlite3, venv"])).is_ok())
}

fn is_release(name: &str, version: &str) -> bool {
    name.strip_prefix(version).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// Runs a command and gives what it printed.
pub(crate) fn run(command: &mut Command) -> Result<String, String> {
    let output = command.output().map_err(|error| format!("{command:?}: {error}"))?;
    match output.status.success() {
        true => Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned()),
        false => Err(format!("{command:?}: {}", String::from_utf8_lossy(&output.stderr))),
    }
}

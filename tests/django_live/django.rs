//! A Django in a process of its own, which does what `tests/django/driver.py` says.

use std::{
    path::Path,
    process::{Command, Stdio},
};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout},
};

use crate::support::{TestResult, python};

pub(crate) const SECRET_KEY: &str = "the SECRET_KEY of both sides, ünïcode included";

pub(crate) struct Django {
    /// Killed with this, should it not have ended by then.
    process: Child,
    commands: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
    /// `(5, 2)`.
    pub(crate) version: (u64, u64),
    /// `Django 5.2.19, Python 3.11`.
    pub(crate) name: String,
}

impl Django {
    /// A Django of this version on a database, with the settings of a small site and `more`. `None` where there is none
    /// on this machine.
    pub(crate) async fn start(version: &str, database: &Value, more: &Value) -> TestResult<Option<Self>> {
        let Some(python) = python::with_django(version) else { return Ok(None) };
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/django/driver.py");
        let mut command = Command::new(python);
        command.args(["-W", "ignore"]).arg(script).arg(settings(database, more).to_string());
        command.env("PYTHONDONTWRITEBYTECODE", "1").stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = tokio::process::Command::from(command).kill_on_drop(true).spawn()?;
        let commands = process.stdin.take().ok_or("a pipe")?;
        let answers = BufReader::new(process.stdout.take().ok_or("a pipe")?).lines();
        let mut django = Self { process, commands, answers, version: (0, 0), name: String::new() };
        let running = django.ask("version", json!({})).await?;
        django.version = serde_json::from_value(running[0].clone())?;
        django.name = format!("Django {}, Python {}", text(&running[1]), text(&running[2]));
        assert!(text(&running[1]).starts_with(version), "{}", django.name);
        Ok(Some(django))
    }

    /// Gives a command and waits for the answer.
    pub(crate) async fn ask(&mut self, command: &str, mut arguments: Value) -> TestResult<Value> {
        arguments["do"] = command.into();
        self.commands.write_all(format!("{arguments}\n").as_bytes()).await?;
        let line = self.answers.next_line().await?.ok_or_else(|| format!("{}: gone at {command}", self.name))?;
        let mut answer: Value = serde_json::from_str(&line)?;
        match answer.get("raises") {
            Some(raised) => Err(format!("{}: {command} raises {}", self.name, text(raised)).into()),
            None => Ok(answer["answer"].take()),
        }
    }

    /// Lets the process end.
    pub(crate) async fn stop(self) -> TestResult {
        let Self { mut process, commands, name, .. } = self;
        drop(commands);
        assert!(process.wait().await?.success(), "{name} ends in peace");
        Ok(())
    }
}

fn settings(database: &Value, more: &Value) -> Value {
    let mut settings = json!({
        "DATABASES": { "default": database },
        "SECRET_KEY": SECRET_KEY,
        "USE_TZ": true,
        "TIME_ZONE": "UTC",
        "INSTALLED_APPS": ["django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions"],
        "DEFAULT_AUTO_FIELD": "django.db.models.AutoField",
        // Quick; what a session holds is a hash of its hash in any case.
        "PASSWORD_HASHERS": ["django.contrib.auth.hashers.MD5PasswordHasher"],
    });
    let more = more.as_object().expect("an object of settings");
    settings.as_object_mut().expect("an object of settings").extend(more.clone());
    settings
}

/// A text in an answer.
pub(crate) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("not a text: {value}"))
}

//! The secret key of signed rows. It is no argument: other users see those, and a shell remembers them.

use std::{env, fs, path::PathBuf};

use jam_session::Signer;

use crate::failure::Failure;

/// Where the key may come from instead of a file.
const VARIABLE: &str = "DJANGO_SECRET_KEY";

/// How rows are signed, if they are: Django's way.
#[derive(Debug, clap::Args)]
pub(crate) struct Signing {
    /// A file with Django's `SECRET_KEY` on its first line, and its `SECRET_KEY_FALLBACKS` on the others; without one
    /// the variable `DJANGO_SECRET_KEY` counts, and without that rows are plain
    #[arg(long, env = "DJANGO_SECRET_KEY_FILE", global = true, value_name = "FILE")]
    secret_key_file: Option<PathBuf>,
    /// The salt, where Django's session store is a class of the project's own
    #[arg(long, global = true, value_name = "SALT")]
    key_salt: Option<String>,
}

impl Signing {
    /// `None` where rows are plain.
    pub(crate) fn signer(&self) -> Result<Option<Signer>, Failure> {
        let Some(secrets) = self.secrets()? else { return Ok(None) };
        let mut secrets = secrets.lines().map(str::to_owned).filter(|line| !line.is_empty());
        let first = secrets.next().ok_or_else(|| Failure::Usage("the secret key is empty".to_owned()))?;
        let signer = Signer::new(first).fallbacks(secrets);
        Ok(Some(match &self.key_salt {
            Some(salt) => signer.key_salt(salt),
            None => signer,
        }))
    }

    fn secrets(&self) -> Result<Option<String>, Failure> {
        let usage = |text: String| Failure::Usage(text);
        if let Some(path) = &self.secret_key_file {
            let text = fs::read_to_string(path);
            return text
                .map(Some)
                .map_err(|error| usage(format!("the file of the secret key cannot be read: {error}")));
        }
        match env::var(VARIABLE) {
            Ok(secret) => Ok(Some(secret)),
            Err(env::VarError::NotPresent) => Ok(None),
            Err(env::VarError::NotUnicode(_)) => Err(usage(format!("{VARIABLE} is not Unicode: use a file"))),
        }
    }
}

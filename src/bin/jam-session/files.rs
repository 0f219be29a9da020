//! A directory of sessions instead of a database: it can be cleaned.

use std::path::Path;

use jam_session::{FileStore, SessionStore as _};

use crate::{
    Cli, Command,
    commands::say,
    failure::{Failure, sentence},
};

pub(crate) async fn run(url: &str, cli: &Cli) -> Result<(), Failure> {
    let Command::Clearsessions { dry_run: false, .. } = &cli.command else {
        return Err(Failure::Usage(
            "a directory of sessions knows one command: `clearsessions`, not as a dry run".into(),
        ));
    };
    // A wrong path is to be noticed, not to become an empty directory.
    let path = url.trim_start_matches("file:").trim_start_matches("//");
    if !Path::new(path).is_dir() {
        return Err(Failure::Failed(format!("there is no directory `{path}`")));
    }
    let store = FileStore::new(path).map_err(|error| Failure::Failed(sentence(&error)))?;
    // What is signed is removed by those who can verify how long it is to live.
    let store = match cli.target.signing.signer()? {
        Some(signer) => store.signing(signer),
        None => store,
    };
    let now = jam_session::Clock::system().now();
    let removed = store.clear_expired(now).await.map_err(|error| Failure::Failed(sentence(&error)))?;
    say(&format!("expired sessions removed: {removed}"))
}

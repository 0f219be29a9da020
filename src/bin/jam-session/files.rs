//! A directory of sessions instead of a database: it can be cleaned.

use std::path::Path;

use jam_session::SessionStore as _;

use crate::{
    Command,
    commands::say,
    failure::{Failure, sentence},
};

pub(crate) async fn run(url: &str, command: &Command) -> Result<(), Failure> {
    let Command::Clearsessions { dry_run: false, .. } = command else {
        return Err(Failure::Usage(
            "a directory of sessions knows one command: `clearsessions`, not as a dry run".into(),
        ));
    };
    // A wrong path is to be noticed, not to become an empty directory.
    let path = url.trim_start_matches("file:").trim_start_matches("//");
    if !Path::new(path).is_dir() {
        return Err(Failure::Failed(format!("there is no directory `{path}`")));
    }
    let store = jam_session::connect(url).await.map_err(|error| Failure::Failed(sentence(&error)))?;
    let now = jam_session::Clock::system().now();
    let removed = store.clear_expired(now).await.map_err(|error| Failure::Failed(sentence(&error)))?;
    say(&format!("expired sessions removed: {removed}"))
}

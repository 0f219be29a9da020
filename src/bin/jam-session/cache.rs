//! Sessions in Redis instead of a table: what has expired is gone there by itself.

use jam_session::{SessionKey, SessionStore as _};

use crate::{
    Command,
    commands::say,
    failure::{Failure, sentence},
};

/// Nothing is stored under it: it only makes Redis answer.
const NOBODYS: &str = "00000000000000000000000000000000";

pub(crate) async fn run(url: &str, command: &Command) -> Result<(), Failure> {
    let store = jam_session::connect(url).await.map_err(|error| Failure::Failed(sentence(&error)))?;
    let key = SessionKey::parse(NOBODYS).map_err(|error| Failure::Failed(error.to_string()))?;
    let answers = || async { store.exists(&key).await.map_err(|error| Failure::Failed(sentence(&error))) };
    match command {
        Command::Check => {
            answers().await?;
            say("Redis answers, and needs no table")
        }
        Command::Clearsessions { .. } => {
            answers().await?;
            say("expired sessions removed: 0; Redis lets go of them by itself")
        }
        _ => Err(Failure::Usage("sessions in Redis know two commands: `check` and `clearsessions`".into())),
    }
}

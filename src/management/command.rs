//! [`clearsessions`]: the clean-up as a program.

use std::{
    io::{Write as _, stderr, stdout},
    process::ExitCode,
};

use crate::{
    backends::SessionStore,
    clock::Clock,
    error::{self, StoreError},
};

/// Removes the expired sessions of a store, says on standard output how many they were, and gives the exit code
/// for the program: 0, or 1 after saying on standard error what is wrong. A store that cannot clear says so, too.
///
/// It is what `jam-session clearsessions` does, for a store or a model of your own:
///
/// ```
/// use std::process::ExitCode;
///
/// use jam_session::{MemoryStore, management};
///
/// #[tokio::main(flavor = "current_thread")]
/// async fn main() -> ExitCode {
///     management::clearsessions(&MemoryStore::new()).await
/// }
/// ```
pub async fn clearsessions(store: &impl SessionStore) -> ExitCode {
    // Whoever started us may have closed the other end: then there is nobody to tell.
    match store.clear_expired(Clock::system().now()).await {
        Ok(removed) => {
            let _ = writeln!(stdout(), "expired sessions removed: {removed}");
            ExitCode::SUCCESS
        }
        Err(StoreError::Backend(source) | StoreError::Refused(source)) => {
            let _ = writeln!(stderr(), "{}", error::chain(&*source));
            ExitCode::FAILURE
        }
        Err(error) => {
            let _ = writeln!(stderr(), "{}", error::chain(&error));
            ExitCode::FAILURE
        }
    }
}

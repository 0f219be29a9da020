//! Looking after the session table: removing what has expired.
//!
//! Sessions that nobody uses any more stay in their table until somebody removes them. Either the application
//! does it while it runs, with [`clear_expired_every`], or a scheduled job does: `jam-session clearsessions`
//! (feature `cli`), or a program of your own around [`clearsessions`] for your own store.
//!
//! Either way it may run on every node, at any time, beside any load: it removes a few rows at a time, and never a
//! session that is being extended.

mod command;
pub use command::clearsessions;
mod every;
pub use every::clear_expired_every;

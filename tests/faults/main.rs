//! What becomes of sessions when everything around them breaks: databases that are killed, replies that are lost,
//! clients that hang up, processes that die in the middle of a write.
//!
//! Each test prints its figures in lines that begin with `fault: `. The tests take turns, because some of them
//! measure time. The long forms are ignored by default; `--include-ignored` runs them, too.

#[macro_use]
mod bench;
#[path = "../it/support/databases.rs"]
#[expect(unused_macros, unused_imports, reason = "the macro there gives its cases a pool; here they get a URL")]
mod databases;

mod aborts;
mod crashes;
mod faulty_store;
mod linearizability;
mod login;
mod logout;
mod lost_replies;
mod outages;
mod two_processes;

//! What this crate logs about the security of sessions.
//!
//! Each event is one [`tracing`](https://docs.rs/tracing) event of the target `jam_session`, with a field `event` that
//! names it. A request causes each at most once. No event has a key, a cookie or a value in it: what is there is the
//! *fingerprint* of the key, by which lines of one session find each other ([`Fingerprint`]).
//!
//! | event | level | fields | when |
//! |---|---|---|---|
//! | `malformed_key` | INFO, DEBUG | `bytes` | a cookie cannot be a key; the store was not asked |
//! | `duplicate_cookie` | WARN, DEBUG | | session cookies with different values, of which several are live, or which the settings refuse; none is believed |
//! | `stale_twin` | INFO, DEBUG | | session cookies with different values, of which exactly one is live; it is used, and the others are expired |
//! | `too_many_cookies` | WARN, DEBUG | | more than 16 KiB of cookies; none is believed |
//! | `unknown_key` | INFO, DEBUG | `fingerprint` | no session has this key: it has ended or expired, it began before `valid_from`, or there never was one |
//! | `other_layer` | INFO, DEBUG | `fingerprint` | the session of this key is of another layer over the same store; it is left alone |
//! | `bad_signature` | INFO, DEBUG | `bytes` | a cookie of signed or encrypted sessions is not of this secret key; `unknown_key` follows |
//! | `undecodable` | WARN, DEBUG | `fingerprint` `error` | what is stored does not verify or decode; it is left alone |
//! | `cycled` | INFO | `fingerprint` `old_fingerprint` | a session was given a new key, as at a login or by its age |
//! | `flushed` | INFO | `fingerprint` | a session was ended by its own request, as at a logout |
//! | `revoked` | INFO | `sessions` | sessions were ended from elsewhere: so many |
//! | `interrupted` | INFO | `fingerprint` | a change was not saved, because its session had been ended meanwhile |
//! | `store_failure` | ERROR | `error` | a request failed because the store did, or was too slow |
//! | `too_large` | ERROR, DEBUG | `error` | a request failed because its session is larger than the store allows |
//! | `refused` | ERROR, DEBUG | `error` | a request failed because the store refuses: no table, no permission, a value that it does not take |
//! | `clean_up` | DEBUG | `removed` | expired sessions were removed: so many |
//! | `clean_up_failure` | WARN | `error` `again_in` | they could not be, and when it is tried again |
//!
//! Ten of them can come with every request. Of each of those one line a minute has the higher level, with
//! one field more, `more_since_the_last_line`: how many there were in between. Those have the lower level. So
//! `jam_session=info` cannot be flooded, and `jam_session=debug` has every one.
//!
//! # Numbers
//!
//! With the feature `metrics` the crate [`metrics`](https://docs.rs/metrics) is given these, for the recorder that the
//! application has installed. No label has a key, a name or a user in it: there are as many as the table has.
//!
//! | metric | labels | what it counts |
//! |---|---|---|
//! | `jam_session_loads_total` | `outcome`: `found` `unknown` `undecodable` `other_layer` | sessions that a cookie asked for |
//! | `jam_session_refused_cookies_total` | `reason`: `malformed` `duplicate` `too_many` `bad_signature` | cookies that were not believed |
//! | `jam_session_changes_total` | `kind`: `created` `saved` `cycled` `flushed` | sessions that were written or ended by their requests |
//! | `jam_session_revoked_total` | | sessions that were ended from elsewhere |
//! | `jam_session_conflicts_total` | | saves that another request had overtaken, and that were made again on top |
//! | `jam_session_interrupted_total` | | saves that found their session ended |
//! | `jam_session_failed_requests_total` | | requests that failed because the store did, or was too slow |
//! | `jam_session_refused_requests_total` | `kind`: `too_large` `refused` | requests that failed for what trying again does not cure |
//! | `jam_session_expired_removed_total` | | expired sessions that `clear_expired_every` removed |
//! | `jam_session_cache_total` | `outcome`: `hit` `miss` `error` | what a `CachedDbStore` found in its cache; errors of all its commands |
//! | `jam_session_writes_under_way` | | a gauge: writes and ends that wait or talk to the store; at most 4,096 of each |
//! | `jam_session_writes_not_sent_total` | `reason`: `full` `late` | writes that were given up before they were sent: too many waited, or their deadline passed |
//! | `jam_session_batched_rows_total` | | rows that shared a statement with others |
//! | `jam_session_store_failures_total` | `engine`, `operation` | operations that the store failed to do, each try for itself |
//! | `jam_session_store_seconds` | `engine`, `operation` | a histogram: how long operations took, in seconds |
//!
//! `operation` is a method of [`SessionStore`](crate::SessionStore), `engine` what its
//! [`engine`](crate::SessionStore::engine) says.
//!
//! # Cost
//!
//! The fingerprint is computed only where somebody listens. A request that leaves its session alone computes nothing.
//! The other lines of this crate have the targets of their modules, `jam_session::…`, and are for people: their
//! words may change.
//!
//! ```
//! use jam_session::{MemoryStore, SessionLayer};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), jam_session::Error> {
//! let session = SessionLayer::new(MemoryStore::new()).create().await?;
//!
//! // In the application's own lines, the same name for the same session:
//! let fingerprint = session.fingerprint().expect("it is stored");
//! tracing::info!(%fingerprint, "somebody bought something");
//! assert_eq!(fingerprint.to_string().len(), 8);
//! # Ok(()) }
//! ```

mod fingerprint;
pub use fingerprint::Fingerprint;
mod now_and_then;
#[cfg(feature = "metrics")]
mod numbers;
#[cfg(feature = "metrics")]
pub(crate) use numbers::Operations;
#[cfg(not(feature = "metrics"))]
#[path = "no_numbers.rs"]
mod numbers;
mod operation;
pub(crate) use operation::Operation;
mod rare;
pub(crate) use rare::Events;
mod told;
#[cfg(feature = "_sql")]
pub(crate) use told::batched;
pub(crate) use told::{
    cache_error, cache_hit, cache_miss, clean_up, clean_up_failure, created, cycled, failed, flushed, found,
    interrupted, not_sent_full, not_sent_late, overtaken, revoked, saved, write_begins, write_ends,
};

/// The target of every event of the table.
const TARGET: &str = "jam_session";

//! What a [`SessionStore`] has to promise, one function a promise.
//!
//! [`session_store_tests!`](crate::session_store_tests) makes a test of each of them for your store. They need
//! tokio's features `macros` and `rt-multi-thread` among your development dependencies.
//!
//! ```
//! mod tests {
//! #   use jam_session::MemoryStore as MyStore;
//!     async fn fresh() -> MyStore {
//!         MyStore::new()
//!     }
//!
//!     jam_session::session_store_tests!(my_store, fresh());
//! }
//! ```
//!
//! A failure then reads `tests::my_store::an_expired_session_is_gone`. Each case gets a store of its own; what has
//! to live as long as the store goes beside it, and where there is a `None`, the case is skipped: see [`Fresh`].
//!
//! A store that cannot keep a promise says which, and why; the case is reported as ignored for this reason:
//!
//! ```
//! # mod tests {
//! # use jam_session::MemoryStore as MyStore;
//! jam_session::session_store_tests!(my_store, async { MyStore::new() }, except [
//!     a_large_session_is_kept_whole = "a cookie has 4096 bytes",
//! ]);
//! # }
//! ```
//!
//! One case alone, in a test of your own:
//!
//! ```
//! # #[tokio::main]
//! # async fn main() {
//! # use jam_session::MemoryStore as MyStore;
//! use jam_session::testing::conformance;
//!
//! conformance::check(MyStore::new(), conformance::an_expired_session_is_gone).await;
//! # }
//! ```

use std::{any::Any, fmt};

use crate::backends::{ErasedStore, SessionStore};

mod clearing;
pub use clearing::*;
mod contents;
pub use contents::*;
mod creating;
pub use creating::*;
mod cycling;
pub use cycling::*;
mod dropping;
pub use dropping::*;
mod expiring;
pub use expiring::*;
mod fixture;
mod racing;
pub use racing::*;
mod saving;
pub use saving::*;

/// Makes a module with one test for each case of [`conformance`](crate::testing::conformance): its name, and a future
/// that gives a [`Fresh`] store; then, for a store that leaves cases out, `except [case = "reason", …]`.
#[macro_export]
macro_rules! session_store_tests {
    ($module:ident, $fresh:expr $(, except [$($left_out:ident = $reason:literal),* $(,)?])? $(,)?) => {
        mod $module {
            use super::*;

            $($(
                #[tokio::test]
                #[ignore = $reason]
                async fn $left_out() {
                    $crate::testing::conformance::check($fresh.await, $crate::testing::conformance::$left_out).await;
                }
            )*)?

            macro_rules! case {
                $($( ($left_out) => {}; )*)?
                ($case:ident) => {
                    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                    async fn $case() {
                        $crate::testing::conformance::check($fresh.await, $crate::testing::conformance::$case).await;
                    }
                };
            }
            $crate::__session_store_cases!(case);
        }
    };
}

/// Calls `$apply` with the name of each case.
#[doc(hidden)]
#[macro_export]
macro_rules! __session_store_cases {
    ($apply:ident) => {
        $crate::__session_store_cases! { $apply:
            a_created_session_is_loaded_as_it_was_written
            an_unknown_key_has_no_session
            the_key_of_a_created_session_is_accepted
            what_is_no_key_is_not_accepted
            a_taken_key_is_refused_and_its_session_left_alone
            the_key_of_an_expired_session_is_taken

            an_expiry_is_kept_to_the_microsecond
            a_session_lives_until_a_microsecond_before_its_expiry
            an_expired_session_is_gone
            an_expired_session_exists_until_it_is_cleared
            an_expired_session_is_not_saved
            an_expired_session_is_not_touched
            an_expired_session_is_not_cycled
            an_extreme_expiry_is_bounded_and_its_session_lives
            an_expiry_in_the_past_ends_the_session
            an_extreme_expiry_that_django_wrote_is_no_error

            a_save_is_what_the_next_load_gives
            the_record_of_a_save_is_what_the_next_builds_on
            saving_what_is_there_already_is_done
            an_emptied_session_is_kept
            a_save_over_a_stale_record_is_a_conflict
            a_conflict_is_what_the_next_save_builds_on
            a_write_reaches_its_own_session_alone
            a_touch_moves_the_expiry_alone
            a_stale_touch_writes_nothing

            a_cycle_moves_the_session_to_the_new_key
            a_cycle_without_a_change_keeps_the_data
            the_old_key_is_dead_after_a_cycle
            a_cycle_over_a_stale_record_is_a_conflict
            a_cycle_to_a_taken_key_leaves_both_alone
            a_cycle_to_an_expired_sessions_key_is_refused

            clear_expired_removes_the_expired_and_counts_them
            clear_expired_leaves_what_expires_this_instant
            clear_expired_removes_any_number
            a_deleted_session_is_gone
            a_deletion_of_what_was_loaded_ends_it
            a_deletion_of_a_stale_record_is_a_conflict
            a_deletion_of_what_is_gone_says_so
            deleting_what_is_not_there_is_no_error
            nothing_brings_a_deleted_session_back

            awkward_data_comes_back_byte_for_byte
            awkward_data_is_built_on
            a_large_session_is_kept_whole
            a_session_beyond_the_limits_is_refused

            no_save_of_fifty_at_once_is_lost
            of_many_creates_of_one_key_one_wins
            a_delete_wins_over_a_racing_save
            of_two_cycles_one_wins
            a_cycle_and_a_racing_save_leave_one_session
            a_touch_and_a_racing_save_keep_the_data

            a_dropped_create_leaves_a_whole_session_or_none
            a_dropped_save_leaves_a_whole_session
            a_dropped_touch_leaves_the_data
            a_dropped_cycle_leaves_one_session
            the_store_works_on_after_dropped_operations
        }
    };
    ($apply:ident: $($case:ident)*) => {
        $( $apply!($case); )*
    };
}

/// The names of all cases.
#[must_use]
pub fn cases() -> Vec<&'static str> {
    let mut names = Vec::new();
    macro_rules! name {
        ($case:ident) => {
            names.push(stringify!($case));
        };
    }
    __session_store_cases!(name);
    names
}

/// Runs one case against a fresh store.
///
/// # Panics
///
/// When the store breaks the promise.
pub async fn check(fresh: impl Into<Fresh>, case: impl AsyncFnOnce(&ErasedStore)) {
    let Fresh(Some((store, _beside))) = fresh.into() else { return };
    case(&store).await;
}

/// An empty store for one case. It is made from a store, from a pair of a store and what has to live as long
/// (a temporary directory, a container), or from an `Option` of these: `None` skips the case, for want of a server.
pub struct Fresh(Option<(ErasedStore, Box<dyn Any>)>);

impl<S: SessionStore> From<S> for Fresh {
    fn from(store: S) -> Self {
        (store, ()).into()
    }
}

impl<S: SessionStore, B: 'static> From<(S, B)> for Fresh {
    fn from((store, beside): (S, B)) -> Self {
        Self(Some((ErasedStore::new(store), Box::new(beside))))
    }
}

impl<F: Into<Self>> From<Option<F>> for Fresh {
    fn from(fresh: Option<F>) -> Self {
        Self(fresh.and_then(|fresh| fresh.into().0))
    }
}

impl fmt::Debug for Fresh {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Fresh(..)")
    }
}

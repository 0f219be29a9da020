//! The protocols of `jam-session` as models: states that are small enough to enumerate, and actions that are the
//! store operations and messages of the real code. The checker visits every state that any order of the actions
//! reaches, and each property holds in all of them.
//!
//! A model has `Rules`, which switch single steps of the protocol to a wrong variant. `tests/mutants.rs` does that and
//! shows that the property which the step is there for then fails. `docs/correctness.md` says what the bounds are.

use std::{fmt::Debug, hash::Hash, time::Instant};

use stateright::{Checker, HasDiscoveries, Model};

pub mod cached_db;
pub mod commit;
pub mod file;
pub mod hashed_keys;
pub mod renewal;

/// What the enumeration of a model visited.
#[derive(Debug, Clone, Copy)]
pub struct Visited {
    /// How many different states there are.
    pub states: usize,
    /// How many steps the longest way to a new state has.
    pub depth: usize,
}

/// Visits every state of `model` and prints how many there are.
///
/// # Panics
///
/// Panics with the shortest counterexample if an `always` property fails somewhere, or if a `sometimes` property, which
/// shows that the model reaches what it is about, holds nowhere.
pub fn enumerate<M>(name: &str, model: M) -> Visited
where
    M: Model + Send + Sync + 'static,
    M::State: Debug + Hash + Clone + PartialEq + Send + Sync + 'static,
    M::Action: Debug + Hash + Clone + PartialEq + Send + Sync + 'static,
{
    let begun = Instant::now();
    let checker = model.checker().threads(2).finish_when(HasDiscoveries::AnyFailures).spawn_bfs().join();
    checker.assert_properties();
    let visited = Visited { states: checker.unique_state_count(), depth: checker.max_depth() };
    println!(
        "model: {name}: {} states, depth {}, {:.1} s",
        visited.states,
        visited.depth,
        begun.elapsed().as_secs_f64()
    );
    visited
}

/// A property that fails, and the fewest steps that lead there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counterexample {
    /// The name of the property.
    pub property: &'static str,
    /// The actions, as the model prints them.
    pub steps: Vec<String>,
}

/// Looks for a state in which a property of the model fails, a step deeper each time, so that it has the fewest steps.
pub fn counterexample<M>(model: impl Fn() -> M) -> Option<Counterexample>
where
    M: Model + Send + Sync + 'static,
    M::State: Debug + Hash + Clone + PartialEq + Send + Sync + 'static,
    M::Action: Debug + Hash + Clone + PartialEq + Send + Sync + 'static,
{
    (1..).find_map(|depth| search(model(), depth)).flatten()
}

/// `None` if there may be one deeper, `Some(None)` if there is none at all.
fn search<M>(model: M, depth: usize) -> Option<Option<Counterexample>>
where
    M: Model + Send + Sync + 'static,
    M::State: Debug + Hash + Clone + PartialEq + Send + Sync + 'static,
    M::Action: Debug + Hash + Clone + PartialEq + Send + Sync + 'static,
{
    let always = model.properties().into_iter().filter(|property| property.expectation.discovery_is_failure());
    let always: Vec<_> = always.map(|property| property.name).collect();
    let checker = model.checker().finish_when(HasDiscoveries::AnyFailures).target_max_depth(depth);
    let checker = checker.spawn_bfs().join();
    let mut found = checker.discoveries();
    if let Some((property, path)) = always.iter().find_map(|name| found.remove_entry(name)) {
        let steps = path.into_actions().iter().map(|action| format!("{action:?}")).collect();
        return Some(Some(Counterexample { property, steps }));
    }
    (checker.max_depth() < depth).then_some(None)
}

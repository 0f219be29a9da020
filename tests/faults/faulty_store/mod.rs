//! Every operation of a store, with every fault, under a crowd of requests whose order a seed decides. Time is paused,
//! so a hanging store costs none.

mod scene;
mod store;

use jam_session::SaveMode;
use scene::Scene;
use store::{Fault, Operation};

use crate::bench::{TestResult, alone};

const OPERATIONS: [Operation; 8] = [
    Operation::Load,
    Operation::Create,
    Operation::Save,
    Operation::Touch,
    Operation::Cycle,
    Operation::Delete,
    Operation::Exists,
    Operation::ClearExpired,
];
const CELLS: usize = OPERATIONS.len() * FAULTS.len();
const FAULTS: [Fault; 5] = [Fault::Error, Fault::Delay, Fault::Hang, Fault::LostReply, Fault::Cancel];

/// Each seed plays one cell of the table of operations and faults.
#[tokio::test(start_paused = true)]
async fn no_fault_of_a_store_breaks_a_promise_in_10_000_seeds() -> TestResult {
    let _alone = alone().await;
    all_is_kept(one_cell_each(10_000)).await
}

#[tokio::test(start_paused = true)]
#[ignore = "the long form"]
async fn no_fault_of_a_store_breaks_a_promise_in_10_000_seeds_of_each_kind() -> TestResult {
    let _alone = alone().await;
    all_is_kept((0..CELLS).flat_map(|cell| (0..10_000).map(move |seed| (cell, seed)))).await
}

#[tokio::test(start_paused = true)]
async fn the_same_seeds_show_what_overwriting_breaks() -> TestResult {
    let _alone = alone().await;
    let played = play(one_cell_each(400), SaveMode::Overwrite).await?;
    let (seeds, violations) = (played.seeds, played.violations.len());
    println!("fault: {seeds} seeds with a session that overwrites, {violations} violations");
    assert!(played.violations.iter().any(|what| what.ends_with("is lost")), "the scene proves nothing");
    Ok(())
}

/// Outside of a request there is a deadline, too.
#[tokio::test(start_paused = true)]
async fn a_layer_does_not_wait_for_a_store_that_hangs() -> TestResult {
    for operation in [Operation::Exists, Operation::Delete] {
        let (plan, layer) = Scene::hanging(operation).await?;
        let key = plan.state().sessions.keys().next().cloned().ok_or("a session")?;
        for _ in 0..10 {
            let began = tokio::time::Instant::now();
            let _ = if operation == Operation::Exists {
                layer.exists(&key).await.map(drop)
            } else {
                layer.delete(&key).await
            };
            assert!(began.elapsed() <= scene::DEADLINE, "{operation:?} took {:?}", began.elapsed());
        }
    }
    Ok(())
}

fn one_cell_each(seeds: u64) -> impl Iterator<Item = (usize, u64)> {
    (0..seeds).map(|seed| (seed as usize % CELLS, seed))
}

async fn all_is_kept(plays: impl Iterator<Item = (usize, u64)>) -> TestResult {
    let Sum { seeds, strikes, violations } = play(plays, SaveMode::Merge).await?;
    let struck: u64 = strikes.iter().flatten().sum();
    let (operations, faults, broken) = (OPERATIONS.len(), FAULTS.len(), violations.len());
    println!(
        "fault: {operations} operations × {faults} faults, {seeds} seeds, {struck} faults struck, {broken} violations"
    );
    for (operation, row) in OPERATIONS.iter().zip(&strikes) {
        assert!(row.iter().all(|struck| *struck > 0), "{operation:?} was hardly struck: {row:?}");
    }
    let first = violations.iter().take(20).cloned().collect::<Vec<_>>().join("\n");
    assert!(violations.is_empty(), "{broken} violations:\n{first}");
    Ok(())
}

#[derive(Default)]
struct Sum {
    seeds: usize,
    strikes: [[u64; FAULTS.len()]; OPERATIONS.len()],
    /// With the seed that brings them back.
    violations: Vec<String>,
}

async fn play(plays: impl Iterator<Item = (usize, u64)>, mode: SaveMode) -> TestResult<Sum> {
    let mut sum = Sum::default();
    for (cell, seed) in plays {
        let (row, column) = (cell / FAULTS.len(), cell % FAULTS.len());
        let (operation, fault) = (OPERATIONS[row], FAULTS[column]);
        let played = Scene::set(operation, fault, mode, seed).await?.play().await?;
        let at = |what| format!("{operation:?} with {fault:?}, seed {seed}: {what}");
        sum.violations.extend(played.violations.into_iter().map(at));
        sum.strikes[row][column] += played.struck;
        sum.seeds += 1;
    }
    Ok(sum)
}

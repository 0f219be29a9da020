//! Every operation of a store, with every fault, under a crowd of requests whose order a seed decides. Time is paused,
//! so a hanging store costs none.

mod scene;
mod store;

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
const FAULTS: [Fault; 5] = [Fault::Error, Fault::Delay, Fault::Hang, Fault::LostReply, Fault::Cancel];

/// Each seed plays one cell of the table of operations and faults.
#[tokio::test(start_paused = true)]
async fn no_fault_of_a_store_breaks_a_promise_in_10_000_seeds() -> TestResult {
    let _alone = alone().await;
    let cells = OPERATIONS.len() * FAULTS.len();
    let plays = (0..10_000_u64).map(|seed| (seed as usize % cells, seed));
    play(plays).await
}

#[tokio::test(start_paused = true)]
#[ignore = "the long form"]
async fn no_fault_of_a_store_breaks_a_promise_in_10_000_seeds_of_each_kind() -> TestResult {
    let _alone = alone().await;
    let cells = OPERATIONS.len() * FAULTS.len();
    play((0..cells).flat_map(|cell| (0..10_000).map(move |seed| (cell, seed)))).await
}

async fn play(plays: impl Iterator<Item = (usize, u64)>) -> TestResult {
    let mut strikes = [[0_u64; FAULTS.len()]; OPERATIONS.len()];
    let (mut scenes, mut violations) = (0, Vec::new());
    for (cell, seed) in plays {
        let (operation, fault) = (cell / FAULTS.len(), cell % FAULTS.len());
        let played = Scene::set(OPERATIONS[operation], FAULTS[fault], seed).await?.play().await?;
        strikes[operation][fault] += played.struck;
        let at = format!("{:?} with {:?}, seed {seed}", OPERATIONS[operation], FAULTS[fault]);
        violations.extend(played.violations.into_iter().map(|what| format!("{at}: {what}")));
        scenes += 1;
    }
    let struck: u64 = strikes.iter().flatten().sum();
    let (operations, faults) = (OPERATIONS.len(), FAULTS.len());
    println!(
        "fault: {operations} operations × {faults} faults, {scenes} seeds, {struck} faults struck, {} violations",
        violations.len()
    );
    for (operation, row) in strikes.iter().enumerate() {
        assert!(row.iter().all(|struck| *struck > 0), "{:?} was hardly struck: {row:?}", OPERATIONS[operation]);
    }
    let first = violations.iter().take(20).cloned().collect::<Vec<_>>().join("\n");
    assert!(violations.is_empty(), "{} violations:\n{first}", violations.len());
    Ok(())
}

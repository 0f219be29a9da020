//! Drives the servers, and writes what it found to `docs/performance/`.
//!
//! `driver quick|full|scale|counts|stale BINARIES RESULTS` measures, `driver report RESULTS README` writes tables and
//! plots again.

use std::{env, error::Error, path::Path};

use tokio::signal::unix::{SignalKind, signal};

mod callgrind;
mod client;
mod counts;
mod database;
mod leftovers;
mod machine;
mod measure;
mod plan;
mod redis;
mod report;
mod results;
mod route;
mod run;
mod server;
mod servers;
mod stale;
#[path = "../../../../tests/it/support/performance.rs"]
mod summary;
mod svg;
mod tap;
mod visitor;

use plan::Plan;

type BoxError = Box<dyn Error + Send + Sync>;

fn main() -> Result<(), BoxError> {
    let words: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words[..] {
        ["report", results, readme] => report::write(Path::new(results), Path::new(readme)),
        [name, binaries, results] => {
            let plan = Plan::named(name).ok_or("quick, full, scale, counts or stale?")?;
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            let measured = until_told_to_stop(run::run(name, &plan, Path::new(binaries), Path::new(results)));
            tokio::task::LocalSet::new().block_on(&runtime, measured)
        }
        _ => Err("driver quick|full|scale|counts|stale BINARIES RESULTS, driver report RESULTS README".into()),
    }
}

/// Whatever the end, the servers are stopped and their databases dropped.
async fn until_told_to_stop(measured: impl Future<Output = Result<(), BoxError>>) -> Result<(), BoxError> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    leftovers::sweep(leftovers::Of::DeadRuns).await;
    let ended = tokio::select! {
        ended = measured => ended,
        _ = terminate.recv() => Err("terminated".into()),
        _ = interrupt.recv() => Err("interrupted".into()),
    };
    leftovers::sweep(leftovers::Of::ThisRun).await;
    ended
}

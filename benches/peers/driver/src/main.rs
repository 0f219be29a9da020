//! Drives the servers, and writes what it found to `docs/performance/`.
//!
//! `driver quick|full|scale BINARIES RESULTS` measures, `driver report RESULTS README` writes tables and plots again.

use std::{env, error::Error, fs, path::Path};

use serde_json::{Value, json};

mod client;
mod counts;
mod database;
mod machine;
mod measure;
mod plan;
mod report;
mod server;
#[path = "../../../../tests/it/support/performance.rs"]
mod summary;
mod svg;
mod tap;
mod visitor;

use database::Scratch;
use plan::{BARE, Group, Plan, Route, Server};
use server::{How, Running};

type BoxError = Box<dyn Error + Send + Sync>;

fn main() -> Result<(), BoxError> {
    let words: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words[..] {
        ["report", results, readme] => report::write(Path::new(results), Path::new(readme)),
        ["check", results, readme] => report::check(Path::new(results), Path::new(readme)),
        [name, binaries, results] => {
            let plan = Plan::named(name).ok_or("quick, full or scale?")?;
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            let found = tokio::task::LocalSet::new().block_on(&runtime, run(name, &plan, Path::new(binaries)))?;
            fs::write(results, serde_json::to_string_pretty(&found)? + "\n")?;
            Ok(())
        }
        _ => Err("driver quick|full|scale BINARIES RESULTS, driver report|check RESULTS README".into()),
    }
}

async fn run(name: &str, plan: &Plan, binaries: &Path) -> Result<Value, BoxError> {
    let (mut databases, mut cells, mut counts, mut instructions) = (json!({}), Vec::new(), Vec::new(), Vec::new());
    for group in &plan.groups {
        let database = group.database.name();
        if databases.get(database).is_none() {
            databases[database] = match database::version(group.database).await {
                Ok(version) => json!(version),
                Err(error) => {
                    eprintln!("SKIPPED: {database}: {error}");
                    Value::Null
                }
            };
        }
        if databases[database].is_null() {
            continue;
        }
        eprintln!("{database}, {} bytes, {} names, {} rows", group.size, group.names, group.rows);
        cells.extend(timed(plan, group, binaries).await?);
        if group.counts {
            counts.extend(counted(group, binaries).await?);
        }
        if plan.instructions && group.size <= 4096 {
            instructions.extend(instructions_of(group, binaries).await?);
        }
    }
    Ok(json!({
        "run": name, "machine": machine::description(), "databases": databases,
        "rounds": plan.rounds, "round_ms": plan.round.as_millis() as u64,
        "cells": cells, "counts": counts, "instructions": instructions,
    }))
}

/// The servers of a group, which may leave out what has no session.
fn contenders(group: &Group) -> Vec<Server> {
    let untouched = group.cells.iter().any(|cell| cell.route.is_untouched());
    plan::servers().into_iter().filter(|&server| untouched || server != BARE).collect()
}

async fn timed(plan: &Plan, group: &Group, binaries: &Path) -> Result<Vec<Value>, BoxError> {
    let how = How { binaries, size: group.size, names: group.names, counting: false, callgrind: None };
    let mut servers = Vec::new();
    let mut found = Ok(Vec::new());
    for (number, server) in contenders(group).into_iter().enumerate() {
        let scratch = Scratch::new(group.database, number).await?;
        match Running::start(server, &scratch, &scratch.url, how).await {
            Ok(running) => servers.push((running, scratch)),
            Err(error) => {
                scratch.drop().await?;
                found = Err(error);
                break;
            }
        }
    }
    if found.is_ok() {
        found = cells(plan, group, &servers).await;
    }
    for (running, scratch) in servers {
        running.stop().await?;
        scratch.drop().await?;
    }
    found
}

async fn cells(plan: &Plan, group: &Group, servers: &[(Running, Scratch)]) -> Result<Vec<Value>, BoxError> {
    if group.rows > 0 {
        for (running, scratch) in servers {
            // The row that is copied.
            visitor::Visitor::new(&running.address).await?;
            scratch.fill(running.server.binary, group.rows).await?;
        }
    }
    let mut rows = Vec::new();
    for &cell in &group.cells {
        eprintln!("  {}, {} connections", cell.route.name(), cell.connections);
        rows.extend(measure::cell(plan, group, cell, servers).await?);
    }
    Ok(rows)
}

async fn counted(group: &Group, binaries: &Path) -> Result<Vec<Value>, BoxError> {
    let mut rows = Vec::new();
    for server in contenders(group) {
        let scratch = Scratch::new(group.database, 80).await?;
        let counted = counts::of(server, &scratch, group, binaries).await;
        scratch.drop().await?;
        rows.extend(counted?);
    }
    Ok(rows)
}

async fn instructions_of(group: &Group, binaries: &Path) -> Result<Vec<Value>, BoxError> {
    let mut rows = Vec::new();
    for server in contenders(group) {
        for route in [Route::UntouchedWithCookie, Route::Read, Route::Write, Route::New] {
            if server != BARE || route.is_untouched() {
                rows.push(counts::instructions(server, group, route, binaries).await?);
            }
        }
    }
    Ok(rows)
}

//! A run: group by group, with what was found saved after each.

use std::{env, path::Path, time::Instant};

use serde_json::{Value, json};

use crate::{
    BoxError, callgrind, counts,
    database::{self, Scratch},
    machine, measure,
    plan::{Database, Group, Plan},
    redis::Redis,
    results,
    server::{How, Running},
    servers::{self, Kind, Server},
    stale, visitor,
};

/// What all of a run have in common.
pub struct Context<'a> {
    pub plan: &'a Plan,
    pub servers: Vec<Server>,
    pub binaries: &'a Path,
    pub redis: Option<Redis>,
}

impl<'a> Context<'a> {
    pub fn how(&'a self, size: usize, names: usize) -> How<'a> {
        How { binaries: self.binaries, size, names, counting: false, callgrind: None, redis: self.redis.as_ref() }
    }
}

pub async fn run(name: &str, plan: &Plan, binaries: &Path, file: &Path) -> Result<(), BoxError> {
    let redis = Redis::start().await.inspect_err(|error| eprintln!("SKIPPED: Redis: {error}")).ok();
    let context = Context { plan, servers: servers::wanted(redis.is_some()), binaries, redis };
    let minutes = plan.estimate(&context.servers).as_secs_f64() / 60.0;
    eprintln!("{name}: about {minutes:.0} minutes");

    let part = ["BENCH_ONLY", "BENCH_SERVERS"].iter().any(|name| env::var(name).is_ok_and(|words| !words.is_empty()));
    let part = part || matches!(name, "counts" | "stale");
    let mut known = if part { results::read(file)?.unwrap_or(json!({})) } else { json!({}) };
    if name == "full" {
        results::forget(&mut known, "quick");
    }
    let (started, mut databases) = (Instant::now(), json!({}));
    for group in &plan.groups {
        if !reached(group.database, &mut databases).await {
            continue;
        }
        let minutes = started.elapsed().as_secs() / 60;
        eprintln!(
            "{minutes} min: {}, {} bytes, {} names, {} rows",
            group.database.name(),
            group.size,
            group.names,
            group.rows
        );
        let mut found = json!({ "run": about(name, plan), "databases": databases });
        found["cells"] = json!(timed(&context, group).await?);
        if group.counts {
            found["counts"] = json!(counted(&context, group).await?);
        }
        if group.instructions {
            found["instructions"] = json!(instructions(&context, group).await?);
        }
        results::merge(&mut known, &found);
        results::save(file, &known)?;
    }
    for &database in &plan.two_processes {
        for &server in context.servers.iter().filter(|&&server| stale::concerns(server, database)) {
            if reached(database, &mut databases).await {
                eprintln!("{}: two processes of {}", database.name(), server.name);
                let stale = [stale::of(&context, server, database).await?];
                let found = json!({ "run": about(name, plan), "databases": databases, "stale": stale });
                results::merge(&mut known, &found);
                results::save(file, &known)?;
            }
        }
    }
    eprintln!("{} min: done", started.elapsed().as_secs() / 60);
    Ok(())
}

fn about(name: &str, plan: &Plan) -> Value {
    let said = |name: &str| env::var(name).unwrap_or_default();
    json!({
        "name": name, "only": said("BENCH_ONLY"), "servers": said("BENCH_SERVERS"), "date": said("BENCH_DATE"), "commit": said("BENCH_COMMIT"),
        "machine": machine::description(), "rounds": plan.rounds, "round_ms": plan.round.as_millis() as u64,
    })
}

/// Whether the database is there; otherwise says so once.
async fn reached(database: Database, versions: &mut Value) -> bool {
    if versions.get(database.name()).is_none() {
        versions[database.name()] = match database::version(database).await {
            Ok(version) => json!(version),
            Err(error) => {
                eprintln!("SKIPPED: {}: {error}", database.name());
                Value::Null
            }
        };
    }
    !versions[database.name()].is_null()
}

/// The servers that take part in one cell of the group at least.
fn contenders(context: &Context<'_>, group: &Group) -> Vec<Server> {
    let mut servers = group.servers(&context.servers);
    servers.retain(|server| group.cells.iter().any(|cell| server.answers(cell.route, group.size)));
    servers
}

async fn timed(context: &Context<'_>, group: &Group) -> Result<Vec<Value>, BoxError> {
    let mut servers = Vec::new();
    let mut found = Ok(Vec::new());
    for (number, server) in contenders(context, group).into_iter().enumerate() {
        let scratch = Scratch::new(group.database, number).await?;
        match Running::start(server, &scratch, &scratch.url, context.how(group.size, group.names)).await {
            Ok(running) => servers.push((running, scratch)),
            Err(error) => {
                scratch.drop().await?;
                found = Err(error);
                break;
            }
        }
    }
    if found.is_ok() {
        found = cells(context.plan, group, &servers).await;
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

async fn counted(context: &Context<'_>, group: &Group) -> Result<Vec<Value>, BoxError> {
    let mut rows = Vec::new();
    for server in group.servers(&context.servers) {
        let scratch = Scratch::new(group.database, 80).await?;
        let counted = counts::of(context, server, &scratch, group).await;
        scratch.drop().await?;
        rows.extend(counted?);
    }
    Ok(rows)
}

async fn instructions(context: &Context<'_>, group: &Group) -> Result<Vec<Value>, BoxError> {
    let mut rows = Vec::new();
    // A cache makes the rest of a request no different.
    for server in group.servers(&context.servers).into_iter().filter(|server| server.kind != Kind::Cached) {
        eprintln!("  instructions of {}", server.name);
        let scratch = Scratch::new(group.database, 90).await?;
        let counted = callgrind::of(context, server, &scratch, group).await;
        scratch.drop().await?;
        rows.extend(counted?);
    }
    Ok(rows)
}

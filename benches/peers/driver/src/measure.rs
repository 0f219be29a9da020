//! Timing: the servers take turns, round by round, so that whatever else the machine does hits all of them.

use std::{
    rc::Rc,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tokio::task::spawn_local;

use crate::{
    BoxError,
    database::Scratch,
    machine,
    plan::{Cell, Group, Plan},
    route::Route,
    server::Running,
    visitor::Visitor,
};

/// One server in a cell: its visitors, and what its rounds showed.
struct Contender<'a> {
    running: &'a Running,
    scratch: &'a Scratch,
    visitors: Vec<Visitor>,
    rounds: Vec<Round>,
    written: u64,
}

/// What one server did in one round; times in microseconds, CPU and packets per request.
#[derive(Debug, Clone, Copy)]
struct Round {
    rps: f64,
    p50: f64,
    p99: f64,
    server_cpu: Option<f64>,
    database_cpu: Option<f64>,
    packets: Option<f64>,
}

pub async fn cell(
    plan: &Plan,
    group: &Group,
    cell: Cell,
    servers: &[(Running, Scratch)],
) -> Result<Vec<Value>, BoxError> {
    let mut contenders = Vec::new();
    for (running, scratch) in servers {
        if running.server.answers(cell.route, group.size) {
            contenders.push(Contender::new(running, scratch, cell).await.map_err(|error| about(running, cell, error))?);
        }
    }
    for round in 0..=plan.rounds {
        let duration = if round == 0 { plan.warm_up } else { plan.round };
        for contender in &mut contenders {
            let measured = contender.round(cell.route, duration).await;
            let measured = measured.map_err(|error| about(contender.running, cell, error))?;
            if round > 0 {
                contender.rounds.push(measured);
            }
        }
    }
    let mut rows = Vec::new();
    for mut contender in contenders {
        contender.check(cell).await.map_err(|error| about(contender.running, cell, error))?;
        rows.push(contender.row(group, cell));
    }
    Ok(rows)
}

fn about(running: &Running, cell: Cell, error: BoxError) -> BoxError {
    format!("{}, {}, {} connections: {error}", running.server.name, cell.route.name(), cell.connections).into()
}

impl<'a> Contender<'a> {
    async fn new(running: &'a Running, scratch: &'a Scratch, cell: Cell) -> Result<Self, BoxError> {
        let arrival = |_| {
            let (server, address) = (running.server, running.address.clone());
            spawn_local(async move { Visitor::of(server, &address, cell.route).await })
        };
        // A few at a time: their arrival is not what is measured.
        let (mut visitors, mut left) = (Vec::new(), cell.connections);
        while left > 0 {
            let together = left.min(16);
            for arrived in (0..together).map(arrival).collect::<Vec<_>>() {
                visitors.push(arrived.await??);
            }
            left -= together;
        }
        if let Some(sessions) = cell.shared {
            let mut cookies = Vec::new();
            for _ in 0..sessions {
                cookies.push(Visitor::new(&running.address).await?.cookie().to_owned());
            }
            let cookies = Rc::new(cookies);
            visitors.iter_mut().zip(1..).for_each(|(visitor, seed)| visitor.share(&cookies, seed));
        }
        Ok(Self { running, scratch, visitors, rounds: Vec::new(), written: 0 })
    }

    async fn round(&mut self, route: Route, duration: Duration) -> Result<Round, BoxError> {
        let (server_cpu, database_cpu) = (self.running.cpu_micros(), self.database_cpu().await);
        let packets = machine::loopback_packets();
        let started = Instant::now();
        let tasks: Vec<_> =
            self.visitors.drain(..).map(|visitor| spawn_local(visits(visitor, route, started + duration))).collect();
        let mut took = Vec::new();
        for task in tasks {
            let (visitor, times) = task.await??;
            self.visitors.push(visitor);
            took.extend(times);
        }
        let elapsed = started.elapsed();
        let packets = difference(packets, machine::loopback_packets());
        let server_cpu = difference(server_cpu, self.running.cpu_micros());
        let database_cpu = difference(database_cpu, self.database_cpu().await);
        took.sort_unstable();
        let requests = took.len().max(1);
        self.written += took.len() as u64;
        let each = |total: u64| total as f64 / requests as f64;
        let percentile =
            |percent: usize| took.get(took.len() * percent / 100).map_or(0.0, |took| took.as_secs_f64() * 1e6);
        Ok(Round {
            rps: requests as f64 / elapsed.as_secs_f64(),
            p50: percentile(50),
            p99: percentile(99),
            server_cpu: server_cpu.map(each),
            database_cpu: database_cpu.map(each),
            packets: packets.map(each),
        })
    }

    /// That of the database and of the cache, where they are processes of their own.
    async fn database_cpu(&self) -> Option<u64> {
        let both = [self.scratch.cpu_micros().await, self.running.redis_cpu_micros()];
        both.into_iter().flatten().reduce(|sum, cpu| sum + cpu)
    }

    /// What was written to sessions that all visitors share is all there, where the server says that it merges.
    async fn check(&mut self, cell: Cell) -> Result<(), BoxError> {
        let shared = cell.shared.is_some() && cell.route == Route::Write;
        if !shared || self.running.server.binary != "jam" {
            return Ok(());
        }
        let Some(visitor) = self.visitors.first_mut() else { return Ok(()) };
        let stored = visitor.stored_visits_of_all().await?;
        if stored != self.written {
            return Err(format!("{} writes were answered and {stored} are stored", self.written).into());
        }
        Ok(())
    }

    fn row(&self, group: &Group, cell: Cell) -> Value {
        let of = |figure: fn(&Round) -> Option<f64>| self.rounds.iter().filter_map(figure).collect::<Vec<_>>();
        let rps = of(|round| Some(round.rps));
        let (low, high) = rps.iter().fold((f64::MAX, 0.0_f64), |(low, high), &rps| (low.min(rps), high.max(rps)));
        json!({
            "database": group.database.name(), "size": group.size, "names": group.names, "rows": group.rows,
            "route": cell.route.name(), "connections": cell.connections, "shared": cell.shared,
            "server": self.running.server.name,
            "rps": rounded(median(rps)), "rps_low": rounded(Some(low)), "rps_high": rounded(Some(high)),
            "p50_us": rounded(median(of(|round| Some(round.p50)))),
            "p99_us": rounded(median(of(|round| Some(round.p99)))),
            "server_cpu_us": rounded(median(of(|round| round.server_cpu))),
            "database_cpu_us": rounded(median(of(|round| round.database_cpu))),
            "packets": rounded(median(of(|round| round.packets))),
        })
    }
}

/// Visits until `end`.
async fn visits(mut visitor: Visitor, route: Route, end: Instant) -> Result<(Visitor, Vec<Duration>), BoxError> {
    let mut took = Vec::with_capacity(4096);
    while Instant::now() < end {
        took.push(visitor.visit(route).await?);
    }
    Ok((visitor, took))
}

fn difference(before: Option<u64>, after: Option<u64>) -> Option<u64> {
    Some(after?.saturating_sub(before?))
}

fn median(mut figures: Vec<f64>) -> Option<f64> {
    figures.sort_unstable_by(f64::total_cmp);
    let (low, high) = (figures.get(figures.len().checked_sub(1)? / 2)?, figures.get(figures.len() / 2)?);
    Some((low + high) / 2.0)
}

/// To three digits and a bit: more would be noise.
fn rounded(figure: Option<f64>) -> Option<f64> {
    figure.map(|figure| if figure < 1000.0 { (figure * 10.0).round() / 10.0 } else { figure.round() })
}

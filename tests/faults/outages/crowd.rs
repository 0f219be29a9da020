//! Clients that count while a database breaks.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use axum::Router;
use jam_session::SaveMode;
use tokio::{
    task::JoinSet,
    time::{Instant, sleep},
};

use crate::bench::{
    TestResult,
    app::{app, begun, layer, send},
    name,
    rows::{number, rows},
};

pub(super) const CLIENTS: usize = 16;

#[derive(Debug, Clone, Copy)]
pub(super) struct Sample {
    client: usize,
    pub(super) began: Instant,
    pub(super) took: Duration,
    pub(super) status: u16,
}

impl Sample {
    pub(super) fn ended(&self) -> Instant {
        self.began + self.took
    }
}

/// Clients that count without a pause, four to a session.
pub(super) struct Crowd {
    stop: Arc<AtomicBool>,
    clients: JoinSet<TestResult<Vec<Sample>>>,
}

impl Crowd {
    pub(super) async fn begin(url: &str) -> TestResult<Self> {
        let app = app(layer(jam_session::connect(url).await?, SaveMode::Merge));
        let (stop, mut clients) = (Arc::<AtomicBool>::default(), JoinSet::new());
        let mut cookie = String::new();
        for client in 0..CLIENTS {
            if client % 4 == 0 {
                cookie = begun(&app).await?;
            }
            clients.spawn(count(client, app.clone(), cookie.clone(), Arc::clone(&stop)));
        }
        Ok(Self { stop, clients })
    }

    /// What was acknowledged has happened, and what was not attempted has not.
    pub(super) async fn end(self, url: &str) -> TestResult<Vec<Sample>> {
        self.stop.store(true, Ordering::SeqCst);
        let samples: Vec<_> = self.clients.join_all().await.into_iter().collect::<TestResult<_>>()?;
        let samples = samples.concat();
        let acknowledged = samples.iter().filter(|sample| sample.status == 200).count();
        let counted = rows(url).await?.iter().map(|(_, data)| number(data, "n")).sum::<TestResult<i64>>()?;
        let (counted, attempted) = (usize::try_from(counted)?, samples.len());
        println!("fault: {}: {acknowledged} acknowledged ≤ {counted} counted ≤ {attempted} attempted", name(url));
        assert!((acknowledged..=attempted).contains(&counted));
        Ok(samples)
    }
}

async fn count(client: usize, app: Router, cookie: String, stop: Arc<AtomicBool>) -> TestResult<Vec<Sample>> {
    let mut samples = Vec::new();
    while !stop.load(Ordering::SeqCst) {
        let began = Instant::now();
        let status = send(&app, "/add/n", &cookie).await?.status;
        samples.push(Sample { client, began, took: began.elapsed(), status });
        // Neither an anonymous visitor nor an ended session: the store is out of order, and that is all.
        assert!(matches!(status, 200 | 503), "answered {status}");
        sleep(Duration::from_millis(5)).await;
    }
    Ok(samples)
}

pub(super) fn recovered(samples: &[Sample], since: Instant) -> TestResult {
    for client in 0..CLIENTS {
        let served = samples.iter().any(|s| s.client == client && s.began > since && s.status == 200);
        assert!(served, "client {client} is never served again");
    }
    Ok(())
}

pub(super) fn longest_percentile(samples: &[Sample], percent: usize) -> Duration {
    let mut took: Vec<_> = samples.iter().map(|sample| sample.took).collect();
    took.sort();
    took[(took.len() * percent / 100).min(took.len() - 1)]
}

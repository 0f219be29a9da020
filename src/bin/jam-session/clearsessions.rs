//! The clean-up, with its progress on standard error.

use std::{
    io::{IsTerminal as _, Write as _, stderr},
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressStyle};
use jam_session::{DbStore, Driver};
use time::OffsetDateTime;

use crate::{commands::say, failure::Failure};

/// Between two lines where there is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(5);

pub(crate) async fn clearsessions<DB: Driver>(
    store: &DbStore<DB>,
    now: OffsetDateTime,
    batch_size: u16,
) -> Result<(), Failure> {
    let expired = match store.count_expired(now).await {
        Ok(expired) => expired,
        Err(error) => return Err(Failure::of(store, error).await),
    };
    let mut progress = Progress::new(expired);
    let mut removed = 0;
    loop {
        match store.clear_expired_batch(now, batch_size.into()).await {
            Ok(0) => break,
            Ok(batch) => removed += batch,
            Err(error) => {
                progress.finish();
                return Err(Failure::of(store, error).await);
            }
        }
        progress.show(removed);
    }
    progress.finish();
    say(&format!("expired sessions removed: {removed}"))
}

/// A bar on a terminal, now and then a line elsewhere.
enum Progress {
    Bar(ProgressBar),
    Lines { expired: u64, started: Instant, last: Instant },
}

impl Progress {
    fn new(expired: u64) -> Self {
        if !stderr().is_terminal() {
            let _ = writeln!(stderr(), "expired sessions found: {expired}");
            return Self::Lines { expired, started: Instant::now(), last: Instant::now() };
        }
        let style = ProgressStyle::with_template("{wide_bar} {pos}/{len} removed, {per_sec}, {eta} left");
        let bar = ProgressBar::new(expired).with_style(style.expect("a template of known names"));
        bar.tick();
        Self::Bar(bar)
    }

    fn show(&mut self, removed: u64) {
        match self {
            Self::Bar(bar) => bar.set_position(removed),
            Self::Lines { expired, started, last } if last.elapsed() >= LINE_EVERY => {
                *last = Instant::now();
                let _ = writeln!(stderr(), "{}", line(removed, *expired, started.elapsed()));
            }
            Self::Lines { .. } => {}
        }
    }

    /// The bar stays as it stands, for whoever comes back to the terminal later.
    fn finish(&self) {
        if let Self::Bar(bar) = self {
            bar.abandon();
        }
    }
}

fn line(removed: u64, expired: u64, elapsed: Duration) -> String {
    let rate = removed as f64 / elapsed.as_secs_f64().max(0.001);
    let left = expired.saturating_sub(removed) as f64 / rate.max(0.001);
    format!("{removed}/{expired} removed, {rate:.0}/s, {left:.0} s left")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_tells_rate_and_time_left() {
        assert_eq!(line(2000, 10_000, Duration::from_secs(4)), "2000/10000 removed, 500/s, 16 s left");
        assert_eq!(line(0, 0, Duration::ZERO), "0/0 removed, 0/s, 0 s left");
    }
}

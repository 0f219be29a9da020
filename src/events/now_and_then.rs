//! [`NowAndThen`]: a log line that would otherwise come with every request.

use std::sync::{Mutex, PoisonError};

use time::{Duration, OffsetDateTime};

/// Between two lines.
const PAUSE: Duration = Duration::MINUTE;

/// Lets one line a minute through, and counts those that it does not.
#[derive(Debug, Default)]
pub(super) struct NowAndThen(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    last: Option<OffsetDateTime>,
    unsaid: u64,
}

impl NowAndThen {
    pub(super) const fn new() -> Self {
        Self(Mutex::new(State { last: None, unsaid: 0 }))
    }

    /// How many lines were kept back since the last one, if it is time for another.
    pub(super) fn says(&self, now: OffsetDateTime) -> Option<u64> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // A clock may also be set back.
        if state.last.is_some_and(|last| (now - last).abs() < PAUSE) {
            state.unsaid += 1;
            return None;
        }
        state.last = Some(now);
        Some(std::mem::take(&mut state.unsaid))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_a_minute_counts_those_between() {
        let (lines, start) = (NowAndThen::default(), OffsetDateTime::UNIX_EPOCH);
        let at = |seconds| lines.says(start + Duration::seconds(seconds));

        assert_eq!(at(0), Some(0));
        assert_eq!([at(1), at(30), at(59)], [None; 3]);
        assert_eq!(at(60), Some(3));
        assert_eq!(at(61), None);
        assert_eq!(at(600), Some(1));
        assert_eq!(at(0), Some(0), "the clock was set back");
    }
}

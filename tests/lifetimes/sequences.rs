//! No sequence of calls makes a session live longer than its idle time and its absolute age allow: sequences at
//! random, on a clock that jumps, also back.

use std::{
    convert::Infallible,
    sync::{Arc, Mutex},
    thread,
    time::Duration as StdDuration,
};

use http::{Request, Response, header};
use jam_session::{LazySession, MemoryStore, Session, SessionLayer, SessionStore as _};
use time::{Duration, OffsetDateTime};
use tower::{Layer as _, ServiceExt as _, service_fn};

use crate::{Moment, TestResult};

mod model;
use model::{Ages, Model, Own, Stored};
mod random;
use random::Random;

const SEQUENCES: u64 = 100_000;
const REQUESTS: u64 = 5;
const CALLS: u64 = 4;

/// What was found.
#[derive(Debug, Default, PartialEq, Eq)]
struct Found {
    past_idle: u64,
    past_absolute: u64,
    alive: u64,
    ended: u64,
}

impl Found {
    fn add(&mut self, other: &Self) {
        self.past_idle += other.past_idle;
        self.past_absolute += other.past_absolute;
        self.alive += other.alive;
        self.ended += other.ended;
    }
}

/// One visitor with one browser, and the clock.
struct Visit {
    random: Random,
    moment: Moment,
    store: MemoryStore,
    layer: SessionLayer,
    ages: Ages,
    cookie: Option<String>,
    stored: Option<Stored>,
    found: Found,
}

impl Visit {
    fn new(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let (moment, store) = (Moment::new(), MemoryStore::new());
        let ages = Ages {
            idle: Duration::minutes(random.between(10, 60)),
            absolute: Duration::minutes(random.between(60, 180)),
        };
        let layer = SessionLayer::new(store.clone())
            .clock(moment.clock())
            .cookie_age(StdDuration::try_from(ages.idle).expect("a positive one"))
            .absolute_age(StdDuration::try_from(ages.absolute).expect("a positive one"));
        let layer = match random.below(4) {
            0 => layer,
            3 => layer.renew_after(StdDuration::from_secs(5 * 60)),
            1 => layer.refresh_threshold(StdDuration::from_secs(90)),
            _ => layer.save_every_request(true),
        };
        Self { random, moment, store, layer, ages, cookie: None, stored: None, found: Found::default() }
    }

    async fn run(mut self) -> TestResult<Found> {
        for _ in 0..REQUESTS {
            let jump = if self.random.below(8) == 0 { Duration::HOUR * -1 } else { self.random.while_away() };
            self.moment.advance(jump);
            self.request().await?;
        }
        Ok(self.found)
    }

    async fn request(&mut self) -> TestResult {
        let mut request = Request::new(());
        if let Some(cookie) = &self.cookie {
            request.headers_mut().insert(header::COOKIE, cookie.parse()?);
        }
        let calls: Vec<Call> = (0..self.random.below(CALLS + 1)).map(|_| Call::any(&mut self.random)).collect();
        let (left, course) = (Arc::<Mutex<Option<End>>>::default(), Course::of(self, calls));
        let handler = |request: Request<()>| {
            let (course, left) = (course.clone(), Arc::clone(&left));
            async move {
                let session = LazySession::of(request.extensions()).expect("the layer is there");
                let session = session.load().await.expect("a store in memory works");
                let end = course.run(session).await.expect("every call may be made");
                *left.lock().expect("nobody panics here") = Some(end);
                Ok::<_, Infallible>(Response::new(()))
            }
        };
        let response = self.layer.layer(service_fn(handler)).oneshot(request).await?;
        let end: End = left.lock().expect("nobody panics here").take().ok_or("the handler ran")?;
        self.judge(end, &response).await
    }

    /// Compares what there is with what there may be.
    async fn judge(&mut self, end: End, response: &Response<()>) -> TestResult {
        let now = self.moment.now();
        if let Some(stored) = self.stored {
            let alive = u64::from(end.was_alive);
            self.found.past_idle += alive * u64::from(now >= stored.idle_until);
            self.found.past_absolute += alive * u64::from(now >= self.ages.absolute_end(stored));
            self.found.alive += alive;
            self.found.ended += 1 - alive;
        }
        // A session that has expired may live again when the clock is set back.
        let Some(key) = end.session.session_key() else { return Ok(()) };
        self.stored = end.model.stored;
        self.cookie = Some(format!("sessionid={}", key.as_str()));
        let (Some(row), Some(stored)) = (self.store.load(&key, now).await?, self.stored) else { return Ok(()) };
        let absolute = self.ages.absolute_end(stored);
        self.found.past_idle += u64::from(row.expire_date > stored.idle_until);
        self.found.past_absolute += u64::from(row.expire_date > absolute);
        let cookie_ends = max_age(response).map(|age| now + Duration::seconds(age));
        self.found.past_absolute += u64::from(cookie_ends.is_some_and(|end| end > absolute));
        Ok(())
    }
}

fn max_age(response: &Response<()>) -> Option<i64> {
    let cookie = response.headers().get(header::SET_COOKIE)?.to_str().ok()?;
    cookie.split("; ").find_map(|attribute| attribute.strip_prefix("Max-Age="))?.parse().ok()
}

#[derive(Debug, Clone, Copy)]
enum Call {
    Insert,
    SetExpiry(Own),
    SetExpiryIn(Duration),
    Clear,
    CycleKey,
    Save,
    Reload,
    SaveDetached,
    SaveElsewhere,
    DoNotExtend,
    Flush,
    /// Puts another beginning into the data, or takes it away.
    Forge,
    Unforge,
}

impl Call {
    fn any(random: &mut Random) -> Self {
        let minutes = |random: &mut Random| Duration::minutes(random.between(1, 300));
        match random.below(18) {
            0..=3 => Self::Insert,
            4 => Self::SetExpiry(Own::None),
            5 => Self::SetExpiry(Own::Idle(minutes(random))),
            6 => Self::SetExpiryIn(minutes(random)),
            7 => Self::Clear,
            8 => Self::CycleKey,
            9 => Self::Save,
            10 => Self::Reload,
            11 => Self::SaveDetached,
            12 => Self::SaveElsewhere,
            13 | 14 => Self::DoNotExtend,
            15 => Self::Flush,
            16 => Self::Forge,
            _ => Self::Unforge,
        }
    }
}

/// What one handler does, step by step, and what the model says to it.
#[derive(Clone)]
struct Course {
    calls: Vec<Call>,
    stored: Option<Stored>,
    ages: Ages,
    now: OffsetDateTime,
    layer: SessionLayer,
}

struct End {
    was_alive: bool,
    model: Model,
    session: Session,
}

impl Course {
    fn of(visit: &Visit, calls: Vec<Call>) -> Self {
        let (ages, now, layer) = (visit.ages, visit.moment.now(), visit.layer.clone());
        Self { calls, stored: visit.stored, ages, now, layer }
    }

    async fn run(self, session: Session) -> TestResult<End> {
        let was_alive = session.session_key().is_some();
        let mut model = Model::new(self.stored.filter(|_| was_alive));
        for call in self.calls.clone() {
            self.call(call, &session, &mut model).await?;
        }
        if session.modified() && (session.session_key().is_some() || !session.is_empty()) {
            model.write(self.ages, self.now);
        }
        model.touch(self.ages, self.now);
        Ok(End { was_alive, model, session })
    }

    async fn call(&self, call: Call, session: &Session, model: &mut Model) -> TestResult {
        let has_row = session.session_key().is_some();
        match call {
            Call::Insert => session.insert("n", &rand::random::<u64>())?,
            Call::SetExpiry(own) => {
                model.own = own;
                session.set_expiry(if let Own::Idle(idle) = own { Some(idle.whole_seconds()) } else { None })?;
            }
            Call::SetExpiryIn(duration) => {
                model.own = Own::At(self.now + duration);
                session.set_expiry(duration)?;
            }
            Call::Clear => {
                model.own = Own::None;
                session.clear()?;
            }
            Call::CycleKey => session.cycle_key()?,
            Call::Save => {
                session.save().await?;
                model.write(self.ages, self.now);
            }
            Call::Reload => {
                session.reload().await?;
                model.reload(model.stored.filter(|_| !session.is_empty()));
            }
            Call::SaveDetached if has_row => {
                session.detached().save().await?;
                model.write_elsewhere(self.ages, self.now);
            }
            Call::SaveElsewhere if has_row => self.save_elsewhere(session, model).await?,
            Call::SaveDetached | Call::SaveElsewhere => {}
            Call::DoNotExtend => {
                session.do_not_extend()?;
                model.kept = true;
            }
            Call::Flush => {
                session.flush().await?;
                model.reload(None);
            }
            Call::Forge => session.insert("_session_created", &(self.now.unix_timestamp() + 86_400))?,
            Call::Unforge => drop(session.remove("_session_created")?),
        }
        Ok(())
    }

    async fn save_elsewhere(&self, session: &Session, model: &mut Model) -> TestResult {
        let key = session.session_key().ok_or("it has a row")?;
        let other = self.layer.open(&key).await?;
        if other.is_empty() {
            return Ok(());
        }
        other.insert("other", &rand::random::<u64>())?;
        other.save().await?;
        model.write_elsewhere(self.ages, self.now);
        Ok(())
    }
}

/// Every `step`th sequence from `first` on.
fn sequences(first: u64, step: usize) -> TestResult<Found> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    let mut sum = Found::default();
    for seed in (first..SEQUENCES).step_by(step) {
        let found = runtime.block_on(Visit::new(seed).run()).map_err(|error| format!("seed {seed}: {error}"))?;
        if (found.past_idle, found.past_absolute) != (0, 0) {
            println!("lifetimes: seed {seed} lives too long");
        }
        sum.add(&found);
    }
    Ok(sum)
}

#[test]
fn no_sequence_of_calls_outlives_the_idle_time_or_the_absolute_age() -> TestResult {
    let threads = thread::available_parallelism()?.get();
    let running: Vec<_> = (0..threads as u64).map(|first| thread::spawn(move || sequences(first, threads))).collect();
    let mut sum = Found::default();
    for thread in running {
        sum.add(&thread.join().expect("it did not panic")?);
    }
    println!(
        "lifetimes: {SEQUENCES} sequences, {} past idle, {} past absolute ({} times alive, {} times ended)",
        sum.past_idle, sum.past_absolute, sum.alive, sum.ended
    );
    assert_eq!((sum.past_idle, sum.past_absolute), (0, 0));
    assert!(sum.alive > SEQUENCES / 2 && sum.ended > SEQUENCES / 2, "it proves little: {sum:?}");
    Ok(())
}

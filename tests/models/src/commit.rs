//! How overlapping requests of one session are saved: load, compare-and-swap, merge, `cycle_key`, `flush`, two logins.
//!
//! Up to three requests of two processes come with the cookie of one session. Each loads it, does what its [`Kind`]
//! says, and writes. One statement of the database is one action, and so is the loss of its reply.
//!
//! | action | in the crate |
//! |---|---|
//! | [`Action::Load`] | `SessionStore::load`, called by the extractor |
//! | [`Action::TakeTurn`] | `session/queue.rs`: a writer begins with what the writer before it left |
//! | [`Action::Write`] | `SessionStore::{create, save, cycle, touch}`, called by `session/attempt.rs` |
//! | [`Action::Look`] | `Attempt::already_there`, after a lost reply |
//! | [`Action::Delete`] | `SessionStore::delete_loaded`, called by `flush` until it meets no other writer |
//! | [`Action::Deadline`] | `save_deadline` passes: the client is answered 503 |
//! | [`Action::Abandon`] | a write whose deadline has passed is not sent |
//! | [`Action::Arrive`] | the database executes a write whose connection broke before |
//! | [`Action::Expire`] | the clock reaches the session's `expire_date` |

use stateright::{Model, Property};

/// How many requests there are at most.
pub const REQUESTS: usize = 3;
/// One key from the beginning, and for each request one for `cycle_key` and one for a new session.
const KEYS: usize = 1 + 2 * REQUESTS;
/// The session from the beginning, and one that each request may create.
const SESSIONS: usize = 1 + REQUESTS;

/// What a request does with the session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// Changes it: each request changes a dictionary key of its own, by one.
    Change,
    /// Changes it and calls `set_expiry`, so that it lives longer.
    SetExpiry,
    /// Only extends it, as `save_every_request` and `refresh_threshold` do.
    Touch,
    /// Changes it and calls `cycle_key`.
    CycleKey,
    /// Changes it and sets the identity keys to this user, under the key that it has.
    SetUser(u8),
    /// Changes it, sets the identity keys to this user, and calls `cycle_key`.
    Login(u8),
    /// Ends it.
    Flush,
}

/// A session's dictionary.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Data {
    /// How often the change of each request is in it.
    changes: [u8; REQUESTS],
    /// The value of the identity keys; 0 is an anonymous visitor.
    user: u8,
    /// Whether it has an expiry of its own.
    long: bool,
}

/// A stored session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Row {
    data: Data,
    expiry: Expiry,
    /// The clock has passed `expiry`.
    expired: bool,
    /// Which session it is, whatever its key. The database does not know this; the properties speak of it.
    session: usize,
}

/// An `expire_date`: how long the session lives, and which request wrote it, because an instant is exact to the
/// microsecond.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Expiry {
    long: bool,
    written_by: usize,
}

/// A session as a request loaded it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Record {
    key: usize,
    data: Data,
    expiry: Expiry,
    session: usize,
}

/// A write that is to be sent, or was sent without a reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Write {
    /// What it replaces; `None` for a new session.
    over: Option<Record>,
    to: usize,
    data: Data,
    /// An earlier reply was lost, so that this write may have been done already.
    lost: bool,
}

/// Where a request is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Step {
    Start,
    Write(Write),
    /// The reply of this write was lost.
    Look(Write),
    /// Ends what was loaded; the flag says whether an earlier reply was lost.
    Delete(Record, bool),
    Done,
}

/// What the client is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Answer {
    /// Saved, or ended: in this session.
    Ok(usize),
    /// 400: the session has ended meanwhile, and nothing of the request is kept.
    Interrupted,
    /// 503: the outcome is unknown.
    Unavailable,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Request {
    kind: Kind,
    step: Step,
    /// What it loaded, if anything.
    loaded: Option<Record>,
    answer: Option<Answer>,
}

/// How a statement reaches the database and its reply the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Delivery {
    /// Both arrive.
    Answered,
    /// The statement was executed, and the connection broke before the reply.
    ReplyLost,
    /// The connection broke before the statement.
    NotSent,
    /// The connection broke, and the database executes the statement later: it waited for a lock, say.
    Late,
}

/// A step of one request, or of the clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the table of the module says what each is")]
pub enum Action {
    Load(usize),
    TakeTurn(usize),
    Write(usize, Delivery),
    Look(usize),
    Delete(usize, Delivery),
    Deadline(usize),
    Abandon(usize),
    Arrive,
    Expire,
}

/// The table, the processes and the requests.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct State {
    rows: [Option<Row>; KEYS],
    requests: Vec<Request>,
    /// What the last writer of each process left for the next one.
    left: [Option<Record>; 2],
    /// What the last login of each process that renewed the key saved.
    logins: [Option<Record>; 2],
    losses: u8,
    /// A write that the database has yet to execute, and that no process waits for.
    late: Option<(usize, Write)>,
    /// Which sessions were deleted or have expired.
    over: [bool; SESSIONS],
    /// Which sessions ended with an answer that says so.
    ended: [bool; SESSIONS],
    /// A change was written into a session whose user is not the one that the request saw.
    foreign_write: bool,
}

/// The steps that a mutant gets wrong.
#[derive(Debug, Clone, Copy, Default)]
pub struct Rules {
    /// A save that finds no row inserts one.
    pub upsert: bool,
    /// A save does not compare the data.
    pub blind_save: bool,
    /// An extension does not compare the expiry.
    pub unguarded_touch: bool,
    /// A write whose reply was lost is sent again without a look.
    pub retry_blindly: bool,
    /// A write whose reply was lost is refused, instead of unknown, where its row is gone.
    pub gone_after_loss_is_refused: bool,
    /// A login that lost its session takes along what it had loaded.
    pub login_keeps_loaded: bool,
    /// A conflict is merged although the user has changed.
    pub merge_any_identity: bool,
    /// A `flush` that finds nothing is acknowledged.
    pub flush_of_nothing_is_ok: bool,
}

/// The model and its bounds.
#[derive(Debug, Clone)]
pub struct Commit {
    /// How many requests there are.
    pub requests: usize,
    /// What they may do.
    pub kinds: Vec<Kind>,
    /// How many replies are lost at most.
    pub losses: u8,
    /// Whether deadlines pass.
    pub deadlines: bool,
    /// Which steps are wrong.
    pub rules: Rules,
}

impl Kind {
    /// The change of request `id` on top of `data`: what a merge applies again.
    fn apply(self, id: usize, mut data: Data) -> Data {
        if !matches!(self, Self::Touch | Self::Flush) {
            data.changes[id] += 1;
        }
        match self {
            Self::Login(user) | Self::SetUser(user) => data.user = user,
            Self::SetExpiry => data.long = true,
            _ => {}
        }
        data
    }

    fn cycles(self) -> bool {
        matches!(self, Self::CycleKey | Self::Login(_))
    }

    fn sets_identity(self) -> bool {
        self.user().is_some()
    }

    fn user(self) -> Option<u8> {
        match self {
            Self::Login(user) | Self::SetUser(user) => Some(user),
            _ => None,
        }
    }
}

/// The process of a request: the first and the last are in one.
fn process(id: usize) -> usize {
    id % 2
}

impl State {
    fn load(&self, key: usize) -> Option<Record> {
        let row = self.rows[key].filter(|row| !row.expired)?;
        Some(Record { key, data: row.data, expiry: row.expiry, session: row.session })
    }

    fn first_write(&self, id: usize) -> Step {
        let Request { kind, loaded, .. } = self.requests[id];
        match (kind, loaded) {
            (Kind::Touch, None) => Step::Done,
            (Kind::Flush, None) => Step::Done,
            (Kind::Flush, Some(record)) => Step::Delete(record, false),
            (kind, Some(record)) => Step::Write(write_over(kind, id, record)),
            (kind, None) => Step::Write(new_session(kind, id, Data::default())),
        }
    }

    fn answer(&mut self, id: usize, answer: Answer) {
        self.requests[id].step = Step::Done;
        self.requests[id].answer.get_or_insert(answer);
    }

    /// What `Commit::save` does when the session that it was to be written over is gone.
    fn gone(&mut self, id: usize, rules: Rules) {
        let Request { kind, loaded, answer, .. } = self.requests[id];
        if !kind.sets_identity() || answer.is_some() {
            return self.answer(id, Answer::Interrupted);
        }
        let ours = kind.apply(id, Data::default());
        let base = if rules.login_keeps_loaded {
            loaded.map_or_else(Data::default, |record| record.data)
        } else {
            Data::default()
        };
        // The winner of the same user in this process: once, because it was asked for only when our own was gone.
        let winner = self.logins[process(id)].take().filter(|winner| winner.data.user == ours.user);
        self.requests[id].step = Step::Write(match winner {
            Some(winner) => {
                Write { over: Some(winner), to: winner.key, data: kind.apply(id, winner.data), lost: false }
            }
            None => new_session(kind, id, base),
        });
    }

    /// What `Commit::save` does when it finds another request's data.
    fn conflict(&mut self, id: usize, over: Record, theirs: Record, rules: Rules) {
        let Request { kind, answer, .. } = self.requests[id];
        if over.data.user != theirs.data.user && !rules.merge_any_identity {
            return self.gone(id, rules);
        }
        if answer.is_some() {
            return self.requests[id].step = Step::Done;
        }
        let cycles = kind.cycles()
            && theirs.session == over.session
            && matches!(self.requests[id].step, Step::Write(write) if write.to != over.key);
        let to = if cycles { 1 + id } else { theirs.key };
        self.requests[id].step =
            Step::Write(Write { over: Some(theirs), to, data: kind.apply(id, theirs.data), lost: false });
    }

    fn done(&mut self, id: usize, saved: Record) {
        let kind = self.requests[id].kind;
        if kind.sets_identity() && kind.cycles() {
            self.logins[process(id)] = Some(saved);
        } else if !kind.cycles() {
            self.left[process(id)] = Some(saved);
        }
        self.answer(id, Answer::Ok(saved.session));
    }
}

fn write_over(kind: Kind, id: usize, record: Record) -> Write {
    let to = if kind.cycles() { 1 + id } else { record.key };
    Write { over: Some(record), to, data: kind.apply(id, record.data), lost: false }
}

fn new_session(kind: Kind, id: usize, base: Data) -> Write {
    Write { over: None, to: 1 + REQUESTS + id, data: kind.apply(id, base), lost: false }
}

/// What one statement did.
enum Outcome {
    Done(Record),
    Conflict(Record),
    Gone,
}

impl Commit {
    /// Executes the statement of `write`, as the database does.
    fn execute(&self, state: &mut State, id: usize, write: Write) -> Outcome {
        let kind = state.requests[id].kind;
        let expiry = Expiry { long: write.data.long, written_by: id + 1 };
        let Some(over) = write.over else {
            let row = Row { data: write.data, expiry, expired: false, session: 1 + id };
            state.rows[write.to] = Some(row);
            return Outcome::Done(state.load(write.to).expect("just inserted"));
        };
        let Some(row) = state.rows[over.key].filter(|row| !row.expired) else {
            if !self.rules.upsert {
                return Outcome::Gone;
            }
            state.rows[write.to] = Some(Row { data: write.data, expiry, expired: false, session: over.session });
            return Outcome::Done(state.load(write.to).expect("just inserted"));
        };
        let theirs = state.load(over.key).expect("it is there");
        if kind == Kind::Touch {
            if row.expiry != over.expiry && !self.rules.unguarded_touch {
                return Outcome::Conflict(theirs);
            }
            state.rows[over.key] = Some(Row { expiry: Expiry { long: over.data.long, written_by: id + 1 }, ..row });
            return Outcome::Done(state.load(over.key).expect("just extended"));
        }
        if row.data != over.data && !self.rules.blind_save {
            return Outcome::Conflict(theirs);
        }
        let seen = state.requests[id].loaded.map_or(0, |loaded| loaded.data.user);
        state.foreign_write |= row.data.user != seen && kind.user() != Some(row.data.user);
        state.rows[over.key] = None;
        state.rows[write.to] = Some(Row { data: write.data, expiry, ..row });
        Outcome::Done(state.load(write.to).expect("just written"))
    }

    fn write(&self, state: &mut State, id: usize, write: Write, delivery: Delivery) {
        let outcome = match delivery {
            Delivery::NotSent => None,
            Delivery::Late => {
                state.late = Some((id, write));
                None
            }
            Delivery::ReplyLost => {
                self.execute(state, id, write);
                None
            }
            Delivery::Answered => Some(self.execute(state, id, write)),
        };
        state.losses += u8::from(outcome.is_none());
        match outcome {
            None if self.rules.retry_blindly => {
                state.requests[id].step = Step::Write(Write { lost: true, ..write });
            }
            None => state.requests[id].step = Step::Look(Write { lost: true, ..write }),
            Some(Outcome::Done(saved)) => state.done(id, saved),
            Some(Outcome::Conflict(theirs)) if state.requests[id].kind == Kind::Touch => {
                // Another request has set the expiry: there is nothing left to extend.
                state.answer(id, Answer::Ok(theirs.session));
            }
            Some(Outcome::Gone) if state.requests[id].kind == Kind::Touch => state.answer(id, Answer::Ok(0)),
            Some(Outcome::Conflict(theirs)) => {
                let over = write.over.expect("a new session meets no other");
                if write.lost && !self.rules.retry_blindly {
                    own(state, id, write, theirs);
                } else {
                    state.conflict(id, over, theirs, self.rules);
                }
            }
            // The write that was lost may have been done since it was looked for, and the row be under its new key.
            Some(Outcome::Gone) if write.lost && !self.rules.gone_after_loss_is_refused => {
                state.requests[id].step = Step::Look(write);
            }
            Some(Outcome::Gone) => state.gone(id, self.rules),
        }
    }

    /// `Attempt::already_there`.
    fn look(&self, state: &mut State, id: usize, write: Write) {
        if let Some(found) = state.load(write.to) {
            let unchanged = write.over.is_some_and(|over| over.key == write.to && found.data == over.data);
            return if unchanged && !is_own(id, write, found) {
                again(state, id, write);
            } else {
                own(state, id, write, found);
            };
        }
        let Some(over) = write.over else { return again(state, id, write) };
        if over.key == write.to {
            // The write may have been done, and the key renewed since: the change would live on in what is refused.
            if self.rules.gone_after_loss_is_refused {
                return state.gone(id, self.rules);
            }
            return state.answer(id, Answer::Unavailable);
        }
        match state.load(over.key) {
            None => state.gone(id, self.rules),
            Some(old) if old.data == over.data => again(state, id, write),
            Some(theirs) => state.conflict(id, over, theirs, self.rules),
        }
    }

    fn delete(&self, state: &mut State, id: usize, record: Record, lost: bool, delivery: Delivery) {
        let found = match delivery {
            Delivery::NotSent | Delivery::Late => None,
            Delivery::Answered | Delivery::ReplyLost => state.rows[record.key].take(),
        };
        if let Some(row) = found {
            state.over[row.session] = true;
        }
        if delivery != Delivery::Answered {
            state.losses += 1;
            return state.requests[id].step = Step::Delete(record, true);
        }
        if found.is_some() || self.rules.flush_of_nothing_is_ok {
            state.ended[record.session] = true;
            return state.answer(id, Answer::Ok(record.session));
        }
        // It is unknown whether the deletion that was lost has done it.
        state.answer(id, if lost { Answer::Unavailable } else { Answer::Interrupted });
    }
}

fn is_own(id: usize, write: Write, found: Record) -> bool {
    found.data == write.data && found.expiry == Expiry { long: write.data.long, written_by: id + 1 }
}

/// `Attempt::own`.
fn own(state: &mut State, id: usize, write: Write, found: Record) {
    if is_own(id, write, found) { state.done(id, found) } else { state.answer(id, Answer::Unavailable) }
}

/// Sends a write again, unless its deadline has passed.
fn again(state: &mut State, id: usize, write: Write) {
    state.requests[id].step = if state.requests[id].answer.is_some() { Step::Done } else { Step::Write(write) };
}

impl Model for Commit {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let mut programs: Vec<Vec<Kind>> = vec![vec![]];
        for _ in 0..self.requests {
            let longer = |program: &Vec<Kind>| {
                let program = program.clone();
                self.kinds.iter().map(move |&kind| [program.clone(), vec![kind]].concat())
            };
            programs = programs.iter().flat_map(longer).collect();
        }
        // The first and the last request are in one process, and so may change places.
        programs.retain(|program| program.len() < 3 || program[0] <= program[2]);
        programs.iter().map(|program| State::new(program)).collect()
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        for (id, request) in state.requests.iter().enumerate() {
            let lossy = state.losses < self.losses;
            match request.step {
                Step::Start => actions.push(Action::Load(id)),
                Step::Write(write) => {
                    actions.push(Action::Write(id, Delivery::Answered));
                    if lossy && request.kind != Kind::Touch {
                        actions.extend([Delivery::ReplyLost, Delivery::NotSent].map(|lost| Action::Write(id, lost)));
                        if state.late.is_none() && write.over.is_some() {
                            actions.push(Action::Write(id, Delivery::Late));
                        }
                    }
                    let left = state.left[process(id)].filter(|left| {
                        write.over.is_some_and(|over| {
                            Some(over) == request.loaded && left.key == over.key && left.data != over.data
                        })
                    });
                    if left.is_some() && !write.lost && request.answer.is_none() && request.kind != Kind::Touch {
                        actions.push(Action::TakeTurn(id));
                    }
                }
                Step::Look(_) => actions.push(Action::Look(id)),
                Step::Delete(..) => {
                    actions.push(Action::Delete(id, Delivery::Answered));
                    if lossy {
                        actions.extend([Delivery::ReplyLost, Delivery::NotSent].map(|lost| Action::Delete(id, lost)));
                    }
                }
                Step::Done => {}
            }
            let waits = matches!(request.step, Step::Write(_) | Step::Look(_));
            if waits && request.answer.is_none() && self.deadlines {
                actions.push(Action::Deadline(id));
            }
            if matches!(request.step, Step::Write(_)) && request.answer.is_some() {
                actions.push(Action::Abandon(id));
            }
        }
        if state.late.is_some() {
            actions.push(Action::Arrive);
        }
        if state.rows.iter().flatten().any(|row| row.session == 0 && !row.expired) {
            actions.push(Action::Expire);
        }
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut state = last.clone();
        match action {
            Action::Load(id) => {
                state.requests[id].loaded = state.load(0);
                let step = state.first_write(id);
                if step == Step::Done {
                    state.answer(id, Answer::Ok(0));
                }
                state.requests[id].step = step;
            }
            Action::TakeTurn(id) => {
                let (Step::Write(write), Some(left)) = (last.requests[id].step, last.left[process(id)]) else {
                    return None;
                };
                state.conflict(id, write.over?, left, self.rules);
            }
            Action::Write(id, delivery) => {
                let Step::Write(write) = last.requests[id].step else { return None };
                self.write(&mut state, id, write, delivery);
            }
            Action::Look(id) => {
                let Step::Look(write) = last.requests[id].step else { return None };
                self.look(&mut state, id, write);
            }
            Action::Delete(id, delivery) => {
                let Step::Delete(record, lost) = last.requests[id].step else { return None };
                self.delete(&mut state, id, record, lost, delivery);
            }
            Action::Deadline(id) => state.requests[id].answer = Some(Answer::Unavailable),
            Action::Abandon(id) => state.requests[id].step = Step::Done,
            Action::Arrive => {
                let (id, write) = state.late.take()?;
                self.execute(&mut state, id, write);
            }
            Action::Expire => {
                state.over[0] = true;
                state.rows.iter_mut().flatten().filter(|row| row.session == 0).for_each(|row| row.expired = true);
            }
        }
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("an acknowledged change is there until its session ends", |_, state: &State| {
                state.acknowledged().all(|(id, kind, session)| {
                    let kept = |row: &Row| kind.apply(id, Data::default()).changes[id] <= row.data.changes[id];
                    state.over[session] || state.live(session).any(kept)
                })
            }),
            Property::always("no change is made twice", |_, state: &State| {
                state.rows.iter().flatten().all(|row| row.data.changes.iter().all(|&times| times <= 1))
            }),
            Property::always("a session that has ended never comes back", |_, state: &State| {
                (0..SESSIONS).all(|session| {
                    !(state.over[session] || state.ended[session]) || state.live(session).next().is_none()
                })
            }),
            Property::always("a session has one usable key", |_, state: &State| {
                (0..SESSIONS).all(|session| state.live(session).count() <= 1)
            }),
            Property::always("nothing of a refused request is kept", |_, state: &State| {
                state.requests.iter().enumerate().all(|(id, request)| {
                    request.answer != Some(Answer::Interrupted)
                        || state.rows.iter().flatten().all(|row| row.expired || row.data.changes[id] == 0)
                })
            }),
            Property::always("nothing of an ended session is in a new one", |_, state: &State| {
                state.rows.iter().flatten().filter(|row| row.session > 0).all(|row| {
                    let foreign = |&id: &usize| row.data.changes[id] > 0 && row.session != 1 + id;
                    (0..state.requests.len()).filter(foreign).all(|id| state.requests[id].kind.sets_identity())
                })
            }),
            Property::always("no change lands in another user's session", |_, state: &State| !state.foreign_write),
            Property::always("an extension never shortens a session", |_, state: &State| {
                state.rows.iter().flatten().all(|row| row.expiry.long == row.data.long)
            }),
            Property::always("every request is answered", |model: &Self, state: &State| {
                let mut actions = Vec::new();
                model.actions(state, &mut actions);
                let moves = actions.iter().any(|action| *action != Action::Expire);
                moves || state.requests.iter().all(|request| request.answer.is_some())
            }),
            Property::sometimes("three changes are merged", |model: &Self, state: &State| {
                state.live(0).any(|row| {
                    row.data.changes.iter().map(|&times| usize::from(times)).sum::<usize>() == model.requests
                })
            }),
            Property::sometimes("a request is refused", |_, state: &State| {
                state.requests.iter().any(|request| request.answer == Some(Answer::Interrupted))
            }),
        ]
    }
}

impl State {
    fn new(program: &[Kind]) -> Self {
        let request = |&kind: &Kind| Request { kind, step: Step::Start, loaded: None, answer: None };
        let expiry = Expiry { long: false, written_by: 0 };
        let mut rows = [None; KEYS];
        rows[0] = Some(Row { data: Data::default(), expiry, expired: false, session: 0 });
        Self {
            rows,
            requests: program.iter().map(request).collect(),
            left: [None; 2],
            logins: [None; 2],
            losses: 0,
            late: None,
            over: [false; SESSIONS],
            ended: [false; SESSIONS],
            foreign_write: false,
        }
    }

    fn live(&self, session: usize) -> impl Iterator<Item = &Row> {
        self.rows.iter().flatten().filter(move |row| row.session == session && !row.expired)
    }

    /// The requests that were told that their change is saved, and in which session.
    fn acknowledged(&self) -> impl Iterator<Item = (usize, Kind, usize)> {
        self.requests.iter().enumerate().filter_map(|(id, request)| match (request.kind, request.answer) {
            (Kind::Flush | Kind::Touch, _) => None,
            (kind, Some(Answer::Ok(session))) => Some((id, kind, session)),
            _ => None,
        })
    }
}

//! How a key is renewed while other requests are on their way with the old one, and how a session ends meanwhile.
//!
//! A renewal stores the session under a new key, and then replaces what is under the old key by a pointer, comparing.
//! The pointer can be read for the grace, and leads an end to the session for longer. An end walks the chain of pointers.
//!
//! | action | in the crate |
//! |---|---|
//! | [`Action::Load`], [`Action::Follow`] | `Context::load` and `Context::follow` in `session/renewal.rs` |
//! | [`Action::Save`], [`Action::Cycle`] | `SessionStore::{save, cycle}` |
//! | [`Action::Copy`], [`Action::Point`], [`Action::Discard`] | the three statements of `Commit::renewed` |
//! | [`Action::EndLoad`], [`Action::EndDelete`] | `SessionStore::load` and `delete_loaded`, of `Context::end` |
//! | [`Action::Revoke`], [`Action::RevokeRow`], [`Action::RevokePass`] | `revoke_all`: one statement, row by row, repeated until no row is left |
//! | [`Action::Crash`] | the process dies between two statements |
//! | [`Action::GracePasses`], [`Action::PointerExpires`], [`Action::AbsoluteAge`] | the clock |

use stateright::{Model, Property};

/// How many requests there are.
pub const REQUESTS: usize = 3;
/// One key from the beginning, and one that each request may draw.
const KEYS: usize = 1 + REQUESTS;

/// What a request does with the session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// Changes it.
    Change,
    /// Changes it, and its key is due for a new one.
    Renew,
    /// Changes it and calls `cycle_key`.
    CycleKey,
    /// Calls `flush`.
    Flush,
    /// Ends all sessions of its user.
    RevokeAll,
}

/// What one statement that removes several rows sees of statements that run beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Isolation {
    /// The statement is one step: SQLite has one writer at a time, and `InnoDB`'s REPEATABLE READ lets no row come into
    /// the range of a statement while it runs.
    Serial,
    /// PostgreSQL's READ COMMITTED: the rows as they were when the statement began, each looked at again before it is
    /// removed, under its new key where that has changed.
    Snapshot,
}

/// How old a pointer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Age {
    /// Within the grace: it can be read.
    Grace,
    /// After the grace: it leads an end to the session, and nothing else.
    Late,
}

/// What is stored under a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Row {
    Session(Session),
    Pointer { to: usize, age: Age, user: bool },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Session {
    /// A bit for the change of each request.
    changes: u8,
    /// Whether it says that it began with the first session; otherwise its absolute age counts anew.
    keeps_beginning: bool,
}

/// A session as a request loaded it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Record {
    key: usize,
    session: Session,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Step {
    Start,
    /// Found a pointer, and loads what it leads to; a writer then merges into it.
    Follow {
        to: usize,
        merges: bool,
    },
    Save(Record),
    Cycle(Record),
    Copy(Record),
    Point(Record),
    /// The renewal failed: the copy is removed, and then the request goes on with what it found.
    Discard(Option<Row>, usize),
    EndLoad {
        key: usize,
        hops: u8,
    },
    EndDelete(Record),
    /// Begins a pass.
    Revoke,
    /// Looks at these rows, a bit each; the number of those removed in this pass.
    RevokeRows {
        left: u8,
        removed: u8,
    },
    Done,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Answer {
    /// The key that the client knows afterwards.
    Ok(usize),
    Ended,
    Interrupted,
    /// There was no session to begin with.
    Anonymous,
    Crashed,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Request {
    kind: Kind,
    step: Step,
    answer: Option<Answer>,
}

/// One statement of a request, or a step of the clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the table of the module says what each is")]
pub enum Action {
    Load(usize, usize),
    Follow(usize),
    Save(usize),
    Cycle(usize),
    Copy(usize),
    Point(usize),
    Discard(usize),
    EndLoad(usize),
    EndDelete(usize),
    Revoke(usize),
    RevokeRow(usize, usize),
    RevokePass(usize),
    Crash(usize),
    GracePasses(usize),
    PointerExpires(usize),
    AbsoluteAge,
}

/// The table, what clients know, and the requests.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct State {
    rows: [Option<Row>; KEYS],
    requests: Vec<Request>,
    /// The keys that a client has, a bit each.
    known: u8,
    crashes: u8,
    /// The absolute age of the session has passed.
    aged: bool,
    /// A row of the session was removed because it was to end.
    over: bool,
    /// An end was acknowledged.
    ended: bool,
}

/// The steps that a mutant gets wrong.
#[derive(Debug, Clone, Copy, Default)]
pub struct Rules {
    /// A pointer can be read as long as it is there.
    pub pointer_readable_after_grace: bool,
    /// A pointer is gone with the grace.
    pub pointer_expires_with_grace: bool,
    /// An end that finds nothing is acknowledged.
    pub end_of_nothing_is_ok: bool,
    /// An end follows one pointer only.
    pub end_follows_once: bool,
    /// An end deletes what it found without a write that compares before.
    pub end_does_not_compare: bool,
    /// A pointer has no user.
    pub pointer_without_user: bool,
    /// When a revocation is done.
    pub revoke: RevokeUntil,
    /// The renewed session begins anew.
    pub renewal_restarts_age: bool,
}

/// How often a revocation runs its statement.
#[derive(Debug, Clone, Copy, Default)]
pub enum RevokeUntil {
    /// Until a look at the table finds no row of the user.
    #[default]
    NoRowIsLeft,
    /// Until it removes nothing.
    NothingWasRemoved,
    /// Once.
    Once,
}

/// The model and its bounds.
#[derive(Debug, Clone)]
pub struct Renewal {
    /// What the requests may do.
    pub kinds: Vec<Kind>,
    /// How the database runs a statement over many rows.
    pub isolation: Isolation,
    /// How many processes die at most.
    pub crashes: u8,
    /// Which steps are wrong.
    pub rules: Rules,
}

fn bit(index: usize) -> u8 {
    1 << index
}

impl State {
    fn new(program: &[Kind]) -> Self {
        let request = |&kind: &Kind| Request { kind, step: Step::Start, answer: None };
        let mut rows = [None; KEYS];
        rows[0] = Some(Row::Session(Session { changes: 0, keeps_beginning: true }));
        Self {
            rows,
            requests: program.iter().map(request).collect(),
            known: bit(0),
            crashes: 0,
            aged: false,
            over: false,
            ended: false,
        }
    }

    fn session(&self, key: usize) -> Option<Record> {
        match self.rows[key] {
            Some(Row::Session(session)) if !(self.aged && session.keeps_beginning) => Some(Record { key, session }),
            _ => None,
        }
    }

    /// The session that a request with this key is given.
    fn resolve(&self, key: usize, rules: Rules) -> Option<Record> {
        match self.rows[key] {
            Some(Row::Pointer { to, age, .. }) if readable(age, rules) => self.session(to),
            _ => self.session(key),
        }
    }

    /// The sessions that the clients' keys open.
    fn opened(&self, rules: Rules) -> impl Iterator<Item = Record> + '_ {
        (0..KEYS).filter(|&key| self.known & bit(key) != 0).filter_map(move |key| self.resolve(key, rules))
    }

    fn answer(&mut self, id: usize, answer: Answer) {
        if let Answer::Ok(key) = answer {
            self.known |= bit(key);
        }
        self.ended |= answer == Answer::Ended;
        self.requests[id].step = Step::Done;
        self.requests[id].answer = Some(answer);
    }

    /// What a request does first with the session that it has loaded.
    fn begin(&mut self, id: usize, record: Record) {
        self.requests[id].step = match self.requests[id].kind {
            Kind::Change => Step::Save(record),
            Kind::Renew => Step::Copy(record),
            Kind::CycleKey => Step::Cycle(record),
            Kind::Flush => Step::EndDelete(record),
            Kind::RevokeAll => Step::Revoke,
        };
    }

    /// What a writer does that did not find what it had loaded.
    fn overtaken(&mut self, id: usize, found: Option<Row>, key: usize, rules: Rules) {
        match found {
            Some(Row::Pointer { to, age, .. }) if readable(age, rules) => {
                self.requests[id].step = Step::Follow { to, merges: true };
            }
            Some(Row::Session(session)) if self.session(key).is_some() => self.begin(id, Record { key, session }),
            _ => self.answer(id, Answer::Interrupted),
        }
    }

    fn holds(&self, record: Record) -> bool {
        self.rows[record.key] == Some(Row::Session(record.session))
    }
}

fn readable(age: Age, rules: Rules) -> bool {
    age == Age::Grace || rules.pointer_readable_after_grace
}

/// What request `id` makes of a session.
fn changed(id: usize, session: Session) -> Session {
    Session { changes: session.changes | bit(id), ..session }
}

impl Renewal {
    fn load(&self, state: &mut State, id: usize, key: usize) {
        match state.rows[key] {
            Some(Row::Pointer { to, age, .. }) if readable(age, self.rules) => {
                state.requests[id].step = Step::Follow { to, merges: false };
            }
            _ => match state.session(key) {
                Some(record) => state.begin(id, record),
                None => state.answer(id, Answer::Anonymous),
            },
        }
    }

    /// A pointer is followed once.
    fn follow(state: &mut State, id: usize, to: usize, merges: bool) {
        match state.session(to) {
            // The key is new: this request does not renew it again.
            Some(record) if merges && state.requests[id].kind == Kind::Renew => {
                state.requests[id].step = Step::Save(record);
            }
            Some(record) => state.begin(id, record),
            None if merges => state.answer(id, Answer::Interrupted),
            None => state.answer(id, Answer::Anonymous),
        }
    }

    fn save(&self, state: &mut State, id: usize, over: Record, to: usize) {
        if !state.holds(over) || state.session(over.key).is_none() {
            let found = state.rows[over.key];
            return state.overtaken(id, found, over.key, self.rules);
        }
        state.rows[over.key] = None;
        state.rows[to] = Some(Row::Session(changed(id, over.session)));
        state.answer(id, Answer::Ok(to));
    }

    fn point(&self, state: &mut State, id: usize, over: Record) {
        let to = 1 + id;
        if !state.holds(over) {
            return state.requests[id].step = Step::Discard(state.rows[over.key], over.key);
        }
        let user = !self.rules.pointer_without_user;
        state.rows[over.key] = Some(Row::Pointer { to, age: Age::Grace, user });
        state.answer(id, Answer::Ok(to));
    }

    fn end_load(&self, state: &mut State, id: usize, key: usize, hops: u8) {
        state.requests[id].step = match state.rows[key] {
            Some(Row::Session(session)) => Step::EndDelete(Record { key, session }),
            Some(Row::Pointer { to, .. }) if hops == 0 || !self.rules.end_follows_once => {
                Step::EndLoad { key: to, hops: hops + 1 }
            }
            _ if self.rules.end_of_nothing_is_ok => return state.answer(id, Answer::Ended),
            // An end that follows one pointer alone deletes what it leads to, whatever that is.
            Some(_) => return state.answer(id, Answer::Ended),
            None => return state.answer(id, Answer::Interrupted),
        };
    }

    fn end_delete(&self, state: &mut State, id: usize, loaded: Record) {
        if !state.holds(loaded) && !self.rules.end_does_not_compare {
            return state.requests[id].step = Step::EndLoad { key: loaded.key, hops: 0 };
        }
        state.rows[loaded.key] = None;
        state.over = true;
        state.answer(id, Answer::Ended);
    }

    /// The rows that a statement over a user's sessions begins with.
    fn rows_of_user(state: &State) -> u8 {
        let of_user = |row: &Option<Row>| matches!(row, Some(Row::Session(_) | Row::Pointer { user: true, .. }));
        state.rows.iter().enumerate().filter(|(_, row)| of_user(row)).fold(0, |bits, (key, _)| bits | bit(key))
    }

    fn revoke(&self, state: &mut State, id: usize) {
        let rows = Self::rows_of_user(state);
        if self.isolation == Isolation::Snapshot {
            return state.requests[id].step = Step::RevokeRows { left: rows, removed: 0 };
        }
        for key in (0..KEYS).filter(|&key| rows & bit(key) != 0) {
            state.over |= state.rows[key].take().is_some();
        }
        state.requests[id].step =
            Step::RevokeRows { left: 0, removed: rows.count_ones().try_into().unwrap_or(u8::MAX) };
    }

    fn revoke_row(state: &mut State, id: usize, key: usize) {
        let Step::RevokeRows { left, removed } = state.requests[id].step else { return };
        let removes = Self::rows_of_user(state) & bit(key) != 0;
        if removes {
            state.rows[key] = None;
            state.over = true;
        }
        state.requests[id].step = Step::RevokeRows { left: left & !bit(key), removed: removed + u8::from(removes) };
    }

    /// `cycle_key` changes the key of a row; a statement that has yet to look at the row finds it under the new key.
    fn move_in_snapshots(state: &mut State, from: usize, to: usize) {
        for request in &mut state.requests {
            if let Step::RevokeRows { left, .. } = &mut request.step
                && *left & bit(from) != 0
            {
                *left = *left & !bit(from) | bit(to);
            }
        }
    }

    fn step(&self, state: &mut State, id: usize) {
        match state.requests[id].step {
            Step::Follow { to, merges } => Self::follow(state, id, to, merges),
            Step::Save(over) => self.save(state, id, over, over.key),
            Step::Cycle(over) => {
                self.save(state, id, over, 1 + id);
                if state.requests[id].answer == Some(Answer::Ok(1 + id)) {
                    Self::move_in_snapshots(state, over.key, 1 + id);
                }
            }
            Step::Copy(over) => {
                let keeps_beginning = over.session.keeps_beginning && !self.rules.renewal_restarts_age;
                state.rows[1 + id] = Some(Row::Session(Session { keeps_beginning, ..changed(id, over.session) }));
                state.requests[id].step = Step::Point(over);
            }
            Step::Point(over) => self.point(state, id, over),
            Step::Discard(found, key) => {
                state.rows[1 + id] = None;
                state.overtaken(id, found, key, self.rules);
            }
            Step::EndLoad { key, hops } => self.end_load(state, id, key, hops),
            Step::EndDelete(loaded) => self.end_delete(state, id, loaded),
            Step::Revoke => self.revoke(state, id),
            Step::RevokeRows { removed, .. } => {
                // Another revocation may have removed what this one was about to: its count says nothing then.
                let again = match self.rules.revoke {
                    RevokeUntil::NoRowIsLeft => Self::rows_of_user(state) != 0,
                    RevokeUntil::NothingWasRemoved => removed > 0,
                    RevokeUntil::Once => false,
                };
                if again {
                    state.requests[id].step = Step::Revoke;
                } else {
                    state.answer(id, Answer::Ended);
                }
            }
            Step::Start | Step::Done => {}
        }
    }

    fn request_actions(&self, state: &State, id: usize, actions: &mut Vec<Action>) {
        let request = state.requests[id];
        match request.step {
            Step::Start => {
                actions.extend((0..KEYS).filter(|&key| state.known & bit(key) != 0).map(|key| Action::Load(id, key)));
            }
            Step::Follow { .. } => actions.push(Action::Follow(id)),
            Step::Save(_) => actions.push(Action::Save(id)),
            Step::Cycle(_) => actions.push(Action::Cycle(id)),
            Step::Copy(_) => actions.push(Action::Copy(id)),
            Step::Point(_) => actions.push(Action::Point(id)),
            Step::Discard(..) => actions.push(Action::Discard(id)),
            Step::EndLoad { .. } => actions.push(Action::EndLoad(id)),
            Step::EndDelete(_) => actions.push(Action::EndDelete(id)),
            Step::Revoke => actions.push(Action::Revoke(id)),
            Step::RevokeRows { left: 0, .. } => actions.push(Action::RevokePass(id)),
            Step::RevokeRows { left, .. } => {
                actions.extend((0..KEYS).filter(|&key| left & bit(key) != 0).map(|key| Action::RevokeRow(id, key)));
            }
            Step::Done => {}
        }
        if state.crashes < self.crashes && !matches!(request.step, Step::Start | Step::Done) {
            actions.push(Action::Crash(id));
        }
    }
}

impl Model for Renewal {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let kinds = || self.kinds.iter().copied();
        let programs = kinds().flat_map(|a| kinds().flat_map(move |b| kinds().map(move |c| [a, b, c])));
        // The requests differ by what they do alone.
        programs.filter(|program| program.is_sorted()).map(|program| State::new(&program)).collect()
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        for id in 0..state.requests.len() {
            self.request_actions(state, id, actions);
        }
        // A pointer stays for 10 minutes, and no statement takes that long.
        let statement = state.requests.iter().any(|request| matches!(request.step, Step::RevokeRows { .. }));
        for (key, row) in state.rows.iter().enumerate() {
            match row {
                Some(Row::Pointer { age: Age::Grace, .. }) => actions.push(Action::GracePasses(key)),
                Some(Row::Pointer { age: Age::Late, .. }) if !statement => actions.push(Action::PointerExpires(key)),
                _ => {}
            }
        }
        if !state.aged {
            actions.push(Action::AbsoluteAge);
        }
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut state = last.clone();
        match action {
            Action::Load(id, key) => self.load(&mut state, id, key),
            Action::RevokeRow(id, key) => Self::revoke_row(&mut state, id, key),
            Action::Crash(id) => {
                state.crashes += 1;
                state.answer(id, Answer::Crashed);
            }
            Action::GracePasses(key) => {
                let Some(Row::Pointer { to, user, .. }) = state.rows[key] else { return None };
                let kept = Row::Pointer { to, user, age: Age::Late };
                state.rows[key] = (!self.rules.pointer_expires_with_grace).then_some(kept);
            }
            Action::PointerExpires(key) => state.rows[key] = None,
            Action::AbsoluteAge => state.aged = true,
            Action::Follow(id)
            | Action::Save(id)
            | Action::Cycle(id)
            | Action::Copy(id)
            | Action::Point(id)
            | Action::Discard(id)
            | Action::EndLoad(id)
            | Action::EndDelete(id)
            | Action::Revoke(id)
            | Action::RevokePass(id) => self.step(&mut state, id),
        }
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("after an acknowledged end no key opens the session", |model: &Self, state: &State| {
                !state.ended || state.opened(model.rules).next().is_none()
            }),
            Property::always("after its absolute age no key opens the session", |model: &Self, state: &State| {
                !state.aged || state.opened(model.rules).next().is_none()
            }),
            Property::always(
                "an acknowledged change is there until its session ends",
                |model: &Self, state: &State| {
                    let kept =
                        |id: usize| state.opened(model.rules).any(|record| record.session.changes & bit(id) != 0);
                    let saved = |request: &Request| matches!(request.answer, Some(Answer::Ok(_)));
                    let mut requests = state.requests.iter().enumerate();
                    state.over || state.aged || requests.all(|(id, request)| !saved(request) || kept(id))
                },
            ),
            Property::always("outside a grace a session has one usable key", |model: &Self, state: &State| {
                let grace = |row: &Option<Row>| matches!(row, Some(Row::Pointer { age: Age::Grace, .. }));
                state.rows.iter().any(grace) || state.opened(model.rules).count() <= 1
            }),
            Property::always("nothing of a refused request is kept", |model: &Self, state: &State| {
                let refused = |request: &Request| request.answer == Some(Answer::Interrupted);
                let kept = |id: usize| state.opened(model.rules).any(|record| record.session.changes & bit(id) != 0);
                state.requests.iter().enumerate().all(|(id, request)| !refused(request) || !kept(id))
            }),
            Property::always("every request is answered", |model: &Self, state: &State| {
                let moves = (0..state.requests.len()).any(|id| {
                    let mut actions = Vec::new();
                    model.request_actions(state, id, &mut actions);
                    !actions.is_empty()
                });
                moves || state.requests.iter().all(|request| request.answer.is_some())
            }),
            Property::sometimes("a session is renewed twice", |_, state: &State| {
                let to = |key: usize| match state.rows[key] {
                    Some(Row::Pointer { to, .. }) => Some(to),
                    _ => None,
                };
                to(0).and_then(to).is_some()
            }),
            Property::sometimes("a session is ended", |_, state: &State| state.ended),
        ]
    }
}

//! How a site changes from stored keys to stored hashes of keys, and back, while it runs.
//!
//! Nodes are restarted one after the other with the next value of `HashKeys`, and no two of them are more than one value
//! apart. A session has two names meanwhile, its key and the hash, and a save moves it to the one that its node stores.
//!
//! | action | in the crate |
//! |---|---|
//! | [`Action::Begin`] | a request comes to a node |
//! | [`Action::Load`] | one `SessionStore::load` of `HashedKeys::load` |
//! | [`Action::Write`] | one `save` or `cycle` of `HashedKeys::replace` |
//! | [`Action::Delete`] | one `delete` of `HashedKeys::delete` |
//! | [`Action::Deploy`] | a node without requests is restarted with the next value of `HashKeys` |

use stateright::{Model, Property};

/// How many requests there are.
pub const REQUESTS: usize = 3;
/// The key of the session, and one that each request may draw.
const KEYS: usize = 1 + REQUESTS;

/// What stands in the table for a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Name {
    /// The key itself.
    Key,
    /// Its hash.
    Hash,
}

/// The values of `HashKeys`, in the order in which a site goes through them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(missing_docs, reason = "they are those of the crate")]
pub enum HashKeys {
    Off,
    MigratingBack,
    Migrating,
    On,
}

use HashKeys::{Migrating, MigratingBack, Off, On};

impl HashKeys {
    const ALL: [Self; 4] = [Off, MigratingBack, Migrating, On];

    fn next(self, forward: bool) -> Option<Self> {
        let at = Self::ALL.iter().position(|&value| value == self)?;
        if forward { Self::ALL.get(at + 1).copied() } else { at.checked_sub(1).map(|at| Self::ALL[at]) }
    }

    /// Under which name new and saved sessions are stored.
    fn name(self) -> Name {
        if self < Migrating { Name::Key } else { Name::Hash }
    }

    /// Under which names a session is looked for, in this order: where it goes, where it comes from, and once more.
    fn names(self) -> &'static [Name] {
        match self {
            Off => &[Name::Key],
            MigratingBack => &[Name::Key, Name::Hash, Name::Key],
            Migrating => &[Name::Hash, Name::Key, Name::Hash],
            On => &[Name::Hash],
        }
    }

    /// Under which names a session is deleted: where it comes from, where it goes, and once more.
    fn deletes(self, rules: Rules) -> &'static [Name] {
        match self {
            Off => &[Name::Key],
            On => &[Name::Hash],
            MigratingBack if rules.deletes_where_it_goes_first => &[Name::Key, Name::Hash],
            Migrating if rules.deletes_where_it_goes_first => &[Name::Hash, Name::Key],
            MigratingBack => &[Name::Hash, Name::Key, Name::Hash],
            Migrating => &[Name::Key, Name::Hash, Name::Key],
        }
    }
}

/// What a request does with the session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// Changes it.
    Change,
    /// Changes it and calls `cycle_key`.
    CycleKey,
    /// Calls `flush`.
    Flush,
}

/// A session as a request found it, under the key of its cookie. The bits are the changes of the requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Record {
    key: usize,
    changes: u8,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Step {
    Start,
    /// Looks under the name of this index.
    Load(usize),
    /// Writes over what is under the name of this index.
    Write(Record, usize),
    /// Deletes what is under the name of this index; the flag says whether there was anything so far.
    Delete(Record, usize, bool),
    Done,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Answer {
    Ok,
    Ended,
    Interrupted,
    Anonymous,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Request {
    kind: Kind,
    node: usize,
    step: Step,
    answer: Option<Answer>,
    /// How often the session was moved since the request began to look for it.
    moves: u8,
}

/// One statement of a request, or a restart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the table of the module says what each is")]
pub enum Action {
    Begin(usize),
    Load(usize),
    Write(usize),
    Delete(usize),
    Deploy(usize),
}

/// The table, the nodes and the requests.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct State {
    /// The changes of what is stored, by key and name.
    rows: [[Option<u8>; 2]; KEYS],
    nodes: [HashKeys; 2],
    forward: bool,
    requests: Vec<Request>,
    /// The session was deleted, or has another key than its cookie.
    over: bool,
    renewed: bool,
    ended: bool,
}

/// The steps that a mutant gets wrong.
#[derive(Debug, Clone, Copy, Default)]
pub struct Rules {
    /// A load does not look a second time where the session goes.
    pub looks_once: bool,
    /// A deletion begins where the session goes.
    pub deletes_where_it_goes_first: bool,
    /// The operator skips `MigratingBack` and `Migrating`.
    pub skips_steps: bool,
}

/// The model and its bounds.
#[derive(Debug, Clone)]
pub struct HashedKeys {
    /// How often a session may be moved while one request looks for it.
    pub moves: u8,
    /// Which steps are wrong.
    pub rules: Rules,
}

impl State {
    fn row(&mut self, key: usize, name: Name) -> &mut Option<u8> {
        &mut self.rows[key][name as usize]
    }

    fn rows(&self) -> impl Iterator<Item = u8> + '_ {
        self.rows.iter().flatten().flatten().copied()
    }

    fn answer(&mut self, id: usize, answer: Answer) {
        self.ended |= answer == Answer::Ended;
        self.requests[id].step = Step::Done;
        self.requests[id].answer = Some(answer);
    }

    fn value(&self, id: usize) -> HashKeys {
        self.nodes[self.requests[id].node]
    }

    /// Counts a move for every request that is looking for the session.
    fn moved(&mut self) {
        let looks = |request: &&mut Request| !matches!(request.step, Step::Start | Step::Done);
        self.requests.iter_mut().filter(looks).for_each(|request| request.moves += 1);
    }
}

impl HashedKeys {
    fn load(&self, state: &mut State, id: usize, at: usize) {
        let names = state.value(id).names();
        let names = if self.rules.looks_once { &names[..names.len().min(2)] } else { names };
        let Some(&name) = names.get(at) else { return state.answer(id, Answer::Anonymous) };
        state.requests[id].step = match *state.row(0, name) {
            None if at + 1 == names.len() => return state.answer(id, Answer::Anonymous),
            None => Step::Load(at + 1),
            Some(changes) => {
                let record = Record { key: 0, changes };
                state.requests[id].moves = 0;
                match state.requests[id].kind {
                    Kind::Flush => Step::Delete(record, 0, false),
                    Kind::Change | Kind::CycleKey => Step::Write(record, 0),
                }
            }
        };
    }

    fn write(state: &mut State, id: usize, over: Record, at: usize) {
        let value = state.value(id);
        let Some(&from) = value.names().get(at) else { return state.answer(id, Answer::Interrupted) };
        let cycles = state.requests[id].kind == Kind::CycleKey;
        let to = if cycles { 1 + id } else { over.key };
        match *state.row(over.key, from) {
            None if at + 1 == value.names().len() => state.answer(id, Answer::Interrupted),
            None => state.requests[id].step = Step::Write(over, at + 1),
            // The change is made again on top of what another request left.
            Some(changes) if changes != over.changes => {
                state.requests[id].step = Step::Write(Record { changes, ..over }, 0);
            }
            Some(changes) => {
                *state.row(over.key, from) = None;
                *state.row(to, value.name()) = Some(changes | 1 << id);
                state.renewed |= cycles;
                if !cycles && from != value.name() {
                    state.moved();
                }
                state.answer(id, Answer::Ok);
            }
        }
    }

    fn delete(&self, state: &mut State, id: usize, over: Record, at: usize, found: bool) {
        let names = state.value(id).deletes(self.rules);
        let found = found | state.row(over.key, names[at]).take().is_some();
        state.over |= found;
        if at + 1 < names.len() {
            state.requests[id].step = Step::Delete(over, at + 1, found);
        } else {
            // Where nothing was removed, the session has ended already, or has another key.
            state.answer(id, if found { Answer::Ended } else { Answer::Interrupted });
        }
    }

    fn may_deploy(&self, state: &State, node: usize) -> bool {
        let Some(next) = state.nodes[node].next(state.forward) else { return false };
        let other = state.nodes[1 - node];
        let apart = |one: HashKeys, two: HashKeys| (one as usize).abs_diff(two as usize);
        let serves = |request: &Request| request.node == node && !matches!(request.step, Step::Start | Step::Done);
        // What is under the other name when it is given up is logged out: the site waits until nothing is.
        let left = |name: Name| state.rows.iter().all(|row| row[name as usize].is_none());
        let ready = match next {
            On => left(Name::Key),
            Off => left(Name::Hash),
            MigratingBack | Migrating => true,
        };
        (ready && apart(next, other) <= 1 || self.rules.skips_steps) && !state.requests.iter().any(serves)
    }
}

impl Model for HashedKeys {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let mut states = Vec::new();
        let kinds = [Kind::Change, Kind::CycleKey, Kind::Flush];
        for forward in [true, false] {
            for a in kinds {
                for b in kinds {
                    for c in kinds {
                        for nodes in [[0, 0, 1], [0, 1, 0], [1, 0, 0]] {
                            states.push(State::new(forward, [a, b, c], nodes));
                        }
                    }
                }
            }
        }
        states
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        for (id, request) in state.requests.iter().enumerate() {
            match request.step {
                Step::Start => actions.push(Action::Begin(id)),
                Step::Load(_) => actions.push(Action::Load(id)),
                Step::Write(..) => actions.push(Action::Write(id)),
                Step::Delete(..) => actions.push(Action::Delete(id)),
                Step::Done => {}
            }
        }
        actions.extend([0, 1].into_iter().filter(|&node| self.may_deploy(state, node)).map(Action::Deploy));
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut state = last.clone();
        match action {
            Action::Begin(id) => state.requests[id].step = Step::Load(0),
            Action::Load(id) => {
                let Step::Load(at) = last.requests[id].step else { return None };
                self.load(&mut state, id, at);
            }
            Action::Write(id) => {
                let Step::Write(over, at) = last.requests[id].step else { return None };
                Self::write(&mut state, id, over, at);
            }
            Action::Delete(id) => {
                let Step::Delete(over, at, found) = last.requests[id].step else { return None };
                self.delete(&mut state, id, over, at, found);
            }
            Action::Deploy(node) if self.rules.skips_steps => {
                state.nodes[node] = if state.forward { On } else { Off };
            }
            Action::Deploy(node) => state.nodes[node] = state.nodes[node].next(state.forward)?,
        }
        Some(state)
    }

    fn within_boundary(&self, state: &State) -> bool {
        state.requests.iter().all(|request| request.moves <= self.moves)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("an acknowledged change is there until its session ends", |_, state: &State| {
                let saved = |request: &Request| request.answer == Some(Answer::Ok);
                let mut requests = state.requests.iter().enumerate();
                state.over
                    || requests
                        .all(|(id, request)| !saved(request) || state.rows().all(|changes| changes & 1 << id != 0))
            }),
            Property::always("a session is stored once, unless it has ended", |_, state: &State| {
                state.rows().count() == usize::from(!state.over)
            }),
            Property::always("a session that has ended never comes back", |_, state: &State| {
                !state.ended || state.rows().count() == 0
            }),
            Property::always("a session that lives under its key is found", |_, state: &State| {
                let missed =
                    |request: &Request| matches!(request.answer, Some(Answer::Anonymous | Answer::Interrupted));
                state.over || state.renewed || !state.requests.iter().any(missed)
            }),
            Property::sometimes("every node goes from the first value to the last", |_, state: &State| {
                state.forward
                    && state.nodes == [On, On]
                    && state.requests.iter().any(|request| request.answer.is_some())
            }),
            Property::sometimes("every node goes back", |_, state: &State| !state.forward && state.nodes == [Off, Off]),
        ]
    }
}

impl State {
    fn new(forward: bool, kinds: [Kind; REQUESTS], nodes: [usize; REQUESTS]) -> Self {
        let request = |(kind, node)| Request { kind, node, step: Step::Start, answer: None, moves: 0 };
        let value = if forward { Off } else { On };
        let mut state = Self {
            rows: [[None; 2]; KEYS],
            nodes: [value; 2],
            forward,
            requests: kinds.into_iter().zip(nodes).map(request).collect(),
            over: false,
            renewed: false,
            ended: false,
        };
        *state.row(0, value.name()) = Some(0);
        state
    }
}

//! A database with a cache before it: two processes, one session, and a cache that fails in every way that caches do.
//!
//! A reader that means to fill the cache takes a lease first, and the fill replaces that lease alone. A writer puts its
//! lease there before it writes the database, and fills or invalidates after it.
//!
//! | action | in the crate, `backends/cached_db/` |
//! |---|---|
//! | [`Action::Look`], [`Action::Lease`], [`Action::Load`], [`Action::Fill`] | `look`, `claim_where`, `SessionStore::load` and `fill` of a reader |
//! | [`Action::Close`], [`Action::Write`], [`Action::Settle`] | `claim`, the database statement, and `settle` of a writer |
//! | [`Action::Retry`] | an invalidation that could not be delivered is tried again |
//! | [`Action::Arrive`] | a command that its sender gave up on arrives late |
//! | [`Action::Mode`] | the cache stops answering, is full, is read-only, or works again |
//! | [`Action::Snapshot`], [`Action::RestartCache`] | the cache writes its contents to its disk, and starts anew from there or empty |
//! | [`Action::RestartProcess`] | a process forgets what it could not deliver |
//! | [`Action::LeaseExpires`], [`Action::TimeToLive`] | the clock |
//! | [`Action::Notify`], [`Action::Disconnect`], [`Action::Reconnect`] | `listen`, where each process has a cache of its own |

use stateright::{Model, Property};

/// What a request does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// Loads the session.
    Read,
    /// Saves it: the database gets the next version.
    Save,
    /// Ends it.
    End,
}

/// What stands in the cache under the name of the session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Entry {
    Lease(u8),
    Ended,
    Session { version: u8, stamp: u8 },
}

/// A command to the cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Command {
    Get,
    /// Sets what is absent.
    Add(Entry),
    CompareAndSet(Entry, Entry),
    Set(Entry),
    Delete,
}

/// What becomes of a command and its reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fate {
    /// It is executed, and the reply arrives.
    Answered,
    /// It is not executed, and the process is told so.
    Failed,
    /// It is executed, and its reply is lost.
    ReplyLost,
    /// The process gives up on it, and it is executed later.
    Late,
}

/// What the cache is able to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mode {
    /// Everything.
    Works,
    /// Nothing: it does not answer.
    Down,
    /// To read and to delete.
    Full,
    /// To read.
    ReadOnly,
}

/// Where a request is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Step {
    Start,
    Look {
        again: bool,
    },
    Lease {
        instead_of: Option<Entry>,
        again: bool,
    },
    Load {
        lease: Option<(u8, u8)>,
    },
    Fill {
        lease: (u8, u8),
        found: Option<u8>,
    },
    Close,
    Write {
        lease: Option<(u8, u8)>,
    },
    /// Replaces the lease by what was written.
    Settle {
        lease: (u8, u8),
        version: u8,
    },
    /// Takes away what there is; the second try deletes where the mark of an ended session could not be set.
    Invalidate {
        ended: bool,
        second: bool,
    },
    Done,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Request {
    kind: Kind,
    process: usize,
    step: Step,
    /// The version that a writer has loaded.
    loaded: Option<u8>,
    /// What a reader that began now has to see.
    must_see: Acknowledged,
    /// What a writer will be told.
    outcome: Outcome,
    /// A reader was given something older than it has to see, and not because of an outage.
    stale: bool,
    answered: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Outcome {
    None,
    Saved(u8),
    Ended,
}

/// What requests were told that were answered so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
struct Acknowledged {
    version: u8,
    ended: bool,
}

/// What one process knows of the cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Process {
    /// Nothing with this stamp or an older one is believed.
    distrust: u8,
    /// A command failed since the last one that worked.
    troubled: bool,
    /// An invalidation that is to be delivered, and whether the session has ended.
    pending: Option<bool>,
    /// It knows that the session has ended.
    ended: bool,
    /// A notification that has not arrived yet.
    notified: bool,
    /// Whether it hears notifications.
    listens: bool,
}

/// One command, one statement, or something that happens to a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the table of the module says what each is")]
pub enum Action {
    Begin(usize),
    Look(usize, Fate),
    Lease(usize, Fate),
    Load(usize),
    Fill(usize, Fate),
    Close(usize, Fate),
    Write(usize),
    /// The database did it, or not, and its reply was lost.
    WriteLost(usize, bool),
    Settle(usize, Fate),
    Retry(usize, Fate),
    Arrive,
    Mode(Mode),
    Snapshot,
    RestartCache(bool),
    RestartProcess(usize),
    LeaseExpires(usize),
    TimeToLive,
    Notify(usize),
    Disconnect(usize),
    Reconnect(usize),
}

/// The database, the caches, the processes and the requests.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct State {
    database: Option<u8>,
    /// One cache that both processes share, or one for each.
    caches: [Option<Entry>; 2],
    snapshot: Option<Option<Entry>>,
    mode: Mode,
    late: Option<(usize, Command)>,
    processes: [Process; 2],
    requests: Vec<Request>,
    /// Counts what stamps have to be told apart by.
    clock: u8,
    /// Entries with this stamp or an older one are past their time to live.
    expired: u8,
    faults: u8,
    restarts: u8,
    leases: u8,
    acknowledged: Acknowledged,
    /// By process: another process has acknowledged a change that this one may not have heard of.
    unheard: [bool; 2],
}

/// The steps that a mutant gets wrong.
#[derive(Debug, Clone, Copy, Default)]
pub struct Rules {
    /// A reader fills without a lease.
    pub fills_without_lease: bool,
    /// A writer invalidates the cache before the database is written, and not after.
    pub invalidates_first: bool,
    /// A process that starts believes what the cache holds.
    pub trusts_older_entries: bool,
    /// A process that reconnects believes what the cache holds.
    pub trusts_after_outage: bool,
    /// An invalidation that could not be delivered is forgotten.
    pub forgets_undelivered: bool,
    /// Leases are equal.
    pub equal_leases: bool,
}

/// The model and its bounds.
#[derive(Debug, Clone)]
pub struct CachedDb {
    /// Whether both processes use one cache.
    pub shared: bool,
    /// How many requests there are.
    pub requests: usize,
    /// These requests alone, with their processes.
    pub program: Option<Vec<(Kind, usize)>>,
    /// How many faults there are: commands that fail or come late, outages, restarts of the cache.
    pub faults: u8,
    /// How often a process is restarted.
    pub restarts: u8,
    /// Which steps are wrong.
    pub rules: Rules,
}

impl State {
    fn new(shared: bool, program: &[(Kind, usize)]) -> Self {
        let request = |&(kind, process): &(Kind, usize)| Request {
            kind,
            process,
            step: Step::Start,
            loaded: None,
            must_see: Acknowledged::default(),
            outcome: Outcome::None,
            stale: false,
            answered: false,
        };
        let process =
            Process { distrust: 0, troubled: false, pending: None, ended: false, notified: false, listens: !shared };
        Self {
            database: Some(0),
            caches: [None; 2],
            snapshot: None,
            mode: Mode::Works,
            late: None,
            processes: [process; 2],
            requests: program.iter().map(request).collect(),
            clock: 1,
            expired: 0,
            faults: 0,
            restarts: 0,
            leases: 0,
            acknowledged: Acknowledged::default(),
            unheard: [false; 2],
        }
    }

    /// Doubts everything that was stamped until now, in one process.
    fn distrust(&mut self, process: usize) {
        self.processes[process].distrust = self.clock;
        self.clock += 1;
    }

    fn finish(&mut self, id: usize) {
        let Request { outcome, process, .. } = self.requests[id];
        self.requests[id].step = Step::Done;
        self.requests[id].answered = true;
        match outcome {
            Outcome::None => {}
            Outcome::Saved(version) => self.acknowledged.version = self.acknowledged.version.max(version),
            Outcome::Ended => self.acknowledged.ended = true,
        }
        // Where the invalidation was not delivered, the other process may not have heard of it.
        if outcome != Outcome::None && self.processes[process].pending.is_some() {
            self.unheard[1 - process] = true;
        }
    }

    /// Answers a reader.
    fn give(&mut self, id: usize, found: Option<u8>) {
        let Request { must_see, process, .. } = self.requests[id];
        let older = found.is_some_and(|version| must_see.ended || version < must_see.version);
        self.requests[id].stale = older && !self.unheard[process];
        self.finish(id);
    }
}

impl State {
    /// Numbers stamps and leases anew, in their order: only that matters, and so many states are one.
    fn renumber(&mut self) {
        let (mut stamps, mut leases) = (vec![], vec![]);
        self.each_number(|stamp| stamps.push(*stamp), |lease| leases.push(*lease));
        let rank = |mut all: Vec<u8>| {
            all.sort_unstable();
            all.dedup();
            all
        };
        let (stamps, leases) = (rank(stamps), rank(leases));
        let place = |all: &[u8], number: u8| u8::try_from(all.binary_search(&number).unwrap_or(0)).unwrap_or(u8::MAX);
        self.each_number(|stamp| *stamp = place(&stamps, *stamp), |lease| *lease = 1 + place(&leases, *lease));
        self.leases = u8::try_from(leases.len()).unwrap_or(u8::MAX);
    }

    fn each_number(&mut self, mut stamp: impl FnMut(&mut u8), mut lease: impl FnMut(&mut u8)) {
        let entry = |entry: &mut Entry, stamp: &mut dyn FnMut(&mut u8), lease: &mut dyn FnMut(&mut u8)| match entry {
            Entry::Lease(number) => lease(number),
            Entry::Session { stamp: number, .. } => stamp(number),
            Entry::Ended => {}
        };
        stamp(&mut self.clock);
        stamp(&mut self.expired);
        for process in &mut self.processes {
            stamp(&mut process.distrust);
        }
        for found in self.caches.iter_mut().chain(self.snapshot.as_mut()).flatten() {
            entry(found, &mut stamp, &mut lease);
        }
        if let Some((_, command)) = &mut self.late {
            match command {
                Command::Add(one) | Command::Set(one) => entry(one, &mut stamp, &mut lease),
                Command::CompareAndSet(one, two) => {
                    entry(one, &mut stamp, &mut lease);
                    entry(two, &mut stamp, &mut lease);
                }
                Command::Get | Command::Delete => {}
            }
        }
        for request in &mut self.requests {
            match &mut request.step {
                Step::Load { lease: Some(held) }
                | Step::Fill { lease: held, .. }
                | Step::Write { lease: Some(held) }
                | Step::Settle { lease: held, .. } => {
                    lease(&mut held.0);
                    stamp(&mut held.1);
                }
                Step::Lease { instead_of: Some(one), .. } => entry(one, &mut stamp, &mut lease),
                _ => {}
            }
        }
    }
}

fn execute(cache: &mut Option<Entry>, command: Command) -> Reply {
    match command {
        Command::Get => Reply::Found(*cache),
        Command::Add(entry) if cache.is_none() => {
            *cache = Some(entry);
            Reply::Did(true)
        }
        Command::CompareAndSet(old, new) if *cache == Some(old) => {
            *cache = Some(new);
            Reply::Did(true)
        }
        Command::Add(_) | Command::CompareAndSet(..) => Reply::Did(false),
        Command::Set(entry) => {
            *cache = Some(entry);
            Reply::Did(true)
        }
        Command::Delete => {
            *cache = None;
            Reply::Did(true)
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reply {
    Found(Option<Entry>),
    Did(bool),
}

fn allows(mode: Mode, command: Command) -> bool {
    match mode {
        Mode::Works => true,
        Mode::Down => false,
        Mode::Full => matches!(command, Command::Get | Command::Delete),
        Mode::ReadOnly => command == Command::Get,
    }
}

impl CachedDb {
    fn cache(&self, process: usize) -> usize {
        if self.shared { 0 } else { process }
    }

    /// `Side::ask`: `None` if the cache did not answer.
    fn ask(&self, state: &mut State, process: usize, command: Command, fate: Fate) -> Option<Reply> {
        let at = self.cache(process);
        if !allows(state.mode, command) || fate == Fate::Failed {
            state.processes[process].troubled = true;
            return None;
        }
        match fate {
            Fate::ReplyLost => {
                execute(&mut state.caches[at], command);
                state.processes[process].troubled = true;
                None
            }
            Fate::Late => {
                state.late = Some((at, command));
                state.processes[process].troubled = true;
                None
            }
            Fate::Answered | Fate::Failed => {
                // The end of an outage: nobody knows what the cache holds now.
                if std::mem::take(&mut state.processes[process].troubled) && !self.rules.trusts_after_outage {
                    state.distrust(process);
                    if state.processes[process].ended {
                        state.processes[process].pending = Some(true);
                    }
                }
                Some(execute(&mut state.caches[at], command))
            }
        }
    }

    /// A lease that is like no other, with the stamp of what is read under it.
    fn lease(&self, state: &mut State) -> (u8, u8) {
        state.leases += u8::from(!self.rules.equal_leases);
        (state.leases, state.clock)
    }

    fn look(&self, state: &mut State, id: usize, again: bool, fate: Fate) {
        let process = state.requests[id].process;
        let Process { pending, ended, .. } = state.processes[process];
        if pending.is_some() || ended {
            return state.requests[id].step = Step::Load { lease: None };
        }
        let reply = self.ask(state, process, Command::Get, fate);
        let distrust = state.processes[process].distrust.max(state.expired);
        state.requests[id].step = match reply {
            Some(Reply::Found(Some(Entry::Session { version, stamp }))) if stamp > distrust => {
                return state.give(id, Some(version));
            }
            Some(Reply::Found(Some(worthless @ Entry::Session { .. }))) => {
                Step::Lease { instead_of: Some(worthless), again }
            }
            Some(Reply::Found(None)) => Step::Lease { instead_of: None, again },
            Some(_) | None => Step::Load { lease: None },
        };
    }

    fn take_lease(&self, state: &mut State, id: usize, instead_of: Option<Entry>, again: bool, fate: Fate) {
        let process = state.requests[id].process;
        let lease = self.lease(state);
        if self.rules.fills_without_lease {
            return state.requests[id].step = Step::Load { lease: Some(lease) };
        }
        let entry = Entry::Lease(lease.0);
        let command = match instead_of {
            None => Command::Add(entry),
            Some(old) => Command::CompareAndSet(old, entry),
        };
        state.requests[id].step = match self.ask(state, process, command, fate) {
            Some(Reply::Did(true)) => Step::Load { lease: Some(lease) },
            // Another request was here in between: look once more.
            Some(_) if !again => Step::Look { again: true },
            _ => Step::Load { lease: None },
        };
    }

    fn fill(&self, state: &mut State, id: usize, lease: (u8, u8), found: Option<u8>, fate: Fate) {
        let process = state.requests[id].process;
        let filled = found.map(|version| Entry::Session { version, stamp: lease.1 });
        let command = match filled {
            Some(entry) if self.rules.fills_without_lease => Command::Set(entry),
            Some(entry) => Command::CompareAndSet(Entry::Lease(lease.0), entry),
            None => Command::Delete,
        };
        self.ask(state, process, command, fate);
        state.give(id, found);
    }

    fn close(&self, state: &mut State, id: usize, fate: Fate) {
        let process = state.requests[id].process;
        let lease = self.lease(state);
        let command = if self.rules.invalidates_first { Command::Delete } else { Command::Set(Entry::Lease(lease.0)) };
        let placed = self.ask(state, process, command, fate).is_some();
        state.requests[id].loaded = state.database;
        state.requests[id].step = Step::Write { lease: placed.then_some(lease) };
    }

    fn write(&self, state: &mut State, id: usize, lease: Option<(u8, u8)>) {
        let Request { kind, loaded, process, .. } = state.requests[id];
        let ended = Step::Invalidate { ended: true, second: false };
        let step = match (kind, state.database) {
            (Kind::End, _) => {
                state.requests[id].outcome = Outcome::Ended;
                state.database = None;
                ended
            }
            (_, None) => ended,
            (_, Some(version)) => {
                let version = if Some(version) == loaded { version + 1 } else { version };
                if state.database != Some(version) {
                    state.database = Some(version);
                    state.requests[id].outcome = Outcome::Saved(version);
                }
                match lease {
                    Some(lease) => Step::Settle { lease, version },
                    None => Step::Invalidate { ended: false, second: false },
                }
            }
        };
        if step == ended {
            state.processes[process].ended = true;
        }
        if !self.shared && state.requests[id].outcome != Outcome::None {
            // It is sent before the request is answered, and may arrive after it.
            state.processes[1 - process].notified = true;
        }
        state.requests[id].step = step;
        if self.rules.invalidates_first {
            state.finish(id);
        }
    }

    /// The database did not answer: it may have done it, or do it yet, so that the lease stays.
    fn write_lost(&self, state: &mut State, id: usize, done: bool, lease: Option<(u8, u8)>) {
        if done && let Some(version) = state.database {
            state.database = (state.requests[id].kind == Kind::Save).then_some(version + 1);
        }
        if lease.is_some() {
            state.finish(id);
        } else {
            state.requests[id].step = Step::Invalidate { ended: false, second: false };
        }
        if !self.shared {
            let process = state.requests[id].process;
            state.processes[1 - process].notified = true;
        }
    }

    fn settle(&self, state: &mut State, id: usize, fate: Fate) {
        let Request { step, process, .. } = state.requests[id];
        let (command, next) = match step {
            Step::Settle { lease, version } => {
                let session = Entry::Session { version, stamp: lease.1 };
                let next = Step::Invalidate { ended: false, second: false };
                (Command::CompareAndSet(Entry::Lease(lease.0), session), Some(next))
            }
            Step::Invalidate { ended: true, second: false } => {
                (Command::Set(Entry::Ended), Some(Step::Invalidate { ended: true, second: true }))
            }
            _ => (Command::Delete, None),
        };
        if self.ask(state, process, command, fate) == Some(Reply::Did(true)) {
            return state.finish(id);
        }
        if let Some(next) = next {
            return state.requests[id].step = next;
        }
        let ended = matches!(step, Step::Invalidate { ended: true, .. });
        if !self.rules.forgets_undelivered {
            state.processes[process].pending = Some(ended || state.processes[process].pending == Some(true));
        }
        state.finish(id);
    }

    fn retry(&self, state: &mut State, process: usize, fate: Fate) {
        let Some(ended) = state.processes[process].pending else { return };
        let command = if ended && allows(state.mode, Command::Set(Entry::Ended)) {
            Command::Set(Entry::Ended)
        } else {
            Command::Delete
        };
        if self.ask(state, process, command, fate).is_some() {
            state.processes[process].pending = None;
            state.unheard[1 - process] = false;
        }
    }

    /// A process that starts has heard of nothing, and so believes nothing that is older.
    fn restart_process(&self, state: &mut State, process: usize) {
        state.restarts += 1;
        for id in 0..state.requests.len() {
            let request = &mut state.requests[id];
            if request.process == process && request.step != Step::Start {
                request.step = Step::Done;
                request.answered = true;
            }
        }
        let Process { listens, .. } = state.processes[process];
        state.processes[process] =
            Process { distrust: 0, troubled: false, pending: None, ended: false, notified: false, listens };
        if !self.rules.trusts_older_entries {
            state.distrust(process);
            state.unheard[process] = false;
        }
        if !self.shared {
            state.caches[process] = None;
        }
    }

    fn restart_cache(state: &mut State, old: bool) {
        state.caches[0] = state.snapshot.filter(|_| old).flatten();
        state.mode = Mode::Works;
        // The connections broke, and that is never silent.
        for process in &mut state.processes {
            process.troubled = true;
        }
    }

    fn fates(&self, state: &State, id: usize) -> Vec<Fate> {
        let process = state.requests[id].process;
        let mut fates = vec![Fate::Answered];
        if !self.shared {
            return fates;
        }
        let spare = state.faults < self.faults;
        if spare || state.processes[process].troubled {
            // A cache that has just failed is left alone for a while.
            fates.push(Fate::Failed);
        }
        if spare {
            fates.push(Fate::ReplyLost);
        }
        if spare && state.late.is_none() {
            fates.push(Fate::Late);
        }
        fates
    }

    fn request_actions(&self, state: &State, id: usize, actions: &mut Vec<Action>) {
        let fates = || self.fates(state, id).into_iter();
        match state.requests[id].step {
            Step::Start => actions.push(Action::Begin(id)),
            Step::Look { .. } => actions.extend(fates().map(|fate| Action::Look(id, fate))),
            Step::Lease { .. } => actions.extend(fates().map(|fate| Action::Lease(id, fate))),
            Step::Load { .. } => actions.push(Action::Load(id)),
            Step::Fill { .. } => actions.extend(fates().map(|fate| Action::Fill(id, fate))),
            Step::Close => actions.extend(fates().map(|fate| Action::Close(id, fate))),
            Step::Write { .. } => {
                actions.push(Action::Write(id));
                if state.faults < self.faults {
                    actions.extend([Action::WriteLost(id, true), Action::WriteLost(id, false)]);
                }
            }
            Step::Settle { .. } | Step::Invalidate { .. } => {
                actions.extend(fates().map(|fate| Action::Settle(id, fate)));
            }
            Step::Done => {}
        }
    }

    fn outside_actions(&self, state: &State, actions: &mut Vec<Action>) {
        let spare = state.faults < self.faults;
        let commands = state.processes.iter().enumerate().filter(|(_, process)| process.pending.is_some());
        actions.extend(commands.map(|(process, _)| Action::Retry(process, Fate::Answered)));
        if state.late.is_some() {
            actions.push(Action::Arrive);
        }
        if self.shared {
            match state.mode {
                Mode::Works if spare => {
                    actions.extend([Mode::Down, Mode::Full, Mode::ReadOnly].map(Action::Mode));
                    actions.push(Action::RestartCache(false));
                    if state.snapshot.is_some() {
                        actions.push(Action::RestartCache(true));
                    }
                }
                Mode::Works => {}
                _ => actions.push(Action::Mode(Mode::Works)),
            }
            if state.snapshot.is_none() && state.caches[0].is_some() {
                actions.push(Action::Snapshot);
            }
        }
        if state.restarts < self.restarts {
            actions.extend([Action::RestartProcess(0), Action::RestartProcess(1)]);
        }
        for (at, entry) in state.caches.iter().enumerate() {
            if matches!(entry, Some(Entry::Lease(_) | Entry::Ended)) {
                actions.push(Action::LeaseExpires(at));
            }
        }
        if state.unheard.contains(&true) {
            actions.push(Action::TimeToLive);
        }
        for (at, process) in state.processes.iter().enumerate() {
            if process.notified && process.listens {
                actions.push(Action::Notify(at));
            }
            if process.listens && spare && !self.shared {
                actions.push(Action::Disconnect(at));
            }
            if !process.listens && !self.shared {
                actions.push(Action::Reconnect(at));
            }
        }
    }

    fn request_step(&self, state: &mut State, id: usize, fate: Fate) {
        state.faults += u8::from(fate != Fate::Answered && state.faults < self.faults);
        match state.requests[id].step {
            Step::Look { again } => self.look(state, id, again, fate),
            Step::Lease { instead_of, again } => self.take_lease(state, id, instead_of, again, fate),
            Step::Load { lease: Some(lease) } => {
                state.requests[id].step = Step::Fill { lease, found: state.database };
            }
            Step::Load { lease: None } => state.give(id, state.database),
            Step::Fill { lease, found } => self.fill(state, id, lease, found, fate),
            Step::Close => self.close(state, id, fate),
            Step::Write { lease } => self.write(state, id, lease),
            Step::Settle { .. } | Step::Invalidate { .. } => self.settle(state, id, fate),
            Step::Start | Step::Done => {}
        }
    }
}

impl Model for CachedDb {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        use Kind::{End, Read, Save};
        if let Some(program) = &self.program {
            return vec![State::new(self.shared, program)];
        }
        let kinds = || [Read, Save, End].into_iter().flat_map(|kind| [(kind, 0), (kind, 1)]);
        let mut programs: Vec<Vec<(Kind, usize)>> = vec![vec![]];
        for _ in 0..self.requests {
            let longer = |program: Vec<_>| kinds().map(move |next| [program.clone(), vec![next]].concat());
            programs = programs.into_iter().flat_map(longer).collect();
        }
        // Requests of one kind change places, and so do the two processes.
        programs.retain(|program| program.is_sorted() && program[0].1 == 0);
        programs.iter().map(|program| State::new(self.shared, program)).collect()
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        for id in 0..state.requests.len() {
            self.request_actions(state, id, actions);
        }
        self.outside_actions(state, actions);
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut state = last.clone();
        match action {
            Action::Begin(id) => {
                state.requests[id].must_see = state.acknowledged;
                let reads = state.requests[id].kind == Kind::Read;
                state.requests[id].step = if reads { Step::Look { again: false } } else { Step::Close };
            }
            Action::Look(id, fate)
            | Action::Lease(id, fate)
            | Action::Fill(id, fate)
            | Action::Close(id, fate)
            | Action::Settle(id, fate) => self.request_step(&mut state, id, fate),
            Action::Load(id) | Action::Write(id) => self.request_step(&mut state, id, Fate::Answered),
            Action::WriteLost(id, done) => {
                state.faults += 1;
                let Step::Write { lease } = last.requests[id].step else { return None };
                self.write_lost(&mut state, id, done, lease);
            }
            Action::Retry(process, fate) => self.retry(&mut state, process, fate),
            Action::Arrive => {
                let (at, command) = state.late.take()?;
                if allows(state.mode, command) {
                    execute(&mut state.caches[at], command);
                }
            }
            Action::Mode(mode) => {
                state.faults += u8::from(mode != Mode::Works);
                state.mode = mode;
            }
            Action::Snapshot => state.snapshot = Some(state.caches[0]),
            Action::RestartCache(old) => {
                state.faults += 1;
                Self::restart_cache(&mut state, old);
            }
            Action::RestartProcess(process) => self.restart_process(&mut state, process),
            Action::LeaseExpires(at) => state.caches[at] = None,
            Action::TimeToLive => {
                state.expired = state.clock;
                state.clock += 1;
                state.unheard = [false; 2];
            }
            Action::Notify(process) => {
                state.processes[process].notified = false;
                state.distrust(process);
                state.unheard[process] = false;
            }
            Action::Disconnect(process) => {
                state.faults += 1;
                state.processes[process].listens = false;
                state.processes[process].notified = false;
                state.unheard[process] = true;
            }
            Action::Reconnect(process) => {
                state.processes[process].listens = true;
                state.distrust(process);
                state.unheard[process] = false;
            }
        }
        state.renumber();
        // A notification is under way: the other process is excused until it arrives.
        for process in 0..2 {
            if state.processes[process].notified && state.acknowledged != last.acknowledged {
                state.unheard[process] = true;
            }
        }
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("no read is older than what was acknowledged before it", |_, state: &State| {
                state.requests.iter().all(|request| !request.stale || request.must_see.ended)
            }),
            Property::always("after an acknowledged end no read finds the session", |_, state: &State| {
                state.requests.iter().all(|request| !request.stale || !request.must_see.ended)
            }),
            Property::always("every request is answered", |model: &Self, state: &State| {
                let moves = (0..state.requests.len()).any(|id| {
                    let mut actions = Vec::new();
                    model.request_actions(state, id, &mut actions);
                    !actions.is_empty()
                });
                moves || state.requests.iter().all(|request| request.answered)
            }),
            Property::sometimes("a read costs no statement", |_, state: &State| {
                state.caches.iter().flatten().any(|entry| matches!(entry, Entry::Session { .. }))
            }),
            Property::sometimes("another process has not heard of a change yet", |model: &Self, state: &State| {
                // One cache that works tells both processes.
                state.unheard.contains(&true) || (model.shared && model.faults == 0)
            }),
        ]
    }
}

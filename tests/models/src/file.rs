//! The file store: how two processes read, replace, rename and remove the file of a session, and die in between.
//!
//! A file is never written in place: a draft is written beside the sessions and then takes the name of one. A writer has
//! the lock of the session; a reader has none.
//!
//! | action | in the crate, `backends/file/` |
//! |---|---|
//! | [`Action::Look`], [`Action::Open`] | the two system calls of `open` in `folder.rs` |
//! | [`Action::Lock`], [`Action::Unlock`] | `Folder::lock`, and the end of an operation |
//! | [`Action::Compare`] | `load_live` in `FileStore::replace`, `touch_file` and `remove_if_expired` |
//! | [`Action::Draft`] | `Folder::write_draft` |
//! | [`Action::Rename`] | the rename of a save |
//! | [`Action::Link`] | `link_draft`, of `cycle` |
//! | [`Action::Remove`] | the removal of the old file, of a deleted and of an expired session |
//! | [`Action::Sync`] | `Folder::sync` |
//! | [`Action::Kill`] | the process dies: its locks are released |
//! | [`Action::PowerLoss`] | the machine stops: what was not synced is undone, and every process dies |
//! | [`Action::Expire`] | the clock reaches the session's expiry |

use stateright::{Model, Property};

/// How many operations there are.
pub const OPERATIONS: usize = 3;
/// The key of the session, and one that each operation may draw.
const KEYS: usize = 1 + OPERATIONS;

/// What an operation does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// `load` alone.
    Read,
    /// `load`, then `save`.
    Change,
    /// `load`, then `cycle`.
    CycleKey,
    /// `load`, then `touch`, in a process whose clock is a little behind.
    Touch,
    /// `load`, then `delete`.
    Flush,
    /// `clear_expired`.
    Clear,
}

/// A file: what is in it, and whether its time says that the session has expired.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct File {
    /// A number that no other file has.
    inode: u8,
    /// A bit for the change of each operation.
    changes: u8,
    expired: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Step {
    /// Looks at what kind of file there is.
    Look,
    /// Opens it, if it is still the file with this number.
    Open(u8),
    Lock,
    Compare,
    Draft,
    Rename,
    Link,
    Remove,
    Sync,
    Unlock(Answer),
    Done,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Answer {
    /// Read, or saved.
    Ok,
    Ended,
    Interrupted,
    /// There is no session.
    Anonymous,
    Killed,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Operation {
    kind: Kind,
    step: Step,
    /// What it has read.
    loaded: Option<File>,
    answer: Option<Answer>,
}

/// A system call of one operation, or what happens to processes and machines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the table of the module says what each is")]
pub enum Action {
    Look(usize),
    Open(usize),
    Lock(usize),
    Compare(usize),
    Draft(usize),
    Rename(usize),
    Link(usize),
    Remove(usize),
    Sync(usize),
    Unlock(usize),
    Kill(usize),
    PowerLoss,
    Expire,
}

/// The directory, the lock and the operations.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct State {
    files: [Option<File>; KEYS],
    /// What is on the disk.
    synced: [Option<File>; KEYS],
    draft: Option<File>,
    /// Which operation has the lock.
    locked: Option<usize>,
    operations: Vec<Operation>,
    inodes: u8,
    kills: u8,
    /// The session was removed, or a removal may yet be undone.
    over: bool,
    renewed: bool,
    ended: bool,
    extended: bool,
}

/// The steps that a mutant gets wrong.
#[derive(Debug, Clone, Copy, Default)]
pub struct Rules {
    /// A file that was replaced between the look and the opening counts as missing.
    pub replaced_is_missing: bool,
    /// A writer takes no lock.
    pub no_lock: bool,
    /// A save is answered before the directory is synced.
    pub no_sync: bool,
    /// The clean-up removes what had expired when it looked first.
    pub clears_without_a_second_look: bool,
    /// `cycle` removes the old file before there is a new one.
    pub cycle_removes_first: bool,
}

/// The model and its bounds.
#[derive(Debug, Clone)]
pub struct FileStore {
    /// How many processes die at most, by a signal or with the machine.
    pub kills: u8,
    /// Which steps are wrong.
    pub rules: Rules,
}

impl State {
    fn new(program: &[Kind]) -> Self {
        let operation = |&kind: &Kind| Operation { kind, step: Step::Look, loaded: None, answer: None };
        let mut files = [None; KEYS];
        files[0] = Some(File { inode: 0, changes: 0, expired: false });
        Self {
            files,
            synced: files,
            draft: None,
            locked: None,
            operations: program.iter().map(operation).collect(),
            inodes: 0,
            kills: 0,
            over: false,
            renewed: false,
            ended: false,
            extended: false,
        }
    }

    fn answer(&mut self, id: usize, answer: Answer) {
        let operation = &mut self.operations[id];
        if answer == Answer::Ok {
            self.renewed |= operation.kind == Kind::CycleKey;
        }
        self.ended |= answer == Answer::Ended;
        operation.step = Step::Done;
        operation.answer = Some(answer);
        if self.locked == Some(id) {
            self.locked = None;
        }
    }

    /// The sessions that the clients' keys open.
    fn opened(&self) -> impl Iterator<Item = File> + '_ {
        let known = |&key: &usize| key == 0 || self.operations[key - 1].answer == Some(Answer::Ok);
        (0..KEYS).filter(known).filter_map(|key| self.files[key]).filter(|file| !file.expired)
    }

    fn next_inode(&mut self) -> u8 {
        self.inodes += 1;
        self.inodes
    }
}

impl FileStore {
    fn loaded(&self, state: &mut State, id: usize, file: Option<File>) {
        state.operations[id].loaded = file;
        let kind = state.operations[id].kind;
        let Some(file) = file.filter(|file| file.expired == (kind == Kind::Clear) || kind == Kind::Touch) else {
            return state.answer(id, if kind == Kind::Clear { Answer::Ok } else { Answer::Anonymous });
        };
        let locked = if self.rules.no_lock { Step::Compare } else { Step::Lock };
        state.operations[id].loaded = Some(file);
        state.operations[id].step = locked;
        if kind == Kind::Read {
            state.answer(id, Answer::Ok);
        }
    }

    fn open(&self, state: &mut State, id: usize, seen: u8) {
        match state.files[0] {
            Some(file) if file.inode == seen => self.loaded(state, id, Some(file)),
            Some(_) if !self.rules.replaced_is_missing => state.operations[id].step = Step::Look,
            _ => self.loaded(state, id, None),
        }
    }

    fn compare(&self, state: &mut State, id: usize) {
        let Operation { kind, loaded, .. } = state.operations[id];
        let found = state.files[0];
        state.operations[id].step = match (kind, found) {
            (Kind::Clear, Some(_)) if self.rules.clears_without_a_second_look => Step::Remove,
            (Kind::Clear, Some(File { expired: true, .. })) => Step::Remove,
            (Kind::Clear, _) => Step::Unlock(Answer::Ok),
            (Kind::Touch, Some(file)) => {
                state.files[0] = Some(File { expired: false, ..file });
                state.synced[0] = state.files[0];
                state.extended = true;
                Step::Unlock(Answer::Ok)
            }
            (_, None) => Step::Unlock(Answer::Interrupted),
            (Kind::Flush, Some(_)) => Step::Remove,
            (_, Some(File { expired: true, .. })) => Step::Unlock(Answer::Interrupted),
            // The change is made again on top of what another writer left.
            (_, Some(file)) if Some(file.changes) != loaded.map(|loaded| loaded.changes) => {
                state.operations[id].loaded = Some(file);
                Step::Compare
            }
            (Kind::CycleKey, Some(_)) if self.rules.cycle_removes_first => {
                state.files[0] = None;
                Step::Draft
            }
            (_, Some(_)) => Step::Draft,
        };
    }

    fn rename(&self, state: &mut State, id: usize) {
        state.files[0] = state.draft.take();
        state.operations[id].step = if self.rules.no_sync { Step::Unlock(Answer::Ok) } else { Step::Sync };
    }

    fn link(&self, state: &mut State, id: usize) {
        state.files[1 + id] = state.draft.take();
        state.operations[id].step = if self.rules.cycle_removes_first { Step::Sync } else { Step::Remove };
    }

    fn remove(state: &mut State, id: usize) {
        let kind = state.operations[id].kind;
        let removed = state.files[0].take();
        state.over |= removed.is_some() && kind != Kind::CycleKey;
        state.operations[id].step = match kind {
            Kind::Flush if removed.is_none() => Step::Unlock(Answer::Interrupted),
            _ => Step::Sync,
        };
    }

    fn step(&self, state: &mut State, id: usize) {
        match state.operations[id].step {
            Step::Look => match state.files[0] {
                Some(file) => state.operations[id].step = Step::Open(file.inode),
                None => self.loaded(state, id, None),
            },
            Step::Open(seen) => self.open(state, id, seen),
            Step::Lock => {
                state.locked = Some(id);
                state.operations[id].step = Step::Compare;
            }
            Step::Compare => self.compare(state, id),
            Step::Draft => {
                let changes = state.operations[id].loaded.map_or(0, |file| file.changes) | 1 << id;
                state.draft = Some(File { inode: state.next_inode(), changes, expired: false });
                let cycles = state.operations[id].kind == Kind::CycleKey;
                state.operations[id].step = if cycles { Step::Link } else { Step::Rename };
            }
            Step::Rename => self.rename(state, id),
            Step::Link => self.link(state, id),
            Step::Remove => Self::remove(state, id),
            Step::Sync => {
                state.synced = state.files;
                let ended = state.operations[id].kind == Kind::Flush;
                state.operations[id].step = Step::Unlock(if ended { Answer::Ended } else { Answer::Ok });
            }
            Step::Unlock(answer) => state.answer(id, answer),
            Step::Done => {}
        }
    }
}

impl Model for FileStore {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        use Kind::{Change, Clear, CycleKey, Flush, Read, Touch};
        let kinds = || [Read, Change, CycleKey, Touch, Flush, Clear].into_iter();
        let programs = kinds().flat_map(|a| kinds().flat_map(move |b| kinds().map(move |c| [a, b, c])));
        programs.filter(|program| program.is_sorted()).map(|program| State::new(&program)).collect()
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        for (id, operation) in state.operations.iter().enumerate() {
            let action = match operation.step {
                Step::Look => Action::Look(id),
                Step::Open(_) => Action::Open(id),
                Step::Lock if state.locked.is_some() => continue,
                Step::Lock => Action::Lock(id),
                Step::Compare => Action::Compare(id),
                Step::Draft => Action::Draft(id),
                Step::Rename => Action::Rename(id),
                Step::Link => Action::Link(id),
                Step::Remove => Action::Remove(id),
                Step::Sync => Action::Sync(id),
                Step::Unlock(_) => Action::Unlock(id),
                Step::Done => continue,
            };
            actions.push(action);
            if state.kills < self.kills {
                actions.push(Action::Kill(id));
            }
        }
        if state.kills < self.kills {
            actions.push(Action::PowerLoss);
        }
        if state.files.iter().flatten().any(|file| !file.expired) && !state.over {
            actions.push(Action::Expire);
        }
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut state = last.clone();
        match action {
            Action::Kill(id) => {
                state.kills += 1;
                state.answer(id, Answer::Killed);
            }
            Action::PowerLoss => {
                state.kills += 1;
                state.files = state.synced;
                state.draft = None;
                let running = |operation: &Operation| operation.step != Step::Done;
                for id in (0..OPERATIONS).filter(|&id| running(&last.operations[id])) {
                    state.answer(id, Answer::Killed);
                }
            }
            Action::Expire => {
                state.over = true;
                state.extended = false;
                for file in state.files.iter_mut().chain(&mut state.synced).flatten() {
                    file.expired = true;
                }
            }
            Action::Look(id)
            | Action::Open(id)
            | Action::Lock(id)
            | Action::Compare(id)
            | Action::Draft(id)
            | Action::Rename(id)
            | Action::Link(id)
            | Action::Remove(id)
            | Action::Sync(id)
            | Action::Unlock(id) => self.step(&mut state, id),
        }
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("a session that lives is found", |_, state: &State| {
                let missed =
                    |operation: &Operation| matches!(operation.answer, Some(Answer::Anonymous | Answer::Interrupted));
                let renews = |operation: &Operation| operation.kind == Kind::CycleKey;
                state.over || state.operations.iter().any(renews) || !state.operations.iter().any(missed)
            }),
            Property::always("an acknowledged change is there until its session ends", |_, state: &State| {
                let changes = |kind| matches!(kind, Kind::Change | Kind::CycleKey);
                let saved = |operation: &Operation| changes(operation.kind) && operation.answer == Some(Answer::Ok);
                // A renewal that died may have given the session a key that its client does not know.
                let lost_key = |operation: &Operation| {
                    operation.kind == Kind::CycleKey && operation.answer == Some(Answer::Killed)
                };
                let under_way = |operation: &Operation| operation.kind == Kind::CycleKey && operation.answer.is_none();
                let excused = state.operations.iter().any(|operation| lost_key(operation) || under_way(operation));
                let mut operations = state.operations.iter().enumerate();
                state.over
                    || excused
                    || operations.all(|(id, operation)| {
                        !saved(operation) || state.opened().any(|file| file.changes & 1 << id != 0)
                    })
            }),
            Property::always("a session that was renewed is somewhere", |_, state: &State| {
                state.over || state.files.iter().flatten().next().is_some()
            }),
            Property::always("a session that has ended never comes back", |_, state: &State| {
                !state.ended || state.opened().next().is_none()
            }),
            Property::always("a session has one usable key", |_, state: &State| {
                let keys: Vec<_> = state.opened().collect();
                keys.len() <= 1
            }),
            Property::always("what was extended is not cleared", |_, state: &State| {
                !state.extended
                    || state.files[0].is_some()
                    || state.ended
                    || state.operations.iter().any(|operation| matches!(operation.kind, Kind::Flush | Kind::CycleKey))
            }),
            Property::always("every operation is answered", |model: &Self, state: &State| {
                let mut actions = Vec::new();
                model.actions(state, &mut actions);
                let moves = actions.iter().any(|action| !matches!(action, Action::Expire | Action::PowerLoss));
                moves || state.operations.iter().all(|operation| operation.answer.is_some())
            }),
            Property::sometimes("a replaced file is opened again", |_, state: &State| {
                state
                    .operations
                    .iter()
                    .any(|operation| operation.kind == Kind::Read && operation.answer == Some(Answer::Ok))
                    && state.inodes == 2
            }),
        ]
    }
}

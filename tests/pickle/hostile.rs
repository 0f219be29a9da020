//! Pickles that want to do something, and bytes that are no pickles.

use jam_session::{Limits, PickleError, PickleSerializer, Serializer as _, SessionData};

use crate::{
    TestResult,
    bombs::session,
    memory::{loads_within_bounds, refused},
    random::Random,
    unhex,
};

/// A session with one of everything.
const EVERYTHING: &[u8] = b"\x80\x04\x95\x00\x00\x00\x00\x00\x00\x00\x00}\x94(\x8c\x01a](NK\x05J\x00\x01\x00\xff\x8a\x09\
\x00\x00\x00\x00\x00\x00\x00\x80\x00\x88\x89G?\xf0\x00\x00\x00\x00\x00\x00C\x02ab\x8c\x02\xc3\xa9\x94h\x01e\x8c\x01b\
\x8f(K\x01K\x02\x90\x8c\x01c(K\x01\x91\x8c\x01d)\x8c\x01eK\x01K\x02\x86\x8c\x01fcdatetime\ndatetime\n\
C\x0a\x07\xe7\x0b\x0e\x16\x0d\x14\x00\x00\x00cdatetime\ntimezone\ncdatetime\ntimedelta\nK\x00M\x10\x0eK\x00\x87R\x85R\
\x86R\x8c\x01gcdecimal\nDecimal\n\x8c\x041.50\x85R\x8c\x01hcuuid\nUUID\n)\x81}\x8c\x03intK\x05sb\x8c\x01i}I5\nV\\u20ac\nsu.";

#[test]
fn nothing_is_called_and_no_class_is_looked_for() {
    for (call, class) in [
        (&b"cos\nsystem\n\x8c\x02id\x85R"[..], "os.system"),
        (b"cposix\nsystem\n\x8c\x02id\x85R", "posix.system"),
        (b"c__builtin__\neval\n\x8c\x011\x85R", "__builtin__.eval"),
        (b"\x8c\x08builtins\x8c\x04exec\x93\x8c\x01 \x85R", "builtins.exec"),
        (b"\x8c\x0asubprocess\x8c\x05Popen\x93", "subprocess.Popen"),
        (b"ccollections\nOrderedDict\n)R", "collections.OrderedDict"),
        (b"cmyapp.models\nCart\n)\x81}b", "myapp.models.Cart"),
        (b"c a\nb c\n", "class of an odd name"),
    ] {
        assert_eq!(refused(&session(call)), PickleError::Class { name: class.to_owned() });
    }
}

#[test]
fn what_is_known_is_not_called_with_anything_else() {
    for call in [
        &b"cdatetime\ndatetime\nN\x85R"[..],
        b"cdatetime\ndatetime\nC\x0a\x07\xe7\x0d\x0e\x16\x0d\x14\x00\x00\x00\x85R",
        b"cdatetime\ndatetime\nC\x0a\x00\x00\x01\x01\x00\x00\x00\x00\x00\x00\x85R",
        b"cdatetime\ndatetime\nC\x04\x07\xe7\x0b\x0e\x85R",
        b"cdatetime\ndatetime\nC\x0a\x07\xe7\x0b\x0e\x16\x0d\x14\x00\x00\x00N\x86R",
        b"cdatetime\ndate\nC\x04\x07\xe7\x8b\x0e\x85R",
        b"cdatetime\ntime\nC\x06\x18\x00\x00\x00\x00\x00\x85R",
        b"cdatetime\ntimedelta\nJ\xff\xff\xff\x7fK\x00K\x00\x87R",
        b"cdatetime\ntimezone\ncdatetime\ntimedelta\nK\x01K\x00K\x00\x87R\x85R",
        b"cdecimal\nDecimal\n\x8c\x02xx\x85R",
        b"cdecimal\nDecimal\nK\x01\x85R",
        b"cuuid\nUUID\n\x8c\x01x\x85R",
        b"cuuid\nUUID\n)\x81}\x8c\x03int\x8c\x01xsb",
        b"cuuid\nUUID\n)\x81}(\x8c\x03intK\x05\x8c\x05otherK\x05ub",
        b"cuuid\nUUID\n)\x81",
        b"c_codecs\nencode\n\x8c\x01x\x8c\x03hex\x86R",
        b"c__builtin__\nobject\n)R",
        b"c__builtin__\ngetattr\nc__builtin__\nobject\n\x8c\x0e__subclasses__\x86R",
        b"c__builtin__\ngetattr\nczoneinfo\nZoneInfo\n\x8c\x07nocache\x86R",
        b"c__builtin__\ngetattr\ncuuid\nUUID\n\x8c\x09_unpickle\x86R",
        b"c__builtin__\ngetattr\n",
        b"c__builtin__\nset\n\x8c\x01x\x85R",
        b"c__builtin__\nbytearray\nK\x05\x85R",
        b"ccopy_reg\n_reconstructor\n(c__builtin__\nobject\nc__builtin__\nobject\nNtR",
        b"cdatetime\ntimezone\ncdatetime\ntimedelta\nK\x00K\x05K\x00\x87R\x85R",
        b"cdatetime\ndatetime\n",
        b"K\x05)R",
        b"}}b",
        b"(K\x05cos\nsystem\no",
        b"(ios\nsystem\n",
        b"Pname\n",
        b"K\x01Q",
        b"\x82\x01",
        b"cuuid\nUUID\n)}\x92",
        b"\x97",
    ] {
        let why = refused(&session(call));
        assert!(!matches!(why, PickleError::TooLarge { .. }), "{}: {why}", call.escape_ascii());
    }
}

#[test]
fn what_python_cannot_hash_is_no_name_and_in_no_set() {
    for value in
        [&b"}]K\x01s"[..], b"}]\x85K\x01s", b"\x8f(]\x90", b"(}\x91", b"}\x96\x00\x00\x00\x00\x00\x00\x00\x00Ns"]
    {
        assert!(matches!(refused(&session(value)), PickleError::Malformed { .. }), "{value:x?}");
    }
}

#[test]
fn only_a_dictionary_of_texts_is_a_session() {
    for pickle in [&b"N."[..], b"].", b"K\x01.", b"}K\x05K\x06s.", b"}K\x01K\x02\x86Ns.", b"\x8f."] {
        assert!(matches!(refused(pickle), PickleError::Invalid { .. }), "{pickle:x?}");
    }
    assert!(loads_within_bounds(b"}.", Limits::default()).is_ok_and(|data| data.is_empty()));
}

#[test]
fn half_a_pickle_is_an_error_wherever_it_ends() -> TestResult {
    assert_eq!(PickleSerializer::default().loads(EVERYTHING)?.len(), 9);
    for end in 0..EVERYTHING.len() {
        assert!(loads_within_bounds(&EVERYTHING[..end], Limits::default()).is_err(), "the first {end} bytes");
    }
    println!("pickle: {} truncations: all refused", EVERYTHING.len());
    Ok(())
}

#[test]
fn a_hundred_thousand_mutations_neither_panic_nor_take_much_memory() {
    let mut limits = Limits::default();
    limits.stored_bytes = 16 * 1024;
    // For a longer run: so many mutations.
    let mutations = std::env::var("JAM_PICKLE_MUTATIONS").ok().and_then(|number| number.parse().ok());
    let mutations: usize = mutations.unwrap_or(100_000);
    let mut random = Random::new(std::env::var("JAM_PICKLE_SEED").map_or(6, |seed| seed.parse().expect("a number")));
    let (seeds, mut read) = (seeds(), 0);
    for _ in 0..mutations {
        let mut pickle = random.pick(&seeds).clone();
        for _ in 0..=random.below(4) {
            mutate(&mut pickle, &mut random);
        }
        if let Ok(data) = loads_within_bounds(&pickle, limits) {
            read += 1;
            // What was read can be looked at, written and read again.
            drop((data.to_json(), data.values().map(jam_session::Raw::pickled).collect::<Vec<_>>()));
            let again = there_and_back(&data);
            assert_eq!(there_and_back(&again), again);
            // A text that is a date is written as a date there.
            assert!(again == data || data.raw("_session_expiry").is_some());
        }
    }
    println!("pickle: {mutations} mutations: {read} are still pickles of data, {} refused", mutations - read);
    assert!(read > 0 && read < mutations);
}

fn there_and_back(data: &SessionData) -> SessionData {
    let pickle = PickleSerializer::default().dumps(data).expect("it was within the limits");
    PickleSerializer::default().loads(&pickle).expect("it was written")
}

/// What is mutated: one of everything, and what Django wrote.
pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let rows: Vec<serde_json::Value> =
        serde_json::from_str(include_str!("../data/django_pickled_values.json")).expect("rows");
    let pickles = rows.iter().filter_map(|row| unhex(row["hex"].as_str()?).ok());
    pickles.chain(std::iter::repeat_n(EVERYTHING.to_vec(), 33)).collect()
}

#[test]
fn random_bytes_and_random_programs_are_refused() {
    let opcodes = b"().012BCFGIJKLMNQRSTUVX]abcdeghijlopqrstu}\x80\x81\x85\x86\x87\x88\x89\x8a\x8c\x8f\x90\x91\x93\x94";
    let mut random = Random::new(7);
    for _ in 0..20_000 {
        let length = random.below(200) as usize;
        let bytes: Vec<u8> = (0..length).map(|_| random.next() as u8).collect();
        drop(loads_within_bounds(&bytes, Limits::default()));
        let program: Vec<u8> = (0..length).map(|_| *random.pick(opcodes)).collect();
        drop(loads_within_bounds(&program, Limits::default()));
    }
}

pub(crate) fn mutate(pickle: &mut Vec<u8>, random: &mut Random) {
    let at = random.below(pickle.len() as u64) as usize;
    match random.below(5) {
        0 => pickle[at] = random.next() as u8,
        1 => pickle[at] ^= 1 << random.below(8),
        2 => pickle.insert(at, random.next() as u8),
        3 if pickle.len() > 1 => drop(pickle.remove(at)),
        _ => {
            let end = (at + random.below(40) as usize).min(pickle.len());
            let piece = pickle[at..end].to_vec();
            let to = random.below(pickle.len() as u64) as usize;
            pickle.splice(to..to, piece);
        }
    }
}

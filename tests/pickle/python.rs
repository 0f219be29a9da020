//! Against Python itself: it reads what is written here, and what it wrote comes back to it unchanged.

use std::{
    io::Write as _,
    path::Path,
    process::{Command, Stdio},
};

use jam_session::{PickleSerializer, PickledValue, Raw, Serializer as _, SessionData};

use crate::{TestResult, canonical, hex, hostile, python_with_django, random::Random, unhex, values};

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/django/pickles.py");

const VALUES: usize = 2000;

/// What Python finds in these pickles: what they hold, and what that does not tell.
fn read_by_python(python: &Path, how: &str, pickles: &[Vec<u8>]) -> TestResult<Vec<(String, String)>> {
    let answers = ask_python(python, how, pickles.iter().map(|pickle| hex(pickle) + "\n").collect())?;
    answers.lines().map(|line| line.split_once('\t').map(both).ok_or_else(|| "two columns".into())).collect()
}

/// Gives the script its lines, and what it prints.
pub(crate) fn ask_python(python: &Path, how: &str, lines: String) -> TestResult<String> {
    let mut child = Command::new(python).args([SCRIPT, how]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    let mut input = child.stdin.take().ok_or("its input")?;
    let writing = std::thread::spawn(move || input.write_all(lines.as_bytes()));
    let output = child.wait_with_output()?;
    writing.join().map_err(|_| "writing panicked")??;
    assert!(output.status.success(), "Python refuses one of the lines");
    Ok(String::from_utf8(output.stdout)?)
}

fn both((one, other): (&str, &str)) -> (String, String) {
    (one.to_owned(), other.to_owned())
}

#[test]
fn python_reads_two_thousand_values_as_they_were_written() -> TestResult {
    let Some(python) = python_with_django::with_django("5.2") else { return Ok(()) };
    let mut random = Random::new(1);
    let values: Vec<_> = (0..VALUES).map(|_| values::value(&mut random, 4)).collect();
    let pickles = values.iter().map(pickled).collect::<TestResult<Vec<_>>>()?;

    let found = read_by_python(&python, "read", &pickles)?;

    for (value, (found, _)) in values.iter().zip(&found) {
        assert_eq!(*found, format!("dict[str:76={}]", canonical::of(value)));
    }
    println!("pickle: {} values written, and read by Python", found.len());
    assert_eq!(found.len(), VALUES);
    Ok(())
}

fn pickled(value: &PickledValue) -> TestResult<Vec<u8>> {
    let mut data = SessionData::default();
    data.set("v", Raw::try_from(value.clone())?);
    let pickle = PickleSerializer::default().dumps(&data)?;
    let again = PickleSerializer::default().loads(&pickle)?;
    assert_eq!(again, data, "it reads as what was written");
    if let Some(found) = again.raw("v").and_then(Raw::pickled) {
        assert_eq!(canonical::of(&found), canonical::of(value));
    }
    Ok(pickle)
}

#[test]
fn two_thousand_sessions_of_python_come_back_to_it_unchanged() -> TestResult {
    let Some(python) = python_with_django::with_django("5.2") else { return Ok(()) };
    let written = python_with_django::run(Command::new(&python).args([SCRIPT, "write", "1", &VALUES.to_string()]))?;
    let written = written.lines().map(|line| line.split('\t').collect::<Vec<_>>()).collect::<Vec<_>>();
    let mut pickles = Vec::new();
    for (number, row) in written.iter().enumerate() {
        let protocol = number % 6;
        let data = PickleSerializer::default().loads(&unhex(row[0])?);
        let data = data.map_err(|error| format!("protocol {protocol}, {}: {error:?}", row[1]))?;
        // To look at it changes nothing.
        drop((data.to_json(), data.values().map(Raw::pickled).collect::<Vec<_>>()));
        pickles.push(PickleSerializer::default().dumps(&data)?);
    }

    let found = read_by_python(&python, "read", &pickles)?;

    for (row, found) in written.iter().zip(&found) {
        assert_eq!((row[1], row[2]), (found.0.as_str(), found.1.as_str()));
    }
    println!("pickle: {} sessions of Python, protocols 0 to 5, read, written and read by Python", found.len());
    assert_eq!(found.len(), VALUES);
    Ok(())
}

#[test]
fn of_a_damaged_pickle_python_reads_the_same() -> TestResult {
    let Some(python) = python_with_django::with_django("5.2") else { return Ok(()) };
    let (mut random, seeds) = (Random::new(8), hostile::seeds());
    let (mut damaged, mut ours) = (Vec::new(), Vec::new());
    while damaged.len() < VALUES {
        let mut pickle = random.pick(&seeds).clone();
        (0..=random.below(3)).for_each(|_| hostile::mutate(&mut pickle, &mut random));
        if let Ok(data) = PickleSerializer::default().loads(&pickle) {
            if data.raw("_session_expiry").is_some() {
                continue;
            }
            ours.push(PickleSerializer::default().dumps(&data)?);
            damaged.push(pickle);
        }
    }

    let theirs = read_by_python(&python, "read-damaged", &damaged)?;
    let ours = read_by_python(&python, "read-damaged", &ours)?;

    let (mut same, mut framed) = (0, 0);
    for ((theirs, ours), pickle) in theirs.iter().zip(&ours).zip(&damaged) {
        // Python refuses a frame of another length than what is in it; the length says nothing of the data.
        if theirs.0 == "refused" && pickle.contains(&0x95) {
            framed += 1;
        } else {
            assert_eq!(theirs, ours, "{}", pickle.escape_ascii());
            same += 1;
        }
    }
    println!(
        "pickle: {VALUES} damaged pickles that are still read: Python reads {same} alike and refuses {framed} frames"
    );
    assert!(framed < VALUES / 10);
    Ok(())
}

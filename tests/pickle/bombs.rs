//! Small pickles that want to be large.

use jam_session::{Limits, PickleError, PickleSerializer, Serializer as _, SessionData, StoreError};

use crate::{
    TestResult,
    memory::{loads_within_bounds, peak, refused},
};

/// A session with this value, in opcodes.
pub(crate) fn session(value: &[u8]) -> Vec<u8> {
    [b"\x80\x04}\x8c\x01v", value, b"s."].concat()
}

/// So many lists in each other.
fn nested(depth: usize) -> Vec<u8> {
    [vec![b']'; depth], vec![b'a'; depth - 1]].concat()
}

#[test]
fn two_hundred_thousand_nested_lists_are_an_error_on_a_small_stack() -> TestResult {
    let bomb = session(&nested(200_000));
    assert!(bomb.len() > 399_000);
    println!("pickle: {} bytes, 200000 lists in each other: {} bytes of memory", bomb.len(), peak(&bomb));

    let on_a_small_stack = std::thread::Builder::new().stack_size(128 * 1024);
    let why = on_a_small_stack.spawn(move || refused(&bomb))?.join().map_err(|_| "it panicked")?;

    assert_eq!(why, PickleError::TooDeep { limit: 129 });
    Ok(())
}

#[test]
fn as_deep_as_json_may_be_is_not_too_deep() -> TestResult {
    let read = |depth| PickleSerializer::default().loads(&session(&nested(depth)));

    let data = read(128)?;
    assert_eq!(data.to_json(), format!("{{\"v\":{}{}}}", "[".repeat(128), "]".repeat(128)));
    assert!(read(129).is_err());
    // Tuples stay what they are, and that takes no recursion either.
    let tuples = session(&[&b")"[..], &[0x85; 127]].concat());
    let data = PickleSerializer::default().loads(&tuples)?;
    assert!(data.raw("v").is_some_and(|raw| raw.pickled().is_some()));
    assert_eq!(PickleSerializer::default().loads(&PickleSerializer::default().dumps(&data)?)?, data);
    Ok(())
}

#[test]
fn a_list_that_doubles_a_hundred_times_is_an_error() {
    // Each list holds the one before twice.
    let mut bomb = b"]\x940".to_vec();
    for place in 0..100_u8 {
        bomb.extend([b']', 0x94, b'(', b'h', place, b'h', place, b'e', b'0']);
    }
    bomb.extend(b"hd");
    let bomb = session(&bomb);
    println!("pickle: {} bytes that double a hundred times: {} bytes of memory", bomb.len(), peak(&bomb));

    assert_eq!(refused(&bomb), PickleError::TooLarge { limit: 4 << 20 });
}

#[test]
fn a_long_text_that_is_repeated_is_an_error() {
    let mut bomb = [b"](X\xa0\x86\x01\x00".as_slice(), &[b'x'; 100_000], b"\x94"].concat();
    bomb.extend(b"h\x00".repeat(100_000));
    bomb.push(b'e');

    assert_eq!(refused(&session(&bomb)), PickleError::TooLarge { limit: 4 << 20 });
}

/// Each of these characters is six in JSON.
#[test]
fn a_text_that_json_writes_longer_takes_no_more_memory() -> TestResult {
    let text = [b"X\x00\x00\x08\x00".as_slice(), &[1; 1 << 19], b"\x94"].concat();
    let once = session(&text);
    let often = session(&[b"(", &text[..], &b"h\x00".repeat(6), b"l"].concat());

    for pickle in [once, often] {
        let data = loads_within_bounds(&pickle, Limits::default())?;
        println!("pickle: {} bytes that JSON writes with more: {} bytes of memory", pickle.len(), peak(&pickle));
        assert_eq!(PickleSerializer::default().loads(&PickleSerializer::default().dumps(&data)?)?, data);
    }
    Ok(())
}

#[test]
fn few_bytes_do_not_copy_a_long_list_many_times() {
    // A set, made again and again from the same list.
    for (items, sets) in [(100_000, 10_000), (10_000, 10_000), (1000, 1000)] {
        let mut bomb = b"](".to_vec();
        bomb.extend(b"K\x01".repeat(items));
        bomb.extend(b"e\x94");
        bomb.extend(b"0c__builtin__\nset\nh\x00\x85R".repeat(sets));

        assert_eq!(refused(&session(&bomb)), PickleError::TooLarge { limit: 4 << 20 });
    }
}

#[test]
fn the_state_of_a_uuid_is_not_searched_for_long() {
    let state = [b"}(".as_slice(), &b"\x8c\x03intK\x01".repeat(100_000), b"u\x94"].concat();
    let bomb = [state.as_slice(), &b"0\x8c\x04uuid\x8c\x04UUID\x93)\x81h\x00b".repeat(5_000)].concat();

    assert!(matches!(refused(&session(&bomb)), PickleError::Unsupported { .. }));
}

#[test]
fn a_list_that_contains_itself_is_an_error() {
    assert_eq!(refused(&session(b"]\x94h\x00a")), PickleError::Recursive);
    assert_eq!(refused(&session(b"]\x94}(K\x01h\x00ua")), PickleError::Recursive);
}

#[test]
fn a_length_that_lies_reserves_nothing() {
    for lie in [
        &b"X\xff\xff\xff\xffab"[..],
        b"B\xff\xff\xff\x7fab",
        b"\x8d\xff\xff\xff\xff\xff\xff\xff\xffab",
        b"\x8e\x00\x00\x00\x00\x01\x00\x00\x00ab",
        b"\x96\x00\x00\x00\x00\x00\x00\x00\x80ab",
        b"\x8b\xff\xff\xff\xff",
        b"\x95\xff\xff\xff\xff\xff\xff\xff\xff",
        b"Nr\xff\xff\xff\xff",
        b"Np99999999999999999999\n",
    ] {
        let why = refused(&session(lie));
        assert!(matches!(why, PickleError::Malformed { .. }), "{lie:x?}: {why}");
        assert!(peak(&session(lie)) < 4096);
    }
}

#[test]
fn what_is_larger_than_the_limits_is_not_read() -> TestResult {
    let mut limits = Limits::default();
    limits.stored_bytes = 100;
    limits.names = 2;
    let read = |pickle: &[u8]| loads_within_bounds(pickle, limits);
    let pickled =
        |json: &str| -> TestResult<Vec<u8>> { Ok(PickleSerializer::default().dumps(&json.parse::<SessionData>()?)?) };

    assert!(read(&pickled(r#"{"a":1,"b":[[2]]}"#)?).is_ok());
    let names = read(&pickled(r#"{"a":1,"b":2,"c":3}"#)?).err();
    assert!(matches!(names, Some(StoreError::TooLarge { size: 3, limit: 2, .. })), "{names:?}");
    let bytes = pickled(&format!(r#"{{"a":"{}"}}"#, "x".repeat(100)))?;
    let size = read(&bytes).err();
    assert!(matches!(size, Some(StoreError::TooLarge { limit: 100, .. })), "{size:?}");
    let data = PickleSerializer::default().loads(&bytes)?;
    assert!(matches!(PickleSerializer { limits }.dumps(&data), Err(StoreError::TooLarge { limit: 100, .. })));
    Ok(())
}

#[test]
fn a_megabyte_of_the_smallest_instructions_takes_bounded_memory() {
    let mut most = 0;
    for instruction in [&b"N"[..], b"]", b"}", b")", b"(", b"]\x94", b"N\x94", b"K\x01", b"]a", b"N\x85", b"(t", b"]2e"]
    {
        let (head, tail) = (b"}(".len(), b"u.".len());
        let body = instruction.repeat(((1 << 20) - head - tail) / instruction.len());
        for pickle in [[b"}(", &body[..], b"u."].concat(), [b"}\x8c\x01v](", &body[..body.len() - 4], b"es."].concat()]
        {
            drop(loads_within_bounds(&pickle, Limits::default()));
            most = most.max(peak(&pickle));
        }
    }
    println!("pickle: 1 MiB of the smallest instructions: at most {} MiB of memory", most >> 20);
}

#[test]
fn a_number_of_more_digits_than_python_prints_is_an_error() -> TestResult {
    let long = [b"\x8b\x00\x08\x00\x00".as_slice(), &[1; 2048]].concat();
    assert!(matches!(refused(&session(&long)), PickleError::Malformed { .. }));
    assert!(matches!(
        refused(&session(&[b"I".as_slice(), &[b'1'; 5000], b"\n"].concat())),
        PickleError::Malformed { .. }
    ));

    let data: SessionData = format!(r#"{{"n":{}}}"#, "1".repeat(4301)).parse()?;
    assert!(matches!(PickleSerializer::default().dumps(&data), Err(StoreError::Unsupported(_))));
    Ok(())
}

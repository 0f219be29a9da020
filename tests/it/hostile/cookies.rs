//! Names that are almost ours, cookies that contradict each other, and values that cannot be keys.

use axum::Router;
use http::HeaderValue;
use jam_session::{DuplicateCookie, SessionLayer, Settings};

use super::{ask, recognized};
use crate::support::{Op, Probe, site, visitor};

/// All that Unicode calls white space, but the space, and what else is invisible.
const INVISIBLE: [char; 31] = [
    '\t', '\u{b}', '\u{c}', '\n', '\r', '\u{85}', '\u{a0}', '\u{1680}', '\u{2000}', '\u{2001}', '\u{2002}', '\u{2003}',
    '\u{2004}', '\u{2005}', '\u{2006}', '\u{2007}', '\u{2008}', '\u{2009}', '\u{200a}', '\u{2028}', '\u{2029}',
    '\u{202f}', '\u{205f}', '\u{3000}', '\u{180e}', '\u{200b}', '\u{200c}', '\u{200d}', '\u{2060}', '\u{feff}', '\0',
];

/// A site whose cookie has this name, what its store is asked, and a visitor's key.
async fn watched(name: &str) -> (Router, Probe, String) {
    watched_with(name, Settings::default().duplicate_cookie).await
}

async fn watched_with(name: &str, rule: DuplicateCookie) -> (Router, Probe, String) {
    let probe = Probe::new();
    let site = site(SessionLayer::new(probe.clone()).cookie_name(name).duplicate_cookie(rule));
    let cookie = visitor(&site).await;
    let (found, key) = cookie.split_once('=').expect("name and value");
    assert_eq!(found, name);
    probe.take_calls();
    (site, probe, key.to_owned())
}

fn field(name: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Vec<u8> {
    [name.as_ref(), b"=", value.as_ref()].concat()
}

/// Nobody is recognized by these fields, and the store does not hear of them.
async fn assert_ignored(site: &Router, probe: &Probe, fields: &[Vec<u8>]) {
    let shown = || fields.iter().map(|field| String::from_utf8_lossy(field).into_owned()).collect::<Vec<_>>();
    assert!(!recognized(site, fields).await, "{:?}", shown());
    assert_eq!(probe.take_calls(), [], "{:?}", shown());
}

#[tokio::test]
async fn a_name_with_anything_invisible_around_it_is_not_ours() {
    for name in ["sessionid", "__Host-id"] {
        let (site, probe, key) = watched(name).await;
        let (mut sent, mut impossible) = (0, 0);
        for invisible in INVISIBLE {
            for almost in [format!("{invisible}{name}"), format!("{name}{invisible}"), format!(" {invisible} {name}")] {
                // Behind another cookie, where a server does not trim.
                for field in [field(&almost, &key), field(format!("a=b; {almost}"), &key)] {
                    if HeaderValue::from_bytes(&field).is_ok() {
                        assert_ignored(&site, &probe, &[field]).await;
                        sent += 1;
                    } else {
                        impossible += 1;
                    }
                }
            }
        }
        // U+00A0 and U+0085 as Latin-1 has them.
        for byte in [0xa0, 0x85] {
            assert_ignored(&site, &probe, &[[&[byte][..], &field(name, &key)].concat()]).await;
            assert_ignored(&site, &probe, &[field([name.as_bytes(), &[byte]].concat(), &key)]).await;
        }
        assert!(recognized(&site, &[field(name, &key)]).await);
        assert_eq!((sent, impossible), (156, 30), "control characters but the tab are no part of a header");
    }
}

#[tokio::test]
async fn a_name_in_another_case_or_encoding_is_not_ours() {
    let (site, probe, key) = watched("__Host-id").await;

    for almost in [
        "__host-id",
        "__HOST-id",
        "__Host-ID",
        "__Host-Id",
        "__HOST-ID",
        "_Host-id",
        "__Host_id",
        "__Host-id[]",
        "$__Host-id",
        "__Host%2Did",
        "%5F%5FHost-id",
        "\"__Host-id\"",
        "__Host-i",
        "__Host-idd",
        "id",
        "",
        "__Host-id\u{301}",
        "__Host-ıd",
        "__Host-id.",
        "__Host‐id",
    ] {
        assert_ignored(&site, &probe, &[field(almost, &key)]).await;
        assert_ignored(&site, &probe, &[field(format!("a=b; {almost}"), &key)]).await;
    }
    // Another separator makes another name, or none.
    for cookies in [format!("a=b, __Host-id={key}"), format!("__Host-id:{key}"), format!("a=__Host-id={key}")] {
        assert_ignored(&site, &probe, &[cookies.into_bytes()]).await;
    }
}

#[tokio::test]
async fn cookies_that_contradict_each_other_are_ignored_in_any_order_and_any_number_of_fields() {
    assert_eq!(Settings::hardened().duplicate_cookie, DuplicateCookie::Refuse);
    let (site, probe, key) = watched_with("sessionid", DuplicateCookie::Refuse).await;
    let ours = field("sessionid", &key);
    let others = ["0123456789abcdefghijklmnopqrstuv", "", "x", "\"\"", &key[1..], &key.to_uppercase(), "\u{fffd}"];

    for other in others.map(|other| field("sessionid", other)) {
        for [first, second] in [[&ours, &other], [&other, &ours]] {
            assert_ignored(&site, &probe, &[[first, &b"; "[..], second].concat()]).await;
            assert_ignored(&site, &probe, &[first.clone(), second.clone()]).await;
            assert_ignored(&site, &probe, &[first.clone(), b"theme=dark".to_vec(), second.clone()]).await;
            assert_ignored(&site, &probe, &[first.clone(), first.clone(), second.clone()]).await;
        }
    }
    let twice = [&ours[..], b"; ", &ours].concat();
    for fields in [vec![twice.clone()], vec![ours.clone(); 2], vec![ours.clone(); 100], vec![twice; 50]] {
        assert!(recognized(&site, &fields).await, "the same value in {} fields", fields.len());
    }
}

#[tokio::test]
async fn however_many_cookies_contradict_each_other_at_most_four_are_loaded() {
    let (site, probe, key) = watched("sessionid").await;
    let keys = |count: usize| (0..count).map(|n| field("sessionid", format!("{n:0>32}"))).collect::<Vec<_>>();
    let noise = || (0..500).map(|n| field("sessionid", format!("noise-{n}")));

    for count in [3, 4, 5, 300] {
        let mut fields = keys(count);
        fields.insert(count / 2, field("sessionid", &key));
        let fields: Vec<_> = fields.into_iter().chain(noise().take(20)).collect();
        assert_eq!(recognized(&site, &fields).await, count == 3, "{count} others");
        assert_eq!(probe.take_calls().len(), if count == 3 { 4 } else { 0 }, "{count} others");
    }
    // What cannot be a key is no candidate, however much of it there is.
    let fields: Vec<_> = noise().chain([field("sessionid", &key)]).chain(noise()).collect();
    let few = &fields[250..750];
    assert!(recognized(&site, few).await);
    assert_eq!(probe.take_calls(), [Op::Load]);
}

#[tokio::test]
async fn ten_thousand_cookies_and_values_of_a_megabyte_are_ignored() {
    let (site, probe, key) = watched("sessionid").await;
    let ours = field("sessionid", &key);
    let small = |join: &str| (0..10_000).map(|n| format!("a{n}=b")).collect::<Vec<_>>().join(join).into_bytes();
    let huge = |byte: u8| field("sessionid", vec![byte; 1 << 20]);
    let separated: Vec<Vec<u8>> = small(",").split(|&byte| byte == b',').map(<[u8]>::to_vec).collect();

    assert_ignored(&site, &probe, &[small("; ")]).await;
    assert_ignored(&site, &probe, &separated).await;
    for byte in [b'a', b'=', b' ', b'"', b';', 0xff] {
        assert_ignored(&site, &probe, &[huge(byte)]).await;
        assert_ignored(&site, &probe, &[ours.clone(), huge(byte)]).await;
    }
    assert_ignored(&site, &probe, &[[&ours[..], b"; ", &small("; ")].concat()]).await;
    assert_ignored(&site, &probe, &vec![b";".to_vec(); 20_000]).await;
}

#[tokio::test]
async fn what_is_not_exactly_a_key_never_reaches_the_store() {
    let (site, probe, key) = watched("sessionid").await;

    for length in (0..32).chain([33, 40]) {
        let prefix: String = key.chars().cycle().take(length).collect();
        assert_ignored(&site, &probe, &[field("sessionid", &prefix)]).await;
        assert_ignored(&site, &probe, &[field("sessionid", "a".repeat(length))]).await;
    }
    let inside = |what: &str| format!("{}{what}{}", &key[..15], &key[16..]);
    let escaped: String = key.bytes().map(|byte| format!("%{byte:02x}")).collect();
    let octal: String = key.bytes().map(|byte| format!("\\{byte:03o}")).collect();
    let ours = [
        format!("\"{key}\""),
        format!("'{key}'"),
        format!("\"{octal}\""),
        octal,
        escaped,
        inside("%61"),
        inside("\u{e9}"),
        inside("\t"),
        inside(" "),
        inside("\u{200b}"),
        inside("\\"),
        inside(","),
        inside("A"),
        inside("-"),
        inside("é"),
        format!("{key}%00"),
        format!("{key}%20"),
        format!("{key}\t"),
        format!("{key},"),
        format!("{key}\u{a0}"),
        format!("={key}"),
        format!("{key}="),
        format!("s:{key}.sig"),
        key.to_uppercase(),
        " ".to_owned(),
        "%00".to_owned(),
    ];
    for value in &ours {
        assert_ignored(&site, &probe, &[field("sessionid", value)]).await;
    }
    for bytes in [&b"\xff"[..], b"\xc3\x28", b"\xed\xa0\x80", b"\xf0\x9f\x92", &[0xe9; 32], &[0x80; 4096]] {
        assert_ignored(&site, &probe, &[field("sessionid", bytes)]).await;
        assert_ignored(&site, &probe, &[field("sessionid", [key.as_bytes(), bytes].concat())]).await;
    }
    assert!(recognized(&site, &[field("sessionid", &key)]).await);
    assert_eq!(probe.take_calls(), [Op::Load], "what is a key does reach it");
}

#[tokio::test]
async fn no_header_carries_a_line_break_or_a_zero_byte() {
    let (site, probe, key) = watched("sessionid").await;

    for byte in [b'\r', b'\n', b'\0', 0x7f, 0x1b] {
        assert!(HeaderValue::from_bytes(&field("sessionid", [key.as_bytes(), &[byte]].concat())).is_err());
    }
    // What is left of one when somebody encodes it.
    for value in [format!("{key}%0d%0aSet-Cookie:%20a=b"), format!("{key}\u{560a}\u{560d}"), format!("{key}\\r\\n")] {
        let response = ask(&site, "/flush", &[field("sessionid", &value)]).await;
        assert_eq!(response.headers().get_all("set-cookie").iter().count(), 1, "the deletion of what was sent");
        assert!(response.headers()["set-cookie"].as_bytes().starts_with(b"sessionid=;"));
    }
    assert_eq!(probe.take_calls(), []);
}

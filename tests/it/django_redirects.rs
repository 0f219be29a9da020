//! To the login page and back: where Django sends, and what it accepts to return to.

use std::{
    collections::BTreeSet,
    io::Write as _,
    process::{Command, Stdio},
};

use axum::{Router, routing::get};
use http::{Request, StatusCode, Uri, header};
use jam_session::{DjangoAuth, MemoryStore, RequireLogin, SessionLayer, Signer, is_safe_redirect};
use serde_json::{Value, json};
use tower::{Layer as _, ServiceExt as _, service_fn};

use crate::support::{self, TestResult, python};

/// Targets for which Django tells the login page something else, with the reason.
const OTHERWISE: [(&str, &[&str]); 2] = [
    (
        "what a browser takes for another host is not handed on",
        &["//evil.example", "///evil.example", "//evil.example/page?q=1", "//\\evil.example", "/%2Fevil.example"],
    ),
    ("a path stays as it was sent: axum matches routes by it, undecoded", &["/a;b=c", "/a%2Fb", "/a%7Eb", "/%61"]),
];

fn rows(kind: &str) -> TestResult<Vec<Value>> {
    let rows: Vec<Value> = serde_json::from_str(include_str!("../data/django_redirects.json"))?;
    Ok(rows.into_iter().filter(|row| row["kind"] == kind).collect())
}

fn text<'a>(row: &'a Value, field: &str) -> &'a str {
    row[field].as_str().expect("a text in every row")
}

fn is_safe(row: &Value) -> bool {
    let hosts: Vec<_> = row["allowed_hosts"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    is_safe_redirect(text(row, "url"), &hosts, row["require_https"] == true)
}

fn rule(login_url: &str) -> RequireLogin {
    RequireLogin::new(DjangoAuth::new(Signer::new("x")), async |_| Ok(None)).login_url(login_url)
}

/// Where a visitor without a login is sent who asks for `target`.
async fn sent_to(login_url: &str, target: &str) -> TestResult<String> {
    let inner =
        service_fn(async |_: Request<()>| Ok::<_, std::convert::Infallible>(http::Response::new(String::new())));
    let service = SessionLayer::new(MemoryStore::new()).layer(rule(login_url).layer(inner));
    let Ok(response) = service.oneshot(Request::builder().uri(target).body(())?).await;
    assert_eq!(response.status(), StatusCode::FOUND, "{target}");
    Ok(response.headers()[header::LOCATION].to_str()?.to_owned())
}

/// The value of `next`, as a login page reads it.
fn next_of(location: &str) -> TestResult<String> {
    let encoded = location.strip_prefix("/login/?next=").ok_or("a way back")?;
    let mut parts = encoded.split('%');
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        bytes.push(u8::from_str_radix(&part[..2], 16)?);
        bytes.extend(&part.as_bytes()[2..]);
    }
    Ok(String::from_utf8(bytes)?)
}

#[test]
fn a_redirect_is_safe_where_django_says_so() -> TestResult {
    let rows = rows("safe")?;
    let wrong: Vec<_> = rows.iter().filter(|row| is_safe(row) != (row["safe"] == true)).collect();

    assert_eq!(wrong, Vec::<&Value>::new());
    println!("redirects: {} rows matched", rows.len());
    assert!(rows.len() > 700 && rows.iter().filter(|row| row["safe"] == true).count() > 200);
    Ok(())
}

#[tokio::test]
async fn the_login_page_is_told_what_django_tells_it() -> TestResult {
    let rows = rows("login")?;
    let mut others = BTreeSet::new();
    for row in &rows {
        let (target, location) = (text(row, "target"), text(row, "location"));
        if sent_to(text(row, "login_url"), target).await? != location {
            others.insert(target);
        }
    }

    let listed: BTreeSet<_> = OTHERWISE.iter().flat_map(|(_, targets)| *targets).copied().collect();
    assert_eq!(others, listed);
    assert!(rows.len() > 60, "{} rows are too few", rows.len());
    Ok(())
}

#[tokio::test]
async fn what_is_no_path_is_encoded_once_and_what_is_encoded_stays() -> TestResult {
    for (target, next) in [
        ("//evil.example", "/%2Fevil.example"),
        ("///evil.example", "/%2F/evil.example"),
        ("/\\evil.example", "/%5Cevil.example"),
        ("//\\evil.example", "/%2F%5Cevil.example"),
        ("/%2Fevil.example", "/%2Fevil.example"),
        ("/%5Cevil.example", "/%5Cevil.example"),
        ("/a%2Fb;c=d?e=%2F", "/a%2Fb;c=d?e=%2F"),
        ("/100%", "/100%25"),
        ("/100%2", "/100%252"),
        ("/a\"b{c}|d^", "/a%22b%7Bc%7D%7Cd%5E"),
        ("/caf\u{e9}?\u{e9}", "/caf%C3%A9?%C3%A9"),
        ("http://evil.example/page", "/page"),
        ("http://evil.example", "/"),
        ("evil.example:80", "/"),
        ("*", "/"),
    ] {
        assert_eq!(next_of(&sent_to("/login/", target).await?)?, next, "{target}");
    }
    Ok(())
}

#[tokio::test]
async fn no_path_that_a_request_can_have_is_handed_on_as_another_host() -> TestResult {
    let pieces = ["/", "\\", "x", ":", "@", "%2F", "%5C", "."];
    let mut paths = vec![String::from("/")];
    let mut longest = paths.clone();
    for _ in 0..4 {
        longest = longest.iter().flat_map(|path| pieces.map(|piece| format!("{path}{piece}"))).collect();
        paths.extend(longest.clone());
    }

    for path in &paths {
        let next = next_of(&sent_to("/login/", path).await?)?;
        assert!(next.starts_with('/') && is_safe_redirect(&next, &[], true), "{path} became {next}");
        assert!(next.parse::<Uri>()?.host().is_none(), "{path} became {next}");
    }
    assert_eq!(paths.len(), 1 + 8 + 64 + 512 + 4096);
    Ok(())
}

async fn location(app: &Router, path: &str) -> TestResult<String> {
    let response = support::send(app, path, "").await;
    Ok(response.headers().get(header::LOCATION).ok_or("a redirect")?.to_str()?.to_owned())
}

#[tokio::test]
async fn inside_of_nested_routers_the_way_back_has_the_whole_path() -> TestResult {
    let sessions = || SessionLayer::new(MemoryStore::new());
    let page = || Router::new().route("/page", get(async || "page"));
    let nested = |inner: Router| Router::new().nest("/shop", Router::new().nest("/{id}", inner));
    for app in [
        nested(page().layer(rule("/login/"))).layer(sessions()),
        nested(page().layer(rule("/login/")).layer(sessions())),
        nested(page()).layer(rule("/login/")).layer(sessions()),
        Router::new().nest_service("/shop/7", page().layer(rule("/login/")).layer(sessions())),
    ] {
        assert_eq!(location(&app, "/shop/7/page?q=1").await?, "/login/?next=/shop/7/page%3Fq%3D1");
    }
    Ok(())
}

/// Texts that look like URLs, from pieces that a parser treats in a way of their own.
struct Urls(u64);

impl Urls {
    const PIECES: [&str; 46] = [
        "/",
        "//",
        "\\",
        ":",
        "@",
        "#",
        "?",
        ";",
        "%2F",
        "%",
        "[",
        "]",
        "[::1]",
        "http:",
        "https:",
        "HTTP://",
        "https://",
        "javascript:",
        "ftp:",
        "testserver",
        "example.com:8000",
        "evil.example",
        "user@",
        "a",
        "B",
        "1",
        "+",
        "-",
        ".",
        " ",
        "\t",
        "\n",
        "\r",
        "\0",
        "\u{1}",
        "\u{b}",
        "\u{1c}",
        "\u{7f}",
        "\u{85}",
        "\u{a0}",
        "\u{ad}",
        "\u{200b}",
        "\u{2028}",
        "\u{3000}",
        "\u{301}",
        "\u{e000}",
    ];

    /// SplitMix64.
    fn number(&mut self) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from(z >> 33).expect("31 bits")
    }

    fn next(&mut self) -> String {
        (0..=self.number() % 8).map(|_| Self::PIECES[self.number() % Self::PIECES.len()]).collect()
    }
}

#[test]
fn of_20_000_random_urls_those_are_safe_that_a_live_django_calls_safe() -> TestResult {
    let Some(python) = python::with_django("5.2") else { return Ok(()) };
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/django/redirects.py");
    let hosts = ["testserver", "example.com:8000", "user@evil.example", "[::1]"];
    let mut urls = Urls(5);
    let questions: Vec<_> = (0..20_000).map(|n| (urls.next(), &hosts[..n % 5], n % 3 == 0)).collect();
    let mut django = Command::new(python);
    let mut django = django.args([script, "check"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    let mut input = django.stdin.take().ok_or("a pipe")?;
    let lines: String = questions.iter().map(|question| json!(question).to_string() + "\n").collect();
    // The script answers when it has read all, so neither side waits for the other.
    input.write_all(lines.as_bytes())?;
    drop(input);
    let output = django.wait_with_output()?;

    let answers = String::from_utf8(output.stdout)?;
    assert_eq!(answers.lines().count(), questions.len());
    for (question, answer) in questions.iter().zip(answers.lines()) {
        let (url, hosts, https) = question;
        assert_eq!(is_safe_redirect(url, hosts, *https), answer == "1", "{question:?}");
    }
    let safe = answers.lines().filter(|answer| *answer == "1").count();
    println!("redirects: Django calls {safe} of {} safe", questions.len());
    assert!(safe > 1_000, "{safe} are too few to tell anything");
    Ok(())
}

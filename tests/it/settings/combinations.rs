//! Which names, domains, paths and flags go together: every combination, and what is said of it.

use jam_session::Settings;

use crate::support::TestResult;

const PREFIX: &str = "a __Host- cookie has no cookie_domain and the cookie_path /";
const CASE: &str = r#"cookie_name begins with "__HOST-"; browsers mean "__Host-""#;
const HOST: &str = "a __Host- cookie needs cookie_secure";
const SECURE: &str = "a __Secure- cookie needs cookie_secure";

/// Name, domain, path, `Secure`, and the problem.
type Row = (&'static str, Option<&'static str>, &'static str, bool, Option<&'static str>);

#[rustfmt::skip]
const TABLE: [Row; 32] = [
    ("id", None, "/", true, None),
    ("id", None, "/", false, None),
    ("id", None, "/app", true, None),
    ("id", None, "/app", false, None),
    ("id", Some("example.com"), "/", true, None),
    ("id", Some("example.com"), "/", false, None),
    ("id", Some("example.com"), "/app", true, None),
    ("id", Some("example.com"), "/app", false, None),
    ("__Secure-id", None, "/", true, None),
    ("__Secure-id", None, "/", false, Some(SECURE)),
    ("__Secure-id", None, "/app", true, None),
    ("__Secure-id", None, "/app", false, Some(SECURE)),
    ("__Secure-id", Some("example.com"), "/", true, None),
    ("__Secure-id", Some("example.com"), "/", false, Some(SECURE)),
    ("__Secure-id", Some("example.com"), "/app", true, None),
    ("__Secure-id", Some("example.com"), "/app", false, Some(SECURE)),
    ("__Host-id", None, "/", true, None),
    ("__Host-id", None, "/", false, Some(HOST)),
    ("__Host-id", None, "/app", true, Some(PREFIX)),
    ("__Host-id", None, "/app", false, Some(HOST)),
    ("__Host-id", Some("example.com"), "/", true, Some(PREFIX)),
    ("__Host-id", Some("example.com"), "/", false, Some(HOST)),
    ("__Host-id", Some("example.com"), "/app", true, Some(PREFIX)),
    ("__Host-id", Some("example.com"), "/app", false, Some(HOST)),
    ("__HOST-id", None, "/", true, Some(CASE)),
    ("__HOST-id", None, "/", false, Some(CASE)),
    ("__HOST-id", None, "/app", true, Some(CASE)),
    ("__HOST-id", None, "/app", false, Some(CASE)),
    ("__HOST-id", Some("example.com"), "/", true, Some(CASE)),
    ("__HOST-id", Some("example.com"), "/", false, Some(CASE)),
    ("__HOST-id", Some("example.com"), "/app", true, Some(CASE)),
    ("__HOST-id", Some("example.com"), "/app", false, Some(CASE)),
];

#[test]
fn of_32_configurations_those_are_refused_that_browsers_would_drop() -> TestResult {
    let mut refused = 0;
    for (name, domain, path, secure, problem) in TABLE {
        let mut settings = Settings::default();
        settings.cookie_name = name.into();
        settings.cookie_domain = domain.map(Into::into);
        settings.cookie_path = path.into();
        settings.cookie_secure = secure;

        let said = settings.validate().err().map(|error| error.to_string());

        assert_eq!(said.as_deref(), problem, "{name} {domain:?} {path} {secure}");
        refused += i32::from(said.is_some());
    }
    println!("presets: {} configurations, {refused} refused", TABLE.len());
    Ok(())
}

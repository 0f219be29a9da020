//! A cookie with `Secure`, and one with the prefix `__Host-`, over plain HTTP: on this machine, and under another name.

use jam_session::{MemoryStore, SessionLayer};
use jam_session_browser::{Browser, Options, Site, TestResult, pages};

#[test]
fn a_secure_cookie_is_kept_on_localhost_and_nowhere_else_over_plain_http() -> TestResult {
    let options = Options { hosts: vec!["plain.test"], ..Options::default() };
    let browser = Browser::open_with("secure", &options)?;

    for (name, secure, elsewhere) in [
        ("sessionid", false, "alice"),
        ("sessionid", true, "nobody"),
        ("__Host-id", true, "nobody"),
        ("__Secure-id", true, "nobody"),
    ] {
        let site = Site::start(pages(SessionLayer::new(MemoryStore::new()).cookie_name(name).cookie_secure(secure)))?;
        for (host, who) in [("localhost", "alice"), ("plain.test", elsewhere)] {
            browser.visit(&site.at(host, "/login"))?;
            browser.visit(&site.at(host, "/"))?;
            browser.sees("#who", who).map_err(|error| format!("{name} on {host}: {error}"))?;
            assert_eq!(browser.cookie(name)?.is_some(), who == "alice", "{name} on {host}");
            browser.screenshot(&format!("{name}-{secure}-{host}"))?;
            // Another port is the same cookie jar.
            browser.visit(&site.at(host, "/logout"))?;
        }
    }
    Ok(())
}

//! A logout takes the cookie out of the browser, whatever the cookie is like.

use axum::Router;
use jam_session::{MemoryStore, SameSite, SessionLayer};
use jam_session_browser::{Browser, Options, Site, TestResult, pages};

/// A change of the layer, where the pages are, and under which name.
type Case = (fn(SessionLayer) -> SessionLayer, &'static str, &'static str);

#[test]
fn a_logout_takes_the_cookie_away() -> TestResult {
    let cases: [Case; 6] = [
        (|layer| layer, "localhost", ""),
        (|layer| layer.cookie_name("__Host-id").cookie_same_site(SameSite::Strict), "localhost", ""),
        (|layer| layer.cookie_path("/app"), "localhost", "/app"),
        (|layer| layer.cookie_domain("shop.test".to_owned()).cookie_secure(false), "www.shop.test", ""),
        (|layer| layer.cookie_same_site(SameSite::None).cookie_partitioned(true), "localhost", ""),
        (|layer| layer.cookie_http_only(false).cookie_same_site(SameSite::Unset), "localhost", ""),
    ];
    let options = Options { hosts: vec!["www.shop.test"], ..Options::default() };

    for (change, host, path) in cases {
        let browser = Browser::open_with("deletion", &options)?;
        let layer = change(SessionLayer::new(MemoryStore::new()));
        let name = layer.settings().cookie_name.clone();
        let pages = if path.is_empty() { pages(layer) } else { Router::new().nest(path, pages(layer)) };
        let site = Site::start(pages)?;
        let page = |name: &str| site.at(host, &format!("{path}/{name}"));

        browser.visit(&page("login"))?;
        assert!(browser.cookie(&name)?.is_some(), "{name} on {host}{path} is kept");
        browser.click("#logout")?;
        browser.sees("#who", "nobody")?;
        browser.screenshot("logged-out")?;
        assert_eq!(browser.cookie(&name)?, None, "{name} on {host}{path} is gone");
        assert_eq!(browser.script("return document.cookie")?, "", "nothing is left");
    }
    Ok(())
}

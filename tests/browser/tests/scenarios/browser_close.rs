//! What is left of a session when the browser was closed and opened again.

use jam_session::{MemoryStore, SessionLayer};
use jam_session_browser::{Browser, Options, Site, TestResult, pages};

#[test]
fn a_session_until_the_browser_is_closed_ends_there_and_a_remembered_one_does_not() -> TestResult {
    let site = Site::start(pages(SessionLayer::new(MemoryStore::new())))?;

    for (path, before, after, left) in [
        ("/until-closed", "until-closed-1", "until-closed-2", "nobody"),
        ("/remember", "remembered-1", "remembered-2", "alice"),
    ] {
        let profile = tempfile::tempdir()?;
        let options = Options { profile: Some(profile.path().to_owned()), ..Options::default() };
        {
            let browser = Browser::open_with(before, &options)?;
            browser.visit(&site.at("localhost", path))?;
            browser.visit(&site.at("localhost", "/"))?;
            browser.sees("#who", "alice")?;
            browser.screenshot("before-it-is-closed")?;
        }
        let browser = Browser::open_with(after, &options)?;
        browser.visit(&site.at("localhost", "/"))?;
        browser.sees("#who", left)?;
        browser.screenshot("opened-again")?;
        assert_eq!(browser.cookie("sessionid")?.is_some(), left == "alice");
    }
    Ok(())
}

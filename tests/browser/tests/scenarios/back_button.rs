//! What the back button shows after a logout.

use jam_session::{MemoryStore, SessionLayer, SiteData};
use jam_session_browser::{Browser, Site, TestResult, pages};

#[test]
fn the_back_button_shows_no_private_page_where_that_is_seen_to() -> TestResult {
    let plain: fn(SessionLayer) -> SessionLayer = |layer| layer;
    let clearing: fn(SessionLayer) -> SessionLayer = |layer| layer.clear_site_data([SiteData::Cache]);

    // The page that one logs out from comes into the browser's memory after it was cleared: so there is one between.
    for (scenario, change, path, between, shown) in [
        ("back-to-a-page-that-nobody-forbade-to-keep", plain, "/", false, "alice"),
        ("back-to-a-page-that-is-not-kept", plain, "/never-kept", false, "nobody"),
        ("back-beyond-the-last-page", plain, "/", true, "alice"),
        ("back-after-clearing", clearing, "/", true, "nobody"),
    ] {
        let site = Site::start(pages(change(SessionLayer::new(MemoryStore::new()))))?;
        let browser = Browser::open(scenario)?;
        browser.visit(&site.at("localhost", "/login"))?;
        browser.visit(&site.at("localhost", path))?;
        browser.sees("#who", "alice")?;
        browser.screenshot("private")?;
        if between {
            browser.visit(&site.at("localhost", "/?between"))?;
        }
        browser.click("#logout")?;
        browser.arrives(&site.at("localhost", "/logout"))?;
        browser.sees("#who", "nobody")?;

        for _ in 0..=u8::from(between) {
            browser.back()?;
        }
        browser.arrives(&site.at("localhost", path))?;
        browser.sees("#who", shown)?;
        browser.screenshot("after-the-back-button")?;
    }
    Ok(())
}

//! Who one is on our site when another site leads there: by a link, by a form, in a frame.

use jam_session::{MemoryStore, SameSite, SessionLayer};
use jam_session_browser::{Browser, Site, TestResult, pages};

#[test]
fn another_site_reaches_a_session_as_far_as_same_site_lets_it() -> TestResult {
    for (scenario, same_site, [by_link, by_form, in_a_frame]) in [
        ("same-site-strict", SameSite::Strict, ["nobody", "nobody", "nobody"]),
        ("same-site-lax", SameSite::Lax, ["alice", "nobody", "nobody"]),
        ("same-site-none", SameSite::None, ["alice", "alice", "alice"]),
    ] {
        let site = Site::start(pages(SessionLayer::new(MemoryStore::new()).cookie_same_site(same_site)))?;
        let ours = site.at("one.localhost", "/");
        let theirs = site.at("two.localhost", &format!("/elsewhere?to={ours}"));
        let browser = Browser::open(scenario)?;
        browser.visit(&site.at("one.localhost", "/login"))?;
        browser.visit(&ours)?;
        browser.sees("#who", "alice")?;

        browser.visit(&theirs)?;
        browser.frame(Some(0))?;
        browser.sees("#who", in_a_frame)?;
        browser.frame(None)?;
        browser.screenshot("in-a-frame")?;

        for (way, who) in [("#link", by_link), ("#post", by_form)] {
            browser.visit(&theirs)?;
            browser.click(way)?;
            browser.arrives(&ours)?;
            browser.sees("#who", who)?;
            browser.screenshot(&way[1..])?;
        }
        browser.visit(&ours)?;
        browser.sees("#who", "alice")?;
    }
    Ok(())
}

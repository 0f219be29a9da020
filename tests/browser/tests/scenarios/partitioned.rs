//! A page of ours in the frames of two other sites: one session for each of them, or one for both.

use jam_session::{MemoryStore, SameSite, SessionLayer};
use jam_session_browser::{Browser, Options, Site, TestResult, pages};

#[test]
fn a_partitioned_cookie_is_another_one_under_each_site_that_embeds_us() -> TestResult {
    for (scenario, partitioned, blocks_cookies_of_frames) in
        [("partitioned", true, false), ("partitioned-others-blocked", true, true), ("not-partitioned", false, false)]
    {
        let layer =
            SessionLayer::new(MemoryStore::new()).cookie_same_site(SameSite::None).cookie_partitioned(partitioned);
        let site = Site::start(pages(layer))?;
        let ours = site.at("embedded.localhost", "/numbered");
        let browser = Browser::open_with(scenario, &Options { blocks_cookies_of_frames, ..Options::default() })?;
        let number_under = |host: &str| -> TestResult<String> {
            browser.visit(&site.at(host, &format!("/elsewhere?to={ours}")))?;
            browser.frame(Some(0))?;
            let number = browser.text("#who")?;
            browser.frame(None)?;
            browser.screenshot(host)?;
            Ok(number)
        };

        let (one, two, one_again) =
            (number_under("one.localhost")?, number_under("two.localhost")?, number_under("one.localhost")?);
        assert!(one.starts_with("visitor "), "{one}");
        assert_eq!(one, one_again, "{scenario}");
        assert_eq!(one != two, partitioned, "{scenario}: {one} and {two}");
        browser.visit(&ours)?;
        assert_eq!(browser.text("#who")? != one, partitioned, "{scenario}: as a page of its own");
    }
    Ok(())
}

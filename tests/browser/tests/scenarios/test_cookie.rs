//! A browser that keeps cookies, and one that does not, on the pages of the example `test_cookie`.

use jam_session_browser::{Browser, Options, Program, TestResult};

#[test]
fn the_test_cookie_says_whether_the_browser_keeps_cookies() -> TestResult {
    let program = Program::example("test_cookie", &[("LISTEN_ADDR", "127.0.0.1:0")])?;
    let url = program.line("listening on ")?;

    for (scenario, blocks_cookies, answer) in [
        ("test-cookie-kept", false, "your browser keeps cookies"),
        ("test-cookie-blocked", true, "please switch on cookies and try again"),
    ] {
        let browser = Browser::open_with(scenario, &Options { blocks_cookies, ..Options::default() })?;
        browser.visit(&url)?;
        assert_eq!(browser.cookie("sessionid")?.is_none(), blocks_cookies);
        browser.click("a")?;
        browser.sees("body", answer)?;
        browser.screenshot("answered")?;
    }
    Ok(())
}

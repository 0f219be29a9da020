//! [`Browser`]: what a person does with one.

use std::{
    cell::Cell,
    fs, thread,
    time::{Duration, Instant},
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::{Value, json};

use crate::{Options, PATIENCE, TestResult, target_folder, webdriver::WebDriver};

/// A browser with a profile of its own, which nobody has used before.
pub struct Browser {
    driver: WebDriver,
    scenario: &'static str,
    screenshots: Cell<u32>,
}

impl Browser {
    /// Opens a browser. `scenario` is what the names of its screenshots begin with.
    ///
    /// # Errors
    ///
    /// When there is no Chromium or no ChromeDriver.
    pub fn open(scenario: &'static str) -> TestResult<Self> {
        Self::open_with(scenario, &Options::default())
    }

    /// Opens a browser that was set up so. It is closed, as by its user, when this is dropped.
    ///
    /// # Errors
    ///
    /// When there is no Chromium or no ChromeDriver.
    pub fn open_with(scenario: &'static str, options: &Options) -> TestResult<Self> {
        Ok(Self { driver: WebDriver::start(options)?, scenario, screenshots: Cell::new(0) })
    }

    /// Visits a page.
    ///
    /// # Errors
    ///
    /// When it cannot be reached.
    pub fn visit(&self, url: &str) -> TestResult {
        self.driver.post("/url", &json!({ "url": url })).map(drop)
    }

    /// Goes back to the page before.
    ///
    /// # Errors
    ///
    /// When the browser does not answer.
    pub fn back(&self) -> TestResult {
        self.driver.post("/back", &json!({})).map(drop)
    }

    /// Looks into a frame of the page, and with none at the whole page again.
    ///
    /// # Errors
    ///
    /// When there is no such frame.
    pub fn frame(&self, number: Option<u32>) -> TestResult {
        self.driver.post("/frame", &json!({ "id": number })).map(drop)
    }

    /// Types a text into a field.
    ///
    /// # Errors
    ///
    /// When there is no such field.
    pub fn fill(&self, field: &str, text: &str) -> TestResult {
        let field = self.driver.element(field)?;
        self.driver.post(&format!("{field}/value"), &json!({ "text": text })).map(drop)
    }

    /// Clicks on something.
    ///
    /// # Errors
    ///
    /// When it is not there.
    pub fn click(&self, css: &str) -> TestResult {
        let element = self.driver.element(css)?;
        self.driver.post(&format!("{element}/click"), &json!({})).map(drop)
    }

    /// The text that a reader sees of an element.
    ///
    /// # Errors
    ///
    /// When it is not there.
    pub fn text(&self, css: &str) -> TestResult<String> {
        let text = self.driver.get(&format!("{}/text", self.driver.element(css)?))?;
        Ok(text.as_str().unwrap_or_default().to_owned())
    }

    /// Waits until an element has this text.
    ///
    /// # Errors
    ///
    /// When it does not within half a minute; the error says what it has instead.
    pub fn sees(&self, css: &str, text: &str) -> TestResult {
        self.wait(&format!("{css} with the text {text:?}"), || self.text(css), |found| found.trim() == text)
    }

    /// Waits until the address begins with `url`.
    ///
    /// # Errors
    ///
    /// When it does not within half a minute; the error says where the browser is instead.
    pub fn arrives(&self, url: &str) -> TestResult {
        let address = || Ok(self.driver.get("/url")?.as_str().unwrap_or_default().to_owned());
        self.wait(url, address, |found| found.starts_with(url))
    }

    /// The value of a cookie that the present page can have.
    ///
    /// # Errors
    ///
    /// When the browser does not answer.
    pub fn cookie(&self, name: &str) -> TestResult<Option<String>> {
        let cookies = self.driver.get("/cookie")?;
        let cookie = cookies.as_array().into_iter().flatten().find(|cookie| cookie["name"] == name);
        Ok(cookie.and_then(|cookie| cookie["value"].as_str()).map(str::to_owned))
    }

    /// Runs a script in the page, and gives what it returns.
    ///
    /// # Errors
    ///
    /// What the script throws.
    pub fn script(&self, script: &str) -> TestResult<Value> {
        self.driver.post("/execute/sync", &json!({ "script": script, "args": [] }))
    }

    /// Keeps a picture of the page, numbered in order.
    ///
    /// # Errors
    ///
    /// When it cannot be taken or written.
    pub fn screenshot(&self, name: &str) -> TestResult {
        let number = self.screenshots.replace(self.screenshots.get() + 1);
        let png = self.driver.get("/screenshot")?;
        let folder = target_folder().join("browser");
        fs::create_dir_all(&folder)?;
        let file = folder.join(format!("{}-{number:02}-{name}.png", self.scenario));
        Ok(fs::write(file, BASE64_STANDARD.decode(png.as_str().unwrap_or_default())?)?)
    }

    #[expect(clippy::disallowed_methods, reason = "between two looks at another process, with a deadline")]
    fn wait(&self, what: &str, ask: impl Fn() -> TestResult<String>, enough: impl Fn(&str) -> bool) -> TestResult {
        let deadline = Instant::now() + PATIENCE;
        loop {
            // An element may vanish while the page changes.
            let found = ask().unwrap_or_else(|error| error.to_string());
            if enough(&found) {
                return Ok(());
            }
            if Instant::now() > deadline {
                let _ = self.screenshot("failed");
                return Err(format!("{}: expected {what}, found {found:?}", self.scenario).into());
            }
            thread::sleep(Duration::from_millis(50));
        }
    }
}

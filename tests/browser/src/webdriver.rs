//! A ChromeDriver with one browser in it: the few commands of WebDriver that a [`Browser`](crate::Browser) needs.

use std::{env, process::Command};

use serde_json::{Value, json};

use crate::{PATIENCE, Program, TestResult, free_port, wait_for_port};

/// The name under which WebDriver hands out elements.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

pub(crate) struct WebDriver {
    agent: ureq::Agent,
    session: String,
    _driver: Program,
}

impl WebDriver {
    pub(crate) fn start() -> TestResult<Self> {
        let port = free_port()?;
        let driver = Program::start(Command::new("chromedriver").arg(format!("--port={port}")))
            .map_err(|error| format!("{error}; Debian's packages are chromium and chromium-driver"))?;
        wait_for_port(port)?;
        let config = ureq::Agent::config_builder().http_status_as_error(false).timeout_global(Some(2 * PATIENCE));
        let (agent, all) = (config.build().new_agent(), format!("http://127.0.0.1:{port}/session"));
        let mut driver = Self { agent, session: all.clone(), _driver: driver };
        let answer = driver.post("", &json!({ "capabilities": { "alwaysMatch": capabilities() } }))?;
        driver.session = format!("{all}/{}", answer["sessionId"].as_str().ok_or("a session of WebDriver")?);
        Ok(driver)
    }

    pub(crate) fn get(&self, path: &str) -> TestResult<Value> {
        value(self.agent.get(format!("{}{path}", self.session)).call()?)
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> TestResult<Value> {
        value(self.agent.post(format!("{}{path}", self.session)).send_json(body)?)
    }

    /// The path of the first element that a CSS selector finds.
    pub(crate) fn element(&self, css: &str) -> TestResult<String> {
        let found = self.post("/element", &json!({ "using": "css selector", "value": css }))?;
        Ok(format!("/element/{}", found[ELEMENT].as_str().ok_or("an element")?))
    }
}

impl Drop for WebDriver {
    fn drop(&mut self) {
        // It closes the browser; the driver alone would leave that behind.
        let _ = self.agent.delete(&self.session).call();
    }
}

fn capabilities() -> Value {
    // Containers run as root and have little shared memory.
    let arguments = ["--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--window-size=900,600"];
    let binary = env::var("CHROMIUM").unwrap_or_else(|_| "/usr/bin/chromium".to_owned());
    json!({
        "browserName": "chrome",
        "goog:chromeOptions": { "binary": binary, "args": arguments },
        "timeouts": { "pageLoad": PATIENCE.as_millis() as u64 },
    })
}

fn value(mut response: ureq::http::Response<ureq::Body>) -> TestResult<Value> {
    let mut answer: Value = response.body_mut().read_json()?;
    let value = answer["value"].take();
    match value["error"].as_str() {
        Some(error) => Err(format!("{error}: {}", value["message"]).into()),
        None => Ok(value),
    }
}

//! A ChromeDriver with one browser in it: the few commands of WebDriver that a [`Browser`](crate::Browser) needs.

use std::{env, path::PathBuf, process::Command};

use serde_json::{Value, json};

use crate::{PATIENCE, Program, TestResult, free_port, wait_for_port};

/// The name under which WebDriver hands out elements.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// How a browser is started.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Where the browser keeps its cookies; a new folder unless one is given. One that was used before still has them.
    pub profile: Option<PathBuf>,
    /// It takes no cookie from anybody.
    pub blocks_cookies: bool,
    /// In a frame it takes cookies of the page's own site alone, and partitioned ones.
    pub blocks_cookies_of_frames: bool,
    /// Names that lead to this machine, beside those below `localhost`.
    pub hosts: Vec<&'static str>,
}

pub(crate) struct WebDriver {
    agent: ureq::Agent,
    session: String,
    _driver: Program,
}

impl WebDriver {
    pub(crate) fn start(options: &Options) -> TestResult<Self> {
        let port = free_port()?;
        let driver = Program::start(Command::new("chromedriver").arg(format!("--port={port}")))
            .map_err(|error| format!("{error}; Debian's packages are chromium and chromium-driver"))?;
        wait_for_port(port)?;
        let config = ureq::Agent::config_builder().http_status_as_error(false).timeout_global(Some(2 * PATIENCE));
        let (agent, all) = (config.build().new_agent(), format!("http://127.0.0.1:{port}/session"));
        let mut driver = Self { agent, session: all.clone(), _driver: driver };
        let answer = driver.post("", &json!({ "capabilities": { "alwaysMatch": capabilities(options) } }))?;
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

fn capabilities(options: &Options) -> Value {
    // Containers run as root and have little shared memory.
    let fixed = ["--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--window-size=900,600"];
    let mut arguments: Vec<String> = fixed.map(str::to_owned).to_vec();
    arguments.extend(options.profile.iter().map(|profile| format!("--user-data-dir={}", profile.display())));
    let hosts: Vec<_> = options.hosts.iter().map(|host| format!("MAP {host} 127.0.0.1")).collect();
    arguments.push(format!("--host-resolver-rules={}", hosts.join(", ")));
    // Chromium's words for its two answers.
    let cookies = if options.blocks_cookies { 2 } else { 1 };
    let preferences = json!({
        "profile.default_content_setting_values.cookies": cookies,
        "profile.cookie_controls_mode": u8::from(options.blocks_cookies_of_frames),
    });
    let binary = env::var("CHROMIUM").unwrap_or_else(|_| "/usr/bin/chromium".to_owned());
    json!({
        "browserName": "chrome",
        "goog:chromeOptions": { "binary": binary, "args": arguments, "prefs": preferences },
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

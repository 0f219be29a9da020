//! One login, one session, and one logout, on both sides of `beside_django`.

use std::sync::{Mutex, PoisonError};

use jam_session_browser::{Browser, Program, TestResult};

/// The first start installs Django, and two at the same time would be in each other's way.
static STARTING: Mutex<()> = Mutex::new(());

/// Both sides on a database of their own.
struct Sites {
    django: String,
    axum: String,
    password: String,
    _program: Program,
    _directory: tempfile::TempDir,
}

impl Sites {
    fn start() -> TestResult<Self> {
        let _alone = STARTING.lock().unwrap_or_else(PoisonError::into_inner);
        let directory = tempfile::tempdir()?;
        let database = format!("sqlite:{}", directory.path().join("site.db").display());
        let program = Program::example(
            "beside_django",
            &[("DATABASE_URL", &database), ("LISTEN_ADDR", "127.0.0.1:0"), ("DJANGO_ADDR", "127.0.0.1:0")],
        )?;
        let django = program.line("Django: ")?.trim_end_matches("/admin/").to_owned();
        let axum = program.line("Axum: ")?;
        let password = program.line("log in as demo with the password ")?;
        Ok(Self { django, axum, password, _program: program, _directory: directory })
    }

    fn django(&self, path: &str) -> String {
        format!("{}{path}", self.django)
    }

    /// Fills in the form of Django's admin, wherever it was asked for.
    fn log_in(&self, browser: &Browser) -> TestResult {
        browser.arrives(&self.django("/admin/login/"))?;
        browser.fill("#id_username", "demo")?;
        browser.fill("#id_password", &self.password)?;
        browser.click("input[type=submit]")
    }
}

#[test]
fn who_logs_in_at_djangos_admin_is_known_to_axum_and_logs_out_there() -> TestResult {
    let sites = Sites::start()?;
    let browser = Browser::open("axum-logout")?;

    browser.visit(&sites.django("/admin/"))?;
    browser.screenshot("django-asks-for-the-password")?;
    sites.log_in(&browser)?;
    browser.sees("#site-name", "Django administration")?;
    browser.arrives(&sites.django("/admin/"))?;
    browser.screenshot("logged-in-at-django")?;

    browser.visit(&sites.axum)?;
    browser.sees("#user", "logged in as demo")?;
    browser.sees("#count", "count: 0")?;
    browser.screenshot("axum-knows-the-user")?;

    browser.click("#add")?;
    browser.sees("#count", "count: 1")?;
    browser.sees("#messages", "counted in Axum")?;
    browser.click("#add")?;
    browser.sees("#count", "count: 2")?;
    browser.visit(&sites.django("/"))?;
    browser.sees("#user", "logged in as demo")?;
    browser.sees("#count", "count: 2")?;
    browser.screenshot("django-sees-what-axum-changed")?;

    browser.visit(&sites.axum)?;
    let before = browser.cookie("sessionid")?;
    browser.click("#logout")?;
    browser.arrives(&sites.django("/admin/login/"))?;
    browser.screenshot("logged-out-in-axum")?;
    assert!(before.is_some() && browser.cookie("sessionid")?.is_none_or(|now| Some(now) != before));

    browser.visit(&sites.django("/admin/"))?;
    browser.arrives(&sites.django("/admin/login/"))?;
    browser.sees("label[for=id_password]", "Password:")?;
    browser.screenshot("django-asks-again")
}

#[test]
fn who_comes_from_axum_goes_back_there_and_logs_out_in_django() -> TestResult {
    let sites = Sites::start()?;
    let browser = Browser::open("django-logout")?;

    browser.visit(&sites.axum)?;
    sites.log_in(&browser)?;
    browser.arrives(&sites.axum)?;
    browser.sees("#user", "logged in as demo")?;
    browser.screenshot("back-in-axum-after-the-login")?;

    browser.visit(&sites.django("/"))?;
    browser.click("#add")?;
    browser.arrives(&sites.axum)?;
    browser.sees("#count", "count: 1")?;
    browser.sees("#messages", "counted in Django")?;
    browser.screenshot("axum-sees-what-django-changed")?;
    browser.visit(&sites.axum)?;
    browser.sees("#messages", "")?;

    browser.visit(&sites.django("/"))?;
    browser.click("#logout")?;
    browser.sees("#content h1", "Logged out")?;
    browser.screenshot("logged-out-in-django")?;

    browser.visit(&sites.axum)?;
    browser.arrives(&sites.django("/admin/login/"))?;
    browser.sees("label[for=id_password]", "Password:")?;
    browser.screenshot("axum-asks-again")
}

//! One chromedriver for the whole test process and two browsers: one with JavaScript, one without.

use super::guarded::{Guarded, free_port};
use super::{PATIENCE, poll};
use serde_json::json;
use std::path::PathBuf;
use std::process::Command;
use std::sync::LazyLock;
use std::time::Duration;
use thirtyfour::common::capabilities::chromium::ChromiumLikeCapabilities;
use thirtyfour::{ChromeCapabilities, DesiredCapabilities, LoggingPrefsLogLevel, WebDriver};
use tokio::sync::{Mutex, MutexGuard};

/// Whether pages may run scripts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum JavaScript {
    On,
    Off,
}

/// Where screenshots and page sources of failed journeys go.
pub(crate) static FAILURES: LazyLock<PathBuf> =
    LazyLock::new(|| PathBuf::from(env!("CARGO_TARGET_TMPDIR")).with_file_name("browser-failures"));

/// The browser of a mode, kept from test to test; empty before the first one and after a failure.
static WITH_JAVASCRIPT: Mutex<Option<WebDriver>> = Mutex::const_new(None);
static WITHOUT_JAVASCRIPT: Mutex<Option<WebDriver>> = Mutex::const_new(None);

static DRIVER: LazyLock<Driver> = LazyLock::new(Driver::start);

struct Driver {
    port: u16,
    _process: Guarded,
}

impl Driver {
    fn start() -> Self {
        let port = free_port();
        let scratch =
            PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("chromium-{}", std::process::id()));
        std::fs::create_dir_all(&scratch).expect("a scratch directory");
        let log = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("chromedriver.log");
        let mut command = Command::new("chromedriver");
        command.arg(format!("--port={port}"));
        Self { port, _process: Guarded::start(&command, &log, &scratch) }
    }

    fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}

/// Takes the browser of `mode` for one test, as fresh as a new one.
pub(crate) async fn borrow(mode: JavaScript) -> MutexGuard<'static, Option<WebDriver>> {
    let mut slot = match mode {
        JavaScript::On => WITH_JAVASCRIPT.lock().await,
        JavaScript::Off => WITHOUT_JAVASCRIPT.lock().await,
    };
    if let Some(browser) = slot.as_ref()
        && reset(browser).await.is_err()
    {
        *slot = None;
    }
    if slot.is_none() {
        *slot = Some(open(mode).await);
    }
    slot
}

async fn open(mode: JavaScript) -> WebDriver {
    tessera::http_client::use_ring();
    let ready = poll(PATIENCE, async || reqwest::get(format!("{}/status", DRIVER.url())).await.ok()).await;
    assert!(
        ready.is_some(),
        "chromedriver does not answer: is the package chromium-driver installed? See tests/run"
    );
    let browser = WebDriver::builder(DRIVER.url(), capabilities(mode))
        .request_timeout(Duration::from_secs(90))
        .await
        .expect("a browser session starts");
    reset(&browser).await.expect("a new browser can be set up");
    browser
}

fn capabilities(mode: JavaScript) -> ChromeCapabilities {
    let mut chrome = DesiredCapabilities::chrome();
    for flag in [
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--disable-quic",
        "--no-first-run",
        "--no-default-browser-check",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--disable-default-apps",
        "--disable-extensions",
        "--hide-scrollbars",
        "--lang=en-US",
        "--window-size=1280,800",
    ] {
        chrome.add_arg(flag).expect("a flag");
    }
    if mode == JavaScript::Off {
        let block = json!({ "profile.managed_default_content_settings.javascript": 2 });
        chrome.add_experimental_option("prefs", block).expect("a preference");
    }
    chrome.set_browser_log_level(LoggingPrefsLogLevel::All).expect("a log level");
    chrome
}

/// Back to an empty page without cookies, emulation or old messages.
async fn reset(browser: &WebDriver) -> Result<(), thirtyfour::error::WebDriverError> {
    browser.goto("about:blank").await?;
    browser.cdp().network().clear_browser_cookies().await?;
    // None of another journey's.
    browser.cdp().send_raw("Emulation.setTimezoneOverride", json!({ "timezoneId": "" })).await?;
    super::axe::allow_scripts(browser, true).await;
    super::axe::Look::DESKTOP_LIGHT.apply(browser).await?;
    browser.browser_log().await?;
    Ok(())
}

//! What a person does on a page. Everything is found by kind and visible label, as in `find.js`, and waited for.

mod expect;

use super::PATIENCE;
use serde_json::json;
use std::panic::Location;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use thirtyfour::error::{WebDriverErrorInner, WebDriverResult};
use thirtyfour::{Key, WebDriver, WebElement};

const FIND: &str = include_str!("find.js");

/// The page in front of a person. Clones look at the same page.
///
/// Methods note their caller and what they do in the trail, which a failed journey prints.
#[derive(Clone)]
pub(crate) struct Page {
    browser: WebDriver,
    base: String,
    trail: Arc<Mutex<Vec<String>>>,
}

impl Page {
    pub(crate) fn new(browser: WebDriver, base: String) -> Self {
        Self { browser, base, trail: Arc::default() }
    }

    pub(crate) fn browser(&self) -> &WebDriver {
        &self.browser
    }

    /// The server's address.
    pub(crate) fn base(&self) -> &str {
        &self.base
    }

    /// The steps taken so far, one a line, each with its place in the source.
    pub(crate) fn trail(&self) -> String {
        self.trail.lock().expect("the trail").join("\n")
    }

    #[track_caller]
    pub(crate) fn visit(&self, path: &str) -> impl Future<Output = ()> {
        let address = if path.starts_with("http") { path.to_owned() } else { format!("{}{path}", self.base) };
        self.note(&format!("visit {address}"));
        async move { self.browser.goto(address).await.expect("the page opens") }
    }

    #[track_caller]
    pub(crate) fn reload(&self) -> impl Future<Output = ()> {
        self.note("reload");
        async move { self.browser.refresh().await.expect("the page reloads") }
    }

    #[track_caller]
    pub(crate) fn click_button(&self, label: &str) -> impl Future<Output = ()> {
        self.click("button", label)
    }

    #[track_caller]
    pub(crate) fn click_link(&self, label: &str) -> impl Future<Output = ()> {
        self.click("link", label)
    }

    /// Ticks a radio button or checkbox.
    #[track_caller]
    pub(crate) fn choose(&self, label: &str) -> impl Future<Output = ()> {
        self.click("option", label)
    }

    /// Opens a menu by its button and waits until its content shows.
    #[track_caller]
    pub(crate) fn open_menu(&self, label: &str) -> impl Future<Output = ()> {
        let click = self.click("button", label);
        async move {
            click.await;
            self.until(
                "the menu is open",
                "return !!document.querySelector(':popover-open, .menu-here .menu')",
            )
            .await;
        }
    }

    /// Back to the list of keys or of tokens: without JavaScript a row's menu is on its page.
    pub(crate) async fn to_list(&self) {
        for list in ["API Keys", "Master Tokens"] {
            if self.has_link(list).await {
                self.click_link(list).await;
            }
        }
    }

    /// Replaces the content of a field.
    #[track_caller]
    pub(crate) fn fill(&self, label: &str, text: &str) -> impl Future<Output = ()> {
        self.note(&format!("fill “{label}” with “{text}”"));
        self.act("field", label.to_owned(), text.to_owned(), async |field, text| {
            field.clear().await?;
            field.send_keys(text).await
        })
    }

    /// Replaces the content of a field at once: typing takes long where the text does.
    #[track_caller]
    pub(crate) fn paste(&self, label: &str, text: &str) -> impl Future<Output = ()> {
        self.note(&format!("paste {} characters into “{label}”", text.chars().count()));
        let browser = self.browser.clone();
        self.act("field", label.to_owned(), text.to_owned(), async move |field, text| {
            field.clear().await?;
            field.focus().await?;
            browser.cdp().send_raw("Input.insertText", json!({ "text": text })).await.map(drop)
        })
    }

    /// Chooses from a list that drops down.
    #[track_caller]
    pub(crate) fn pick(&self, label: &str, option: &str) -> impl Future<Output = ()> {
        self.note(&format!("pick “{option}” in “{label}”"));
        self.act("field", label.to_owned(), option.to_owned(), async |list, option| {
            list.send_keys(option).await
        })
    }

    /// Presses a key where the focus is.
    #[track_caller]
    pub(crate) fn press(&self, key: Key) -> impl Future<Output = ()> {
        self.note(&format!("press {key:?}"));
        async move {
            let pressed = self.browser.action_chain().send_keys(key).perform().await;
            pressed.expect("a key can be pressed");
        }
    }

    #[track_caller]
    fn click(&self, kind: &'static str, label: &str) -> impl Future<Output = ()> {
        self.note(&format!("click {kind} “{label}”"));
        self.act(kind, label.to_owned(), String::new(), async |element, _| element.click().await)
    }

    /// Does `action` with the element once there is one, again when the page changed underneath.
    async fn act(
        &self,
        kind: &'static str,
        label: String,
        input: String,
        action: impl AsyncFn(&WebElement, &str) -> WebDriverResult<()>,
    ) {
        let start = Instant::now();
        loop {
            let element = self.find(kind, &label).await;
            let obstacle = match action(&element, &input).await {
                Ok(()) => return,
                Err(error) if is_passing(&error) => error,
                Err(error) => panic!("{kind} “{label}”: {error}"),
            };
            assert!(start.elapsed() < PATIENCE, "{kind} “{label}”: {obstacle}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// The element, as soon as there is one.
    async fn find(&self, kind: &str, label: &str) -> WebElement {
        let start = Instant::now();
        loop {
            let others = match self.search(kind, label).await {
                Ok(element) => return element,
                Err(others) => others,
            };
            assert!(start.elapsed() < PATIENCE, "there is no {kind} “{label}”, only {others}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// The element if it is there now, else the labels of the others of its kind.
    async fn search(&self, kind: &str, label: &str) -> Result<WebElement, String> {
        // A script can fail while the page changes; then there is nothing yet.
        let answer = self.browser.execute(FIND, vec![json!(kind), json!(label)]).await;
        let answer = answer.map_err(|error| error.to_string())?;
        let others = answer.json().to_string();
        answer.element().map_err(|_| others)
    }

    /// Waits until a script answers true.
    pub(crate) async fn until(&self, what: &str, script: &str) {
        let met = super::poll(PATIENCE, async || {
            let answer = self.browser.execute(script, []).await.ok()?;
            answer.convert::<bool>().ok()?.then_some(())
        });
        assert!(met.await.is_some(), "not so: {what}");
    }

    #[track_caller]
    pub(crate) fn note(&self, step: &str) {
        let place = Location::caller();
        self.trail.lock().expect("the trail").push(format!("{}:{} {step}", place.file(), place.line()));
    }
}

/// Whether trying again may help: the page was re-rendered, or something still covers the element.
fn is_passing(error: &thirtyfour::error::WebDriverError) -> bool {
    matches!(
        error.as_inner(),
        WebDriverErrorInner::StaleElementReference(_)
            | WebDriverErrorInner::ElementClickIntercepted(_)
            | WebDriverErrorInner::ElementNotInteractable(_)
            | WebDriverErrorInner::InvalidElementState(_)
    )
}

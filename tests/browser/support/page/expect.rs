//! What a person sees on a page. Everything is waited for.

use super::super::poll;
use super::{PATIENCE, Page};
use serde_json::json;

/// The text a person can read, with spaces and line ends evened out.
const VISIBLE_TEXT: &str = "return (document.querySelector('dialog:modal') ?? document.body).innerText";

impl Page {
    /// The page's title, its `h1`.
    #[track_caller]
    pub(crate) fn expect_page(&self, heading: &str) -> impl Future<Output = ()> {
        self.expect("heading", heading)
    }

    #[track_caller]
    pub(crate) fn expect_heading(&self, heading: &str) -> impl Future<Output = ()> {
        self.expect("heading", heading)
    }

    #[track_caller]
    pub(crate) fn expect_no_heading(&self, heading: &str) -> impl Future<Output = ()> {
        self.expect_none("heading", heading)
    }

    #[track_caller]
    pub(crate) fn expect_dialog(&self, title: &str) -> impl Future<Output = ()> {
        self.expect("dialog", title)
    }

    /// A passing message, or one in its place without JavaScript.
    #[track_caller]
    pub(crate) fn expect_toast(&self, text: &str) -> impl Future<Output = ()> {
        self.expect("status", text)
    }

    #[track_caller]
    pub(crate) fn expect_no_status(&self, text: &str) -> impl Future<Output = ()> {
        self.expect_none("status", text)
    }

    #[track_caller]
    pub(crate) fn expect_button(&self, label: &str) -> impl Future<Output = ()> {
        self.expect("button", label)
    }

    #[track_caller]
    pub(crate) fn expect_link(&self, label: &str) -> impl Future<Output = ()> {
        self.expect("link", label)
    }

    #[track_caller]
    pub(crate) fn expect_no_button(&self, label: &str) -> impl Future<Output = ()> {
        self.expect_none("button", label)
    }

    #[track_caller]
    pub(crate) fn expect_no_link(&self, label: &str) -> impl Future<Output = ()> {
        self.expect_none("link", label)
    }

    #[track_caller]
    pub(crate) fn expect_no_dialog(&self, title: &str) -> impl Future<Output = ()> {
        self.expect_none("dialog", title)
    }

    #[track_caller]
    pub(crate) fn expect_no_row(&self, name: &str) -> impl Future<Output = ()> {
        self.expect_none("row", name)
    }

    /// A row of a table or list that bears `name` and, somewhere, `text`.
    #[track_caller]
    pub(crate) fn expect_row(&self, name: &str, text: &str) -> impl Future<Output = ()> {
        self.note(&format!("expect row “{name}” with “{text}”"));
        let (name, text) = (name.to_owned(), text.to_owned());
        async move {
            let mut seen = String::new();
            let found = poll(PATIENCE, async || {
                let row = self.search("row", &name).await.ok()?;
                seen = tidy(&row.text().await.ok()?);
                seen.contains(&text).then_some(())
            });
            let found = found.await.is_some();
            assert!(found, "row “{name}” does not say “{text}” but “{seen}”");
        }
    }

    /// Waits until the page says one of `texts`.
    #[track_caller]
    pub(crate) fn expect_one_of(&self, texts: [&'static str; 2]) -> impl Future<Output = ()> {
        self.note(&format!("expect one of {texts:?}"));
        async move {
            let says = async |text: &str| self.text().await.contains(text);
            let found = poll(PATIENCE, async || (says(texts[0]).await || says(texts[1]).await).then_some(()));
            assert!(found.await.is_some(), "the page says none of {texts:?} but “{}”", self.text().await);
        }
    }

    #[track_caller]
    pub(crate) fn expect_text(&self, text: &str) -> impl Future<Output = ()> {
        self.note(&format!("expect text “{text}”"));
        let text = text.to_owned();
        async move {
            let found = poll(PATIENCE, async || self.text().await.contains(&text).then_some(())).await;
            assert!(found.is_some(), "the page does not say “{text}” but “{}”", self.text().await);
        }
    }

    #[track_caller]
    pub(crate) fn expect_no_text(&self, text: &str) -> impl Future<Output = ()> {
        self.note(&format!("expect no text “{text}”"));
        let text = text.to_owned();
        async move {
            let gone = poll(PATIENCE, async || (!self.text().await.contains(&text)).then_some(())).await;
            assert!(gone.is_some(), "the page still says “{text}”");
        }
    }

    /// The error beside a field, which names the field as the one in error.
    #[track_caller]
    pub(crate) fn expect_field_error(&self, label: &str, text: &str) -> impl Future<Output = ()> {
        self.note(&format!("expect error “{text}” by “{label}”"));
        let (label, text) = (label.to_owned(), text.to_owned());
        async move {
            let mut seen = String::new();
            let found = poll(PATIENCE, async || {
                let field = self.search("field", &label).await.ok()?;
                let script = "const field = arguments[0]; return field.ariaInvalid === 'true' \
                    ? (field.getAttribute('aria-describedby') ?? '').split(' ') \
                        .map(id => document.getElementById(id)?.innerText ?? '').join(' ') : 'no error'";
                let answer = self.browser.execute(script, vec![field.to_json().ok()?]).await.ok()?;
                seen = tidy(&answer.convert::<String>().ok()?);
                seen.contains(&text).then_some(())
            });
            let found = found.await.is_some();
            assert!(found, "“{label}” is not said to be wrong by “{text}” but by “{seen}”");
        }
    }

    /// Whether there is such a button now.
    pub(crate) async fn has_button(&self, label: &str) -> bool {
        self.search("button", label).await.is_ok()
    }

    pub(crate) async fn has_link(&self, label: &str) -> bool {
        self.search("link", label).await.is_ok()
    }

    /// What stands in a field.
    pub(crate) async fn value(&self, label: &str) -> String {
        let field = self.find("field", label).await;
        let answer = self.browser.execute(
            "return arguments[0].value ?? arguments[0].textContent",
            vec![field.to_json().expect("an element")],
        );
        answer.await.expect("a script runs").convert().expect("a text")
    }

    /// Whether a radio button or checkbox is ticked.
    pub(crate) async fn is_chosen(&self, label: &str) -> bool {
        self.find("option", label).await.is_selected().await.expect("an option")
    }

    /// The label of what has the focus.
    #[track_caller]
    pub(crate) fn expect_focus(&self, kind: &'static str, label: &str) -> impl Future<Output = ()> {
        self.note(&format!("expect focus on {kind} “{label}”"));
        let label = label.to_owned();
        async move {
            let found = poll(PATIENCE, async || {
                let element = self.search(kind, &label).await.ok()?;
                let script = "return document.activeElement === arguments[0]";
                let answer = self.browser.execute(script, vec![element.to_json().ok()?]).await.ok()?;
                answer.convert::<bool>().ok()?.then_some(())
            });
            assert!(found.await.is_some(), "the focus is not on {kind} “{label}”");
        }
    }

    /// The link to what is being read.
    #[track_caller]
    pub(crate) fn expect_current(&self, link: &str) -> impl Future<Output = ()> {
        self.note(&format!("expect current link “{link}”"));
        let link = link.to_owned();
        async move {
            let found = poll(PATIENCE, async || {
                let element = self.search("link", &link).await.ok()?;
                element.attr("aria-current").await.ok()?
            });
            assert!(found.await.is_some(), "“{link}” is not marked as current");
        }
    }

    /// The theme chosen in the preferences.
    #[track_caller]
    pub(crate) fn expect_theme(&self, theme: &str) -> impl Future<Output = ()> {
        self.note(&format!("expect theme {theme}"));
        let script = format!("return document.documentElement.dataset.theme === '{theme}'");
        async move { self.until("the theme is in use", &script).await }
    }

    /// The text a person can read now; empty while the page changes.
    pub(crate) async fn text(&self) -> String {
        let answer = self.browser.execute(VISIBLE_TEXT, []).await;
        tidy(&answer.and_then(|text| text.convert::<String>()).unwrap_or_default())
    }

    /// All that is in the page, seen or not.
    pub(crate) async fn source(&self) -> String {
        self.browser.source().await.expect("the page has a source")
    }

    #[track_caller]
    fn expect(&self, kind: &'static str, label: &str) -> impl Future<Output = ()> {
        self.note(&format!("expect {kind} “{label}”"));
        let label = label.to_owned();
        async move {
            self.find(kind, &label).await;
        }
    }

    #[track_caller]
    fn expect_none(&self, kind: &'static str, label: &str) -> impl Future<Output = ()> {
        self.note(&format!("expect no {kind} “{label}”"));
        let label = label.to_owned();
        async move {
            let gone = poll(PATIENCE, async || {
                // A script that fails while the page changes tells nothing.
                let arguments = vec![json!(kind), json!(label)];
                let answer = self.browser.execute(super::FIND, arguments).await.ok()?;
                answer.element().is_err().then_some(())
            });
            assert!(gone.await.is_some(), "there still is a {kind} “{label}”");
        }
    }
}

fn tidy(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

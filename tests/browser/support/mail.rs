//! The mails of a server under test, each handed out once.

use super::poll;
use crate::smtp::{ReceivedMail, SmtpSink};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// The outbox worker may sleep between two looks, and a test machine may be busy.
const DELIVERY: Duration = Duration::from_secs(30);

/// All mails received so far; clones share them.
#[derive(Clone)]
pub(crate) struct Inbox {
    sink: SmtpSink,
    /// The `Message-ID`s of the mails that were handed out.
    seen: Arc<Mutex<Vec<String>>>,
}

impl Inbox {
    pub(crate) async fn start() -> Self {
        Self { sink: SmtpSink::start().await, seen: Arc::default() }
    }

    /// The value for `TESSERA_SMTP_URL`.
    pub(crate) fn url(&self) -> String {
        self.sink.url()
    }

    /// The next mail to `recipient` with `subject` in its subject, each returned once.
    pub(crate) async fn expect(&self, recipient: &str, subject: &str) -> ReceivedMail {
        let mail = poll(DELIVERY, async || self.take(recipient, subject)).await;
        mail.unwrap_or_else(|| panic!("no mail “{subject}” to {recipient}, only {:?}", self.subjects()))
    }

    /// How many mails `recipient` has received.
    pub(crate) fn count(&self, recipient: &str) -> usize {
        self.sink.received().iter().filter(|mail| mail.is_to(recipient)).count()
    }

    fn take(&self, recipient: &str, subject: &str) -> Option<ReceivedMail> {
        let mut seen = self.seen.lock().expect("the mails");
        let mail = self.sink.received().into_iter().find(|mail| {
            mail.is_to(recipient) && mail.subject.contains(subject) && !seen.contains(&mail.message_id)
        })?;
        seen.push(mail.message_id.clone());
        Some(mail)
    }

    fn subjects(&self) -> Vec<String> {
        let mails = self.sink.received();
        mails.iter().map(|mail| format!("{} to {}", mail.subject, mail.recipients.join(", "))).collect()
    }
}

impl ReceivedMail {
    /// The address of the link in the HTML part with this label.
    pub(crate) fn link_labelled(&self, label: &str) -> String {
        let html = scraper::Html::parse_document(&self.html);
        let links = scraper::Selector::parse("a[href]").expect("a selector");
        let link = html.select(&links).find(|link| link.text().collect::<String>().trim() == label);
        let link = link.unwrap_or_else(|| panic!("no link “{label}” in {}", self.html));
        link.attr("href").expect("an address").to_owned()
    }
}

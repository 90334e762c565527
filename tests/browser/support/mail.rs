//! A real SMTP listener that keeps every mail it is given.

use super::poll;
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufStream};
use tokio::net::{TcpListener, TcpStream};

/// The outbox worker may sleep between two looks, and a test machine may be busy.
const DELIVERY: Duration = Duration::from_secs(30);

/// One received mail.
#[derive(Clone, Debug, Default)]
pub(crate) struct Mail {
    pub(crate) recipients: Vec<String>,
    pub(crate) subject: String,
    pub(crate) text: String,
    pub(crate) html: String,
    seen: bool,
}

impl Mail {
    /// The address of the first link in the text part.
    pub(crate) fn link(&self) -> String {
        let link = self.text.split_whitespace().find(|word| word.starts_with("http"));
        link.expect("the mail has a link").to_owned()
    }

    /// The address of the link in the HTML part with this label.
    pub(crate) fn link_labelled(&self, label: &str) -> String {
        let html = scraper::Html::parse_document(&self.html);
        let links = scraper::Selector::parse("a[href]").expect("a selector");
        let link = html.select(&links).find(|link| link.text().collect::<String>().trim() == label);
        let link = link.unwrap_or_else(|| panic!("no link “{label}” in {}", self.html));
        link.attr("href").expect("an address").to_owned()
    }
}

/// All mails received so far.
#[derive(Clone, Default)]
pub(crate) struct Inbox {
    port: u16,
    mails: Arc<Mutex<Vec<Mail>>>,
}

impl Inbox {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        let inbox = Self { port, ..Self::default() };
        let mails = inbox.mails.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(converse(stream, mails.clone()));
            }
        });
        inbox
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// The next mail to `recipient` with `subject` in its subject, each returned once.
    pub(crate) async fn expect(&self, recipient: &str, subject: &str) -> Mail {
        let mail = poll(DELIVERY, async || self.take(recipient, subject)).await;
        mail.unwrap_or_else(|| panic!("no mail “{subject}” to {recipient}, only {:?}", self.subjects()))
    }

    /// How many mails `recipient` has received.
    pub(crate) fn count(&self, recipient: &str) -> usize {
        let mails = self.mails.lock().expect("the mails");
        mails.iter().filter(|mail| mail.recipients.iter().any(|one| one == recipient)).count()
    }

    fn take(&self, recipient: &str, subject: &str) -> Option<Mail> {
        let mut mails = self.mails.lock().expect("the mails");
        let mail = mails.iter_mut().find(|mail| {
            !mail.seen && mail.subject.contains(subject) && mail.recipients.iter().any(|one| one == recipient)
        })?;
        mail.seen = true;
        Some(mail.clone())
    }

    fn subjects(&self) -> Vec<String> {
        let mails = self.mails.lock().expect("the mails");
        mails.iter().map(|mail| format!("{} to {}", mail.subject, mail.recipients.join(", "))).collect()
    }
}

/// The server's part of SMTP (RFC 5321), as much of it as a client needs.
async fn converse(stream: TcpStream, mails: Arc<Mutex<Vec<Mail>>>) -> std::io::Result<()> {
    let mut stream = BufStream::new(stream);
    let mut recipients = Vec::new();
    reply(&mut stream, "220 ready").await?;
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await? == 0 {
            return Ok(());
        }
        let command = line.trim().to_ascii_uppercase();
        if command.starts_with("RCPT TO:") {
            let address = line.split(['<', '>']).nth(1).unwrap_or_default();
            recipients.push(address.to_owned());
        } else if command == "DATA" {
            reply(&mut stream, "354 go on").await?;
            let content = read_content(&mut stream).await?;
            let mut mail = parse(&content);
            mail.recipients = std::mem::take(&mut recipients);
            mails.lock().expect("the mails").push(mail);
        }
        let answer = if command.starts_with("EHLO") { "250-sink\r\n250 8BITMIME" } else { "250 ok" };
        reply(&mut stream, if command == "QUIT" { "221 bye" } else { answer }).await?;
    }
}

async fn reply(stream: &mut BufStream<TcpStream>, line: &str) -> std::io::Result<()> {
    stream.write_all(format!("{line}\r\n").as_bytes()).await?;
    stream.flush().await
}

async fn read_content(stream: &mut BufStream<TcpStream>) -> std::io::Result<String> {
    let mut content = String::new();
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).await?;
        if line == ".\r\n" || line.is_empty() {
            return Ok(content);
        }
        content.push_str(line.strip_prefix('.').unwrap_or(&line));
    }
}

fn parse(content: &str) -> Mail {
    let (headers, body) = split(content);
    let mut mail = Mail { subject: headers.get("subject").cloned().unwrap_or_default(), ..Mail::default() };
    collect_parts(&headers, body, &mut mail);
    mail
}

fn collect_parts(headers: &HashMap<String, String>, body: &str, mail: &mut Mail) {
    let kind = headers.get("content-type").map_or("text/plain", String::as_str);
    if let Some((_, boundary)) = kind.split_once("boundary=") {
        let separator =
            format!("--{}", boundary.split(';').next().unwrap_or_default().trim().trim_matches('"'));
        for part in body.split(separator.as_str()).skip(1).filter(|part| !part.starts_with("--")) {
            let (headers, body) = split(part.trim_start_matches("\r\n"));
            collect_parts(&headers, body, mail);
        }
        return;
    }
    let decoded = match headers.get("content-transfer-encoding").map(String::as_str) {
        Some("quoted-printable") => from_quoted_printable(body),
        Some("base64") => panic!("a mail in base64, which this listener does not read"),
        _ => body.to_owned(),
    };
    if kind.starts_with("text/html") { mail.html = decoded } else { mail.text = decoded }
}

/// Headers with lower-case names, continued lines joined; and the rest.
fn split(content: &str) -> (HashMap<String, String>, &str) {
    let (head, body) = content.split_once("\r\n\r\n").unwrap_or((content, ""));
    let head = head.replace("\r\n ", " ").replace("\r\n\t", " ");
    let pairs = head.lines().filter_map(|line| line.split_once(": "));
    (pairs.map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned())).collect(), body)
}

fn from_quoted_printable(body: &str) -> String {
    let joined = body.replace("=\r\n", "");
    let mut pieces = joined.split('=');
    let mut bytes = pieces.next().unwrap_or_default().as_bytes().to_vec();
    for piece in pieces {
        let (code, rest) = piece.split_at(2);
        bytes.push(u8::from_str_radix(code, 16).expect("quoted-printable"));
        bytes.extend_from_slice(rest.as_bytes());
    }
    String::from_utf8(bytes).expect("UTF-8")
}

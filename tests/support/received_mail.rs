//! A mail as it arrived, taken apart as far as tests look at it.

/// A mail that the sink took.
#[derive(Clone, Debug)]
pub(crate) struct ReceivedMail {
    /// The addresses of the envelope.
    pub(crate) recipients: Vec<String>,
    /// Names in lower case, values unfolded, in the order of the mail.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) subject: String,
    pub(crate) message_id: String,
    pub(crate) text: String,
    pub(crate) html: String,
}

impl ReceivedMail {
    pub(crate) fn parse(recipients: Vec<String>, content: &str) -> Self {
        let (headers, body) = split(content);
        let mut mail = Self {
            recipients,
            subject: decode_words(find(&headers, "subject")),
            message_id: find(&headers, "message-id").to_owned(),
            headers,
            text: String::new(),
            html: String::new(),
        };
        let kind = find(&mail.headers, "content-type");
        let boundary = kind.split("boundary=\"").nth(1).and_then(|rest| rest.split('"').next());
        let delimiter = format!("--{}", boundary.expect("a multipart mail"));
        for part in body.split(&delimiter).skip(1).filter(|part| !part.starts_with("--")) {
            let (headers, body) = split(part.trim_start_matches("\r\n"));
            let body = match find(&headers, "content-transfer-encoding") {
                "quoted-printable" => decode_quoted_printable(body),
                "base64" => decode_base64(body),
                _ => body.to_owned(),
            };
            let body = body.replace("\r\n", "\n").trim_end().to_owned();
            if find(&headers, "content-type").starts_with("text/html") {
                mail.html = body;
            } else {
                mail.text = body;
            }
        }
        mail
    }

    pub(crate) fn is_to(&self, address: &str) -> bool {
        self.recipients.iter().any(|recipient| recipient == address)
    }

    /// The value of a header, named in lower case; empty when there is none.
    pub(crate) fn header(&self, name: &str) -> &str {
        find(&self.headers, name)
    }

    /// The first address in the text part that contains `path`, for example `/i/`.
    pub(crate) fn link(&self, path: &str) -> String {
        let mut words = self.text.split_whitespace();
        let link = words.find(|word| word.starts_with("http") && word.contains(path));
        link.unwrap_or_else(|| panic!("no link with {path} in:\n{}", self.text)).to_owned()
    }
}

fn find<'a>(headers: &'a [(String, String)], name: &str) -> &'a str {
    headers.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value)
}

fn split(content: &str) -> (Vec<(String, String)>, &str) {
    let (head, body) = content.split_once("\r\n\r\n").unwrap_or((content, ""));
    let unfolded = head.replace("\r\n ", " ").replace("\r\n\t", " ");
    let headers = unfolded
        .split("\r\n")
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_lowercase(), value.trim().to_owned()))
        .collect();
    (headers, body)
}

fn decode_quoted_printable(body: &str) -> String {
    let joined = body.replace("=\r\n", "");
    let mut bytes = Vec::new();
    let mut rest = joined.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let escaped = (byte == b'=')
            .then(|| after.get(..2).and_then(|hex| std::str::from_utf8(hex).ok()))
            .flatten()
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        bytes.push(escaped.unwrap_or(byte));
        rest = if escaped.is_some() { after.get(2..).unwrap_or_default() } else { after };
    }
    String::from_utf8(bytes).expect("UTF-8")
}

fn decode_base64(body: &str) -> String {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let (mut bits, mut count, mut bytes) = (0u32, 0, Vec::new());
    for digit in body.bytes().filter_map(|byte| DIGITS.iter().position(|&digit| digit == byte)) {
        bits = bits << 6 | digit as u32;
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count) as u8);
        }
    }
    String::from_utf8(bytes).expect("UTF-8")
}

/// Decodes `=?utf-8?b?…?=`, the form in which lettre writes words beyond ASCII.
fn decode_words(value: &str) -> String {
    let mut decoded = String::new();
    let mut rest = value;
    while let Some((before, after)) = rest.split_once("=?utf-8?b?") {
        // The blank between two encoded words is not part of the text, RFC 2047 section 6.2.
        if decoded.is_empty() || !before.trim().is_empty() {
            decoded.push_str(before);
        }
        let (word, next) = after.split_once("?=").expect("a closed word");
        decoded.push_str(&decode_base64(word));
        rest = next;
    }
    decoded + rest
}

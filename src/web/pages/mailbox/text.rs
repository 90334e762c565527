//! The text part of a mail, its links made clickable.

/// A line of text: plain, or a link alone on its line, as our mails write them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// Words.
    Plain(String),
    /// The address of a page.
    Link(String),
}

/// What the mail asks to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct MainLink {
    /// The words on its button in the HTML part.
    pub label: String,
    /// Where it leads.
    pub url: String,
}

/// The lines of the text.
pub(super) fn lines(text: &str) -> Vec<Line> {
    let line = |line: &str| match url(line) {
        Some(url) => Line::Link(url.to_owned()),
        None => Line::Plain(line.to_owned()),
    };
    text.trim_end().lines().map(line).collect()
}

/// The first link that follows its label and a colon: "Accept Invite:", then the address.
pub(super) fn main_link(text: &str) -> Option<MainLink> {
    let pairs = text.lines().zip(text.lines().skip(1));
    let mut links = pairs.filter_map(|(label, address)| {
        let label = label.trim().strip_suffix(':')?;
        Some(MainLink { label: label.to_owned(), url: url(address)?.to_owned() })
    });
    links.next()
}

fn url(line: &str) -> Option<&str> {
    let line = line.trim();
    let is_url = (line.starts_with("https://") || line.starts_with("http://")) && !line.contains(' ');
    is_url.then_some(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str =
        "Dana invited you.\n\nAccept Invite:\nhttp://localhost:8080/i/abc\n\nSee http://x.example too.\n";

    #[test]
    fn links_on_lines_of_their_own_are_links() {
        let lines = lines(TEXT);
        assert_eq!(lines.len(), 6);
        assert_eq!(lines.get(3), Some(&Line::Link("http://localhost:8080/i/abc".into())));
        assert_eq!(lines.get(5), Some(&Line::Plain("See http://x.example too.".into())));
    }

    #[test]
    fn the_main_link_has_the_label_of_its_button() {
        let link = main_link(TEXT).unwrap();
        assert_eq!(
            (link.label.as_str(), link.url.as_str()),
            ("Accept Invite", "http://localhost:8080/i/abc")
        );
        assert_eq!(main_link("Nothing to do."), None);
    }
}

//! Calendars as RFC 5545 wants them.

use time::{format_description::StaticFormatDescription, macros::format_description};

use crate::clock::Timestamp;

const INSTANT: StaticFormatDescription = format_description!("[year][month][day]T[hour][minute][second]Z");

/// Octets of a line without its end.
const MAX_LINE_LENGTH: usize = 75;

/// A calendar that is being written.
#[derive(Debug)]
pub struct Calendar(String);

/// An event without a length.
#[derive(Clone, Copy, Debug)]
pub struct CalendarEvent<'a> {
    /// The same for the same event in every answer, wherever the server moves, and nowhere else.
    pub uid: &'a str,
    /// When what is told here last changed (3.8.7.2, since there is no METHOD).
    pub changed: Timestamp,
    /// How often it has changed (3.8.7.4).
    pub sequence: i64,
    /// When it happens.
    pub at: Timestamp,
    /// One line.
    pub summary: &'a str,
    /// More lines.
    pub description: &'a str,
    /// A page about it.
    pub url: &'a str,
}

impl Calendar {
    /// An empty calendar that programs are to ask for every few hours.
    pub fn new(name: &str) -> Self {
        let mut calendar = Self(String::new());
        for line in
            ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Tessera//Expiries//EN", "CALSCALE:GREGORIAN"]
        {
            calendar.line(line);
        }
        calendar.line("REFRESH-INTERVAL;VALUE=DURATION:PT6H");
        calendar.line("X-PUBLISHED-TTL:PT6H");
        calendar.line(&format!("X-WR-CALNAME:{}", escaped(name)));
        calendar
    }

    /// Adds an event. It takes nobody's time.
    pub fn add(&mut self, event: CalendarEvent<'_>) {
        self.line("BEGIN:VEVENT");
        self.line(&format!("UID:{}", escaped(event.uid)));
        self.line(&format!("DTSTAMP:{}", instant(event.changed)));
        self.line(&format!("LAST-MODIFIED:{}", instant(event.changed)));
        self.line(&format!("SEQUENCE:{}", event.sequence));
        self.line(&format!("DTSTART:{}", instant(event.at)));
        self.line(&format!("SUMMARY:{}", escaped(event.summary)));
        self.line(&format!("DESCRIPTION:{}", escaped(event.description)));
        self.line(&format!("URL:{}", event.url));
        self.line("TRANSP:TRANSPARENT");
        self.line("END:VEVENT");
    }

    /// The whole text.
    pub fn finish(mut self) -> String {
        self.line("END:VCALENDAR");
        self.0
    }

    /// 3.1: a long line goes on after a line break and a blank, never within a letter.
    fn line(&mut self, mut rest: &str) {
        let mut room = MAX_LINE_LENGTH;
        loop {
            let (part, more) = rest.split_at(rest.floor_char_boundary(room));
            self.0.push_str(part);
            self.0.push_str("\r\n");
            if more.is_empty() {
                return;
            }
            self.0.push(' ');
            (rest, room) = (more, MAX_LINE_LENGTH - 1);
        }
    }
}

/// 3.3.11.
fn escaped(text: &str) -> String {
    let text = text.replace("\r\n", "\n").replace('\\', "\\\\").replace(';', "\\;").replace(',', "\\,");
    text.replace('\n', "\\n").replace(char::is_control, " ")
}

fn instant(at: Timestamp) -> String {
    at.format(INSTANT).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn a_line_is_folded_between_letters_and_unfolds_to_itself() {
        let name = "Zürich ".repeat(40);
        let mut calendar = Calendar(String::new());
        calendar.line(&format!("SUMMARY:{name}"));
        let folded = calendar.0;
        assert!(folded.split("\r\n").all(|line| line.len() <= 75), "{folded}");
        assert_eq!(folded.replace("\r\n ", ""), format!("SUMMARY:{name}\r\n"));
    }

    #[test]
    fn what_has_a_meaning_is_escaped() {
        assert_eq!(escaped("a;b,c\\d\ne\r\nf\u{7}"), "a\\;b\\,c\\\\d\\ne\\nf ");
    }

    #[test]
    fn an_event_has_what_it_needs() {
        let mut calendar = Calendar::new("Lumen");
        calendar.add(CalendarEvent {
            uid: "1",
            changed: datetime!(2026-11-23 10:00),
            sequence: 3,
            at: datetime!(2026-12-01 23:59:59),
            summary: "x",
            description: "y",
            url: "https://a.example",
        });
        let text = calendar.finish();
        assert!(
            text.starts_with("BEGIN:VCALENDAR\r\nVERSION:2.0\r\n") && text.ends_with("END:VCALENDAR\r\n")
        );
        let lines = "UID:1\r\nDTSTAMP:20261123T100000Z\r\nLAST-MODIFIED:20261123T100000Z\r\nSEQUENCE:3\r\n\
                     DTSTART:20261201T235959Z\r\n";
        assert!(text.contains(lines), "{text}");
    }
}

//! How long a connection is kept on which nothing happens.

use std::time::{Duration, Instant};

use crate::app::listener::{HEAD_TIMEOUT, KEEP_ALIVE};

/// After which time it is asked again whether the client is still there.
const PING_INTERVAL: Duration = Duration::from_secs(30);
/// How long it may take to answer that.
const PONG_TIMEOUT: Duration = Duration::from_secs(20);
/// How long the client may take to end a connection that has nothing more to do, once it was told to.
const FAREWELL: Duration = Duration::from_secs(10);

/// What is to be done about a connection.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Nothing yet.
    Wait,
    /// Ask whether the client is still there.
    Ping,
    /// Tell it that no more requests are taken.
    Close,
    /// End it without a word.
    End,
}

/// Follows a connection. Only requests keep it open: whoever sends something else again and again waits, too.
pub(super) struct Patience {
    busy_at: Instant,
    had_request: bool,
    pinged_at: Instant,
    awaits_pong: bool,
    closing_since: Option<Instant>,
}

impl Patience {
    pub(super) fn new(now: Instant) -> Self {
        Self { busy_at: now, had_request: false, pinged_at: now, awaits_pong: false, closing_since: None }
    }

    /// A request came, or was answered.
    pub(super) fn note_request(&mut self, now: Instant) {
        self.had_request = true;
        self.busy_at = now;
    }

    pub(super) fn awaits_pong(&self) -> bool {
        self.awaits_pong
    }

    pub(super) fn note_pong(&mut self) {
        self.awaits_pong = false;
    }

    /// Whether the client was told that no more requests are taken.
    pub(super) fn is_closing(&self) -> bool {
        self.closing_since.is_some()
    }

    pub(super) fn close(&mut self, now: Instant) {
        self.closing_since = Some(now);
    }

    /// When it is to be looked at next.
    pub(super) fn next_look(&self) -> Instant {
        let ping = self.pinged_at + if self.awaits_pong { PONG_TIMEOUT } else { PING_INTERVAL };
        ping.min(self.end_of_waiting())
    }

    fn end_of_waiting(&self) -> Instant {
        match self.closing_since {
            Some(since) => since.max(self.busy_at) + FAREWELL,
            None => self.busy_at + if self.had_request { KEEP_ALIVE } else { HEAD_TIMEOUT },
        }
    }

    /// What is to be done now; `is_busy` while there are requests.
    pub(super) fn look(&mut self, now: Instant, is_busy: bool) -> Step {
        if is_busy {
            self.busy_at = now;
        }
        if now >= self.end_of_waiting() {
            if self.is_closing() {
                return Step::End;
            }
            self.close(now);
            return Step::Close;
        }
        if self.awaits_pong && now >= self.pinged_at + PONG_TIMEOUT {
            return Step::End;
        }
        if !self.awaits_pong && now >= self.pinged_at + PING_INTERVAL {
            self.pinged_at = now;
            self.awaits_pong = true;
            return Step::Ping;
        }
        Step::Wait
    }
}

#[cfg(test)]
mod tests {
    use super::{Step::*, *};

    /// What is done at these seconds, where the client answers all pings.
    fn steps(patience: &mut Patience, start: Instant, seconds: &[u64], is_busy: bool) -> Vec<Step> {
        let look = |second: &u64| {
            let step = patience.look(start + Duration::from_secs(*second), is_busy);
            if step == Ping {
                patience.note_pong();
            }
            step
        };
        seconds.iter().map(look).collect()
    }

    #[test]
    fn who_asks_for_nothing_is_sent_away_soon_and_who_asked_before_later() {
        let start = Instant::now();
        let at = |second| start + Duration::from_secs(second);
        let mut silent = Patience::new(start);
        assert_eq!(silent.next_look(), at(10));
        assert_eq!(steps(&mut silent, start, &[9, 10, 19, 20], false), [Wait, Close, Wait, End]);

        let mut known = Patience::new(start);
        known.note_request(start);
        assert_eq!(steps(&mut known, start, &[30, 60], true), [Ping, Ping]);
        known.note_request(at(80));
        assert_eq!(steps(&mut known, start, &[90, 120, 150, 154], false), [Ping, Ping, Ping, Wait]);
        assert_eq!(known.next_look(), at(155));
        assert_eq!(steps(&mut known, start, &[155, 164, 165], false), [Close, Wait, End]);
    }

    #[test]
    fn what_is_being_answered_ends_in_peace() {
        let start = Instant::now();
        let mut patience = Patience::new(start);
        patience.note_request(start);
        patience.close(start);
        assert_eq!(steps(&mut patience, start, &[10, 29, 30, 31], true), [Wait, Wait, Ping, Wait]);
        assert_eq!(steps(&mut patience, start, &[40, 41], false), [Wait, End]);
    }

    #[test]
    fn who_answers_no_ping_is_gone() {
        let start = Instant::now();
        let mut patience = Patience::new(start);
        let at = |second| start + Duration::from_secs(second);
        assert_eq!(patience.look(at(30), true), Ping);
        assert_eq!((patience.look(at(49), true), patience.next_look()), (Wait, at(50)));
        assert_eq!(patience.look(at(50), true), End);
    }
}

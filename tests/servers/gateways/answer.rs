//! What comes back through a gateway, or from a backend of the texts.

/// How the backend's answer begins; the request that it got follows.
pub(super) const BACKEND: &str = "backend\n";

/// An answer of a gateway, or of the backend through it.
#[derive(Debug)]
pub(super) struct Answer(pub(super) String);

impl Answer {
    pub(super) fn text(&self) -> &str {
        &self.0
    }

    pub(super) fn status(&self) -> u16 {
        let version = ["HTTP/1.1 ", "HTTP/1.0 "].into_iter().find_map(|version| self.0.strip_prefix(version));
        let status = version.and_then(|rest| rest.get(..3));
        status.and_then(|status| status.parse().ok()).expect("a status")
    }

    pub(super) fn is_from_backend(&self) -> bool {
        self.0.contains(BACKEND)
    }

    #[track_caller]
    pub(super) fn must_reach_the_backend(&self) {
        assert!(self.status() == 200 && self.is_from_backend(), "{self:?}");
    }

    #[track_caller]
    pub(super) fn must_be_stopped(&self, status: u16) {
        assert!(self.status() == status && !self.is_from_backend(), "{status}: {self:?}");
    }

    /// A client that reads JSON reads why.
    #[track_caller]
    pub(super) fn must_be_refused(&self, status: u16) {
        self.must_be_stopped(status);
        assert_eq!(self.header("content-type"), ["application/problem+json"], "{self:?}");
        assert_eq!(self.json()["status"], status, "{self:?}");
    }

    /// The body, which may be in chunks.
    pub(super) fn json(&self) -> serde_json::Value {
        let (start, end) = (self.0.find('{').unwrap_or(0), self.0.rfind('}').map_or(0, |end| end + 1));
        serde_json::from_str(self.0.get(start..end).unwrap_or_default()).expect("JSON")
    }

    /// The values of a header of the answer.
    pub(super) fn header(&self, name: &str) -> Vec<&str> {
        let (head, _) = self.0.split_once("\r\n\r\n").unwrap_or((&self.0, ""));
        values(head, name)
    }

    /// The values of a header of the request that the backend got.
    pub(super) fn passed_on(&self, name: &str) -> Vec<&str> {
        let (_, request) = self.0.split_once(BACKEND).unwrap_or_default();
        values(request, name)
    }
}

fn values<'a>(head: &'a str, name: &str) -> Vec<&'a str> {
    let lines = head.lines().filter_map(|line| line.split_once(':'));
    lines.filter(|(named, _)| named.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim()).collect()
}

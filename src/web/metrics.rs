//! What is counted of requests. Nothing is told apart by what a client can make up: not by an address, an id or a
//! name, so there are as many numbers after a year as at the start.

use std::{array, time::Duration};

use actix_web::http::StatusCode;
use strum::IntoStaticStr;

use crate::{
    domain::{
        rejections::{Code, Endpoint},
        verification::{Decision, Outcome},
    },
    metrics::{Counter, Histogram},
};

/// What was counted since the start.
#[derive(Debug)]
pub struct Metrics {
    verifications: [[Counter; RESULTS]; ENDPOINTS.len()],
    requests: [Requests; Kind::ALL.len()],
}

/// Requests of one kind.
#[derive(Debug, Default)]
pub struct Requests {
    by_class: [Counter; CLASSES.len()],
    /// How long they took, from their head to the head of the response.
    pub duration: Histogram,
}

/// What a request is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, IntoStaticStr)]
#[strum(serialize_all = "lowercase")]
pub enum Kind {
    /// A verification for a gateway.
    Auth,
    /// One or several verifications for a backend.
    Verify,
    /// The rest of the API.
    Api,
    /// A page, a part of one, or a form.
    Page,
    /// A file that pages need.
    Static,
    /// How the server is.
    Health,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 6] = [Self::Auth, Self::Verify, Self::Api, Self::Page, Self::Static, Self::Health];

    /// The kind of a request for `path`, which may be one `for_machines`.
    pub fn of(path: &str, for_machines: bool) -> Self {
        match path {
            "/auth" => Self::Auth,
            "/healthz" | "/livez" | "/readyz" => Self::Health,
            _ if for_machines && path.starts_with("/api/v2/keys/verify") => Self::Verify,
            _ if for_machines => Self::Api,
            _ if path.starts_with("/static/") => Self::Static,
            _ => Self::Page,
        }
    }
}

/// The first digits of statuses.
const CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

const ENDPOINTS: [Endpoint; 3] = [Endpoint::Auth, Endpoint::Organization, Endpoint::Verify];

/// What came of a verification.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verified {
    /// The key is known.
    Known(Outcome),
    /// Anything else.
    Unknown(Unknown),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
enum Unknown {
    NoKey,
    Malformed,
    NotFound,
    WrongOrganization,
    TokenRejected,
    Error,
}

impl Unknown {
    const ALL: [Self; 6] = [
        Self::NoKey,
        Self::Malformed,
        Self::NotFound,
        Self::WrongOrganization,
        Self::TokenRejected,
        Self::Error,
    ];
}

const RESULTS: usize = Outcome::ALL.len() + Unknown::ALL.len();

impl Verified {
    /// All of them, in the order of their places.
    fn all() -> impl Iterator<Item = Self> {
        Outcome::ALL.map(Self::Known).into_iter().chain(Unknown::ALL.map(Self::Unknown))
    }

    fn place(self) -> usize {
        match self {
            Self::Known(outcome) => outcome as usize,
            Self::Unknown(unknown) => Outcome::ALL.len() + unknown as usize,
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Known(outcome) => outcome.as_str(),
            Self::Unknown(unknown) => unknown.into(),
        }
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            verifications: array::from_fn(|_| array::from_fn(|_| Counter::default())),
            requests: array::from_fn(|_| Requests::default()),
        }
    }
}

impl Metrics {
    /// A key was verified; `None` where that failed.
    pub fn verified(&self, endpoint: Endpoint, decision: Option<&Decision>) {
        let verified = match decision {
            Some(Decision::Known { outcome, .. }) => Verified::Known(*outcome),
            Some(Decision::Malformed) => Verified::Unknown(Unknown::Malformed),
            Some(Decision::NotFound) => Verified::Unknown(Unknown::NotFound),
            Some(Decision::Foreign) => Verified::Unknown(Unknown::WrongOrganization),
            None => Verified::Unknown(Unknown::Error),
        };
        self.count(endpoint, verified);
    }

    /// A request carried nothing to verify.
    pub fn not_verified(&self, endpoint: Endpoint, code: Code) {
        self.count(
            endpoint,
            match code {
                Code::NoKey => Verified::Unknown(Unknown::NoKey),
                Code::Malformed => Verified::Unknown(Unknown::Malformed),
                Code::NotFound => Verified::Unknown(Unknown::NotFound),
                Code::TokenRejected => Verified::Unknown(Unknown::TokenRejected),
                Code::Key(outcome) => Verified::Known(outcome),
            },
        );
    }

    fn count(&self, endpoint: Endpoint, verified: Verified) {
        let of_endpoint = self.verifications.get(endpoint as usize);
        if let Some(counter) = of_endpoint.and_then(|counters| counters.get(verified.place())) {
            counter.increment();
        }
    }

    /// A request was answered.
    pub fn answered(&self, kind: Kind, status: StatusCode, took: Duration) {
        let Some(requests) = self.requests.get(kind as usize) else { return };
        requests.duration.observe(took);
        if let Some(counter) = requests.by_class.get(usize::from(status.as_u16() / 100).saturating_sub(1)) {
            counter.increment();
        }
    }

    /// How many verifications there were, by where and with what result.
    pub fn verifications(&self) -> impl Iterator<Item = (&'static str, &'static str, u64)> {
        ENDPOINTS.into_iter().zip(&self.verifications).flat_map(|(endpoint, counters)| {
            Verified::all()
                .zip(counters)
                .map(move |(verified, counter)| (endpoint.into(), verified.word(), counter.get()))
        })
    }

    /// The requests of each kind.
    pub fn requests(&self) -> impl Iterator<Item = (&'static str, &Requests)> {
        Kind::ALL.into_iter().map(Into::into).zip(&self.requests)
    }
}

impl Requests {
    /// How many there were, by the first digit of the status.
    pub fn by_class(&self) -> impl Iterator<Item = (&'static str, u64)> {
        CLASSES.into_iter().zip(self.by_class.iter().map(Counter::get))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_is_counted_in_the_place_that_is_read_under_its_name() {
        for (place, verified) in Verified::all().enumerate() {
            assert_eq!(verified.place(), place, "{verified:?}");
        }
        for (place, endpoint) in ENDPOINTS.into_iter().enumerate() {
            assert_eq!(endpoint as usize, place, "{endpoint:?}");
        }
        for (place, kind) in Kind::ALL.into_iter().enumerate() {
            assert_eq!(kind as usize, place, "{kind:?}");
        }
    }

    #[test]
    fn a_status_is_counted_by_its_first_digit() {
        let metrics = Metrics::default();
        for status in [100, 204, 303, 404, 503, 999] {
            metrics.answered(Kind::Page, StatusCode::from_u16(status).unwrap(), Duration::ZERO);
        }
        let (_, pages) = metrics.requests().find(|(kind, _)| *kind == "page").unwrap();
        assert!(pages.by_class().all(|(_, count)| count == 1));
        assert_eq!(pages.duration.count(), 6);
    }

    #[test]
    fn each_path_is_of_one_kind() {
        for (path, for_machines, kind) in [
            ("/auth", true, Kind::Auth),
            ("/api/v2/keys/verify", true, Kind::Verify),
            ("/api/v2/keys/verify/batch", true, Kind::Verify),
            ("/api/v2/token", true, Kind::Api),
            ("/api/docs", false, Kind::Page),
            ("/orgs/x/api", false, Kind::Page),
            ("/static/page.css", false, Kind::Static),
            ("/readyz", false, Kind::Health),
            ("/nowhere", false, Kind::Page),
        ] {
            assert_eq!(Kind::of(path, for_machines), kind, "{path}");
        }
    }
}

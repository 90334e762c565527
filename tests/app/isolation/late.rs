//! Requests whose body arrives after the right to them was taken away. They were let in by their
//! head; they must change nothing all the same.

use std::{collections::BTreeMap, time::Duration};

use futures_util::{StreamExt, future, stream};
use tessera::{
    domain::{access::Role, token_access::TokenAccess},
    web::{
        access::{Access, Route},
        form_id::FormId,
    },
};
use tokio::{sync::watch, task::JoinHandle};

use super::{
    fixture::{self, Fixture},
    is_log_in, refuses, routes,
};
use crate::support::{Client, Machine, PASSWORD, Request, Response, START};

/// Fields of a form.
type Fields<'a> = &'a [(&'a str, &'a str)];

const FORM: &str = "application/x-www-form-urlencoded";
const JSON: &str = "application/json";

/// Requests of which the server has the head and half of the body.
struct HalfSent {
    rest: watch::Sender<bool>,
    requests: Vec<(&'static Route, JoinHandle<Response>)>,
}

impl HalfSent {
    async fn new(requests: impl Iterator<Item = (&'static Route, Request, &'static str, String)>) -> Self {
        let (rest, wait) = watch::channel(false);
        let arm = |(route, request, kind, body): (_, Request, _, _)| {
            let request = request.body(kind, in_halves(body, wait.clone()));
            (route, tokio::spawn(request.send()))
        };
        let requests: Vec<_> = requests.map(arm).collect();
        // Long enough for every head to be read, and for every body to be late. Where it is not, the
        // test finds less, but nothing wrong.
        tokio::time::sleep(Duration::from_millis(1500)).await;
        for (route, request) in &requests {
            assert!(!request.is_finished(), "{route:?} does not wait for its body");
        }
        Self { rest, requests }
    }

    async fn finish(self) -> Vec<(&'static Route, Response)> {
        self.rest.send_replace(true);
        let mut answers = Vec::new();
        for (route, request) in self.requests {
            answers.push((route, request.await.expect("an answer")));
        }
        answers
    }
}

fn in_halves(body: String, mut rest: watch::Receiver<bool>) -> reqwest::Body {
    let (first, second) = body.split_at(body.len() / 2);
    let (first, second) = (first.to_owned(), second.to_owned());
    let later = stream::once(async move {
        rest.wait_for(|is_sent| *is_sent).await.expect("the test goes on");
        Ok(second)
    });
    reqwest::Body::wrap_stream(stream::once(future::ready(Ok::<_, std::io::Error>(first))).chain(later))
}

/// Every form that somebody who is logged in may send.
async fn forms(fixture: &Fixture, browser: &Client, of: impl Fn(Access) -> bool) -> HalfSent {
    let forms = routes(of).filter(|route| route.method == "POST").filter_map(|route| {
        let fields = fixture::fields(route);
        let mut body = url::form_urlencoded::Serializer::new(String::new());
        body.extend_pairs(&fields);
        let request = browser.request("POST", &fixture.path(route, &fixture.lumen_ids));
        (!fields.is_empty()).then(|| (route, request, FORM, body.finish()))
    });
    let armed = HalfSent::new(forms).await;
    assert!(armed.requests.len() > 3, "only {} forms", armed.requests.len());
    armed
}

fn of_sessions(access: Access) -> bool {
    matches!(access, Access::LoggedIn | Access::Account | Access::Member(_))
}

#[tokio::test]
async fn a_form_that_is_finished_in_time_is_carried_out() {
    let fixture = Fixture::new().await;
    let late = fixture.app.member(&fixture.lumen, Role::Administrator, "Late").await;
    let browser = fixture.app.log_in_as(&late).await;
    let armed = forms(&fixture, &browser, of_sessions).await;
    let before = facts(&fixture).await;
    for (route, answer) in armed.finish().await {
        assert!([200, 303, 409, 422].contains(&answer.status), "{route:?}: {answer:?}");
        assert!(answer.status != 303 || !is_log_in(answer.location()), "{route:?}");
    }
    assert!(facts(&fixture).await != before, "nothing was changed");
}

#[tokio::test]
async fn whoever_is_removed_or_demoted_finishes_nothing() {
    let ways: [(&str, Fields<'_>, Role, u16); 4] = [
        ("remove", &[], Role::User, 404),
        ("role", &[("role", "user")], Role::User, 403),
        ("role", &[("role", "developer")], Role::Developer, 403),
        ("role", &[("role", "supervisor")], Role::Supervisor, 403),
    ];
    for (way, fields, role, status) in ways {
        let fixture = Fixture::new().await;
        let owner = fixture.app.log_in_as(&fixture.lumen.owner).await;
        let late = fixture.app.member(&fixture.lumen, Role::Administrator, "Late").await;
        let browser = fixture.app.log_in_as(&late).await;
        let armed = forms(&fixture, &browser, |access| refuses(access, role)).await;
        owner.post(&fixture.lumen.url(&format!("users/{}/{way}", late.id)), fields).await.must_be(303);
        let before = facts(&fixture).await;
        for (route, answer) in armed.finish().await {
            assert_eq!(answer.status, status, "{way}, {route:?}: {answer:?}");
        }
        assert!(facts(&fixture).await == before, "{way}: something was changed");
    }
}

#[tokio::test]
async fn a_session_that_has_ended_finishes_nothing() {
    let password = [("current_password", PASSWORD), ("new_password", "another violet umbrella")];
    let ways: [(&str, bool, Fields<'_>); 3] = [
        ("/logout", true, &[]),
        ("/account/sessions/end-others", false, &[]),
        ("/account/password", false, &password),
    ];
    for (way, is_own, fields) in ways {
        let fixture = Fixture::new().await;
        let late = fixture.app.member(&fixture.lumen, Role::Administrator, "Late").await;
        let (browser, other) = (fixture.app.log_in_as(&late).await, fixture.app.log_in_as(&late).await);
        let armed = forms(&fixture, &browser, of_sessions).await;
        let ending = if is_own { browser.clone() } else { other };
        ending.post(way, fields).await.must_be(303);
        let before = facts(&fixture).await;
        for (route, answer) in armed.finish().await {
            assert_eq!(answer.status, 303, "{way}, {route:?}: {answer:?}");
            assert!(is_log_in(answer.location()), "{way}, {route:?} leads to {}", answer.location());
        }
        assert!(facts(&fixture).await == before, "{way}: something was changed");
    }
}

#[tokio::test]
async fn a_token_that_is_no_longer_accepted_finishes_nothing() {
    for way in ["deactivate", "replace", "remove"] {
        for is_session_token in [false, true] {
            let fixture = Fixture::new().await;
            let owner = fixture.app.log_in_as(&fixture.lumen.owner).await;
            let mut machine = fixture.app.machine(&fixture.lumen, TokenAccess::Full).await;
            if is_session_token {
                let issued = machine.request("GET", "/api/v2/sessionToken").send().await.must_be(200).json();
                machine.credential = issued["data"].as_str().expect("a session token").to_owned();
            }
            let armed = HalfSent::new(bodies(&fixture, &machine)).await;
            let form_id = FormId::new(START);
            let url = fixture.lumen.url(&format!("api/tokens/{}/{way}", machine.token_id));
            let taken = owner.post(&url, &[("form_id", form_id.as_str())]).await;
            assert!([200, 303].contains(&taken.status), "{way}: {taken:?}");
            let before = facts(&fixture).await;
            for (route, answer) in armed.finish().await {
                assert_eq!(answer.status, 401, "{way}, {route:?}: {answer:?}");
            }
            assert!(facts(&fixture).await == before, "{way}: something was changed");
        }
    }
}

/// What is in the database, but for what workers do to it by themselves.
async fn facts(fixture: &Fixture) -> BTreeMap<String, Vec<String>> {
    fixture.app.state.usage.flush(&fixture.app.db).await.expect("a flush");
    let mut ledger = fixture.app.ledger().await;
    for of_workers in ["outbox", "webhook_deliveries"] {
        assert!(ledger.remove(of_workers).is_some(), "{of_workers} is no table");
    }
    ledger
}

/// Every change that a master token may send with a body.
fn bodies<'a>(
    fixture: &'a Fixture,
    machine: &'a Machine,
) -> impl Iterator<Item = (&'static Route, Request, &'static str, String)> + 'a {
    let changes = routes(|access| access.of_token().is_some());
    changes.filter_map(move |route| {
        let body = fixture::body(route);
        let is_sent = body.as_object().is_some_and(|fields| !fields.is_empty());
        let request = machine.request(route.method, &fixture.path(route, &fixture.lumen_ids));
        is_sent.then(|| (route, request, JSON, body.to_string()))
    })
}

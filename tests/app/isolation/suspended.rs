//! A suspended organization, tried at every address: everything can be read, nothing can be changed.

use tessera::{
    domain::{access::Role, token_access::TokenAccess},
    web::access::{Access, Route},
};

use super::{
    exchange::{check_headers, method, send, send_htmx},
    fixture::Fixture,
    machines, routes,
};
use crate::support::Response;

const REASON: &str = "Payment is overdue since <October>.";

/// What is sent by POST and changes nothing, or only ends one's own membership.
const OPEN: [&str; 3] = [
    "/orgs/{organization}/settings/leave",
    "/orgs/{organization}/api/troubleshoot",
    "/orgs/{organization}/api/troubleshoot/try",
];

/// What is refused before that, since nothing was chosen.
const CHOOSES_NOTHING: [&str; 2] =
    ["/orgs/{organization}/invitations/cancel", "/orgs/{organization}/api/keys/selected"];

#[tokio::test]
async fn members_read_everything_and_change_nothing() {
    let fixture = Fixture::new().await;
    fixture.app.suspend(&fixture.lumen, REASON).await;
    let browser = fixture.app.log_in_as(&fixture.lumen.owner).await;
    let before = fixture.app.ledger().await;
    let mut tried = 0;
    for route in routes(|access| matches!(access, Access::Member(_))) {
        let path = fixture.path(route, &fixture.lumen_ids);
        if method(route) == "GET" {
            let page = send(&browser, route, &path).await;
            // A choice among nothing chosen is refused, as ever.
            assert!([200, 303, 404, 422].contains(&page.status), "{route:?}: {}", page.summary());
            if page.status == 200 && page.header("content-type").starts_with("text/html") {
                assert!(page.text().contains("This organization is suspended"), "{route:?}");
                assert!(page.text().contains("Payment is overdue since &#60;October&#62;."), "{route:?}");
            }
        } else if !OPEN.contains(&route.pattern) {
            tried += 1;
            for answer in [send(&browser, route, &path).await, send_htmx(&browser, route, &path).await] {
                check_headers(route, &answer);
                if CHOOSES_NOTHING.contains(&route.pattern) {
                    assert_eq!(answer.status, 422, "{route:?}: {}", answer.summary());
                } else {
                    assert_refused(route, &answer);
                }
            }
        }
    }
    assert!(tried > 20, "only {tried} changes");
    assert_eq!(fixture.app.ledger().await, before);
}

#[track_caller]
fn assert_refused(route: &Route, answer: &Response) {
    assert_eq!(answer.status, 403, "{route:?}: {}", answer.summary());
    assert!(answer.text().contains("suspended"), "{route:?}: {}", answer.summary());
    assert!(answer.text().contains("Payment is overdue"), "{route:?}: {}", answer.summary());
}

#[tokio::test]
async fn master_tokens_read_everything_and_change_nothing() {
    let fixture = Fixture::new().await;
    let machine = fixture.app.machine(&fixture.lumen, TokenAccess::Full).await;
    fixture.app.suspend(&fixture.lumen, REASON).await;
    let before = fixture.app.ledger().await;
    let mut tried = 0;
    for route in machines::of_tokens() {
        let answer = machines::send(&machine, route, &fixture.path(route, &fixture.lumen_ids)).await;
        let changes = route.method != "GET" && route.pattern.contains("{organization}");
        if changes {
            tried += 1;
            assert_refused(route, &answer);
            assert_eq!(answer.json()["type"], "/problems/organization-suspended", "{route:?}");
        } else {
            assert!([200, 202, 404].contains(&answer.status), "{route:?}: {answer:?}");
        }
    }
    assert!(tried > 15, "only {tried} changes");
    assert_eq!(fixture.app.ledger().await, before);
}

#[tokio::test]
async fn whoever_wants_to_leave_may() {
    let fixture = Fixture::new().await;
    fixture.app.suspend(&fixture.lumen, REASON).await;
    let browser = fixture.app.log_in_as(&fixture.user).await;
    browser.post(&fixture.lumen.url("settings/leave"), &[]).await.must_be(303);
    assert_eq!(fixture.app.role_of(&fixture.lumen, &fixture.user).await, None::<Role>);
}

//! Whatever a page does in an organization, the management API does too, or it is said here why not.

use std::collections::BTreeSet;

use tessera::{
    domain::{access::Role, instance_access::InstanceAccess, token_access::TokenAccess},
    web::{
        access::{Access, Route},
        routes::ROUTES,
    },
};

const PAGES: &str = "/orgs/{organization}";
const API: &str = "/api/v2/organizations/{organization}";

/// What a page sends by POST, and what the API has for it.
const SAME: [(&str, &str, &str); 29] = [
    ("/settings", "PATCH", ""),
    ("/settings/leaks", "PUT", "/leak-policy"),
    ("/users/invite", "POST", "/invitations"),
    ("/users/{user}/role", "PATCH", "/members/{user}"),
    ("/users/{user}/remove", "DELETE", "/members/{user}"),
    ("/invitations/{invitation}/resend", "POST", "/invitations/{invitation}/resend"),
    ("/invitations/{invitation}/link", "POST", "/invitations/{invitation}/link"),
    ("/invitations/{invitation}/cancel", "DELETE", "/invitations/{invitation}"),
    // One after the other: a program does not tire.
    ("/invitations/cancel", "DELETE", "/invitations/{invitation}"),
    ("/api/keys/selected", "DELETE", "/keys/{key}"),
    ("/api/calendar", "POST", "/calendar-link"),
    ("/api/calendar/revoke", "DELETE", "/calendar-link"),
    ("/api/keys", "POST", "/keys"),
    ("/api/keys/{key}/remove", "DELETE", "/keys/{key}"),
    ("/api/keys/{key}/settings", "PATCH", "/keys/{key}"),
    ("/api/keys/{key}/activate", "POST", "/keys/{key}/activate"),
    ("/api/keys/{key}/deactivate", "POST", "/keys/{key}/deactivate"),
    ("/api/keys/{key}/rotate", "POST", "/keys/{key}/rotate"),
    ("/api/keys/{key}/revoke-previous", "POST", "/keys/{key}/revoke-previous"),
    ("/api/keys/{key}/pause", "POST", "/keys/{key}/pause"),
    ("/api/removed/{key}/restore", "POST", "/removed-keys/{key}/restore"),
    ("/webhooks", "POST", "/webhooks"),
    ("/webhooks/{webhook}/settings", "PATCH", "/webhooks/{webhook}"),
    ("/webhooks/{webhook}/activate", "POST", "/webhooks/{webhook}/activate"),
    ("/webhooks/{webhook}/deactivate", "POST", "/webhooks/{webhook}/deactivate"),
    ("/webhooks/{webhook}/test", "POST", "/webhooks/{webhook}/test"),
    ("/webhooks/{webhook}/rotate", "POST", "/webhooks/{webhook}/rotate"),
    ("/webhooks/{webhook}/remove", "DELETE", "/webhooks/{webhook}"),
    (
        "/webhooks/{webhook}/deliveries/{delivery}/resend",
        "POST",
        "/webhooks/{webhook}/deliveries/{delivery}/resend",
    ),
];

const PAGES_OF_INSTANCE: &str = "/instance";
const API_OF_INSTANCE: &str = "/api/v2/instance";

/// What a page of the instance sends by POST, and what the API has for it.
const SAME_OF_INSTANCE: [(&str, &str, &str); 8] = [
    ("/organizations", "POST", "/organizations"),
    ("/organizations/{organization}/name", "PATCH", "/organizations/{organization}"),
    ("/organizations/{organization}/notes", "PATCH", "/organizations/{organization}"),
    ("/organizations/{organization}/administrators", "POST", "/organizations/{organization}/administrators"),
    ("/organizations/{organization}/suspend", "POST", "/organizations/{organization}/suspend"),
    ("/organizations/{organization}/resume", "POST", "/organizations/{organization}/resume"),
    ("/organizations/{organization}/remove", "DELETE", "/organizations/{organization}"),
    ("/organizations/{organization}/restore", "POST", "/organizations/{organization}/restore"),
];

/// What the API takes two requests for: the plan, and what applies instead of it.
const IN_TWO_REQUESTS: [(&str, &str, &str); 2] = [
    ("/organizations/{organization}/plan", "PATCH", "/organizations/{organization}"),
    ("/organizations/{organization}/plan", "PUT", "/organizations/{organization}/plan-exceptions"),
];

/// What only instance administrators do, and why.
const ADMINISTRATORS_ONLY: [(&str, &str); 19] = [
    ("/plans", "a token that leaks must not change what all organizations may use"),
    ("/plans/{plan}/edit", "a token that leaks must not change what all organizations may use"),
    ("/plans/{plan}/default", "a token that leaks must not change what all organizations may use"),
    ("/plans/{plan}/assign", "a token that leaks must not change what all organizations may use"),
    ("/plans/{plan}/remove", "a token that leaks must not change what all organizations may use"),
    (
        "/organizations/{organization}/invitations/{invitation}/link",
        "a link is for the person who passes it on, and is in no answer that is kept",
    ),
    (
        "/organizations/{organization}/invitations/{invitation}/cancel",
        "the list of invitations is that of the organization; who looks at it there cancels one",
    ),
    (
        "/people/{user}/log-out",
        "a token is for organizations; accounts are changed by people and at the machine",
    ),
    (
        "/people/{user}/deactivate",
        "a token is for organizations; accounts are changed by people and at the machine",
    ),
    (
        "/people/{user}/activate",
        "a token is for organizations; accounts are changed by people and at the machine",
    ),
    ("/people/{user}/promote", "a token that made administrators would outlive its own end"),
    ("/people/{user}/demote", "a token must not lock the administrators out"),
    ("/import", "the command `tessera import keys` does it at the machine"),
    ("/tokens", "a token that could make tokens would outlive its own end"),
    ("/tokens/{token}/activate", "a token must not widen what tokens may do"),
    ("/tokens/{token}/deactivate", "a token must not lock the others out"),
    ("/tokens/{token}/replace", "the answer would hold the secret of another token"),
    ("/tokens/{token}/remove", "a token must not lock the others out"),
    (
        "/email/{undelivered}/send",
        "emails are sent again by themselves; by hand it is for who looks at the list",
    ),
];

/// What only people do, and why.
const PEOPLE_ONLY: [(&str, &str); 9] = [
    ("/settings/leave", "a machine is no member"),
    ("/settings/remove", "no credential that leaks may end the organization"),
    ("/api/tokens", "a token that could make tokens would outlive its own end"),
    ("/api/tokens/{token}/activate", "a token must not widen what tokens may do"),
    ("/api/tokens/{token}/deactivate", "a token must not lock the others out"),
    ("/api/tokens/{token}/replace", "the answer would hold the secret of another token"),
    ("/api/tokens/{token}/remove", "a token must not lock the others out"),
    ("/api/troubleshoot/try", "it changes nothing, and a machine tries the request itself"),
    ("/api/troubleshoot", "it changes nothing, and /api/v2/keys/verify tells a machine why a key is refused"),
];

#[test]
fn whatever_a_page_does_the_api_does_too() {
    let same = SAME.iter().map(|(page, ..)| *page);
    must_be_all(PAGES, same.chain(PEOPLE_ONLY.iter().map(|(page, _)| *page)).collect());
}

#[test]
fn whatever_a_page_of_the_instance_does_the_api_does_too() {
    let same = SAME_OF_INSTANCE.iter().chain(IN_TWO_REQUESTS.iter().take(1)).map(|(page, ..)| *page);
    must_be_all(PAGES_OF_INSTANCE, same.chain(ADMINISTRATORS_ONLY.iter().map(|(page, _)| *page)).collect());
}

/// Every action of the pages below this address is `listed`, once, and nothing else is.
fn must_be_all(pages: &str, listed: Vec<&str>) {
    let actions: BTreeSet<&str> = ROUTES
        .iter()
        .filter(|route| route.method == "POST")
        .filter_map(|route| route.pattern.strip_prefix(pages))
        .collect();
    assert!(actions.len() > 20, "only {actions:?}");
    let known: BTreeSet<&str> = listed.iter().copied().collect();
    assert_eq!(known.len(), listed.len(), "an action is listed twice");
    let unlisted: Vec<&&str> = actions.difference(&known).collect();
    assert!(unlisted.is_empty(), "say in this file what the API has for {unlisted:?}");
    let gone: Vec<&&str> = known.difference(&actions).collect();
    assert!(gone.is_empty(), "no page does {gone:?}");
}

#[test]
fn what_the_api_has_for_a_page_asks_for_as_much() {
    for (action, method, api) in SAME {
        let page = find("POST", &format!("{PAGES}{action}")).expect("the page");
        let found = find(method, &format!("{API}{api}"));
        let api = found.unwrap_or_else(|| panic!("the API has no {method} {API}{api}"));
        let enough: &[TokenAccess] = match page.access {
            Access::Member(roles) if roles.contains(&Role::Supervisor) => &[TokenAccess::Members],
            Access::Member([Role::Developer, Role::Administrator]) => &[TokenAccess::Keys, TokenAccess::Full],
            Access::Member([Role::Administrator]) => &[TokenAccess::Full],
            other => panic!("{action} is for {other:?}"),
        };
        assert!(
            api.access.of_token().is_some_and(|access| enough.contains(&access)),
            "{} is for {:?}",
            api.pattern,
            api.access
        );
    }
}

/// Whoever operates the instance does so by hand or with a token that has that access, and by nothing less.
#[test]
fn what_the_api_has_for_a_page_of_the_instance_takes_a_token_that_operates_it() {
    for (action, method, api) in SAME_OF_INSTANCE.iter().chain(&IN_TWO_REQUESTS) {
        let page = find("POST", &format!("{PAGES_OF_INSTANCE}{action}")).expect("the page");
        assert_eq!(page.access, Access::Operator, "{action}");
        let found = find(method, &format!("{API_OF_INSTANCE}{api}"));
        let api = found.unwrap_or_else(|| panic!("the API has no {method} {API_OF_INSTANCE}{api}"));
        assert_eq!(api.access, Access::InstanceToken(InstanceAccess::Operate), "{}", api.pattern);
    }
}

fn find(method: &str, pattern: &str) -> Option<&'static Route> {
    ROUTES.iter().find(|route| route.method == method && route.pattern == pattern)
}

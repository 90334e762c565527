//! Which master token may do what, tried at every address of the management API.

use tessera::{
    config::KeyPrefix,
    domain::{
        access::Role,
        instance_access::InstanceAccess,
        secret::{Secret, SecretKind},
        token_access::TokenAccess,
    },
    web::{
        access::{Access, Route},
        api::openapi,
    },
};

use super::{
    exchange::{assert_alike, check_headers},
    fixture::{self, Fixture, Ids},
    routes,
};
use crate::support::{InstanceMachine, Machine, Response};

#[tokio::test]
async fn the_token_of_another_organization_finds_nothing() {
    let fixture = Fixture::new().await;
    let outsider = fixture.app.machine(&fixture.fern, TokenAccess::Full).await;
    let before = fixture.app.ledger().await;
    let own = fixture.fern.id.clone();
    for route in of_tokens().filter(|route| route.pattern.contains("{organization}")) {
        let foreign = send(&outsider, route, &fixture.path(route, &fixture.lumen_ids)).await;
        let nowhere = send(&outsider, route, &fixture.path(route, &fixture.nothing())).await;
        assert_eq!((foreign.status, nowhere.status), (404, 404), "{route:?}: {foreign:?}");
        assert_same(route, &foreign, &nowhere);
        if route.pattern.matches('{').count() > 1 {
            let foreign_ids = Ids { organization: own.clone(), ..fixture.lumen_ids.clone() };
            let no_ids = Ids { organization: own.clone(), ..fixture.nothing() };
            let foreign = send(&outsider, route, &fixture.path(route, &foreign_ids)).await;
            let nowhere = send(&outsider, route, &fixture.path(route, &no_ids)).await;
            assert_eq!((foreign.status, nowhere.status), (404, 404), "{route:?}: {foreign:?}");
            assert_same(route, &foreign, &nowhere);
        }
    }
    assert_eq!(fixture.app.ledger().await, before);
}

#[tokio::test]
async fn a_token_of_another_access_is_refused() {
    let fixture = Fixture::new().await;
    let mut machines = Vec::new();
    for access in TokenAccess::ALL {
        machines.push((access, fixture.app.machine(&fixture.lumen, access).await));
    }
    let before = fixture.app.ledger().await;
    let mut refused = 0;
    for route in of_tokens() {
        let needed = route.access.of_token().expect("an access");
        for (access, machine) in machines.iter().filter(|(access, _)| !access.covers(needed)) {
            let answer = send(machine, route, &fixture.path(route, &fixture.lumen_ids)).await;
            check_headers(route, &answer);
            assert_eq!(answer.status, 403, "{access} at {route:?}: {answer:?}");
            assert_eq!(answer.json()["type"], "/problems/insufficient-access");
            assert!(answer.header("www-authenticate").contains("insufficient_scope"), "{route:?}");
            refused += 1;
        }
    }
    assert!(refused > 0);
    assert_eq!(fixture.app.ledger().await, before);
}

/// Without this, a route that refuses everybody would pass the tests above.
#[tokio::test]
async fn the_smallest_access_that_will_do_gets_through() {
    every_call_is_carried_out(|ids| ids).await;
}

#[tokio::test]
async fn an_id_in_capitals_is_the_same_id_in_every_call() {
    every_call_is_carried_out(Ids::in_capitals).await;
}

async fn every_call_is_carried_out(written: fn(Ids) -> Ids) {
    let fixture = Fixture::new().await;
    for (number, route) in of_tokens().enumerate() {
        let (company, _, ids) = fixture.company_for(route, Role::User, number).await;
        let machine = fixture.app.machine(&company, route.access.of_token().expect("one")).await;
        // An invitation can be sent again after a minute.
        fixture.app.clock.advance(time::Duration::minutes(2));
        let answer = send(&machine, route, &fixture.path(route, &written(ids))).await;
        check_headers(route, &answer);
        let fine = [200, 201, 202, 204, 409].contains(&answer.status);
        assert!(fine, "{route:?}: {} {}", answer.status, answer.text());
    }
}

/// A client that relies on a version must not find that it was ignored, nor the other way round.
#[tokio::test]
async fn another_version_is_refused_wherever_the_description_says_so() {
    let fixture = Fixture::new().await;
    let mut refused = 0;
    for (number, route) in of_tokens().filter(|route| route.method != "GET").enumerate() {
        let (company, _, ids) = fixture.company_for(route, Role::User, number).await;
        let machine = fixture.app.machine(&company, route.access.of_token().expect("one")).await;
        fixture.app.clock.advance(time::Duration::minutes(2));
        let request = machine.request(route.method, &fixture.path(route, &ids)).header("if-match", "\"0\"");
        let answer = request.body("application/json", fixture::body(route).to_string()).send().await;
        let takes_version = openapi::takes_version(route);
        assert_eq!(answer.status == 412, takes_version, "{route:?}: {} {}", answer.status, answer.text());
        refused += i32::from(takes_version);
    }
    assert!(refused > 10, "only {refused}");
}

/// Two programs need not read the same one (RFC 6750, sections 2 and 3.1).
#[tokio::test]
async fn a_credential_that_comes_twice_is_refused_wherever_one_is_taken() {
    let fixture = Fixture::new().await;
    let machine = fixture.app.machine(&fixture.lumen, TokenAccess::Full).await;
    let (_, key) = fixture.app.api_key(&fixture.lumen, "Twice").await;
    let operator = fixture.app.instance_machine(InstanceAccess::Operate).await;
    let before = fixture.app.ledger().await;
    let mut refused = 0;
    let machines = [Access::Key, Access::Reporter];
    let is_token = |access: Access| access.of_token().is_some() || access.of_instance_token().is_some();
    for route in routes(|access| machines.contains(&access) || is_token(access)) {
        let good = match route.access {
            Access::Key => format!("Bearer {key}"),
            Access::Reporter => format!("Bearer {}", "x".repeat(32)),
            Access::InstanceToken(_) => format!("Bearer {}", operator.credential),
            _ => format!("Bearer {}", machine.credential),
        };
        let path = fixture.path(route, &fixture.lumen_ids);
        for twice in [
            [("authorization", good.as_str()), ("authorization", good.as_str())],
            [("authorization", &good), ("authorization", "Bearer other")],
            [("authorization", "Bearer other"), ("authorization", &good)],
            [("authorization", ""), ("authorization", &good)],
            [("x-api-key", &key), ("x-api-key", &key)],
            [("x-api-key", "other"), ("x-api-key", &key)],
            [("x-api-key", &key), ("x-api-key", "")],
        ] {
            let method = if route.method == "ANY" { "GET" } else { route.method };
            let mut request = machine.client.request(method, &path).without_site();
            if twice.iter().all(|(name, _)| *name == "x-api-key") {
                request = request.header("authorization", &good);
            }
            for (name, value) in twice {
                request = request.header(name, value);
            }
            if method != "GET" {
                request = request.body("application/json", fixture::body(route).to_string());
            }
            let answer = request.send().await;
            check_headers(route, &answer);
            assert_eq!(answer.status, 400, "{route:?} with {twice:?}: {answer:?}");
            assert_eq!(answer.json()["type"], "/problems/malformed-request", "{route:?}");
            assert_eq!(answer.header("www-authenticate"), r#"Bearer realm="api", error="invalid_request""#);
            refused += 1;
        }
    }
    assert!(refused > 100, "only {refused}");
    assert_eq!(fixture.app.ledger().await, before);
}

pub(super) fn of_tokens() -> impl Iterator<Item = &'static Route> {
    routes(|access: Access| access.of_token().is_some())
}

pub(super) async fn send(machine: &Machine, route: &Route, path: &str) -> Response {
    let request = machine.request(route.method, path);
    match route.method {
        "GET" => request.send().await,
        _ => request.body("application/json", fixture::body(route).to_string()).send().await,
    }
}

/// A token of an organization is nothing to the instance, and a token of the instance nothing in an organization.
#[tokio::test]
async fn tokens_of_organizations_and_of_the_instance_open_nothing_of_each_other() {
    let fixture = Fixture::new().await;
    let master = fixture.app.machine(&fixture.lumen, TokenAccess::Full).await;
    let operator = fixture.app.instance_machine(InstanceAccess::Operate).await;
    // One of the same kind that is nobody's: the form of a token says of which kind it is.
    let unknown = |kind| {
        let secret = Secret::generate(KeyPrefix::default(), kind).expect("randomness");
        InstanceMachine { credential: secret.expose().to_owned(), ..operator.clone() }
    };
    let (no_master, no_operator) = (unknown(SecretKind::MasterToken), unknown(SecretKind::InstanceToken));
    let before = fixture.app.ledger().await;
    let (mut at_instance, mut in_organization) = (0, 0);
    for route in of_instance_tokens() {
        let path = fixture.path(route, &fixture.lumen_ids);
        let (refused, unknown) =
            (send(&master, route, &path).await, send_on_instance(&no_master, route, &path).await);
        assert_eq!((refused.status, unknown.status), (401, 401), "{route:?}: {refused:?}");
        check_headers(route, &refused);
        assert_alike(route, &refused, &unknown);
        at_instance += 1;
    }
    for route in of_tokens().filter(|route| !route.pattern.starts_with("/api/v2/keys/verify")) {
        let path = fixture.path(route, &fixture.lumen_ids);
        let refused = send_on_instance(&operator, route, &path).await;
        assert_eq!(refused.status, 401, "{route:?}: {refused:?}");
        assert_alike(route, &refused, &send_on_instance(&no_operator, route, &path).await);
        in_organization += 1;
    }
    assert!(at_instance >= 10 && in_organization > 30, "only {at_instance} and {in_organization}");
    assert_eq!(fixture.app.ledger().await, before);
}

#[tokio::test]
async fn an_instance_token_of_another_access_is_refused() {
    let fixture = Fixture::new().await;
    let mut machines = Vec::new();
    for access in InstanceAccess::ALL {
        machines.push((access, fixture.app.instance_machine(access).await));
    }
    let before = fixture.app.ledger().await;
    let mut refused = 0;
    for route in of_instance_tokens() {
        let needed = route.access.of_instance_token().expect("an access");
        for (access, machine) in machines.iter().filter(|(access, _)| !access.covers(needed)) {
            let answer = send_on_instance(machine, route, &fixture.path(route, &fixture.lumen_ids)).await;
            check_headers(route, &answer);
            assert_eq!(answer.status, 403, "{access} at {route:?}: {answer:?}");
            assert_eq!(answer.json()["type"], "/problems/insufficient-access");
            assert!(answer.header("www-authenticate").contains("insufficient_scope"), "{route:?}");
            refused += 1;
        }
    }
    assert!(refused > 10, "only {refused}");
    assert_eq!(fixture.app.ledger().await, before);
}

/// Without this, a route that refuses everybody would pass the tests above.
#[tokio::test]
async fn the_smallest_access_of_an_instance_token_that_will_do_gets_through() {
    let fixture = Fixture::new().await;
    let as_they_are: fn(Ids) -> Ids = |ids| ids;
    for (words, written) in [("Small", as_they_are), ("Capital", Ids::in_capitals)] {
        for (number, route) in of_instance_tokens().enumerate() {
            let machine = fixture.app.instance_machine(route.access.of_instance_token().expect("one")).await;
            let owner = fixture.app.user(&format!("{words} Owner {number}")).await;
            let ids = Ids {
                organization: fixture.app.organization("Alder", &owner).await.id.clone(),
                ..fixture.lumen_ids.clone()
            };
            let answer = send_on_instance(&machine, route, &fixture.path(route, &written(ids))).await;
            check_headers(route, &answer);
            assert!(
                [200, 201, 204].contains(&answer.status),
                "{route:?}: {} {}",
                answer.status,
                answer.text()
            );
            if route.pattern.contains('{') {
                let nowhere =
                    send_on_instance(&machine, route, &fixture.path(route, &fixture.nothing())).await;
                assert_eq!(nowhere.status, 404, "{route:?}: {nowhere:?}");
            }
            let request = machine.request(route.method, &fixture.path(route, &fixture.lumen_ids));
            if route.method != "GET" {
                let request = request.header("if-match", "\"0\"");
                let body = fixture::body(route).to_string();
                let answer = request.body("application/json", body).send().await;
                assert_eq!(answer.status == 412, openapi::takes_version(route), "{route:?}: {answer:?}");
            }
        }
    }
}

fn of_instance_tokens() -> impl Iterator<Item = &'static Route> {
    routes(|access: Access| access.of_instance_token().is_some())
}

async fn send_on_instance(machine: &InstanceMachine, route: &Route, path: &str) -> Response {
    let request = machine.request(route.method, path);
    match route.method {
        "GET" => request.send().await,
        _ => request.body("application/json", fixture::body(route).to_string()).send().await,
    }
}

/// Alike but for the calls that are left.
#[track_caller]
fn assert_same(route: &Route, one: &Response, other: &Response) {
    let (mut one, mut other) = (one.clone(), other.clone());
    for answer in [&mut one, &mut other] {
        assert!(answer.headers.remove("ratelimit").is_some(), "{route:?}");
    }
    assert_alike(route, &one, &other);
}

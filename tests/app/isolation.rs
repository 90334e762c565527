//! Who may do what, tried at every address of the route table. A new route needs nothing here,
//! unless it has a kind of `{name}` in its address that the fixture does not know yet, or is
//! open to the public.

mod base_path;
mod compression;
mod cookies;
mod exchange;
mod fixture;
mod focus;
mod late;
mod machines;
mod methods;
mod metrics;
mod removed;
mod statements;
mod suspended;

use tessera::{
    domain::{access::Role, token_access::TokenAccess},
    web::{
        access::{Access, Route},
        routes::ROUTES,
    },
};

use exchange::{
    as_pairs, assert_alike, assert_looks_like_none, check_headers, is_for_machines, is_log_in, method, send,
    send_htmx,
};
use fixture::{Fixture, Ids};

/// What anybody may open. A new route that is `Public` has to be named here.
const PUBLIC: [&str; 31] = [
    "/",
    "/docs",
    "/api/docs",
    "/api/v2/openapi.json",
    "/healthz",
    "/livez",
    "/readyz",
    "/static/{file:.*}",
    "/login",
    "/login/{token}",
    "/logout",
    "/cookie-check",
    "/signup",
    "/verify-email",
    "/verify-email/{token}",
    "/verify-email/resend",
    "/forgot-password",
    "/reset-password/{token}",
    "/preferences/theme",
    "/preferences/mailbox-banner",
    "/orgs/{organization}/api/calendar/{token}.ics",
    "/setup/{token}",
    "/i/{token}",
    "/i/{token}/accept",
    "/i/{token}/decline",
    "/i/{token}/signup",
    "/i/{token}/renew",
    "/i/{token}/switch",
    "/mailbox",
    "/mailbox/{mail}",
    "/mailbox/{mail}/html",
];

#[test]
fn only_what_is_named_here_is_open_to_everybody() {
    for Route { pattern, access, .. } in ROUTES {
        match access {
            Access::Public => assert!(PUBLIC.contains(pattern), "{pattern} is open to everybody"),
            Access::Key | Access::Reporter | Access::Token(_) => {
                assert!(is_for_machines(pattern), "{pattern}")
            }
            Access::InstanceToken(_) => assert!(pattern.starts_with("/api/v2/instance/"), "{pattern}"),
            Access::LoggedIn | Access::Account => {
                assert!(!pattern.contains("{organization}"), "{pattern} needs a membership");
            }
            Access::Operator => {
                assert!(*pattern == "/instance" || pattern.starts_with("/instance/"), "{pattern}");
            }
            Access::Member(roles) => {
                assert!(!roles.is_empty(), "{pattern} is for nobody");
                assert!(pattern.starts_with("/orgs/{organization}"), "{pattern}");
            }
        }
    }
}

#[tokio::test]
async fn nobody_who_is_not_logged_in_gets_past_the_log_in() {
    let fixture = Fixture::new().await;
    let before = fixture.app.ledger().await;
    let nobody = fixture.app.client();
    for route in routes(|access| access != Access::Public) {
        let path = fixture.path(route, &fixture.lumen_ids);
        let answer = send(&nobody, route, &path).await;
        check_headers(route, &answer);
        if is_for_machines(route.pattern) {
            assert_eq!(answer.status, 401, "{route:?}");
            assert_eq!(answer.header("content-type"), "application/problem+json");
            assert_eq!(answer.header("www-authenticate"), "Bearer realm=\"api\"");
            continue;
        }
        assert_eq!(answer.status, 303, "{route:?}: {}", answer.summary());
        assert!(is_log_in(answer.location()), "{route:?} leads to {}", answer.location());
        assert!(answer.body.is_empty(), "{route:?}: {}", answer.summary());

        let answer = send_htmx(&nobody, route, &path).await;
        check_headers(route, &answer);
        assert_eq!(answer.status, 401, "{route:?}");
        assert!(is_log_in(answer.header("hx-redirect")), "{route:?}: {:?}", answer.headers);
    }
    assert_eq!(fixture.app.ledger().await, before);
}

#[tokio::test]
async fn nothing_of_value_comes_before_the_address_is_proven() {
    let fixture = Fixture::new().await;
    let before = fixture.app.ledger().await;
    let unproven = fixture.app.log_in_as(&fixture.unproven).await;
    for route in routes(needs_an_account) {
        let path = fixture.path(route, &fixture.lumen_ids);
        let answer = send(&unproven, route, &path).await;
        check_headers(route, &answer);
        assert_eq!(answer.status, 303, "{route:?}: {}", answer.summary());
        assert_eq!(answer.location(), "/verify-email", "{route:?}");
        let answer = send_htmx(&unproven, route, &path).await;
        assert_eq!(answer.header("hx-redirect"), "/verify-email", "{route:?}");
    }
    assert_eq!(fixture.app.ledger().await, before);
}

#[tokio::test]
async fn a_foreign_organization_looks_like_none() {
    let fixture = Fixture::new().await;
    let before = fixture.app.ledger().await;
    let outsider = fixture.app.log_in_as(&fixture.fern.owner).await;
    for route in routes(needs_membership) {
        let foreign = fixture.path(route, &fixture.lumen_ids);
        let nowhere =
            fixture.path(route, &Ids { organization: fixture.no_id(), ..fixture.lumen_ids.clone() });
        assert_looks_like_none(&outsider, route, &foreign, &nowhere).await;
    }
    assert_eq!(fixture.app.ledger().await, before);
}

#[tokio::test]
async fn a_foreign_thing_under_ones_own_organization_looks_like_none() {
    let fixture = Fixture::new().await;
    let before = fixture.app.ledger().await;
    let outsider = fixture.app.log_in_as(&fixture.fern.owner).await;
    let own = fixture.fern.id.clone();
    let foreign_ids = Ids { organization: own.clone(), ..fixture.lumen_ids.clone() };
    let no_ids = Ids { organization: own, ..fixture.nothing() };
    let mut tried = 0;
    for route in routes(needs_membership) {
        if route.pattern.matches('{').count() > 1 {
            let (foreign, nowhere) = (fixture.path(route, &foreign_ids), fixture.path(route, &no_ids));
            assert_looks_like_none(&outsider, route, &foreign, &nowhere).await;
            tried += 1;
        }
    }
    assert!(tried >= 10, "only {tried} routes name a thing in an organization");
    assert_eq!(fixture.app.ledger().await, before);
}

/// An administrator of an organization is nobody to the instance.
#[tokio::test]
async fn the_instance_looks_like_nothing_to_everybody_but_its_administrators() {
    let fixture = Fixture::new().await;
    let before = fixture.app.ledger().await;
    for member in [&fixture.lumen.owner, &fixture.supervisor, &fixture.developer, &fixture.user] {
        let browser = fixture.app.log_in_as(member).await;
        let mut tried = 0;
        for route in routes(|access| access == Access::Operator) {
            let path = fixture.path(route, &fixture.lumen_ids);
            assert_looks_like_none(&browser, route, &path, "/instance/no-such-page").await;
            tried += 1;
        }
        assert!(tried >= 10, "only {tried} routes are for instance administrators");
    }
    assert_eq!(fixture.app.ledger().await, before);
}

#[tokio::test]
async fn what_belongs_to_another_account_looks_like_nothing() {
    let fixture = Fixture::new().await;
    let before = fixture.app.ledger().await;
    let outsider = fixture.app.log_in_as(&fixture.fern.owner).await;
    for route in routes(|access| matches!(access, Access::LoggedIn | Access::Account)) {
        if route.pattern.contains('{') {
            let foreign = send(&outsider, route, &fixture.path(route, &fixture.lumen_ids)).await;
            let nothing = send(&outsider, route, &fixture.path(route, &fixture.nothing())).await;
            check_headers(route, &foreign);
            assert_eq!(foreign.status, nothing.status, "{route:?}");
            assert_alike(route, &foreign, &nothing);
        }
    }
    assert_eq!(fixture.app.ledger().await, before);
    let sessions = fixture.app.query("SELECT id AS text FROM sessions").await;
    assert!(sessions.contains(&fixture.lumen_ids.session), "the session of another account goes on");
}

#[tokio::test]
async fn a_member_of_too_low_a_role_is_refused() {
    let fixture = Fixture::new().await;
    let before = fixture.app.ledger().await;
    for (role, member) in [
        (Role::User, &fixture.user),
        (Role::Developer, &fixture.developer),
        (Role::Supervisor, &fixture.supervisor),
    ] {
        let member = &fixture.app.log_in_as(member).await;
        let mut refused = 0;
        for route in routes(|access| refuses(access, role)) {
            let path = fixture.path(route, &fixture.lumen_ids);
            let answer = send(member, route, &path).await;
            check_headers(route, &answer);
            assert_eq!(answer.status, 403, "{route:?}: {}", answer.summary());
            assert_eq!(answer.html().heading(), "You don’t have access");
            let answer = send_htmx(member, route, &path).await;
            check_headers(route, &answer);
            assert_eq!(answer.status, 403, "{route:?}: {}", answer.summary());
            assert!(
                answer.html().toast().ends_with(" can do this. Ask one for access."),
                "{}",
                answer.summary()
            );
            refused += 1;
        }
        assert!(refused > 10, "{role} is refused only {refused} times");
    }
    assert_eq!(fixture.app.ledger().await, before);
}

/// Without this, a route that refuses everybody would pass the tests above.
#[tokio::test]
async fn whoever_has_the_role_gets_through() {
    every_action_is_carried_out(|roles| roles, |ids| ids).await;
}

#[tokio::test]
async fn an_id_in_capitals_is_the_same_id_on_every_page() {
    every_action_is_carried_out(|roles| &roles[..1], Ids::in_capitals).await;
}

async fn every_action_is_carried_out(by: fn(&'static [Role]) -> &'static [Role], written: fn(Ids) -> Ids) {
    let each_role = routes(needs_an_account).flat_map(|route| match route.access {
        Access::Member(roles) => by(roles).iter().map(|role| (route, *role)).collect(),
        _ => vec![(route, Role::User)],
    });
    let each_role: Vec<_> = each_role.collect();
    for some in each_role.chunks(ACTIONS_IN_A_DATABASE) {
        carry_out(some, written).await;
    }
}

/// The whole database is read before and after each action, so it is kept small.
const ACTIONS_IN_A_DATABASE: usize = 20;

async fn carry_out(actions: &[(&Route, Role)], written: fn(Ids) -> Ids) {
    let fixture = Fixture::new().await;
    for (number, &(route, role)) in actions.iter().enumerate() {
        // What one action leaves of an organization says nothing about the next action.
        let (_, member, ids) = fixture.company_for(route, role, number).await;
        // An invitation can be sent again after a minute.
        fixture.app.clock.advance(time::Duration::minutes(2));
        let before = fixture.app.ledger().await;
        let browser = fixture.app.log_in_as(&member).await;
        let answer = send(&browser, route, &fixture.path(route, &written(ids))).await;
        check_headers(route, &answer);
        let fine = [200, 303, 409, 422].contains(&answer.status);
        assert!(fine, "{route:?} as {role}: {} {}", answer.status, answer.summary());
        if answer.status == 303 {
            assert!(!is_log_in(answer.location()) && answer.location() != "/verify-email", "{route:?}");
        }
        let must_change = route.method == "POST" && answer.status < 400 && fixture::changes_something(route);
        assert!(!must_change || fixture.app.ledger().await != before, "{route:?} did nothing as {role}");
    }
}

#[tokio::test]
async fn another_site_changes_nothing() {
    let fixture = Fixture::new().await;
    let before = fixture.app.ledger().await;
    let browser = fixture.app.log_in_as(&fixture.lumen.owner).await;
    let mut posts = 0;
    for route in ROUTES.iter().filter(|route| method(route) != "GET") {
        let path = fixture.path(route, &fixture.lumen_ids);
        let fields = fixture::fields(route);
        let request = || browser.request(route.method, &path).form(&as_pairs(&fields));
        if is_for_machines(route.pattern) {
            // The session's cookie opens nothing here, so another site has nothing to abuse.
            let answer = request().site("cross-site").send().await;
            assert_eq!(answer.status, 401, "{route:?}: {}", answer.summary());
            continue;
        }
        for answer in [
            request().site("cross-site").send().await,
            request().site("same-site").send().await,
            request().site("cross-site").htmx("panel").send().await,
            request().site("cross-site").header("origin", "http://localhost:8080").send().await,
            request().without_site().header("origin", "https://evil.example").send().await,
            request().without_site().header("origin", "null").send().await,
            request().without_site().header("referer", "https://evil.example/orgs").send().await,
            request().without_site().header("referer", "https://evil.example").send().await,
            request().without_site().header("referer", "http://localhost:8080.evil.example/").send().await,
            request().without_site().header("referer", "http://localhost:8080@evil.example/").send().await,
            request().without_site().header("referer", "about:blank").send().await,
            request().without_site().header("referer", "/orgs").send().await,
            request()
                .without_site()
                .header("origin", "http://localhost:8080")
                .header("origin", "null")
                .send()
                .await,
            request().site("same-origin").header("sec-fetch-site", "cross-site").send().await,
        ] {
            check_headers(route, &answer);
            assert_eq!(answer.status, 403, "{route:?}: {}", answer.summary());
            assert!(answer.text().contains("blocked a request from another site"), "{}", answer.summary());
        }
        posts += 1;
    }
    assert!(posts > 0);
    assert_eq!(fixture.app.ledger().await, before);
    let answer = browser.get(&fixture.lumen.url("api")).await;
    assert_eq!(answer.status, 200, "the session goes on");
}

/// Old browsers send a referrer and nothing else; clients that are no browsers send nothing.
#[tokio::test]
async fn a_page_of_ones_own_changes_things_in_an_old_browser() {
    let fixture = Fixture::new().await;
    let browser = fixture.app.log_in_as(&fixture.lumen.owner).await;
    let own_host = format!("http://{}/orgs", fixture.app.address());
    let change = || browser.request("POST", "/preferences/theme").form(&[("theme", "dark")]).without_site();
    change().send().await.must_be(303);
    for own in ["http://localhost:8080/orgs?page=2", "http://localhost:8080", own_host.as_str(), ""] {
        change().header("referer", own).send().await.must_be(303);
    }
}

#[tokio::test]
async fn reading_changes_nothing() {
    let fixture = Fixture::new().await;
    fixture.app.appoint(&fixture.lumen.owner).await;
    let before = fixture.app.ledger().await;
    let browser = fixture.app.log_in_as(&fixture.lumen.owner).await;
    for route in ROUTES.iter().filter(|route| method(route) == "GET") {
        let path = fixture.path(route, &fixture.lumen_ids);
        for answer in [send(&browser, route, &path).await, send_htmx(&browser, route, &path).await] {
            check_headers(route, &answer);
            assert!(answer.status < 500, "{route:?}: {}", answer.summary());
        }
        let head = browser.request("HEAD", &path).send().await;
        assert!(head.status < 500 && head.body.is_empty(), "{route:?}: {}", head.summary());
    }
    assert_eq!(fixture.app.ledger().await, before);
}

/// SQLite refuses patterns of 50,000 bytes, an id can be anything, and a file must not break off.
#[tokio::test]
async fn no_parameter_is_too_long_for_an_answer() {
    let fixture = Fixture::new().await;
    fixture.app.appoint(&fixture.lumen.owner).await;
    let browser = fixture.app.log_in_as(&fixture.lumen.owner).await;
    let machine = fixture.app.machine(&fixture.lumen, TokenAccess::Full).await;
    let long = [("%D1%8F", 300), ("x", 60_000), ("%00", 5)].map(|(letter, times)| letter.repeat(times));
    let parameters = [
        "q",
        "who",
        "what",
        "show",
        "next",
        "state",
        "duration",
        "cursor",
        "sort",
        "role",
        "email",
        "actor",
        "area",
        "action",
        "from",
        "to",
        "format",
        "per",
        "month",
        "organization",
        "scope",
        "limit",
        "page",
    ];
    for route in ROUTES.iter().filter(|route| method(route) == "GET") {
        let path = fixture.path(route, &fixture.lumen_ids);
        for text in &long {
            let queries: Vec<String> = parameters.map(|parameter| format!("{parameter}={text}")).into();
            // A page takes what it knows; the API refuses what it does not know.
            // No server of ours takes an address of more than 65,534 bytes.
            let (requests, is_page) = match is_for_machines(route.pattern) {
                true => (queries, false),
                false if text.len() > 10_000 => (queries[..3].to_vec(), true),
                false => (vec![queries.join("&")], true),
            };
            for query in requests {
                let path = format!("{path}?{query}");
                let request =
                    if is_page { browser.request("GET", &path) } else { machine.request("GET", &path) };
                let answer = request.send().await;
                assert!(answer.status < 500, "{route:?} {}: {}", &query[..20], answer.summary());
            }
        }
    }
    let csv = browser.get(&fixture.lumen.url(&format!("activity.csv?q={}", long[1]))).await.must_be(200);
    assert!(csv.text().ends_with("\r\n"));
    let calls = ["keys", "members", "invitations", "activity", "activity/export"];
    for call in calls {
        let refused = machine.get(&format!("{call}?q={}", "x".repeat(201))).await.must_be(400);
        assert!(refused.text().contains("at most 200 characters"), "{}", refused.text());
        machine.get(&format!("{call}?q={}", "x".repeat(200))).await.must_be(200);
    }
}

#[tokio::test]
async fn what_has_no_address_answers_like_what_is_foreign() {
    let fixture = Fixture::new().await;
    let outsider = fixture.app.log_in_as(&fixture.fern.owner).await;
    let foreign = outsider.get(&fixture.lumen.url("api")).await.must_be(404);
    let nowhere = outsider.get("/no/such/page").await.must_be(404);
    assert_alike(&ROUTES[0], &foreign, &nowhere);
    check_headers(&ROUTES[0], &nowhere);
    let api = outsider.get("/api/v2/nothing").await.must_be(404);
    assert_eq!(api.header("content-type"), "application/problem+json");
}

fn routes(which: impl Fn(Access) -> bool) -> impl Iterator<Item = &'static Route> {
    ROUTES.iter().filter(move |route| which(route.access))
}

fn needs_an_account(access: Access) -> bool {
    matches!(access, Access::Account | Access::Operator | Access::Member(_))
}

fn needs_membership(access: Access) -> bool {
    matches!(access, Access::Member(_))
}

/// Whether a member of this role is turned away.
fn refuses(access: Access, role: Role) -> bool {
    matches!(access, Access::Member(roles) if !roles.contains(&role))
}

//! Every page, form, email and call of a server whose public URL has a path: whatever leads somewhere leads below it.

use std::collections::BTreeSet;

use scraper::{Html, Selector};
use tessera::{
    config::ServerUrl,
    domain::{access::Role, instance_access::InstanceAccess},
    web::{
        access::{Access, Route},
        routes::ROUTES,
    },
};

use super::{
    exchange::{is_for_machines, method},
    fixture::{self, Fixture, Ids},
};
use crate::support::{Client, Request, Response, TestApp};

const ORIGIN: &str = "http://localhost:8080";
const PATH: &str = "/team/keys";

/// What an element is fetched from, sent to or led to by.
const ADDRESSES: [&str; 10] = [
    "href",
    "src",
    "action",
    "formaction",
    "hx-get",
    "hx-post",
    "hx-put",
    "hx-patch",
    "hx-delete",
    "hx-push-url",
];

/// Addresses of others that the fixture or the fields of forms name.
const FOREIGN: [&str; 2] = ["https://receiver.invalid", "https://example.com"];

#[tokio::test]
async fn all_pages_lead_below_the_path_of_the_public_url() {
    let fixture = Fixture::at(&format!("{ORIGIN}{PATH}")).await;
    let nobody = fixture.app.client();
    let owner = fixture.app.log_in_as(&fixture.lumen.owner).await;
    let mut strays = BTreeSet::new();
    let landing = nobody.get(PATH).await.must_be(200);
    strays.extend(strays_of("/", &landing));
    // Before anybody operates the instance: pages offer to set it up.
    for client in [&nobody, &owner] {
        strays.extend(walk(&fixture, client).await);
    }
    fixture.app.appoint(&fixture.lumen.owner).await;
    strays.extend(walk(&fixture, &owner).await);
    assert!(strays.is_empty(), "{} stray:\n{}", strays.len(), lines(&strays));
}

/// What stands at all addresses that are read, as a page and as each of its parts.
async fn walk(fixture: &Fixture, client: &Client) -> BTreeSet<String> {
    let (mut strays, mut shown) = (BTreeSet::new(), 0);
    for route in ROUTES.iter().filter(|route| method(route) == "GET" && !is_for_machines(route.pattern)) {
        let path = below(&fixture.path(route, &fixture.lumen_ids));
        let asked = || client.request("GET", &path).header("HX-Current-URL", &format!("{ORIGIN}{path}"));
        for request in [
            client.request("GET", &path),
            asked().htmx("dialog-slot"),
            asked().htmx("panel"),
            asked().htmx("content"),
        ] {
            let answer = request.send().await;
            shown += usize::from(answer.status == 200);
            strays.extend(strays_of(route.pattern, &answer));
        }
    }
    assert!(shown > 20, "only {shown} pages and parts of them are shown");
    strays
}

#[tokio::test]
async fn all_forms_lead_below_the_path_of_the_public_url() {
    let mut strays = BTreeSet::new();
    let forms: Vec<&Route> =
        ROUTES.iter().filter(|route| route.method == "POST" && !is_for_machines(route.pattern)).collect();
    for some in forms.chunks(20) {
        let fixture = Fixture::at(&format!("{ORIGIN}{PATH}")).await;
        for (number, route) in some.iter().enumerate() {
            for (half, target) in [None, Some("dialog-slot")].into_iter().enumerate() {
                let (_, member, ids) =
                    fixture.company_for(route, Role::Administrator, 2 * number + half).await;
                fixture.app.clock.advance(time::Duration::minutes(2));
                let browser = fixture.app.log_in_as(&member).await;
                let page = format!("{ORIGIN}{}", below(&format!("/orgs/{}/api?q=a", ids.organization)));
                let form = |client: &Client| {
                    let path = below(&fixture.path(route, &ids));
                    with_fields(client.request("POST", &path), route).header("referer", &page)
                };
                let answers = match target {
                    Some(target) => {
                        vec![form(&browser).htmx(target).header("HX-Current-URL", &page).send().await]
                    }
                    None => {
                        vec![form(&fixture.app.client()).send().await, form(&browser).send().await]
                    }
                };
                strays.extend(answers.iter().flat_map(|answer| strays_of(route.pattern, answer)));
            }
        }
        for mail in fixture.app.mails().await {
            let shown = (fixture.app.state.preview_mail)(&mail).expect("the email is put into words");
            let subject = &shown.subject;
            strays.extend(stray_texts(&shown.text).map(|stray| format!("“{subject}”: {stray}")));
            strays.extend(stray_texts(&shown.html).map(|stray| format!("“{subject}”: {stray}")));
        }
    }
    assert!(strays.is_empty(), "{} stray:\n{}", strays.len(), lines(&strays));
}

#[tokio::test]
async fn all_calls_lead_below_the_path_of_the_public_url() {
    let fixture = Fixture::at(&format!("{ORIGIN}{PATH}")).await;
    let mut strays = BTreeSet::new();
    let mut locations = 0;
    for (number, route) in ROUTES.iter().filter(|route| is_for_machines(route.pattern)).enumerate() {
        let (company, _, ids) = fixture.company_for(route, Role::User, number).await;
        fixture.app.clock.advance(time::Duration::minutes(2));
        let credential = match route.access {
            Access::Token(access) => fixture.app.machine(&company, access).await.credential,
            Access::InstanceToken(_) => {
                fixture.app.instance_machine(InstanceAccess::Operate).await.credential
            }
            _ => String::new(),
        };
        let path = below(&fixture.path(route, &Ids { plan: fixture.lumen_ids.plan.clone(), ..ids }));
        let request = fixture.app.client().request(method(route), &path).without_site();
        let request = request.header("authorization", &format!("Bearer {credential}"));
        let answer = match method(route) {
            "GET" => request.send().await,
            _ => request.body("application/json", fixture::body(route).to_string()).send().await,
        };
        let is_there = answer.status != 404 || matches!(route.access, Access::InstanceToken(_));
        assert!(is_there, "{route:?}: {}", answer.text());
        strays.extend(strays_of(route.pattern, &answer));
        locations += usize::from(answer.status == 201 && !answer.header("location").is_empty());
    }
    assert!(locations >= 3, "only {locations} say where what was made is");
    assert!(strays.is_empty(), "{} stray:\n{}", strays.len(), lines(&strays));
    let description = fixture.app.client().get(&below("/api/v2/openapi.json")).await.must_be(200).json();
    assert_eq!(description["servers"][0]["url"], format!("{ORIGIN}{PATH}"));
}

#[tokio::test]
async fn a_request_may_come_with_the_path_or_without_it() {
    let app = TestApp::builder().flag("--public-url", &format!("{ORIGIN}{PATH}")).spawn().await;
    let lumen = app.lumen().await;
    let browser = app.log_in_as(&lumen.owner).await;
    for path in ["/healthz", "/livez", "/readyz", "/", "/orgs", "/api/docs?q=pause", "/api/v2/openapi.json"] {
        let stripped = browser.get(path).await.must_be(200);
        let whole = browser.get(&below(path)).await.must_be(200);
        let without_id = |response: &Response| response.text().replace(response.header("x-request-id"), "");
        assert_eq!(without_id(&stripped), without_id(&whole), "{path}");
    }
    browser.get(PATH).await.must_be(200);
    browser.get(&format!("{PATH}?utm_source=a")).await.must_be(200);
    for elsewhere in ["/team", "/team/keyset", "/team/keysorgs", &below(&below("/orgs"))] {
        browser.get(elsewhere).await.must_be(404);
    }
}

/// Otherwise nobody could say whether a proxy has taken the path off.
#[test]
fn no_public_url_begins_with_a_path_of_the_table() {
    for route in ROUTES.iter().filter(|route| route.pattern != "/") {
        let first = route.pattern.split('/').nth(1).expect("a part");
        assert!(ServerUrl::parse(&format!("https://example.com/{first}")).is_err(), "{first}");
    }
}

#[tokio::test]
async fn one_comes_back_below_the_path_after_the_log_in() {
    let app = TestApp::builder().flag("--public-url", &format!("{ORIGIN}{PATH}")).spawn().await;
    let lumen = app.lumen().await;
    let wanted = lumen.url("api?q=worker");
    for asked in [wanted.clone(), below(&wanted)] {
        let browser = app.client();
        let log_in = browser.get(&asked).await.must_be(303).location().to_owned();
        assert!(log_in.starts_with(&below("/login?next=%2Forgs%2F")), "{log_in}");
        let form = browser.get(&log_in).await.must_be(200).html();
        let fields = [
            ("email", lumen.owner.email.as_str()),
            ("password", crate::support::PASSWORD),
            ("next", &form.hidden("next")),
        ];
        let first = browser.post(&below("/login"), &fields).await.must_be(303);
        assert!(first.location().starts_with(&below("/cookie-check?next=")), "{}", first.location());
        let last = browser.get(first.location()).await.must_be(303).location().to_owned();
        assert_eq!(last, below(&wanted));
        browser.get(&last).await.must_be(200);
    }
    for foreign in ["https://evil.example", "//evil.example", "/\\evil.example"] {
        let browser = app.log_in_as(&lumen.owner).await;
        let next = url::form_urlencoded::byte_serialize(foreign.as_bytes()).collect::<String>();
        let led = browser.get(&below(&format!("/login?next={next}"))).await.must_be(303);
        assert_eq!(led.location(), below("/orgs"), "{foreign}");
    }
    // What is behind the path must not be taken for another host.
    let browser = app.log_in_as(&lumen.owner).await;
    let theme = browser.request("POST", &below("/preferences/theme")).form(&[("theme", "dark")]);
    let led = theme.header("referer", &format!("{ORIGIN}{PATH}//evil.example")).send().await.must_be(303);
    assert_eq!(led.location(), below("/orgs"));
}

fn below(path: &str) -> String {
    format!("{PATH}{path}")
}

fn with_fields(request: Request, route: &Route) -> Request {
    let fields = fixture::fields(route);
    request.form(&super::exchange::as_pairs(&fields))
}

fn lines(strays: &BTreeSet<String>) -> String {
    strays.iter().map(String::as_str).collect::<Vec<_>>().join("\n")
}

/// Everything in a response that leads outside of the path.
fn strays_of(pattern: &str, response: &Response) -> Vec<String> {
    let mut strays = Vec::new();
    for (name, value) in &response.headers {
        let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
        let is_cookie = name == "set-cookie";
        if is_cookie
            && !value.contains(&format!("; Path={PATH};"))
            && !value.ends_with(&format!("; Path={PATH}"))
        {
            strays.push(format!("{name}: {value}"));
        }
        if !is_cookie && value.starts_with('/') && !is_below(&value) {
            strays.push(format!("{name}: {value}"));
        }
    }
    let text = response.text();
    strays.extend(stray_texts(&text));
    if response.header("content-type").starts_with("text/html") {
        strays.extend(stray_attributes(&text));
    }
    strays.into_iter().map(|stray| format!("{pattern} {}: {stray}", response.status)).collect()
}

fn is_below(address: &str) -> bool {
    let address = address.strip_prefix(ORIGIN).unwrap_or(address);
    address.strip_prefix(PATH).is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?', '#']))
}

fn stray_attributes(html: &str) -> Vec<String> {
    let document = Html::parse_document(html);
    let all = Selector::parse("*").expect("a selector");
    let attributes = document.select(&all).flat_map(|element| {
        let name = element.value().name();
        // Forms say where one was by the path inside, which is read there.
        let is_inside = element.value().attr("type") == Some("hidden");
        element.value().attrs().map(move |(attribute, value)| (name, attribute, value, is_inside))
    });
    let is_stray = |attribute: &str, value: &str, is_inside: bool| {
        let is_address = ADDRESSES.contains(&attribute) && !["true", "false"].contains(&value);
        // A label may name a file.
        let is_path = value.starts_with('/') && attribute != "aria-label";
        let leads_out = is_address && !value.starts_with('#') || is_path;
        let is_known = is_below(value) || FOREIGN.iter().any(|foreign| value.starts_with(foreign));
        leads_out && !is_known && !(is_inside && attribute == "value")
    };
    attributes
        .filter(|(_, attribute, value, is_inside)| is_stray(attribute, value, *is_inside))
        .map(|(name, attribute, value, _)| format!("<{name} {attribute}=\"{value}\">"))
        .collect()
}

/// Whole addresses of this server in a text.
fn stray_texts(text: &str) -> impl Iterator<Item = String> {
    let text = text.replace("<wbr>", "");
    let starts: Vec<usize> = text.match_indices(ORIGIN).map(|(start, _)| start).collect();
    starts.into_iter().filter_map(move |start| {
        let address: String = text[start..]
            .chars()
            .take_while(|letter| !letter.is_whitespace() && !"\"'<>&)".contains(*letter))
            .collect();
        (!is_below(address.trim_end_matches(['.', ',', '\\']))).then_some(address)
    })
}

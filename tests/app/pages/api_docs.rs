//! The reference of the API. `tests/servers` runs its examples.

use std::collections::{BTreeMap, BTreeSet};

use scraper::{ElementRef, Html, Selector};
use serde_json::Value;
use tessera::{
    domain::access::Role,
    web::{api::openapi, routes::ROUTES},
};

use crate::support::{Client, TestApp};

/// What every operation takes or returns, and the reference explains once.
const COMMON: [&str; 5] = ["organization", "Idempotency-Key", "If-Match", "cursor", "limit"];

struct Reference(Html);

impl Reference {
    async fn of(client: &Client, path: &str) -> Self {
        Self(Html::parse_document(&client.get(path).await.must_be(200).text()))
    }

    fn all(&self, selector: &str) -> Vec<ElementRef<'_>> {
        self.0.select(&Selector::parse(selector).expect("a selector")).collect()
    }

    /// The operations, objects and topics by their ids.
    fn units(&self) -> BTreeMap<&str, ElementRef<'_>> {
        let units = self.all(".unit").into_iter();
        let units: Vec<_> =
            units.map(|unit| (one(unit, "h3").value().attr("id").expect("an id"), unit)).collect();
        let count = units.len();
        let units: BTreeMap<_, _> = units.into_iter().collect();
        assert_eq!(units.len(), count, "two have one id");
        units
    }

    /// What a search left on the screen.
    fn found(&self) -> BTreeSet<&str> {
        let units = self.units();
        let found = units.into_iter().filter(|(_, unit)| unit.attr("data-missed").is_none());
        let found: BTreeSet<&str> = found.map(|(id, _)| id).collect();
        let links = self.all("#contents li:not([data-missed]) a");
        let links: BTreeSet<&str> =
            links.iter().filter_map(|link| link.attr("href")?.strip_prefix('#')).collect();
        assert_eq!(links, found, "the contents");
        let left = Selector::parse(".unit:not([data-missed])").expect("a selector");
        for section in self.all(".panel:has(.unit)") {
            let has_some = section.select(&left).next().is_some();
            assert_eq!(section.attr("data-missed").is_none(), has_some, "{}", text(section));
        }
        found
    }

    /// The example of an operation in a language.
    fn program(&self, operation: &str, language: &str) -> String {
        text(one(self.units()[operation], &format!("pre[data-language={language}]")))
    }
}

fn one<'a>(element: ElementRef<'a>, selector: &str) -> ElementRef<'a> {
    let selected = element.select(&Selector::parse(selector).expect("a selector")).next();
    selected.unwrap_or_else(|| panic!("no {selector} in {}", text(element)))
}

fn text(element: ElementRef<'_>) -> String {
    element.text().collect()
}

fn operations(document: &Value) -> Vec<(&str, &str, &Value)> {
    let paths = document["paths"].as_object().expect("paths").iter();
    let operations = paths.flat_map(|(path, item)| {
        let methods = item.as_object().expect("methods").iter();
        methods.map(move |(method, operation)| (method.as_str(), path.as_str(), operation))
    });
    operations.collect()
}

#[tokio::test]
async fn every_operation_has_its_section_with_examples_in_four_languages() {
    let app = TestApp::spawn().await;
    let page = Reference::of(&app.client(), "/api/docs").await;
    let (units, document) = (page.units(), openapi::describe(ROUTES, "/"));
    let operations = operations(&document);
    assert!(operations.len() > 40, "only {} operations", operations.len());
    for (method, path, operation) in operations {
        let id = operation["operationId"].as_str().expect("an id");
        let unit = *units.get(id).unwrap_or_else(|| panic!("{id} has no section"));
        let summary = operation["summary"].as_str().expect("a summary");
        assert_eq!(text(one(unit, "h3")), summary.trim_end_matches('.').replace('`', ""), "{id}");
        assert_eq!(text(one(unit, ".endpoint")), format!("{}{path}", method.to_uppercase()));
        let words = text(one(unit, ".unit-words"));
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            let name = parameter["name"].as_str().expect("a name");
            assert!(words.contains(name), "{id} does not tell of {name}: {words}");
        }
        for status in operation["responses"].as_object().expect("responses").keys() {
            assert!(words.contains(status.as_str()), "{id} does not tell of {status}: {words}");
        }
        let last = path.rsplit('/').find(|part| !part.starts_with('{')).expect("a word in the path");
        let programs: BTreeSet<String> = ["curl", "javascript", "python", "go"]
            .iter()
            .map(|language| page.program(id, language))
            .inspect(|program| assert!(program.contains(last), "{id}: {program}"))
            .collect();
        assert_eq!(programs.len(), 4, "{id}");
        let status =
            operation["responses"].as_object().expect("responses").keys().find(|it| it.starts_with('2'));
        let response = format!("Response{}", status.expect("a status of success"));
        assert!(text(one(unit, ".unit-examples")).contains(&response), "{id}");
    }
    let words = text(page.0.root_element());
    let raw = words.split('`').nth(1).map(|rest| rest.chars().take(60).collect::<String>());
    assert_eq!(raw, None, "a raw backtick");
}

#[tokio::test]
async fn every_link_within_the_page_leads_somewhere() {
    let app = TestApp::spawn().await;
    let page = Reference::of(&app.client(), "/api/docs").await;
    let ids: Vec<&str> = page.all("[id]").iter().filter_map(|element| element.attr("id")).collect();
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len(), "two have one id");
    let links: BTreeSet<&str> =
        page.all("a[href]").iter().filter_map(|link| link.attr("href")?.strip_prefix('#')).collect();
    assert!(links.len() > 60, "only {} links", links.len());
    for link in links {
        assert!(ids.contains(&link), "#{link} leads nowhere");
    }
}

#[tokio::test]
async fn what_is_common_is_described_once() {
    let app = TestApp::spawn().await;
    let page = Reference::of(&app.client(), "/api/docs").await;
    let (units, document) = (page.units(), openapi::describe(ROUTES, "/"));
    let fields = |id: &str| -> Vec<String> {
        let selector = Selector::parse(".unit-words > .fields > li > .field-name").expect("a selector");
        units[id].select(&selector).map(text).collect()
    };
    // Wherever a parameter is common, it means the same.
    let mut meanings: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for (_, path, operation) in operations(&document) {
        let id = operation["operationId"].as_str().expect("an id");
        let parameters = operation["parameters"].as_array().expect("parameters");
        for parameter in parameters.iter().filter(|_| path != "/auth") {
            let name = parameter["name"].as_str().expect("a name");
            let is_common = COMMON.contains(&name);
            if is_common {
                let meaning = format!("{} {}", parameter["description"], parameter["schema"]);
                meanings.entry(name).or_default().insert(meaning);
            }
            assert_eq!(fields(id).iter().any(|field| field == name), !is_common, "{id}: {name}");
        }
    }
    assert_eq!(meanings.len(), COMMON.len());
    for (name, meanings) in meanings {
        assert_eq!(meanings.len(), 1, "{name} means several things: {meanings:#?}");
    }
    // A key is described in one place; whatever returns one refers to it.
    let key = fields("api-key-object");
    for name in ["id", "masked", "status", "expires_at", "rotation", "scopes", "metadata"] {
        assert!(key.contains(&name.to_owned()), "{name} is not among {key:?}");
    }
    for (id, own) in [("list_keys", vec![]), ("show_key", vec![]), ("rotate_key", vec!["secret"])] {
        let others = fields(id);
        let is_of_key = |field: &&String| key.contains(field) && *field != "expires_at";
        assert_eq!(others.iter().filter(is_of_key).count(), 0, "{id} repeats {others:?}");
        own.iter().for_each(|name| assert!(others.contains(&(*name).to_owned()), "{id}: {others:?}"));
        assert_eq!(text(one(units[id], "a[href='#api-key-object']")), "API key");
    }
}

#[tokio::test]
async fn a_field_says_what_it_takes() {
    let app = TestApp::spawn().await;
    let page = Reference::of(&app.client(), "/api/docs").await;
    let units = page.units();
    let field = |id: &str, name: &str| -> String {
        let selector = Selector::parse("li").expect("a selector");
        let mut fields = units[id].select(&selector);
        let is_named = |field: &ElementRef<'_>| text(one(*field, ".field-name")) == name;
        let field = fields.find(is_named).unwrap_or_else(|| panic!("{id} has no {name}"));
        field.text().flat_map(str::split_whitespace).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(
        field("create_key", "name"),
        "name string Required The name. Unique in the organization. 1 to 60 characters."
    );
    assert_eq!(
        field("create_key", "requests"),
        "requests integer Required Number of requests. 1 to 1,000,000."
    );
    assert!(field("create_key", "per").ends_with("Values: second , minute , hour ."));
    assert!(field("verify_key", "cost").ends_with("1 to 1,000. Default: 1 ."));
    assert!(field("send_invitation", "emails").starts_with("emails array of strings Required"));
    assert!(field("send_invitation", "emails").ends_with("1 to 500 items."));
    assert!(field("verify_batch", "results").contains("array of verification objects"));
    assert!(field("errors", "errors").starts_with("errors array of objects · may be absent"));
    // What differs by type is told for each type.
    let details = field("event-object", "details");
    assert!(details.contains("role_change type A new role. 2 fields from string"), "{details}");
    assert!(
        details.contains("name_change type A new name. 2 fields from string The previous name."),
        "{details}"
    );
}

#[tokio::test]
async fn a_search_without_a_script_leaves_what_has_all_words() {
    let app = TestApp::spawn().await;
    let client = app.client();
    let all = Reference::of(&client, "/api/docs").await;
    assert_eq!(all.found().len(), all.units().len());
    assert!(all.all("#nothing-found[hidden]").len() == 1 && all.all("#found[hidden]").len() == 1);

    let page = Reference::of(&client, "/api/docs?q=Grace+PERIOD").await;
    let found = page.found();
    assert!(found.contains("rotate_key") && found.contains("api-key-object"), "{found:?}");
    assert!(!found.contains("create_key") && found.len() < 8, "{found:?}");
    assert_eq!(text(page.all("#found")[0]), format!("{} results", found.len()));
    assert_eq!(page.all("#q")[0].attr("value"), Some("Grace PERIOD"));
    assert_eq!(page.all("#nothing-found[hidden]").len(), 1);

    // Topics and code are found, too.
    let page = Reference::of(&client, "/api/docs?q=%3Crequests%22%20/keys/%7Bkey%7D/pause").await;
    assert!(page.found().is_empty());
    let page = Reference::of(&client, "/api/docs?q=/keys/%7Bkey%7D/pause").await;
    assert_eq!(page.found(), BTreeSet::from(["pause_key"]));
    assert_eq!(text(page.all("#found")[0]), "1 result");

    for query in ["keys+xyzzy", "%3Cscript%3Ealert(1)%3C/script%3E", &"x".repeat(300)] {
        let page = Reference::of(&client, &format!("/api/docs?q={query}")).await;
        assert!(page.found().is_empty(), "{query}");
        assert!(page.all("#nothing-found:not([hidden])").len() == 1, "{query}");
        assert!(text(page.all("#nothing-found")[0]).contains("No results"));
        assert!(page.all("#q")[0].attr("value").expect("a value").chars().count() <= 200, "{query}");
        assert_eq!(page.all("main script").len(), 0, "{query}");
    }
}

#[tokio::test]
async fn the_examples_have_the_organization_of_whoever_has_one() {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    let origin = app.state.config.public_url.origin();
    let stranger = Reference::of(&app.client(), "/api/docs").await;
    assert!(
        stranger
            .program("list_keys", "curl")
            .contains(&format!("{origin}/api/v2/organizations/$ORGANIZATION/keys"))
    );
    assert!(stranger.program("list_keys", "go").contains(r#"os.Getenv("ORGANIZATION")"#));
    let links = stranger.all("#authentication ~ p a[href^='/login']");
    assert_eq!(links[0].attr("href"), Some("/login?next=%2Fapi%2Fdocs"));

    let owner = app.log_in_as(&lumen.owner).await;
    let page = Reference::of(&owner, "/api/docs").await;
    for language in ["curl", "javascript", "python", "go"] {
        let program = page.program("list_keys", language);
        assert!(program.contains(&format!("{origin}/api/v2/organizations/{}/keys", lumen.id)), "{program}");
        assert!(!program.contains("ORGANIZATION"), "{program}");
    }
    let generate = page.all("#authentication ~ p a[href^='/orgs/']")[0].attr("href").expect("a link");
    let dialog = owner.get(generate).await.must_be(200).html();
    assert_eq!(dialog.dialog_title(), "Generate token");

    // Who may not make a token is not sent to where it is made.
    let ravi = app.member(&lumen, Role::Developer, "Ravi Menon").await;
    let page = Reference::of(&app.log_in_as(&ravi).await, "/api/docs").await;
    assert!(page.program("list_keys", "curl").contains(&lumen.id));
    assert!(
        text(page.all("main")[0]).contains(&format!("Ask an administrator of {} for a master", lumen.name))
    );

    // Which of two is meant, nobody knows.
    app.organization("Atlas Freight", &ravi).await;
    let page = Reference::of(&app.log_in_as(&ravi).await, "/api/docs").await;
    assert!(page.program("list_keys", "curl").contains("$ORGANIZATION"));
}

#[tokio::test]
async fn the_page_comes_in_the_language_that_was_chosen_last() {
    let app = TestApp::spawn().await;
    let client = app.client();
    for (kept, shown) in
        [(None, "curl"), (Some("python"), "python"), (Some("<b>"), "curl"), (Some("go"), "go")]
    {
        if let Some(kept) = kept {
            client.set_cookie("example-language", kept);
        }
        let page = Reference::of(&client, "/api/docs").await;
        let chosen: BTreeSet<&str> =
            page.all(".languages [checked]").iter().filter_map(|input| input.attr("value")).collect();
        assert_eq!(chosen, BTreeSet::from([shown]), "{kept:?}");
        assert_eq!(page.all(".languages").len(), page.all(".languages [checked]").len());
    }
}

#[tokio::test]
async fn a_browser_that_has_the_page_is_not_sent_it_again() {
    let app = TestApp::spawn().await;
    let stranger = app.client();
    let ask =
        async |known: &str| stranger.request("GET", "/api/docs").header("if-none-match", known).send().await;
    let first = ask("\"another\"").await.must_be(200);
    assert_eq!(first.header("cache-control"), "private, no-cache");
    assert!(first.header("vary").contains("Cookie"));
    let etag = first.header("etag").to_owned();
    let again = ask(&format!("\"another\", {etag}")).await.must_be(304);
    assert!(again.body.is_empty());
    assert_eq!((again.header("etag"), again.header("cache-control")), (etag.as_str(), "private, no-cache"));
    // Another language or another theme is another page.
    stranger.set_cookie("example-language", "go");
    assert_ne!(ask(&etag).await.must_be(200).header("etag"), etag);
    // Somebody's name is kept by nobody.
    let lumen = app.lumen().await;
    let owner = app.log_in_as(&lumen.owner).await.get("/api/docs").await.must_be(200);
    assert_eq!((owner.header("cache-control"), owner.header("etag")), ("no-store", ""));
    // What is drawn once is of the organization's present name.
    let owner = app.log_in_as(&lumen.owner).await;
    owner.post(&lumen.url("settings"), &[("name", "Fern & Söhne")]).await.must_be(303);
    assert!(text(Reference::of(&owner, "/api/docs").await.all("main")[0]).contains("Fern & Söhne"));
}

//! The page of one key: facts, chart, clients, history.

use tessera::domain::{
    api_keys::{self, ChosenExpiration, KeyEdit},
    key_settings::{KeySettings, Metadata},
};
use time::Duration;

use crate::{
    support::{START, TestApp},
    verification::settings,
};

#[tokio::test]
async fn a_key_is_shown_with_what_it_did() {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    let (key, secret) = app.api_key_until(&lumen, "Billing worker", Some(START + Duration::days(90))).await;
    let gateway = app.client();
    for _ in 0..3 {
        let call = gateway.request("GET", "/auth").header("x-api-key", &secret);
        call.header("user-agent", "billing/2.1").send().await.must_be(204);
    }
    let browser = app.log_in_as(&lumen.owner).await;
    let list = browser.get(&lumen.url("api")).await.must_be(200).html();
    let page = browser.get(&list.link("Billing worker")).await.must_be(200).html();
    assert_eq!(page.title(), "Billing worker, Lumen · Tessera");
    let text = page.main_text();
    for words in [key.masked.as_str(), "Dana Whitfield", "Feb 21, 2027, 10:00 UTC", "created the API key"] {
        assert!(text.contains(words), "{words}: {text}");
    }
    assert!(!text.contains(&secret));
    assert_eq!(page.text("#bars-t"), "3 requests in the last 30 days · Peak: 3 per day");
    assert_eq!(page.row("127.0.0.1"), "127.0.0.1 billing/2.1 3 Just now");
    assert_eq!(page.row("Nov 23"), "Nov 23 3");

    browser.post(&page.action("Deactivate"), &[]).await.must_be(303);
    let call = gateway.request("GET", "/auth").header("x-api-key", &secret);
    call.header("user-agent", "curl/8.14").send().await.must_be(401);
    let hourly = browser.get(&page.link("48 hours")).await.must_be(200).html();
    assert_eq!(hourly.row("Nov 23, 10:00"), "Nov 23, 10:00 3 1");
    assert!(hourly.main_text().contains("Rejected: deactivated 1"), "{}", hourly.main_text());
    assert!(hourly.main_text().contains("deactivated the API key"));
    assert!(hourly.try_row("127.0.0.1").is_some() && hourly.main_text().contains("curl/8.14"));
}

#[tokio::test]
async fn everything_about_a_key_stands_on_its_page() {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    let (key, secret) = app.api_key(&lumen, "Billing worker").await;
    let browser = app.log_in_as(&lumen.owner).await;
    let url = lumen.url(&format!("api/keys/{}", key.id));
    let facts = async || {
        let page = browser.get(&url).await.must_be(200).html();
        let (names, values) =
            (page.texts("#panel dl.facts--page > dt"), page.texts("#panel dl.facts--page > dd"));
        (page, names.into_iter().zip(values).collect::<Vec<_>>())
    };
    let (page, plain) = facts().await;
    assert_eq!(page.heading(), "Billing worker");
    assert_eq!(
        page.texts("nav[aria-label=Breadcrumb] li"),
        ["My Organizations", "Lumen", "API", "Billing worker"]
    );
    assert_eq!(page.attributes("nav[aria-label=Breadcrumb] a", "href").last(), Some(&lumen.url("api")));
    assert_eq!(page.texts("nav[aria-label=Breadcrumb] [aria-current=page]"), ["Billing worker"]);
    let expected = [
        ("Status", "Active"),
        ("Key", &key.masked),
        ("Key ID", &key.id),
        ("Description", "None"),
        ("Created", "Nov 23, 2026 by Dana Whitfield"),
        ("Expires", "Never"),
        ("Last used", "Never used"),
        ("Rotation", "None in progress"),
        ("Scopes", "None"),
        ("Allowed IP addresses", "Any"),
        ("Rate limit", "No limit"),
        ("Monthly quota", "No quota"),
        ("Metadata", "None"),
    ];
    assert_eq!(plain, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    for (id, label) in [("key-masked", "Copy masked key"), ("key-id", "Copy key ID")] {
        let button = format!("button[data-copy={id}]");
        assert_eq!(page.attributes(&button, "aria-label"), [label]);
    }
    assert_eq!(page.text("#key-id"), key.id);

    let all = KeySettings {
        description: Some("Writes the invoices".into()),
        metadata: Metadata::parse(r#"{"customer":{"id":"4711"}}"#).expect("metadata"),
        ..settings("invoices:read orders", "127.0.0.0/8 2001:db8::/32", Some("100/minute"), Some(5000))
    };
    let edit =
        KeyEdit { name: None, expiration: ChosenExpiration::At(START + Duration::days(90)), settings: all };
    let (company, id) = (lumen.clone(), key.id.clone());
    app.write(move |tx| {
        let admin = company.admin(tx)?;
        Ok(api_keys::edit(tx, &admin, &id, &edit, START)?)
    })
    .await;
    for _ in 0..3 {
        app.client().request("GET", "/auth").header("x-api-key", &secret).send().await.must_be(204);
    }
    let (page, full) = facts().await;
    for (name, value) in [
        ("Description", "Writes the invoices"),
        ("Expires", "Feb 21, 2027, 10:00 UTC"),
        ("Last used", "Just now"),
        ("Scopes", "invoices:read orders"),
        ("Allowed IP addresses", "127.0.0.0/8 2001:db8::/32"),
        ("Rate limit", "100 requests per minute"),
        ("Monthly quota", "3 of 5,000 used this month (UTC)"),
        ("Metadata", r#"{ "customer": { "id": "4711" } }"#),
    ] {
        assert!(full.contains(&(name.to_owned(), value.to_owned())), "{name}: {full:?}");
    }
    assert_eq!(page.link("Edit"), format!("{url}/settings"));

    browser.post(&page.action("Deactivate"), &[]).await.must_be(303);
    let (_, off) = facts().await;
    assert!(off.contains(&("Status".into(), "Deactivated since Nov 23, 2026, 10:00 UTC".into())), "{off:?}");
    app.clock.advance(Duration::days(10));
    let next_month = app.log_in_as(&lumen.owner).await.get(&url).await.must_be(200).html().main_text();
    assert!(next_month.contains("0 of 5,000 used this month"), "{next_month}");
}

#[tokio::test]
async fn a_key_without_requests_has_a_sentence_in_the_place_of_a_chart() {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    let (key, secret) = app.api_key(&lumen, "Billing worker").await;
    let url = lumen.url(&format!("api/keys/{}", key.id));
    let page = app.log_in_as(&lumen.owner).await.get(&url).await.must_be(200).html();
    let quiet = "No requests yet. They’ll show up here once a service uses this key.";
    assert!(page.text("#requests").contains(quiet), "{}", page.text("#requests"));
    assert!(!page.has("#requests svg.bars") && !page.has("#requests table"));
    app.client().request("GET", "/auth").header("x-api-key", &secret).send().await.must_be(204);
    app.clock.advance(Duration::days(3));
    let browser = app.log_in_as(&lumen.owner).await;
    assert!(browser.get(&url).await.html().has("#requests svg.bars"));
    let hourly = browser.get(&format!("{url}?span=hours")).await.must_be(200).html();
    assert!(
        hourly.text("#requests").contains("No requests in the last 48 hours."),
        "{}",
        hourly.text("#requests")
    );
    assert!(!hourly.has("#requests svg.bars"));
}

#[tokio::test]
async fn what_is_done_on_the_page_of_a_key_stays_there() {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    let (key, _) = app.api_key(&lumen, "Billing worker").await;
    let browser = app.log_in_as(&lumen.owner).await;
    let address = format!("http://localhost:8080{}?span=hours", lumen.url(&format!("api/keys/{}", key.id)));
    let send = |verb: &str, target: &str| {
        let path = lumen.url(&format!("api/keys/{}/{verb}", key.id));
        browser.request("POST", &path).htmx(target).header("HX-Current-URL", &address).send()
    };
    let panel = send("deactivate", "panel").await.must_be(200).html();
    assert_eq!(panel.heading(), "Billing worker");
    assert!(panel.toast().contains("“Billing worker” deactivated"));
    let removed = send("remove", "dialog-slot").await.must_be(200);
    assert_eq!(removed.header("hx-redirect"), lumen.url("api"));
}

#[tokio::test]
async fn the_last_twenty_clients_are_kept() {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    let (_, secret) = app.api_key(&lumen, "Billing worker").await;
    for number in 0..30 {
        app.clock.advance(Duration::SECOND);
        let call = app.client().request("GET", "/api/v2/organization").header("x-api-key", &secret);
        call.header("user-agent", &format!("worker/{number}")).send().await.must_be(200);
        if number % 7 == 0 {
            app.state.usage.flush(&app.state.db).await.unwrap();
        }
    }
    app.state.usage.flush(&app.state.db).await.unwrap();
    let kept = app.query("SELECT user_agent AS text FROM key_clients ORDER BY last_seen_at").await;
    assert_eq!(kept.len(), 20);
    assert_eq!((kept[0].as_str(), kept[19].as_str()), ("worker/10", "worker/29"));
}

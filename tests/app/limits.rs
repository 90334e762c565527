//! How many of each thing there may be, with low numbers set.

use serde_json::json;
use tessera::domain::{access::Role, token_access::TokenAccess};

use crate::support::{Client, Company, Response, TestApp};

/// A server whose every limit is `number`, with an organization whose administrator is logged in.
async fn ground(number: &str) -> (TestApp, Company, Client) {
    let flags = [
        "--max-keys",
        "--max-master-tokens",
        "--max-webhooks",
        "--max-organizations",
        "--max-invitations-per-day",
    ];
    let app = flags.into_iter().fold(TestApp::builder(), |builder, flag| builder.flag(flag, number));
    let app = app.spawn().await;
    let lumen = app.lumen().await;
    let browser = app.log_in_as(&lumen.owner).await;
    (app, lumen, browser)
}

/// Opens the dialog at `path` and saves it with these fields.
async fn save(browser: &Client, path: &str, button: &str, fields: &[(&str, &str)]) -> Response {
    let dialog = browser.get(path).await.must_be(200).html();
    let form_id = dialog.hidden("form_id");
    browser.post(&dialog.action(button), &[fields, &[("form_id", &form_id)]].concat()).await
}

#[tokio::test]
async fn pages_name_the_limit_keep_what_was_typed_and_go_on_once_there_is_room() {
    let (app, lumen, browser) = ground("2").await;
    let name = ["name", "Name"];
    let never = ("duration", "none");
    fill(&browser, &lumen.url("api/keys/new"), name, "Machine ", &[never], "keys").await;
    let rest = [("access", "full"), never];
    fill(&browser, &lumen.url("api/tokens/new"), name, "Machine ", &rest, "master tokens").await;
    let (url, rest) = (["url", "Payload URL"], [("events", "api_key.created")]);
    fill(&browser, &lumen.url("webhooks/new"), url, "https://a.example/", &rest, "webhooks").await;
    app.execute("DELETE FROM api_keys WHERE name LIKE '%1'").await;
    let fields = [("name", "Third"), ("duration", "none")];
    save(&browser, &lumen.url("api/keys/new"), "Save", &fields).await.must_be(200);
    must_be_full(&browser, &lumen.url("api/keys/new"), "2 keys").await;
}

/// The dialog at `path` has no form, since there are as many as there may be; gives the words for that.
async fn must_be_full(browser: &Client, path: &str, limit: &str) -> String {
    let words = format!("You’ve reached the limit of {limit}. Remove one you no longer need.");
    let dialog = browser.get(path).await.must_be(200).html();
    assert!(dialog.dialog_text().contains(&words), "{}", dialog.dialog_text());
    assert!(!dialog.has("#dialog form"), "{path}");
    words
}

/// Makes two of what the dialog at `path` makes, and tries a third. The field that tells them apart has a
/// name and a label.
async fn fill(
    browser: &Client,
    path: &str,
    [field, label]: [&str; 2],
    value: &str,
    rest: &[(&str, &str)],
    kinds: &str,
) {
    let create = async |number: u8| {
        let value = format!("{value}{number}");
        save(browser, path, "Save", &[&[(field, value.as_str())], rest].concat()).await
    };
    create(1).await.must_be(200);
    let dialog = browser.get(path).await.must_be(200).html();
    create(2).await.must_be(200);
    // Who opens the dialog now is told before anything is typed; who had it open is told in it.
    let words = must_be_full(browser, path, &format!("2 {kinds}")).await;
    let (value, form_id) = (format!("{value}3"), dialog.hidden("form_id"));
    let fields = [&[(field, value.as_str()), ("form_id", &form_id)], rest].concat();
    let page = browser.post(&dialog.action("Save"), &fields).await.must_be(422).html();
    assert_eq!(page.field_error(label), words);
    assert_eq!(page.value(label), value);
}

#[tokio::test]
async fn the_api_answers_a_conflict_that_names_the_limit() {
    let (app, lumen, _) = ground("1").await;
    let machine = app.machine(&lumen, TokenAccess::Full).await;
    let key = machine.send("POST", "keys", json!({ "name": "One" })).await.must_be(201).json();
    machine.send("POST", "webhooks", json!({ "url": "https://a.example/1" })).await.must_be(201);
    for (rest, body, kind) in [
        ("keys", json!({ "name": "Two" }), "key"),
        ("webhooks", json!({ "url": "https://a.example/2" }), "webhook"),
    ] {
        let problem = machine.send("POST", rest, body).await.must_be(409).json();
        let words = format!("You’ve reached the limit of 1 {kind}. Remove one you no longer need.");
        assert_eq!(problem["detail"], words);
        assert_eq!(problem["type"], "/problems/conflict");
    }
    // Rotation makes no further key, so it goes on where there is no room.
    let rotate = format!("keys/{}/rotate", key["id"].as_str().expect("an id"));
    machine
        .send("POST", &rotate, json!({ "grace_period": "24h", "starts": "immediately" }))
        .await
        .must_be(200);
    assert_eq!(app.query("SELECT name AS text FROM api_keys").await, ["One"]);
}

#[tokio::test]
async fn requests_that_arrive_together_pass_no_limit() {
    let (app, lumen, _) = ground("3").await;
    let machine = app.machine(&lumen, TokenAccess::Full).await;
    let requests = (0..10).map(|number| {
        let machine = machine.clone();
        tokio::spawn(async move {
            machine.send("POST", "keys", json!({ "name": format!("Key {number}") })).await.status
        })
    });
    let mut statuses = Vec::new();
    for request in requests.collect::<Vec<_>>() {
        statuses.push(request.await.expect("a response"));
    }
    statuses.sort_unstable();
    assert_eq!(statuses, [vec![201; 3], vec![409; 7]].concat());
    assert_eq!(app.query("SELECT count(*) || '' AS text FROM api_keys").await, ["3"]);
}

#[tokio::test]
async fn a_person_administers_so_many_organizations_and_belongs_to_more() {
    let (app, lumen, browser) = ground("2").await;
    let create = async |name: &str| save(&browser, "/orgs/new", "Ok", &[("name", name)]).await;
    let dialog = browser.get("/orgs/new").await.must_be(200).html();
    create("Second").await.must_be(303);
    let words = must_be_full(&browser, "/orgs/new", "2 organizations that you administer").await;
    let fields = [("name", "Third"), ("form_id", &dialog.hidden("form_id"))];
    let page = browser.post(&dialog.action("Ok"), &fields).await.must_be(422).html();
    assert_eq!(page.field_error("Organization name"), words);
    assert_eq!(page.value("Organization name"), "Third");
    // Whoever is invited elsewhere administers nothing there.
    let ada = app.user("Ada Berg").await;
    let fern = app.organization("Fern", &ada).await;
    app.join(&fern, Role::User, &lumen.owner).await;
    must_be_full(&browser, "/orgs/new", "2 organizations that you administer").await;
    app.execute("DELETE FROM organizations WHERE name = 'Second'").await;
    create("Third").await.must_be(303);
}

#[tokio::test]
async fn invitations_of_a_day_end_at_the_limit_that_is_set() {
    let (app, lumen, browser) = ground("2").await;
    let invite = async |emails: &str| {
        let fields = [("emails", emails), ("role", "user")];
        save(&browser, &lumen.url("users/invite"), "Send invitations", &fields).await
    };
    let page = invite("a@lumen.example b@lumen.example c@lumen.example").await.must_be(422).html();
    assert!(
        page.dialog_text().contains("You can send 2 invitations a day. Send fewer at a time."),
        "{}",
        page.dialog_text()
    );
    invite("a@lumen.example b@lumen.example").await.must_be(200);
    let machine = app.machine(&lumen, TokenAccess::Members).await;
    let send = async |email: &str| {
        machine.send("POST", "invitations", json!({ "emails": [email], "role": "user" })).await
    };
    let three = json!({ "emails": ["c@x.example", "d@x.example", "e@x.example"], "role": "user" });
    let never = machine.send("POST", "invitations", three).await.must_be(409);
    assert_eq!(never.header("retry-after"), "", "waiting does not help");
    send("c@lumen.example").await.must_be(200);
    send("d@lumen.example").await.must_be(200);
    // The organization has sent four, twice as many as each of them.
    let ines = app.member(&lumen, Role::Administrator, "Ines Okafor").await;
    let ines = app.log_in_as(&ines).await;
    let fields = [("emails", "e@lumen.example"), ("role", "user")];
    let page = save(&ines, &lumen.url("users/invite"), "Send invitations", &fields).await.must_be(422).html();
    let words = "An organization can send 4 invitations a day. None are left";
    assert!(page.dialog_text().contains(words), "{}", page.dialog_text());
}

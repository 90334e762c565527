//! Before a key ends: mails, the filters of the list, the calendar.

use serde_json::json;
use tessera::domain::{access::Role, expiry_notices, outbox::Message, token_access::TokenAccess};
use time::Duration;

use crate::support::{Company, START, TestApp, until};

/// For which key and how many days ahead the administrators were told, the newest first.
async fn notices(app: &TestApp) -> Vec<(String, i32, String)> {
    let mails = app.mails().await.into_iter();
    mails
        .filter_map(|mail| match mail.message {
            Message::KeyExpires { key_name, days, .. } => Some((key_name, days, mail.recipient)),
            _ => None,
        })
        .collect()
}

async fn tell(app: &TestApp, company: &Company) -> usize {
    expiry_notices::tell(&app.db, &company.id, app.now()).await.expect("the administrators are told")
}

#[tokio::test]
async fn the_administrators_are_told_three_times_and_no_more() {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    app.member(&lumen, Role::Administrator, "Ines Okafor").await;
    app.member(&lumen, Role::User, "Uli User").await;
    app.api_key_until(&lumen, "Billing worker", Some(START + Duration::days(90))).await;
    let (off, _) = app.api_key_until(&lumen, "Old worker", Some(START + Duration::days(90))).await;
    app.api_key(&lumen, "Forever").await;
    let browser = app.log_in_as(&lumen.owner).await;
    browser.post(&lumen.url(&format!("api/keys/{}/deactivate", off.id)), &[]).await.must_be(303);
    assert_eq!(tell(&app, &lumen).await, 0);
    let mut told = Vec::new();
    for days in 0..95 {
        app.clock.advance(Duration::DAY);
        if tell(&app, &lumen).await > 0 {
            told.push(89 - days);
        }
        assert_eq!(tell(&app, &lumen).await, 0);
    }
    // Housekeeping may have been faster by one of its rounds, but not twice.
    assert!(told.iter().all(|left| [14, 3, 1].contains(left)), "{told:?}");
    let mut notices = notices(&app).await;
    notices.sort_by_key(|(_, days, to)| (*days, to.clone()));
    let told: Vec<(i32, &str)> = notices.iter().map(|(_, days, to)| (*days, to.as_str())).collect();
    let (dana, ines) = ("dana.whitfield@lumen.example", "ines.okafor@lumen.example");
    assert_eq!(told, [(1, dana), (1, ines), (3, dana), (3, ines), (14, dana), (14, ines)]);
    assert!(notices.iter().all(|(name, ..)| name == "Billing worker"));
}

#[tokio::test]
async fn keys_that_end_together_are_told_of_in_one_mail_a_day() {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    app.member(&lumen, Role::Administrator, "Ines Okafor").await;
    for number in 0..12 {
        // Over two days, some hours apart.
        let end = START + Duration::days(90) + Duration::hours(4 * number);
        app.api_key_until(&lumen, &format!("Worker {number}"), Some(end)).await;
    }
    let mut days_of_mails = Vec::new();
    for hours in 0..92 * 24 {
        app.clock.advance(Duration::HOUR);
        if hours < 74 * 24 {
            continue;
        }
        let told = tell(&app, &lumen).await;
        if told > 0 {
            days_of_mails.push((hours, told));
        }
    }
    let mut lists: Vec<(String, usize)> = Vec::new();
    for mail in app.mails().await {
        match mail.message {
            Message::KeysExpire { keys, .. } => lists.push((mail.recipient, keys.len())),
            Message::KeyExpires { .. } => lists.push((mail.recipient, 1)),
            _ => {}
        }
    }
    for address in ["dana.whitfield@lumen.example", "ines.okafor@lumen.example"] {
        let of_it: Vec<usize> = lists.iter().filter(|(to, _)| to == address).map(|(_, keys)| *keys).collect();
        assert_eq!(of_it.iter().sum::<usize>(), 36, "each key three times: {of_it:?}");
        assert_eq!(of_it.len(), 6, "{of_it:?}");
    }
    assert!(days_of_mails.windows(2).all(|two| two[1].0 - two[0].0 >= 24), "{days_of_mails:?}");
}

#[tokio::test]
async fn housekeeping_tells_of_expiries_by_itself() {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    app.api_key_until(&lumen, "Billing worker", Some(START + Duration::days(7))).await;
    app.clock.advance(Duration::days(4));
    until(async || !notices(&app).await.is_empty()).await;
    let notices = notices(&app).await;
    let [(name, days, _)] = notices.as_slice() else { panic!("{notices:?}") };
    assert_eq!((name.as_str(), *days), ("Billing worker", 3));
}

#[tokio::test]
async fn the_list_can_be_narrowed_to_what_needs_a_look() {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    let browser = app.log_in_as(&lumen.owner).await;
    let page = browser.get(&lumen.url("api?show=soon")).await.must_be(200).html();
    assert!(page.main_text().contains("No keys expire within 14 days."), "{}", page.main_text());
    app.api_key_until(&lumen, "Ends soon", Some(START + Duration::days(13))).await;
    app.api_key_until(&lumen, "Ends later", Some(START + Duration::days(15))).await;
    let (off, _) = app.api_key(&lumen, "Switched off").await;
    let (_, secret) = app.api_key(&lumen, "In use").await;
    browser.post(&lumen.url(&format!("api/keys/{}/deactivate", off.id)), &[]).await.must_be(303);
    app.client().request("GET", "/auth").header("x-api-key", &secret).send().await.must_be(204);
    let names = async |query: &str| {
        let page = browser.get(&lumen.url(&format!("api?{query}"))).await.must_be(200).html();
        page.texts("#keys .cell-main")
    };
    assert_eq!(names("show=soon").await, ["Ends soon"]);
    assert_eq!(names("show=unused").await, ["Switched off", "Ends later", "Ends soon"]);
    assert_eq!(names("show=unused&q=later").await, ["Ends later"]);
    assert_eq!(names("show=deactivated").await, ["Switched off"]);
    assert_eq!(names("show=nonsense").await.len(), 4);
}

#[tokio::test]
async fn a_calendar_program_reads_the_expiries_by_a_secret_address() {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    let fern_owner = app.user("Frida Fern").await;
    let fern = app.organization("Fern", &fern_owner).await;
    let (key, secret) =
        app.api_key_until(&lumen, "Billing, invoices; \\ more", Some(START + Duration::days(30))).await;
    app.api_key(&lumen, "Forever").await;
    app.api_key_until(&fern, "Another's", Some(START + Duration::days(30))).await;
    let browser = app.log_in_as(&lumen.owner).await;
    let dialog = browser.get(&lumen.url("api/calendar")).await.must_be(200).html();
    let made = browser.post(&dialog.action("Create URL"), &[]).await.must_be(200).html();
    let address = made.text("#secret");
    assert!(address.starts_with("http://localhost:8080/orgs/") && address.ends_with(".ics"), "{address}");

    let program = app.client();
    let feed = program.get(&address).await.must_be(200);
    assert_eq!(feed.header("content-type"), "text/calendar; charset=utf-8");
    let text = feed.text().replace("\r\n ", "");
    for line in [
        format!("UID:{}", key.id),
        "DTSTART:20261223T100000Z".to_owned(),
        "SUMMARY:API key “Billing\\, invoices\\; \\\\ more” expires".to_owned(),
    ] {
        assert!(text.contains(&format!("{line}\r\n")), "{line}: {text}");
    }
    assert_eq!(text.matches("BEGIN:VEVENT").count(), 1);
    assert!(!text.contains(&secret));
    assert_eq!(program.get(&address).await.text().replace("\r\n ", ""), text);

    assert!(text.contains("DTSTAMP:20261123T100000Z\r\nLAST-MODIFIED:20261123T100000Z\r\nSEQUENCE:0\r\n"));
    let capitals = address.replace(&lumen.id, &lumen.id.to_uppercase());
    assert_eq!(program.get(&capitals).await.must_be(200).text().replace("\r\n ", ""), text);

    program.get(&address.replace(&lumen.id, &fern.id)).await.must_be(404);
    program.get(&lumen.url("api/calendar/guessed.ics")).await.must_be(404);
    let dialog = browser.get(&lumen.url("api/calendar")).await.must_be(200).html();
    let replaced = browser.post(&dialog.action("Replace URL"), &[]).await.must_be(200).html();
    program.get(&address).await.must_be(404);
    let address = replaced.text("#secret");
    program.get(&address).await.must_be(200);

    let revoke = lumen.url("api/calendar/revoke");
    let dialog = browser.get(&lumen.url("api/calendar")).await.must_be(200).html();
    assert_eq!(dialog.attributes("dialog button", "formaction"), [revoke.as_str()]);
    let answer = browser.post(&revoke, &[]).await.must_be(303);
    assert_eq!(browser.follow(&answer).await.html().toast(), "Calendar URL revoked");
    program.get(&address).await.must_be(404);
    let answer = browser.post(&revoke, &[]).await.must_be(303);
    assert_eq!(browser.follow(&answer).await.html().toast(), "There was no calendar URL to revoke.");
    let activity = browser.get(&lumen.url("activity")).await.html().main_text();
    assert_eq!(activity.matches("revoked the calendar URL").count(), 1, "{activity}");
}

#[tokio::test]
async fn a_calendar_of_many_keys_has_those_that_expire_next() {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    // One expired already; the others do, one a day.
    app.execute(&format!(
        "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 1001)
         INSERT INTO api_keys (id, organization_id, name, name_key, search_key, masked, secret_digest, created_by,
                               created_at, expires_at)
         SELECT 'k' || i, '{}', 'Key ' || i, 'key ' || i, 'key ' || i, 'tess_a…z', CAST('d' || i AS BLOB), 'Dana',
                '2026-11-01 10:00:00', datetime('2026-11-23 09:00:00', i || ' days') FROM n",
        lumen.id
    ))
    .await;
    let browser = app.log_in_as(&lumen.owner).await;
    let dialog = browser.get(&lumen.url("api/calendar")).await.must_be(200).html();
    let address = browser.post(&dialog.action("Create URL"), &[]).await.must_be(200).html().text("#secret");
    let text = app.client().get(&address).await.must_be(200).text();
    let has = |key: &str| text.contains(&format!("UID:{key}\r\n"));
    assert_eq!(text.matches("BEGIN:VEVENT").count(), 1000);
    assert!(has("k1") && has("k1000") && !has("k0") && !has("k1001"));
}

/// RFC 5545, 3.8.7: a program tells by these that an event is another one than it has.
#[tokio::test]
async fn an_event_that_moves_says_so_and_keeps_its_id() {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    let (key, _) = app.api_key_until(&lumen, "Billing worker", Some(START + Duration::days(30))).await;
    let browser = app.log_in_as(&lumen.owner).await;
    let dialog = browser.get(&lumen.url("api/calendar")).await.must_be(200).html();
    let address = browser.post(&dialog.action("Create URL"), &[]).await.must_be(200).html().text("#secret");
    let feed = async || app.client().get(&address).await.must_be(200).text().replace("\r\n ", "");
    let value = |text: &str, name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(&format!("{name}:")));
        line.expect("the property").to_owned()
    };
    let before = feed().await;
    app.clock.advance(Duration::hours(3));
    assert_eq!(feed().await, before, "nothing changes by itself");

    let machine = app.machine(&lumen, TokenAccess::Full).await;
    let rotation =
        json!({ "grace_period": "none", "starts": "immediately", "expires_at": "2027-03-01T00:00:00Z" });
    machine.send("POST", &format!("keys/{}/rotate", key.id), rotation).await.must_be(200);
    let after = feed().await;
    assert_eq!(value(&after, "DTSTART"), "20270301T000000Z");
    assert_eq!(value(&after, "UID"), value(&before, "UID"));
    for name in ["DTSTAMP", "LAST-MODIFIED"] {
        assert_eq!(value(&after, name), "20261123T130000Z");
        assert_eq!(value(&before, name), "20261123T100000Z");
    }
    let sequence = |text: &str| value(text, "SEQUENCE").parse::<i64>().expect("a number");
    assert!(sequence(&after) > sequence(&before));
    assert!(!value(&after, "UID").contains("localhost"), "the server may move");
}

#[tokio::test]
async fn a_round_over_many_keys_that_was_stopped_goes_on_without_a_second_mail() {
    let app = TestApp::builder().without_housekeeping().spawn().await;
    let lumen = app.lumen().await;
    for number in 0..230 {
        // All on one day, so that they come in one mail.
        let end = START + Duration::days(90) + Duration::minutes(number);
        app.api_key_until(&lumen, &format!("Worker {number}"), Some(end)).await;
    }
    app.clock.advance(Duration::days(76) + Duration::hours(4));
    assert_eq!(tell(&app, &lumen).await, 230);
    let lists = async || {
        let messages = app.mails().await.into_iter().map(|mail| mail.message);
        messages.filter(|message| matches!(message, Message::KeysExpire { .. })).collect::<Vec<_>>()
    };
    let first = lists().await;
    let [Message::KeysExpire { keys, more, .. }] = first.as_slice() else { panic!("{first:?}") };
    assert_eq!((keys.len(), *more, keys[0].name.as_str()), (50, 180, "Worker 0"));

    // As it is when the process ends between two portions.
    app.execute(
        "DELETE FROM expiry_notices WHERE api_key_id IN (SELECT id FROM api_keys WHERE name >= 'Worker 3')",
    )
    .await;
    app.execute("UPDATE expiry_rounds SET is_done = FALSE").await;
    let lost = 230 - app.query("SELECT api_key_id AS text FROM expiry_notices").await.len();
    assert!(lost > 50, "{lost}");
    app.clock.advance(Duration::HOUR);
    assert_eq!(tell(&app, &lumen).await, lost);
    assert_eq!(tell(&app, &lumen).await, 0);
    assert_eq!(lists().await.len(), 1);
    assert_eq!(app.query("SELECT api_key_id AS text FROM expiry_notices").await.len(), 230);
}

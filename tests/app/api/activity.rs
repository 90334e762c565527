//! The audit log in the management API.

use serde_json::{Value, json};
use tessera::{
    config::InstanceRules,
    domain::{
        access::Role,
        api_keys::{self, PauseLength},
        master_tokens::{self, NewToken},
        names::Name,
        token_access::TokenAccess,
    },
};
use time::Duration;

use crate::support::{Company, Machine, TestApp};

#[tokio::test]
async fn an_event_tells_who_did_what_to_whom_from_where() {
    let (app, lumen, reader) = ground().await;
    let uli = app.member(&lumen, Role::User, "Uli Berg").await;
    app.clock.advance(Duration::microseconds(1_000_250));
    let machine = app.machine(&lumen, TokenAccess::Members).await;
    machine.send("PATCH", &format!("members/{}", uli.id), json!({ "role": "supervisor" })).await.must_be(200);
    let event = reader.get("activity?limit=1").await.must_be(200).json()["data"][0].clone();
    let sql = format!("SELECT name AS text FROM master_tokens WHERE id = '{}'", machine.token_id);
    let name = app.query(&sql).await.remove(0);
    assert_eq!(
        event,
        json!({
            "id": event["id"], "at": "2026-11-23T10:00:01.000250Z",
            "actor": { "kind": "master_token", "id": machine.token_id, "name": name },
            "action": "member.role_changed", "subject": { "id": uli.id, "name": "Uli Berg" },
            "details": { "type": "role_change", "from": "user", "to": "supervisor" },
            "details_text": "from User to Supervisor", "ip": "127.0.0.1", "receipts": null,
        })
    );
}

#[tokio::test]
async fn details_are_told_as_fields_and_as_words() {
    let (app, lumen, machine) = ground().await;
    let (key, _) = app.api_key(&lumen, "Billing worker").await;
    let end = app.now() + Duration::days(30);
    let (company, now, key_id) = (lumen.clone(), app.now(), key.id.clone());
    let token = app
        .write(move |tx| {
            let admin = company.admin(tx)?;
            let (token, _) = master_tokens::generate(
                tx,
                &admin,
                &NewToken {
                    name: Name::parse("Gateway", 60)?,
                    access: TokenAccess::Verify,
                    expires_at: Some(end),
                },
                &InstanceRules::default(),
                now,
            )?;
            api_keys::pause(tx, &admin, &key_id, PauseLength::OneHour, now)?;
            Ok(token)
        })
        .await;
    let told = machine.get("activity?limit=3").await.must_be(200).json();
    let details =
        |place: usize| (told["data"][place]["details"].clone(), &told["data"][place]["details_text"]);
    assert_eq!(
        details(0),
        (
            json!({ "type": "pause", "until": "2026-11-23T11:00:00Z" }),
            &json!("until Nov 23, 2026, 11:00 UTC")
        )
    );
    assert_eq!(
        details(1),
        (
            json!({
                "type": "token", "masked": token.masked, "access": "verify", "expires_at": "2026-12-23T10:00:00Z",
            }),
            &json!(format!("{}, Verify only, expires Dec 23, 2026", token.masked))
        )
    );
    assert_eq!(details(2), (json!({ "type": "key", "masked": key.masked }), &json!(key.masked)));
    // An event that has nothing to tell beside its subject.
    let first = machine.get("activity?action=organization.created").await.must_be(200).json();
    assert_eq!(
        (&first["data"][0]["details"], &first["data"][0]["details_text"]),
        (&Value::Null, &Value::Null)
    );
}

#[tokio::test]
async fn the_trail_is_filtered_by_text_person_kind_and_time() {
    let (app, lumen, machine) = ground().await;
    let sam = app.member(&lumen, Role::Supervisor, "Sam Berg").await;
    app.clock.advance(Duration::HOUR);
    app.api_key(&lumen, "Billing worker").await;
    app.clock.advance(Duration::HOUR);
    app.api_key(&lumen, "Invoices").await;
    let everything = machine.whole_list("activity").await;
    let actions: Vec<&str> = everything.iter().map(|event| text(&event["action"])).collect();
    assert_eq!(
        actions,
        [
            "api_key.created",
            "api_key.created",
            "member.joined",
            "invitation.created",
            "master_token.activated",
            "master_token.generated",
            "organization.created",
        ]
    );
    for (query, number) in [
        (format!("actor={}", sam.id), 1),
        ("actor=nobody".to_owned(), 0),
        ("area=api_keys".to_owned(), 2),
        ("area=master_tokens&q=machine".to_owned(), 2),
        ("action=member.joined".to_owned(), 1),
        ("action=member.joined&area=api_keys".to_owned(), 0),
        ("q=+BILLING+".to_owned(), 1),
        ("q=%25".to_owned(), 0),
        ("from=2026-11-23T11:00:00Z".to_owned(), 2),
        ("to=2026-11-23T11:00:00Z".to_owned(), 5),
        ("from=2026-11-23T12:00:00%2B01:00&to=2026-11-23T12:00:00Z".to_owned(), 1),
        ("from=2026-11-23T12:00:00.000001Z".to_owned(), 0),
    ] {
        let listed = machine.whole_list(&format!("activity?{query}")).await;
        assert_eq!(listed.len(), number, "{query}");
        assert_eq!(exported(&machine, &query).await, reversed(listed), "{query}");
    }
    for (query, status, pointer) in [
        ("area=account", 422, "area"),
        ("action=account.logged_in", 422, "action"),
        ("from=yesterday", 400, "from"),
        ("to=2026-11-23", 400, "to"),
        ("page=2", 400, ""),
    ] {
        for path in ["activity", "activity/export"] {
            let problem = machine.get(&format!("{path}?{query}")).await.must_be(status).json();
            assert_eq!(problem["errors"][0]["pointer"], pointer, "{path}?{query}");
        }
    }
    machine.get("activity/export?format=xml").await.must_be(400);
    machine.get("activity/export?limit=5").await.must_be(400);
    machine.get("activity?format=csv").await.must_be(400);
}

#[tokio::test]
async fn the_export_holds_what_the_list_holds_however_much_it_is() {
    let (app, lumen, machine) = ground().await;
    app.execute(&format!(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2500)
         INSERT INTO audit_events (id, organization_id, actor_kind, actor_name, action, subject_name, search_key, created_at)
         SELECT 'e' || substr('' || (100000 + i), 2), '{}', 'system', 'System', 'invitation.created', 'new' || i, 'new' || i,
         '2026-11-23 10:00:00' FROM n",
        lumen.id
    ))
    .await;
    let rows = exported(&machine, "").await;
    assert_eq!(rows.len(), 2503);
    let newest = machine.get("activity?limit=100").await.must_be(200).json();
    let newest = newest["data"].as_array().expect("a list").clone();
    assert_eq!(rows[2403..], reversed(newest));
    let answer = machine.get("activity/export?format=csv").await.must_be(200);
    assert_eq!(answer.header("content-type"), "text/csv; charset=utf-8");
    assert_eq!(answer.header("content-disposition"), "attachment; filename=\"activity.csv\"");
    assert_eq!(answer.header("cache-control"), "no-store");
    let text = answer.text();
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let ids: Vec<String> = reader.records().map(|row| row.expect("a row")[7].to_owned()).collect();
    assert_eq!(ids, rows.iter().map(|row| row["id"].as_str().expect("an id")).collect::<Vec<_>>());
    assert!(exported(&machine, "q=nothing").await.is_empty());
}

#[tokio::test]
async fn a_name_is_no_formula_in_the_csv_and_unchanged_in_json() {
    let (app, lumen, machine) = ground().await;
    for name in ["=1+2", "+1", "-1", "@SUM(A1)", "a, \"b\"", "x;=cmd|' /c calc'!A0;y"] {
        app.api_key(&lumen, name).await;
        let answer = machine.get("activity/export?format=csv&area=api_keys").await.must_be(200).text();
        let mut reader = csv::Reader::from_reader(answer.as_bytes());
        let row = reader.records().last().expect("a row").expect("a row");
        let expected = match name.chars().next() {
            Some('a') => name.to_owned(),
            Some('x') => name.replace(";=", ";'="),
            _ => format!("'{name}"),
        };
        assert_eq!(row[4], expected);
        let rows = exported(&machine, "area=api_keys").await;
        assert_eq!(rows.last().expect("a row")["subject"]["name"], name);
    }
}

/// The export as JSON, one object a line.
async fn exported(machine: &Machine, query: &str) -> Vec<Value> {
    let answer = machine.get(&format!("activity/export?format=jsonl&{query}")).await.must_be(200);
    assert_eq!(answer.header("content-type"), "application/jsonl");
    let text = answer.text();
    text.lines().map(|line| serde_json::from_str(line).expect("an object")).collect()
}

fn reversed(mut events: Vec<Value>) -> Vec<Value> {
    events.reverse();
    events
}

fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}

async fn ground() -> (TestApp, Company, Machine) {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    let machine = app.machine(&lumen, TokenAccess::Read).await;
    (app, lumen, machine)
}

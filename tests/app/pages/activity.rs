//! The tab "Activity": who did what, and its export.

use std::sync::atomic::{AtomicUsize, Ordering};

use actix_web::body::to_bytes;
use diesel::connection::SimpleConnection;
use tessera::{
    db::{Connection, fill_terms},
    domain::{
        access::{self, Role},
        audit::{Action, Area, Filter},
    },
    web::{
        activity_file::{self, CSV},
        error::AppError,
    },
};

use super::unusual_names;
use crate::{
    list_order::plan,
    support::{Client, Company, TestApp},
};

/// The lines of the trail as they are shown, the newest first.
async fn lines(browser: &Client, path: &str) -> Vec<String> {
    browser.get(path).await.must_be(200).html().texts("#log li p")
}

/// The rows of the export without its head, each by its columns.
async fn export(browser: &Client, path: &str) -> Vec<Vec<String>> {
    let answer = browser.get(path).await.must_be(200);
    assert_eq!(answer.header("content-type"), "text/csv; charset=utf-8");
    assert_eq!(answer.header("content-disposition"), "attachment; filename=\"activity.csv\"");
    let text = answer.text();
    assert!(text.starts_with("\u{FEFF}time_utc,"), "Excel knows UTF-8 by the mark");
    assert_eq!(text.matches('\n').count(), text.matches("\r\n").count(), "RFC 4180, 2.1");
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let head: Vec<_> = reader.headers().expect("a head").iter().map(str::to_owned).collect();
    assert_eq!(
        head,
        [
            "time_utc",
            "actor_kind",
            "actor",
            "action",
            "subject",
            "details_text",
            "address",
            "event_id",
            "actor_id",
            "subject_id",
            "details",
            "receipts"
        ]
    );
    reader.records().map(|row| row.expect("a row").iter().map(str::to_owned).collect()).collect()
}

fn column(rows: &[Vec<String>], number: usize) -> Vec<&str> {
    rows.iter().map(|row| row[number].as_str()).collect()
}

/// Lumen with a supervisor, a key and a renamed organization.
async fn busy_lumen(app: &TestApp) -> (Company, Client, Client) {
    let lumen = app.lumen().await;
    let sam = app.member(&lumen, Role::Supervisor, "Sam Berg").await;
    app.api_key(&lumen, "Billing worker").await;
    let (admin, supervisor) = (app.log_in_as(&lumen.owner).await, app.log_in_as(&sam).await);
    admin.post(&lumen.url("settings"), &[("name", "Lumen 2")]).await.must_be(303);
    let form_id = supervisor.get(&lumen.url("users/invite")).await.html().hidden("form_id");
    let form = [("emails", "mara@lumen.example"), ("role", "user"), ("form_id", form_id.as_str())];
    supervisor.post(&lumen.url("users/invite"), &form).await.must_be(200);
    (lumen, admin, supervisor)
}

#[tokio::test]
async fn the_trail_tells_who_did_what_from_where() {
    let app = TestApp::spawn().await;
    let (lumen, admin, _) = busy_lumen(&app).await;
    let lines = lines(&admin, &lumen.url("activity")).await;
    assert!(lines[2].starts_with("Dana Whitfield created the API key Billing worker tess_"), "{lines:?}");
    assert_eq!(
        [&lines[..2], &lines[3..]].concat(),
        [
            "Sam Berg invited mara@lumen.example as User",
            "Dana Whitfield renamed the organization from “Lumen” to “Lumen 2”",
            "Sam Berg joined by invitation as Supervisor",
            "Dana Whitfield invited sam.berg@lumen.example as Supervisor",
            "Dana Whitfield created the organization Lumen",
        ]
    );
    let page = admin.get(&lumen.url("activity")).await.html();
    assert_eq!(page.texts("#log h3"), ["Today, Nov 23, 2026"]);
    assert_eq!(page.texts("#log li .from").first().map(String::as_str), Some("127.0.0.1"));
}

#[tokio::test]
async fn the_trail_is_filtered_by_person_kind_and_text() {
    let app = TestApp::spawn().await;
    let (lumen, admin, _) = busy_lumen(&app).await;
    let page = admin.get(&lumen.url("activity")).await.html();
    assert_eq!(page.texts("#log-who option"), ["All members and tokens", "Dana Whitfield", "Sam Berg"]);
    assert_eq!(
        page.texts("#log-what option"),
        ["All events", "Members", "API keys", "Master tokens", "Webhooks", "Organization"]
    );
    let sam = page.attributes("#log-who option", "value").remove(2);
    for (query, number) in [
        (format!("who={sam}"), 2),
        ("who=nobody".to_owned(), 0),
        ("what=organization".to_owned(), 2),
        ("what=api_keys".to_owned(), 1),
        ("what=nonsense".to_owned(), 6),
        ("q=+BILLING+".to_owned(), 1),
        ("q=lumen.example".to_owned(), 3),
        ("q=127.0.0.1".to_owned(), 2),
        ("q=%25".to_owned(), 0),
        (format!("who={sam}&what=members&q=mara"), 1),
    ] {
        let path = lumen.url(&format!("activity?{query}"));
        assert_eq!(lines(&admin, &path).await.len(), number, "{query}");
        let export_path = admin.get(&path).await.html().link("Export CSV");
        assert_eq!(export(&admin, &export_path).await.len(), number, "the export of {query}");
    }
    let page = admin.get(&lumen.url(&format!("activity?who={sam}&what=members&q=x+%26"))).await.html();
    assert!(page.main_text().contains("No matching events."));
    assert_eq!(page.attributes("#log-q", "value"), ["x &"]);
    assert_eq!(page.attributes("option[selected]", "value"), [sam.as_str(), "members"]);
}

#[tokio::test]
async fn supervisors_read_of_members_alone() {
    let app = TestApp::spawn().await;
    let (lumen, admin, supervisor) = busy_lumen(&app).await;
    let page = supervisor.get(&lumen.url("activity")).await.must_be(200);
    assert!(!page.text().contains("Billing worker"));
    assert_eq!(page.html().texts("#log li").len(), 3);
    assert_eq!(page.html().texts("#log-what option"), ["All events", "Members"]);
    for query in ["", "?what=api_keys", "?what=organization", "?q=Billing"] {
        let all = export(&supervisor, &lumen.url(&format!("activity.csv{query}"))).await;
        assert!(
            column(&all, 3)
                .iter()
                .all(|action| action.starts_with("invitation.") || *action == "member.joined")
        );
        assert_eq!(all.len(), if query.is_empty() { 3 } else { 0 }, "{query}");
    }
    assert_eq!(export(&admin, &lumen.url("activity.csv?what=api_keys")).await.len(), 1);
}

#[tokio::test]
async fn developers_read_of_keys_alone() {
    let app = TestApp::spawn().await;
    let (lumen, ..) = busy_lumen(&app).await;
    app.master_token(&lumen, "Deployment").await;
    let dev = app.member(&lumen, Role::Developer, "Dev Berg").await;
    let browser = app.log_in_as(&dev).await;
    assert_eq!(browser.get(&lumen.url("users")).await.html().link("Activity"), lumen.url("activity"));
    let page = browser.get(&lumen.url("activity")).await.must_be(200);
    assert_eq!(page.html().texts("#log li").len(), 1);
    assert!(page.html().texts("#log li p")[0].contains("created the API key Billing worker"));
    assert_eq!(page.html().texts("#log-what option"), ["All events", "API keys"]);
    assert_eq!(page.html().texts("#log-who option"), ["All members and tokens", "Dana Whitfield"]);
    for hidden in ["Deployment", "mara@lumen.example", "Sam Berg"] {
        assert!(!page.text().contains(hidden), "{hidden}");
    }
    for (query, number) in
        [("", 1), ("?what=members", 0), ("?what=master_tokens", 0), ("?what=organization", 0), ("?q=mara", 0)]
    {
        let rows = export(&browser, &lumen.url(&format!("activity.csv{query}"))).await;
        assert_eq!(column(&rows, 3), vec!["api_key.created"; number], "{query}");
    }
}

#[tokio::test]
async fn users_do_not_read_the_trail() {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    let uli = app.member(&lumen, Role::User, "Uli Berg").await;
    let browser = app.log_in_as(&uli).await;
    assert!(browser.get(&lumen.url("users")).await.html().try_link("Activity").is_none());
    browser.get(&lumen.url("activity")).await.must_be(403);
    browser.get(&lumen.url("activity.csv")).await.must_be(403);
}

/// 3,500 invitations in the trail, which is more than a part of the export.
async fn many_events(app: &TestApp, lumen: &Company) {
    app.execute(&format!(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3500)
         INSERT INTO audit_events (id, organization_id, actor_kind, actor_name, action, subject_name, search_key, created_at)
         SELECT 'e' || substr('' || (100000 + i), 2), '{}', 'system', 'System', 'invitation.created', 'new' || i, 'new' || i,
         '2026-11-23 10:00:00' FROM n",
        lumen.id
    ))
    .await;
    app.write(|tx| Ok(fill_terms(tx.connection())?)).await;
}

/// Somebody reads slowly, and is removed meanwhile.
#[tokio::test]
async fn a_download_ends_with_the_right_to_it() {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    many_events(&app, &lumen).await;
    for parts in [1, 9] {
        let (owner, id, asked) = (lumen.owner.clone(), lumen.id.clone(), AtomicUsize::new(0));
        let prove_again = move |connection: &mut Connection| {
            if asked.fetch_add(1, Ordering::Relaxed) >= parts {
                return Err(AppError::NotFound);
            }
            Ok(access::member(connection, &owner, None, &id)?.grant()?)
        };
        let file = activity_file::download(CSV, app.db.clone(), prove_again, Filter::default());
        let body = to_bytes(file.await.expect("it begins").into_body()).await;
        assert_eq!(body.is_ok(), parts == 9, "{parts}");
    }
}

#[tokio::test]
async fn the_export_holds_every_row_once() {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    many_events(&app, &lumen).await;
    let browser = app.log_in_as(&lumen.owner).await;
    let rows = export(&browser, &lumen.url("activity.csv")).await;
    let mut ids = column(&rows, 7);
    ids.dedup();
    assert_eq!((rows.len(), ids.len()), (3501, 3501));
    assert!(ids.is_sorted());
    assert_eq!(rows[0][0], "2026-11-23T10:00:00Z");
    assert_eq!(export(&browser, &lumen.url("activity.csv?q=new34")).await.len(), 111);

    let page = browser.get(&lumen.url("activity?q=new")).await.html();
    assert_eq!(page.text(".panel-foot .num"), "1–50 of 1,000+");
    let page = browser.get(&page.link("Next")).await.must_be(200).html();
    assert_eq!(page.text(".panel-foot .num"), "51–100 of 1,000+");
    let part = browser.htmx_get(&lumen.url("activity?page=3"), "log").await.must_be(200).html();
    assert!(part.has("#log li") && !part.has("body > header"));
}

#[tokio::test]
async fn a_name_is_neither_markup_nor_formula() {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    let browser = app.log_in_as(&lumen.owner).await;
    for name in unusual_names() {
        app.api_key(&lumen, name.chars().take(60).collect::<String>().trim()).await;
        browser.post("/account/name", &[("name", &name)]).await.must_be(303);
        browser
            .post(
                &lumen.url("settings"),
                &[("name", &format!("{}.", name.chars().take(70).collect::<String>()))],
            )
            .await
            .must_be(303);
        let page = browser.get(&lumen.url("activity")).await.must_be(200);
        assert!(page.html().texts("#log b").contains(&name) && !page.text().contains("<b>Ada"), "{page:?}");
        assert!(column(&export(&browser, &lumen.url("activity.csv")).await, 2).contains(&name.as_str()));
    }
    for name in ["=1+2", "+1", "-1", "@SUM(A1)", "＝1+2", "＋1", "－1", "＠SUM"] {
        app.api_key(&lumen, name).await;
        let rows = export(&browser, &lumen.url("activity.csv?what=api_keys")).await;
        assert_eq!(rows.last().map(|row| row[4].as_str()), Some(format!("'{name}").as_str()));
    }
}

#[tokio::test]
async fn events_from_before_details_were_facts_are_shown_and_found() {
    let app = TestApp::builder().on_file().spawn().await;
    let lumen = app.lumen().await;
    // As the version before left the table.
    app.execute("ALTER TABLE audit_events DROP COLUMN details").await;
    app.execute("ALTER TABLE audit_events RENAME COLUMN search_text TO detail").await;
    for (id, action, name, detail) in [
        ("a", "member.role_changed", "Uli Berg", "from User to Supervisor"),
        ("b", "api_key.removed", "Gone", "tess_AbCd…wxyz"),
        ("c", "api_key.rotated", "Billing worker", "the old secret works for an hour"),
    ] {
        app.execute(&format!(
            "INSERT INTO audit_events (id, organization_id, actor_kind, actor_name, action, subject_name, detail,
             search_key, created_at)
             VALUES ('{id}', '{}', 'user', 'Dana Whitfield', '{action}', '{name}', '{detail}',
             lower('{name} {detail}'), '2026-11-23 11:00:00')",
            lumen.id
        ))
        .await;
    }
    let migration = include_str!("../../../migrations/sqlite/2026-11-25-220000_typed_events/up.sql");
    app.write(move |tx| Ok(tx.connection().batch_execute(migration)?)).await;
    app.write(|tx| Ok(fill_terms(tx.connection())?)).await;

    let browser = app.log_in_as(&lumen.owner).await;
    assert_eq!(
        lines(&browser, &lumen.url("activity")).await[..3],
        [
            "Dana Whitfield rotated the API key Billing worker the old secret works for an hour",
            "Dana Whitfield removed the API key Gone tess_AbCd…wxyz",
            "Dana Whitfield changed the role of Uli Berg from User to Supervisor",
        ]
    );
    for (query, number) in [("q=supervisor", 1), ("q=AbCd", 1), ("q=an+hour", 1), ("q=masked", 0)] {
        assert_eq!(lines(&browser, &lumen.url(&format!("activity?{query}"))).await.len(), number, "{query}");
    }
    let rows = export(&browser, &lumen.url("activity.csv?q=AbCd")).await;
    assert_eq!(
        (rows[0][5].as_str(), rows[0][10].as_str()),
        ("tess_AbCd…wxyz", r#"{"type":"key","masked":"tess_AbCd…wxyz"}"#,)
    );
    let fields = [("key", "tess_AbCd…wxyz")];
    let answer = browser.post(&lumen.url("api/troubleshoot"), &fields).await.must_be(200).html().main_text();
    assert!(answer.contains("Dana Whitfield removed the key “Gone”"), "{answer}");

    // Of a later version, which somebody went back from.
    app.execute("UPDATE audit_events SET details = '{\"type\":\"later\",\"place\":\"Kiel\"}', search_text = 'Kiel' WHERE id = 'c'")
        .await;
    let newest = lines(&browser, &lumen.url("activity")).await.remove(0);
    assert_eq!(newest, "Dana Whitfield rotated the API key Billing worker Kiel");
}

#[tokio::test]
async fn a_search_finds_what_is_in_the_details_and_not_how_they_are_kept() {
    let app = TestApp::spawn().await;
    let (lumen, admin, _) = busy_lumen(&app).await;
    for (query, number) in [
        ("q=Lumen+2", 1),
        ("q=supervisor", 2),
        ("q=tess_", 1),
        ("q=masked", 0),
        ("q=role", 0),
        ("q=name_change", 0),
        ("q=%22", 0),
    ] {
        let path = lumen.url(&format!("activity?{query}"));
        assert_eq!(lines(&admin, &path).await.len(), number, "{query}");
    }
}

/// The database has a column for it, which SQL makes of the action. What belongs to no organization has none there.
#[tokio::test]
async fn every_event_is_of_the_area_of_its_action() {
    let app = TestApp::spawn().await;
    for action in Action::ALL {
        let name = action.as_str();
        app.execute(&format!(
            "INSERT INTO audit_events (id, actor_kind, actor_name, action, subject_name, created_at)
             VALUES ('{name}', 'system', 'Tessera', '{name}', '', '2026-11-23 10:00:00')"
        ))
        .await;
        let area = app.query(&format!("SELECT area AS text FROM audit_events WHERE id = '{name}'")).await;
        let is_of_organization = Area::OF_ORGANIZATION.contains(&action.area());
        let expected = if is_of_organization { action.area().as_str() } else { "" };
        assert_eq!(area, [expected], "{name}");
    }
}

#[tokio::test]
async fn those_who_did_something_are_found_with_one_statement() {
    let app = TestApp::builder().on_file().spawn().await;
    let (lumen, admin, _) = busy_lumen(&app).await;
    let path = lumen.url("activity");
    admin.get(&path).await.must_be(200);
    let before = app.statements(admin.get(&path)).await;
    let names = ["Ada Berg", "Bo Lund", "Cy Hall", "Élodie Roy"];
    for name in names {
        app.member(&lumen, Role::User, name).await;
    }
    // Each under the name of last.
    app.execute("UPDATE audit_events SET actor_name = 'Zoe' WHERE id = (SELECT max(id) FROM audit_events)")
        .await;
    let after = app.statements(admin.get(&path)).await;
    // Without what workers ask meanwhile.
    let of_the_page = |statements: &[String]| {
        statements.iter().filter(|statement| statement.contains("audit_events")).count()
    };
    assert_eq!(of_the_page(&after), of_the_page(&before), "{after:#?}");
    let statement =
        after.iter().find(|statement| statement.contains("RECURSIVE actors")).expect("the statement");
    let plan = plan(&app, statement).await.join("\n");
    assert!(
        plan.contains("audit_events_by_actor (organization_id=? AND actor_id>? AND actor_id<?)"),
        "{plan}"
    );
    assert!(!plan.contains("SCAN audit_events") && !plan.contains("TEMP B-TREE"), "{plan}");
    let page = admin.get(&path).await.must_be(200).html();
    let shown =
        ["All members and tokens", "Ada Berg", "Bo Lund", "Cy Hall", "Dana Whitfield", "Sam Berg", "Zoe"];
    assert_eq!(page.texts("#log-who option"), shown);
}

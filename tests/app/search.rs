//! What rows are found by: each row of each list has its terms at any time, whatever happened to it.

use std::{collections::BTreeSet, slice};

use serde_json::{Value, json};
use tessera::{
    db::fill_terms,
    domain::{
        access::Role, demo, invitations, managed::RESTORABLE_FOR, organizations, token_access::TokenAccess,
    },
    folding::terms::Searched,
};
use time::Duration;

use crate::{
    list_order::plan,
    pages::key_rotation::rotate,
    support::{Client, Company, TestApp},
    verification::Ground,
};

/// Each row that is searched: its list, its scope, its id and four texts that it is found by.
const ROWS: &str = "
    SELECT json_array('key', organization_id, id, name, masked || coalesce(' ' || previous_masked, ''), created_by,
        scopes) AS text
    FROM api_keys LEFT JOIN key_rotations ON api_key_id = id
    UNION ALL SELECT json_array('member', organization_id, user_id, name, email, role, '')
    FROM memberships JOIN users ON users.id = user_id
    UNION ALL SELECT json_array('organization', user_id, organization_id, name, '', '', '')
    FROM memberships JOIN organizations ON organizations.id = organization_id
    UNION ALL SELECT json_array('invitation', organization_id, id, email, '', '', '')
    FROM invitations WHERE outcome IS NULL
    UNION ALL SELECT json_array('person', 'instance', id, name, email, '', '') FROM users
    UNION ALL SELECT json_array('any_organization', 'instance', id, name, '', '', '') FROM organizations
    UNION ALL SELECT json_array('event', organization_id, id, search_key, '', '', '')
    FROM audit_events WHERE organization_id IS NOT NULL";

/// The terms that are stored, and those that the rows should have.
async fn terms(app: &TestApp) -> (BTreeSet<Vec<String>>, BTreeSet<Vec<String>>) {
    let read = |texts: Vec<String>| -> Vec<Vec<String>> {
        texts.iter().map(|text| serde_json::from_str(text).expect("an array")).collect()
    };
    let stored = app.query("SELECT json_array(list, scope, row_id, term) AS text FROM search_terms").await;
    let mut expected = BTreeSet::new();
    for row in read(app.query(ROWS).await) {
        let [list, scope, id, one, other, third, fourth] = row.try_into().expect("seven texts");
        let searched = match list.as_str() {
            "key" => Searched::Key { name: &one, masked: &other, created_by: &third, scopes: &fourth },
            "member" => Searched::Member { name: &one, email: &other, role: &third },
            "organization" => Searched::Organization { name: &one },
            "invitation" => Searched::Invitation { email: &one },
            "person" => Searched::Person { name: &one, email: &other },
            "any_organization" => Searched::AnyOrganization { name: &one },
            _ => Searched::Event { search_key: &one },
        };
        let row_terms = searched.terms();
        assert!(!row_terms.is_empty(), "{list} {one}");
        expected
            .extend(row_terms.into_iter().map(|term| vec![list.clone(), scope.clone(), id.clone(), term]));
    }
    (read(stored).into_iter().collect(), expected)
}

fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}

async fn check(app: &TestApp, after: &str) {
    let (stored, expected) = terms(app).await;
    let missing: Vec<_> = expected.difference(&stored).collect();
    let stale: Vec<_> = stored.difference(&expected).collect();
    assert!(missing.is_empty() && stale.is_empty(), "{after}: missing {missing:#?}, stale {stale:#?}");
}

#[tokio::test]
async fn every_row_has_its_terms_whatever_happens_to_it() {
    let ground = Ground::new(tessera::domain::key_settings::KeySettings::default()).await;
    let (app, lumen) = (&ground.app, &ground.lumen);
    let dana = &app.log_in_as(&lumen.owner).await;
    let machine = app.machine(lumen, TokenAccess::Full).await;
    check(app, "a key").await;

    let path = format!("keys/{}", ground.key_id);
    machine.send("PATCH", &path, json!({ "name": "Übersicht 2b" })).await.must_be(200);
    machine.send("PATCH", &path, json!({ "scopes": ["read"] })).await.must_be(200);
    check(app, "another name and other scopes of a key").await;
    rotate(&ground, dana, "24h", "on_first_use").await;
    check(app, "another secret of a key").await;
    machine.send("PATCH", &path, json!({ "name": "Overview" })).await.must_be(200);
    check(app, "another name of a key with two secrets").await;
    machine.send("POST", &format!("{path}/revoke-previous"), json!({})).await.must_be(200);
    check(app, "a previous secret that is revoked").await;
    let (gone, _) = app.api_key(lumen, "Soon gone").await;
    machine.ask("DELETE", &format!("keys/{}", gone.id)).await.must_be(204);
    check(app, "a key that is removed").await;

    let sam = app.member(lumen, Role::Supervisor, "Sam Berg").await;
    let fern = app.organization("Fern & Söhne", &sam).await;
    app.join(&fern, Role::User, &lumen.owner).await;
    check(app, "members").await;
    machine.send("PATCH", &format!("members/{}", sam.id), json!({ "role": "developer" })).await.must_be(200);
    check(app, "another role of a member").await;
    app.log_in_as(&sam).await.post("/account/name", &[("name", "Samuel 東京")]).await.must_be(303);
    check(app, "another name of a member").await;
    dana.post(&lumen.url("settings"), &[("name", "Lumen Logistics")]).await.must_be(303);
    check(app, "another name of an organization").await;

    for name in ["ada", "bo", "cy"] {
        app.invitation(lumen, Role::User, &format!("{name}@lumen.example")).await;
    }
    let (_, secret) = app.invitation(lumen, Role::User, "dot@lumen.example").await;
    check(app, "invitations").await;
    let pending = machine.whole_list("invitations?q=ada").await;
    machine.ask("DELETE", &format!("invitations/{}", text(&pending[0]["id"]))).await.must_be(204);
    let page = app.client().get(&format!("/i/{secret}")).await.must_be(200).html();
    app.client().post(&page.action("Decline"), &[]).await.must_be(303);
    check(app, "invitations that are canceled and declined").await;
    app.clock.advance(invitations::LIFETIME + Duration::DAY);
    let again = json!({ "emails": ["bo@lumen.example"], "role": "user" });
    machine.send("POST", "invitations", again).await.must_be(200);
    check(app, "an invitation instead of one that expired").await;

    let dana = &app.log_in_as(&lumen.owner).await;
    let mara = app.member(lumen, Role::User, "Mara Alder").await;
    machine.ask("DELETE", &format!("members/{}", mara.id)).await.must_be(204);
    dana.post(&fern.url("settings/leave"), &[]).await.must_be(303);
    assert_eq!(app.role_of(&fern, &lumen.owner).await, None);
    check(app, "members who left").await;
    let confirmed = [("name", "Lumen Logistics")];
    dana.post(&lumen.url("settings/remove"), &confirmed).await.must_be(303);
    check(app, "an organization that is removed").await;
    app.clock.advance(RESTORABLE_FOR);
    let now = app.now();
    while app.write(move |tx| Ok(organizations::purge_removed(tx, now)?)).await {}
    check(app, "an organization that is forgotten").await;
    let left = "SELECT DISTINCT list AS text FROM search_terms WHERE scope = ";
    assert_eq!(app.query(&format!("{left}'{}'", lumen.id)).await, ["event"], "the audit log stays");
}

#[tokio::test]
async fn an_example_has_its_terms_and_rows_from_before_get_theirs() {
    let app = TestApp::spawn().await;
    let now = app.now();
    app.write(move |tx| Ok(demo::fill(tx, "no password", now)?)).await;
    check(&app, "an example").await;
    let unseen = "SELECT name AS text FROM api_keys WHERE last_used_at IS DISTINCT FROM (SELECT max(last_seen_at) FROM key_clients
                  WHERE api_key_id = id)";
    assert_eq!(app.query(unseen).await, [""; 0], "each use of an example is that of a client");
    let (stored, _) = terms(&app).await;
    app.execute("DELETE FROM search_terms").await;
    app.execute("UPDATE audit_events SET search_key = replace(search_key, '\u{1f}', '')").await;
    for _ in 0..2 {
        app.write(|tx| Ok(fill_terms(tx.connection())?)).await;
        let (filled, expected) = terms(&app).await;
        assert_eq!(filled, stored);
        assert_eq!(filled, expected);
    }
    let unmarked = "SELECT id AS text FROM audit_events WHERE organization_id IS NOT NULL AND search_key NOT LIKE '%\u{1f}%'";
    assert_eq!(app.query(unmarked).await, [""; 0], "events are found in their search keys, too");
}

/// Rows of each list, so many that what finds them all is walked and not looked up.
async fn crowded(app: &TestApp, lumen: &Company) {
    let n = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1200)";
    let (id, at) = (&lumen.id, "'2026-11-23 10:00:00'");
    for rows in [
        format!("INSERT INTO users (id, email, name, search_key, password_hash, email_verified_at, created_at)
                 {n} SELECT 'u' || i, 'm' || i || '@alder.example', 'Worker ' || i, 'worker ' || i, '', {at}, {at} FROM n"),
        format!("INSERT INTO memberships (organization_id, user_id, role, joined_at)
                 {n} SELECT '{id}', 'u' || i, 'user', {at} FROM n"),
        format!("INSERT INTO invitations (id, organization_id, email, role, invited_by_name, invited_by_email, created_at,
                     sent_at, expires_at)
                 {n} SELECT 'i' || i, '{id}', 'worker' || i || '@birch.example', 'user', 'Dana', '', {at}, {at},
                     '2026-11-30 10:00:00' FROM n"),
        format!("INSERT INTO api_keys (id, organization_id, name, name_key, search_key, masked, secret_digest, created_by,
                     created_at, scopes, networks)
                 {n} SELECT 'k' || i, '{id}', 'Worker ' || i, 'worker ' || i, 'worker ' || i, 'tess_Ab' || i || '…wxyz',
                     randomblob(32), 'Dana', {at}, '', '' FROM n"),
        format!("INSERT INTO audit_events (id, organization_id, actor_kind, actor_name, action, subject_name, search_key,
                     created_at)
                 {n} SELECT 'e' || i, '{id}', 'system', 'Tessera', 'api_key.created', 'Worker ' || i,
                     'tessera' || '\n' || 'worker ' || i, {at} FROM n"),
        format!("INSERT INTO organizations (id, name, search_key, created_at)
                 {n} SELECT 'o' || i, 'Worker ' || i, 'worker ' || i, {at} FROM n"),
        format!("INSERT INTO memberships (organization_id, user_id, role, joined_at)
                 {n} SELECT 'o' || i, '{}', 'user', {at} FROM n", lumen.owner.id),
    ] {
        app.execute(&rows).await;
    }
    app.write(|tx| Ok(fill_terms(tx.connection())?)).await;
}

/// What the pager of a search says, and the rows on its first and its last page.
async fn found(browser: &Client, path: &str, list: &str, row: &str) -> (String, usize, usize) {
    let (position, row) = (format!("{list} .panel-foot .num"), format!("{list} {row}"));
    let first = browser.get(path).await.must_be(200).html();
    let position = first.texts(&position).first().cloned().unwrap_or_default();
    let number = first.texts(&row).len();
    let last = first.attributes(&format!("{list} .panel-foot a[href]"), "href");
    let last = last.last().map_or(path, String::as_str);
    (position, number, browser.get(last).await.must_be(200).html().texts(&row).len())
}

/// Whether a statement looks at each row of a list, whether its terms are those sought. What the workers ask
/// meanwhile does not.
fn walks(statement: &str) -> bool {
    statement.contains("EXISTS") && statement.contains("`search_terms`")
}

#[tokio::test]
async fn what_finds_few_is_looked_up_and_what_finds_many_is_walked() {
    let app = TestApp::builder().on_file().spawn().await;
    let lumen = app.lumen().await;
    crowded(&app, &lumen).await;
    app.appoint(&lumen.owner).await;
    let browser = app.log_in_as(&lumen.owner).await;
    let of = |path: &str| lumen.url(path);
    for (path, list, row, size) in [
        (of("api?q="), "#keys", "tbody tr", 50),
        (of("users?q="), "#members", "tbody tr", 25),
        (of("users?iq="), "#pending", "tbody tr", 25),
        (of("activity?q="), "#log", "li", 50),
        ("/orgs?q=".to_owned(), "#organizations", ".list > li", 50),
        ("/instance/organizations?q=".to_owned(), "#organizations", "tbody tr", 25),
        ("/instance/people?q=".to_owned(), "#people", "tbody tr", 25),
    ] {
        let statements = app.statements(browser.get(&format!("{path}worker"))).await;
        let looks_up = statements.iter().any(|statement| statement.contains(") IN (SELECT ?, value FROM"));
        assert!(!looks_up, "{path}: {statements:#?}");
        for statement in statements.iter().filter(|statement| walks(statement)) {
            let plan = plan(&app, statement).await.join("\n");
            assert!(
                plan.contains("search_terms_by_row (row_id=? AND list=? AND scope=? AND term>? AND term<?)"),
                "{plan}"
            );
            assert!(!plan.contains("TEMP B-TREE FOR"), "{plan}");
        }
        let is_for_terms = |statement: &&String| {
            statement.contains("SELECT DISTINCT") && statement.contains("`search_terms`")
        };
        let terms = statements.iter().find(is_for_terms);
        let plan = plan(&app, terms.expect("a search")).await.join("\n");
        assert!(plan.contains("PRIMARY KEY (scope=? AND list=? AND term>? AND term<?)"), "{plan}");
        assert_eq!(
            found(&browser, &format!("{path}worker"), list, row).await,
            (format!("1–{size} of 1,000+"), size, size),
            "{path}"
        );
        for few in ["worker+7", "worker+77", "worker+777", "worker+7777", "orker"] {
            // An email has no space.
            let few = if list == "#pending" { few.replace('+', "") } else { few.to_owned() };
            let statements = app.statements(browser.get(&format!("{path}{few}"))).await;
            let walked = statements
                .iter()
                .any(|statement| walks(statement) || statement.contains("`audit_events`.`search_key` LIKE"));
            assert!(!walked, "{path}{few}: {statements:#?}");
            let number = match few.matches('7').count() {
                1 => 111,
                2 => 11,
                3 => 1,
                _ => 0,
            };
            let (position, first, last) = found(&browser, &format!("{path}{few}"), list, row).await;
            assert_eq!(first, number.min(size), "{path}{few}");
            if number > size {
                assert_eq!(position, format!("1–{size} of {number}"), "{path}{few}");
                assert_eq!(last, number % size, "{path}{few}");
            }
        }
    }
}

#[tokio::test]
async fn a_search_goes_with_every_other_filter() {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    crowded(&app, &lumen).await;
    app.execute("UPDATE users SET last_active_at = created_at WHERE id = 'u5'").await;
    app.execute("UPDATE memberships SET role = 'supervisor' WHERE user_id IN ('u77', 'u5')").await;
    app.execute("UPDATE api_keys SET deactivated_at = created_at WHERE id IN ('k77', 'k5')").await;
    app.execute("UPDATE audit_events SET action = 'api_key.removed' WHERE id IN ('e77', 'e5')").await;
    app.execute("UPDATE audit_events SET created_at = '2026-11-20 10:00:00' WHERE id IN ('e77', 'e5')").await;
    let machine = app.machine(&lumen, TokenAccess::Full).await;
    for (list, filter, field) in [
        ("keys", "show=deactivated", "name"),
        ("keys", "show=deactivated&sort=name", "name"),
        ("members", "role=supervisor", "name"),
        ("members", "role=supervisor&sort=-joined_at", "name"),
        ("activity", "action=api_key.removed", "subject"),
        ("activity", "to=2026-11-21T00:00:00Z&area=api_keys", "subject"),
    ] {
        for (q, expected) in [("worker", 2), ("worker+7", 1), ("worker+77", 1), ("worker+78", 0)] {
            let rows = machine.whole_list(&format!("{list}?q={q}&{filter}")).await;
            assert_eq!(rows.len(), expected, "{list} {q} {filter}");
            for row in rows {
                let name = if field == "subject" { &row["subject"]["name"] } else { &row[field] };
                assert!(["Worker 77", "Worker 5"].contains(&text(name)), "{row}");
            }
        }
    }
    let browser = app.log_in_as(&lumen.owner).await;
    let page = browser.get(&lumen.url("api?q=worker&show=deactivated")).await.must_be(200).html();
    assert_eq!(page.texts("#keys tbody tr").len(), 2);
}

#[tokio::test]
async fn keys_are_found_by_what_their_rows_show_and_members_by_their_role() {
    let ground = Ground::new(tessera::domain::key_settings::KeySettings::default()).await;
    let (app, lumen) = (&ground.app, &ground.lumen);
    let dana = &app.log_in_as(&lumen.owner).await;
    let machine = app.machine(lumen, TokenAccess::Full).await;
    let (other, _) = app.api_key(lumen, "Tessellation").await;
    let scopes = json!({ "scopes": ["invoices:read", "orders"] });
    machine.send("PATCH", &format!("keys/{}", other.id), scopes).await.must_be(200);
    let keys = async |q: &str| {
        let q: String = url::form_urlencoded::byte_serialize(q.as_bytes()).collect();
        let mut found = machine.whole_list(&format!("keys?q={q}")).await;
        found.sort_by_key(|key| key["name"].to_string());
        found.iter().map(|key| text(&key["id"]).to_owned()).collect::<Vec<_>>()
    };
    let first = machine.ask("GET", &format!("keys/{}", ground.key_id)).await.must_be(200).json();
    let masked = text(&first["masked"]).to_owned();
    let own = vec![ground.key_id.clone()];
    let (head, tail) = masked.trim_start_matches("tess_").split_once('…').expect("two ends");
    for q in [&masked, &format!("tess_{head}"), &format!("TESS_{head}"), head, tail] {
        assert_eq!(keys(q).await, own, "{q}");
    }
    // What all keys begin with is no hit; a name that begins so is one.
    assert_eq!(keys("tess").await, slice::from_ref(&other.id));
    assert_eq!(keys("tess_").await, [""; 0]);
    for q in ["invoices", "read", "invoices:read", "orders"] {
        assert_eq!(keys(q).await, slice::from_ref(&other.id), "{q}");
    }
    assert_eq!(keys(&lumen.owner.name).await.len(), 2);

    rotate(&ground, dana, "24h", "immediately").await;
    assert_eq!(keys(tail).await, own, "a previous secret in its grace period");
    let path = format!("keys/{}/revoke-previous", ground.key_id);
    machine.send("POST", &path, json!({})).await.must_be(200);
    assert_eq!(keys(tail).await, [""; 0]);

    app.member(lumen, Role::Developer, "Sam Berg").await;
    // What is told at the field, on each list.
    for name in ["ada", "bo", "cy", "dot", "eve"] {
        app.invitation(lumen, Role::User, &format!("{name}@lumen.example")).await;
    }
    for (path, list, words) in [
        ("users?q=sam", "#members", ["2", "1 of 2"]),
        ("users?iq=ada", "#pending", ["5", "1 of 5"]),
        ("users?iq=nobody", "#pending", ["5", "0 of 5"]),
    ] {
        let page = dana.get(&lumen.url(path)).await.must_be(200).html();
        assert_eq!(
            [page.text(&format!("{list} h2 .count")), page.text(&format!("{list} .found"))],
            words,
            "{path}"
        );
    }
    let page = dana.get("/orgs?q=nothing").await.must_be(200).html();
    assert_eq!([page.text("#organizations h2 .count"), page.text("#organizations .found")], ["1", "0 of 1"]);
    let page = dana.get(&lumen.url("activity?q=%22sam")).await.must_be(200).html();
    assert_eq!(page.text("#log .found"), "Punctuation at the start is ignored.");

    let members = machine.whole_list("members?q=devel").await;
    assert_eq!(members.iter().map(|member| text(&member["name"])).collect::<Vec<_>>(), ["Sam Berg"]);
}

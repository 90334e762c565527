//! Members in the management API.

use serde_json::{Value, json};
use tessera::domain::{access::Role, token_access::TokenAccess};
use time::Duration;

use crate::support::{Company, Machine, TestApp};

#[tokio::test]
async fn a_member_is_shown_with_name_address_and_role() {
    let (app, lumen, machine) = ground(TokenAccess::Read).await;
    let sam = app.member(&lumen, Role::Supervisor, "Sam Berg").await;
    let shown = machine.get(&format!("members/{}", sam.id)).await.must_be(200);
    assert_eq!(
        shown.json(),
        json!({
            "id": sam.id, "name": "Sam Berg", "email": "sam.berg@lumen.example", "role": "supervisor",
            "joined_at": "2026-11-23T10:00:00Z", "last_active_at": null,
        })
    );
    app.log_in_as(&sam).await.get("/orgs").await.must_be(200);
    let seen = machine.get(&format!("members/{}", sam.id)).await.must_be(200);
    assert_eq!(seen.json()["last_active_at"], "2026-11-23T10:00:00Z");
    assert_eq!(seen.header("etag"), shown.header("etag"), "to be seen is no change");
    let stranger = app.user("Stella Strange").await;
    machine.get(&format!("members/{}", stranger.id)).await.must_be(404);
}

#[tokio::test]
async fn members_are_listed_part_by_part_in_every_order() {
    let (app, lumen, machine) = ground(TokenAccess::Read).await;
    for (name, role) in [
        ("Eve Ash", Role::User),
        ("Bo Birch", Role::Supervisor),
        ("Bo Cedar", Role::User),
        ("Ada Elm", Role::User),
    ] {
        app.member(&lumen, role, name).await;
    }
    app.clock.advance(Duration::SECOND);
    app.member(&lumen, Role::User, "Cy Fir").await;
    let names = async |query: &str| {
        let people = machine.whole_list(&format!("members{query}")).await;
        let names: Vec<&str> = people.iter().map(|person| text(&person["name"])).collect();
        names.join(", ")
    };
    let by_name = "Ada Elm, Bo Birch, Bo Cedar, Cy Fir, Dana Whitfield, Eve Ash";
    assert_eq!(names("").await, by_name);
    assert_eq!(names("?sort=name").await, by_name);
    let backwards: Vec<&str> = by_name.rsplit(", ").collect();
    assert_eq!(names("?sort=-name").await, backwards.join(", "));
    // Of those who joined at one instant, the older account comes first.
    let by_time = "Dana Whitfield, Eve Ash, Bo Birch, Bo Cedar, Ada Elm, Cy Fir";
    assert_eq!(names("?sort=joined_at").await, by_time);
    let newest_first: Vec<&str> = by_time.rsplit(", ").collect();
    assert_eq!(names("?sort=-joined_at").await, newest_first.join(", "));
    assert_eq!(names("?role=supervisor").await, "Bo Birch");
    assert_eq!(names("?q=bo.c").await, "Bo Cedar");
    assert_eq!(names("?q=%25").await, "");
    assert_eq!(names("?q=bo&role=user&sort=-name").await, "Bo Cedar");
}

#[tokio::test]
async fn a_filter_that_cannot_be_read_is_named() {
    let (app, lumen, machine) = ground(TokenAccess::Read).await;
    app.member(&lumen, Role::User, "Uli Berg").await;
    machine.get("members?role=owner").await.must_be(400);
    machine.get("members?order=name").await.must_be(400);
    let part = machine.get("members?limit=1").await.must_be(200).json();
    let path = format!("members?sort=joined_at&cursor={}", text(&part["next_cursor"]));
    assert_eq!(machine.get(&path).await.must_be(422).json()["errors"][0]["pointer"], "cursor");
}

#[tokio::test]
async fn a_role_is_changed_in_the_version_that_was_read() {
    let (app, lumen, machine) = ground(TokenAccess::Members).await;
    let uli = app.member(&lumen, Role::User, "Uli Berg").await;
    let path = format!("members/{}", uli.id);
    let read = machine.get(&path).await.must_be(200);
    let change = async |role: &str, version: &str| {
        let request = machine.request("PATCH", &machine.url(&path)).header("if-match", version);
        request.body("application/json", json!({ "role": role }).to_string()).send().await
    };
    let changed = change("supervisor", read.header("etag")).await.must_be(200);
    assert_eq!(changed.json()["role"], "supervisor");
    assert_eq!(app.role_of(&lumen, &uli).await, Some(Role::Supervisor));
    change("user", read.header("etag")).await.must_be(412);
    assert_eq!(app.role_of(&lumen, &uli).await, Some(Role::Supervisor));
    change("user", changed.header("etag")).await.must_be(200);
    // Nothing said, nothing changed.
    let same = machine.send("PATCH", &path, json!({})).await.must_be(200).json();
    assert_eq!(same["role"], "user");
    let told =
        app.query("SELECT details AS text FROM audit_events WHERE action = 'member.role_changed'").await;
    assert_eq!(
        told,
        [
            r#"{"type":"role_change","from":"user","to":"supervisor"}"#,
            r#"{"type":"role_change","from":"supervisor","to":"user"}"#,
        ]
    );
}

#[tokio::test]
async fn what_is_no_role_is_named() {
    let (app, lumen, machine) = ground(TokenAccess::Members).await;
    let uli = app.member(&lumen, Role::User, "Uli Berg").await;
    for (body, pointer) in [(json!({ "role": "owner" }), "/role"), (json!({ "name": "Ulrike" }), "/name")] {
        let answer = machine.send("PATCH", &format!("members/{}", uli.id), body).await.must_be(400).json();
        assert_eq!(answer["errors"][0]["pointer"], pointer);
    }
    assert_eq!(app.role_of(&lumen, &uli).await, Some(Role::User));
}

#[tokio::test]
async fn a_removed_member_is_gone_at_once() {
    let (app, lumen, machine) = ground(TokenAccess::Members).await;
    let uli = app.member(&lumen, Role::User, "Uli Berg").await;
    let (path, browser) = (format!("members/{}", uli.id), app.log_in_as(&uli).await);
    let other = machine.request("DELETE", &machine.url(&path)).header("if-match", "\"0\"");
    other.send().await.must_be(412);
    browser.get(&lumen.url("users")).await.must_be(200);
    machine.ask("DELETE", &path).await.must_be(204);
    browser.get(&lumen.url("users")).await.must_be(404);
    machine.ask("DELETE", &path).await.must_be(404);
    let event =
        "SELECT actor_kind || ' ' || subject_name AS text FROM audit_events WHERE action = 'member.removed'";
    assert_eq!(app.query(event).await, ["master_token Uli Berg"]);
}

#[tokio::test]
async fn a_token_for_members_neither_makes_nor_touches_administrators_and_developers() {
    let (app, lumen, machine) = ground(TokenAccess::Members).await;
    let second = app.member(&lumen, Role::Administrator, "Ada Berg").await;
    let dev = app.member(&lumen, Role::Developer, "Dev Berg").await;
    let uli = app.member(&lumen, Role::User, "Uli Berg").await;
    let before = app.ledger().await;
    let refused = [
        machine.send("PATCH", &format!("members/{}", uli.id), json!({ "role": "administrator" })).await,
        machine.send("PATCH", &format!("members/{}", second.id), json!({ "role": "user" })).await,
        machine.ask("DELETE", &format!("members/{}", second.id)).await,
        machine.send("PATCH", &format!("members/{}", uli.id), json!({ "role": "developer" })).await,
        machine.send("PATCH", &format!("members/{}", dev.id), json!({ "role": "user" })).await,
        machine.ask("DELETE", &format!("members/{}", dev.id)).await,
    ];
    for answer in refused {
        let problem = answer.must_be(403).json();
        assert_eq!(problem["type"], "/problems/insufficient-access");
        let detail = "This master token isn’t allowed to do this. Required access: Full access.";
        assert_eq!(problem["detail"], detail);
    }
    assert_eq!(app.ledger().await, before);
    let whole = app.machine(&lumen, TokenAccess::Full).await;
    let promoted =
        whole.send("PATCH", &format!("members/{}", uli.id), json!({ "role": "administrator" })).await;
    assert_eq!(promoted.must_be(403).json()["type"], "/problems/forbidden");
    for role in ["developer", "supervisor"] {
        let changed = whole.send("PATCH", &format!("members/{}", uli.id), json!({ "role": role })).await;
        assert_eq!(changed.must_be(200).json()["role"], role);
    }
    assert_eq!(whole.whole_list("members?role=developer").await.len(), 1);
    whole.send("PATCH", &format!("members/{}", dev.id), json!({ "role": "user" })).await.must_be(200);
    whole.ask("DELETE", &format!("members/{}", second.id)).await.must_be(204);
}

#[tokio::test]
async fn the_last_administrator_stays() {
    let (app, lumen, machine) = ground(TokenAccess::Full).await;
    let path = format!("members/{}", lumen.owner.id);
    let demoted = machine.send("PATCH", &path, json!({ "role": "user" })).await.must_be(409).json();
    assert_eq!(
        (text(&demoted["type"]), text(&demoted["detail"])),
        ("/problems/conflict", "This is the last administrator. Make someone else an administrator first.")
    );
    machine.ask("DELETE", &path).await.must_be(409);
    assert_eq!(app.role_of(&lumen, &lumen.owner).await, Some(Role::Administrator));
    machine.send("PATCH", &path, json!({ "role": "administrator" })).await.must_be(200);
}

fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}

async fn ground(access: TokenAccess) -> (TestApp, Company, Machine) {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    let machine = app.machine(&lumen, access).await;
    (app, lumen, machine)
}

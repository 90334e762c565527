//! Invitations in the management API.

use serde_json::{Value, json};
use tessera::domain::{
    access::Role,
    outbox::{self, Message},
    token_access::TokenAccess,
};
use time::Duration;

use crate::support::{Company, Machine, Response, TestApp};

#[tokio::test]
async fn many_are_invited_at_once_and_each_is_told_apart() {
    let (app, lumen, machine) = ground(TokenAccess::Members).await;
    app.member(&lumen, Role::User, "Uli Berg").await;
    let pending = invite(&machine, &["mara@lumen.example"]).await.must_be(200).json();
    let answer = invite(
        &machine,
        &["uli.berg@lumen.example", "Jonas@Lumen.example", "mara@lumen.example", "jonas@lumen.example"],
    );
    let data = answer.await.must_be(200).json()["data"].clone();
    let outcomes: Vec<(&str, &str)> =
        list(&data).iter().map(|each| (text(&each["email"]), text(&each["outcome"]))).collect();
    assert_eq!(
        outcomes,
        [
            ("uli.berg@lumen.example", "already_member"),
            ("jonas@lumen.example", "sent"),
            ("mara@lumen.example", "already_invited"),
            ("jonas@lumen.example", "already_invited"),
        ]
    );
    assert_eq!(data[0]["invitation"], Value::Null);
    assert_eq!(data[1]["invitation"], data[3]["invitation"]);
    assert_eq!(data[2]["invitation"], pending["data"][0]["invitation"]);
    let token_name = app.query("SELECT name AS text FROM master_tokens").await.remove(0);
    let id = text(&data[1]["invitation"]["id"]);
    let shown = machine.get(&format!("invitations/{id}")).await.must_be(200).json();
    assert_eq!(shown, data[1]["invitation"]);
    assert_eq!(
        shown,
        json!({
            "id": id, "email": "jonas@lumen.example", "role": "user", "status": "pending",
            "invited_by": token_name, "created_at": "2026-11-23T10:00:00Z", "sent_at": "2026-11-23T10:00:00Z",
            "expires_at": "2026-11-30T10:00:00Z", "mail": { "state": "queued", "error": null },
        })
    );
}

#[tokio::test]
async fn a_machine_is_named_in_the_mail_and_its_link_is_accepted() {
    let (app, lumen, machine) = ground(TokenAccess::Members).await;
    let mara = app.user("Mara Berg").await;
    invite(&machine, &[&mara.email]).await.must_be(200);
    let mail = app.mail_to(&mara.email).await;
    let Message::Invitation { inviter, inviter_email, .. } = &mail.message else { panic!("{mail:?}") };
    assert!(inviter.starts_with("Machine that may members") && inviter_email.is_none(), "{mail:?}");
    let link = format!("/i/{}/accept", app.mailed_token(&mara.email).await);
    app.log_in_as(&mara).await.post(&link, &[]).await.must_be(303);
    assert_eq!(app.role_of(&lumen, &mara).await, Some(Role::User));
    let gone = machine.whole_list("invitations").await;
    assert!(gone.is_empty(), "{gone:?}");
}

#[tokio::test]
async fn nobody_is_invited_where_an_address_is_malformed() {
    let (app, _, machine) = ground(TokenAccess::Members).await;
    let before = app.ledger().await;
    let emails = ["a@lumen.example", "dana@", "b@lumen.example", "Mara <mara@lumen.example>"];
    let problem = invite(&machine, &emails).await.must_be(422).json();
    assert_eq!(
        problem["errors"],
        json!([
            { "pointer": "/emails/1", "detail": "Enter a valid email, such as name@example.com." },
            { "pointer": "/emails/3", "detail": "Enter a valid email, such as name@example.com." },
        ])
    );
    let none = invite(&machine, &[]).await.must_be(422).json();
    assert_eq!(none["errors"][0]["pointer"], "/emails");
    let addresses: Vec<String> = (0..501).map(|number| format!("a{number}@lumen.example")).collect();
    let addresses: Vec<&str> = addresses.iter().map(String::as_str).collect();
    let too_many = invite(&machine, &addresses).await.must_be(422).json();
    assert_eq!(
        too_many["errors"],
        json!([{ "pointer": "/emails", "detail": "These are 501 emails. Send at most 500 per request." }])
    );
    for (body, pointer) in [
        (json!({ "emails": ["a@lumen.example"], "role": "owner" }), "/role"),
        (json!({ "emails": ["a@lumen.example"] }), ""),
        (json!({ "emails": "a@lumen.example", "role": "user" }), "/emails"),
    ] {
        let problem = machine.send("POST", "invitations", body).await.must_be(400).json();
        assert_eq!(problem["errors"][0]["pointer"], pointer);
    }
    assert_eq!(app.ledger().await, before);
    let all = invite(&machine, &addresses[..500]).await.must_be(200).json();
    assert_eq!(list(&all["data"]).len(), 500);
}

#[tokio::test]
async fn a_repeated_request_invites_once() {
    let (app, _, machine) = ground(TokenAccess::Members).await;
    let send = async || {
        let body = json!({ "emails": ["mara@lumen.example"], "role": "user" }).to_string();
        let request = machine.request("POST", &machine.url("invitations")).header("idempotency-key", "1");
        request.body("application/json", body).send().await.must_be(200).json()
    };
    let (first, again) = (send().await, send().await);
    assert_eq!(first, again);
    assert_eq!(first["data"][0]["outcome"], "sent");
    assert_eq!(
        app.query("SELECT recipient AS text FROM outbox WHERE invitation_id IS NOT NULL").await.len(),
        1
    );
}

#[tokio::test]
async fn a_token_for_members_has_no_say_over_administrators_and_developers() {
    let (app, lumen, machine) = ground(TokenAccess::Members).await;
    let (of_admin, _) = app.invitation(&lumen, Role::Administrator, "ada@lumen.example").await;
    let (of_developer, _) = app.invitation(&lumen, Role::Developer, "dev@lumen.example").await;
    app.clock.advance(Duration::minutes(2));
    let before = app.ledger().await;
    let new = |role: &str| json!({ "emails": ["eve@lumen.example"], "role": role });
    for (invitation, role) in [(&of_admin, "administrator"), (&of_developer, "developer")] {
        let path = format!("invitations/{}", invitation.id);
        for answer in [
            machine.send("POST", "invitations", new(role)).await,
            machine.ask("POST", &format!("{path}/resend")).await,
            machine.ask("POST", &format!("{path}/link")).await,
            machine.ask("DELETE", &path).await,
        ] {
            assert_eq!(answer.must_be(403).json()["type"], "/problems/insufficient-access");
        }
        assert_eq!(machine.get(&path).await.must_be(200).json()["role"], role);
    }
    assert_eq!(app.ledger().await, before);
    let supervisors = json!({ "emails": ["sam@lumen.example"], "role": "supervisor" });
    machine.send("POST", "invitations", supervisors).await.must_be(200);
    // Whoever administers could generate tokens, which no token can.
    let whole = app.machine(&lumen, TokenAccess::Full).await;
    let refused = whole.send("POST", "invitations", new("administrator")).await.must_be(403);
    assert_eq!(refused.json()["type"], "/problems/forbidden");
    let sent = whole.send("POST", "invitations", new("developer")).await.must_be(200).json();
    assert_eq!(sent["data"][0]["invitation"]["role"], "developer");
    for invitation in [of_admin, of_developer] {
        whole.ask("DELETE", &format!("invitations/{}", invitation.id)).await.must_be(204);
    }
}

#[tokio::test]
async fn invitations_are_listed_part_by_part_the_newest_first() {
    let (app, lumen, machine) = ground(TokenAccess::Read).await;
    for name in ["ada", "bo", "cy", "dot", "eve"] {
        app.invitation(&lumen, Role::User, &format!("{name}@lumen.example")).await;
        app.clock.advance(Duration::SECOND);
    }
    let emails = async |query: &str| {
        let invitations = machine.whole_list(&format!("invitations{query}")).await;
        let names: Vec<&str> =
            invitations.iter().map(|each| text(&each["email"]).split('@').next().expect("a name")).collect();
        names.join(" ")
    };
    assert_eq!(emails("").await, "eve dot cy bo ada");
    assert_eq!(emails("?q=C").await, "cy");
    assert_eq!(emails("?q=bo%40").await, "bo");
    assert_eq!(emails("?q=%40lumen.ex").await, "eve dot cy bo ada");
    assert_eq!(emails("?q=o%40").await, "", "no word starts so");
    assert_eq!(emails("?q=%25").await, "");
    assert_eq!(emails("?email=Cy@Lumen.example").await, "cy");
    assert_eq!(emails("?email=c@lumen.example").await, "");
    let problem = machine.get("invitations?email=cy").await.must_be(422).json();
    assert_eq!(problem["errors"][0]["pointer"], "email");
    machine.get("invitations?status=expired").await.must_be(400);
}

#[tokio::test]
async fn an_invitation_that_expired_is_sent_again() {
    let (app, lumen, machine) = ground(TokenAccess::Members).await;
    let (invitation, _) = app.invitation(&lumen, Role::User, "mara@lumen.example").await;
    let path = format!("invitations/{}", invitation.id);
    app.clock.advance(Duration::milliseconds(20_500));
    let too_soon = machine.ask("POST", &format!("{path}/resend")).await.must_be(409);
    assert_eq!(too_soon.header("retry-after"), "40");
    assert_eq!(too_soon.json()["type"], "/problems/conflict");
    app.clock.advance(Duration::days(8));
    assert_eq!(machine.get(&path).await.json()["status"], "expired");
    let again = machine.ask("POST", &format!("{path}/resend")).await.must_be(200).json();
    assert_eq!((text(&again["status"]), text(&again["sent_at"])), ("pending", "2026-12-01T10:00:20Z"));
    assert_eq!(again["created_at"], "2026-11-23T10:00:00Z");
    let mails = app.mails().await;
    assert_eq!(mails.iter().filter(|mail| mail.recipient == "mara@lumen.example").count(), 2);
}

#[tokio::test]
async fn a_mail_that_failed_is_told_with_its_reason() {
    let (app, lumen, machine) = ground(TokenAccess::Read).await;
    let (invitation, _) = app.invitation(&lumen, Role::User, "mara@lumen.example").await;
    let now = app.now();
    app.write(move |tx| {
        let mail = outbox::newest(tx.connection(), 1)?.remove(0).expect("a mail that can be read");
        Ok(outbox::mark_attempt_failed(tx, &mail, "550 No such user", true, now)?)
    })
    .await;
    let shown = machine.get(&format!("invitations/{}", invitation.id)).await.must_be(200).json();
    assert_eq!(shown["mail"], json!({ "state": "failed", "error": "550 No such user" }));
}

#[tokio::test]
async fn a_copied_link_leads_to_the_invitation() {
    let (app, lumen, machine) = ground(TokenAccess::Members).await;
    let (invitation, _) = app.invitation(&lumen, Role::User, "mara@lumen.example").await;
    let path = format!("invitations/{}", invitation.id);
    let copied = machine.ask("POST", &format!("{path}/link")).await.must_be(200);
    assert_eq!(copied.header("cache-control"), "no-store");
    let link = copied.json();
    assert_eq!(link["expires_at"], "2026-11-30T10:00:00Z");
    let local = text(&link["url"]).strip_prefix("http://localhost:8080").expect("the public address");
    app.client().get(local).await.must_be(200);
    machine.ask("DELETE", &path).await.must_be(204);
    app.client().get(local).await.must_be(404);
    for gone in [
        machine.get(&path).await,
        machine.ask("DELETE", &path).await,
        machine.ask("POST", &format!("{path}/link")).await,
        machine.ask("POST", &format!("{path}/resend")).await,
    ] {
        gone.must_be(404);
    }
}

#[tokio::test]
async fn the_version_that_was_read_is_canceled() {
    let (app, lumen, machine) = ground(TokenAccess::Members).await;
    let (invitation, _) = app.invitation(&lumen, Role::User, "mara@lumen.example").await;
    let path = format!("invitations/{}", invitation.id);
    let read = machine.get(&path).await.must_be(200);
    let known = machine.request("GET", &machine.url(&path)).header("if-none-match", read.header("etag"));
    known.send().await.must_be(304);
    app.clock.advance(Duration::minutes(2));
    let again = machine.ask("POST", &format!("{path}/resend")).await.must_be(200);
    let cancel = async |version: &str| {
        machine.request("DELETE", &machine.url(&path)).header("if-match", version).send().await
    };
    cancel(read.header("etag")).await.must_be(412);
    cancel(again.header("etag")).await.must_be(204);
}

async fn invite(machine: &Machine, emails: &[&str]) -> Response {
    machine.send("POST", "invitations", json!({ "emails": emails, "role": "user" })).await
}

fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}

fn list(value: &Value) -> &[Value] {
    value.as_array().expect("a list")
}

async fn ground(access: TokenAccess) -> (TestApp, Company, Machine) {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    let machine = app.machine(&lumen, access).await;
    (app, lumen, machine)
}

//! How many mails one address gets, and how many invitations one sender.

use tessera::{
    config::InstanceRules,
    domain::{
        access::{Grant, ManageMembers, Role},
        accounts::{self, NewAccount},
        email::EmailAddress,
        invitations::{self, InviteOutcome},
        names::Name,
        organizations,
        page::{PageRef, PageRequest},
        token_access::TokenAccess,
    },
};
use time::Duration;

use super::Post;
use crate::support::{Client, Company, TestApp, World};

fn address(text: &str) -> EmailAddress {
    EmailAddress::parse(text).expect("an address")
}

/// Invites and takes it back, as whoever floods a mailbox does.
async fn invite_and_cancel(world: &World, company: &Company, email: &str) -> bool {
    let (company, email, now) = (company.clone(), address(email), world.now());
    world
        .write(move |tx| {
            let grant: Grant<ManageMembers> = company.grant(tx)?;
            let mut outcomes =
                invitations::invite(tx, &grant, Role::User, &[email], &InstanceRules::default(), now)?;
            match outcomes.remove(0).1 {
                InviteOutcome::Sent(invitation) => {
                    invitations::cancel(tx, &grant, &invitation.id, now)?;
                    Ok(true)
                }
                other => {
                    assert_eq!(other, InviteOutcome::TooManyMails);
                    Ok(false)
                }
            }
        })
        .await
}

async fn invite(world: &World, company: &Company, email: &str) -> InviteOutcome {
    let (company, email, now) = (company.clone(), address(email), world.now());
    world
        .write(move |tx| {
            let grant: Grant<ManageMembers> = company.grant(tx)?;
            Ok(invitations::invite(tx, &grant, Role::User, &[email], &InstanceRules::default(), now)?
                .remove(0)
                .1)
        })
        .await
}

async fn sign_up(world: &World, email: &str) {
    let new = NewAccount {
        email: address(email),
        name: Name::parse("Mara Berg", 80).expect("a name"),
        password_hash: "$argon2id$none".into(),
    };
    let now = world.now();
    world.write(move |tx| Ok(accounts::sign_up(tx, &new, None, now)?)).await;
}

async fn forgot(world: &World, email: &str) {
    let (email, now) = (address(email), world.now());
    world.write(move |tx| Ok(accounts::ask_for_reset(tx, &email, None, now)?)).await;
}

async fn queued_to(world: &World, email: &str) -> usize {
    world.query(&format!("SELECT id AS text FROM outbox WHERE recipient = '{email}'")).await.len()
}

#[tokio::test]
async fn one_address_gets_one_mail_a_minute_and_five_a_day_whatever_the_way() {
    const VICTIM: &str = "mara@lumen.example";
    let post = Post::start().await;
    let world = World { db: post.db.clone(), clock: post.clock.clone() };
    let (lumen, frida) = (world.lumen().await, world.user("Frida Fern").await);
    let fern = world.organization("Fern", &frida).await;
    let worker = post.worker();
    let mut arrived = 0;
    for minute in 0..20 {
        sign_up(&world, VICTIM).await;
        forgot(&world, VICTIM).await;
        for company in [&lumen, &fern] {
            if minute % 2 == 0 {
                invite(&world, company, VICTIM).await;
            } else {
                invite_and_cancel_all(&world, company).await;
            }
        }
        worker.wake();
        let waits = "SELECT id AS text FROM outbox WHERE state = 'queued'";
        if !world.query(waits).await.is_empty() {
            arrived += 1;
            post.sink.wait_for(arrived).await;
            let sent =
                "SELECT id AS text FROM outbox WHERE state = 'sent' AND recipient = 'mara@lumen.example'";
            while world.query(sent).await.len() < arrived {
                tokio::task::yield_now().await;
            }
        }
        post.clock.advance(Duration::MINUTE);
    }
    worker.stop().await;
    let mails = post.sink.received().into_iter().filter(|mail| mail.is_to(VICTIM)).count();
    assert!((3..=5).contains(&mails), "{mails}");
    let instants = "SELECT finished_at AS text FROM outbox WHERE state = 'sent'
                    AND recipient = 'mara@lumen.example' ORDER BY 1";
    let mut instants = world.query(instants).await;
    assert_eq!(instants.len(), mails);
    instants.dedup();
    assert_eq!(instants.len(), mails, "two mails in one minute");
}

async fn invite_and_cancel_all(world: &World, company: &Company) {
    let (company, now) = (company.clone(), world.now());
    world
        .write(move |tx| {
            let grant: Grant<ManageMembers> = company.grant(tx)?;
            let request = PageRequest::new(PageRef::First, 100);
            for pending in invitations::pending(tx.connection(), &grant, "", &request)?.rows {
                invitations::cancel(tx, &grant, &pending.invitation.id, now)?;
            }
            Ok(())
        })
        .await;
}

#[tokio::test]
async fn whoever_invites_and_cancels_again_and_again_sends_five_mails_and_no_more() {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    let mut sent = 0;
    for _ in 0..60 {
        sent += usize::from(invite_and_cancel(&app, &lumen, "mara@lumen.example").await);
    }
    assert_eq!((sent, queued_to(&app, "mara@lumen.example").await), (5, 5));
    // Whoever removes the organization gets nothing back, nor does whoever makes another.
    let (company, now) = (lumen.clone(), app.now());
    app.write(move |tx| {
        let admin = company.admin(tx)?;
        Ok(organizations::remove(tx, &admin, "Lumen", now)?)
    })
    .await;
    let again = app.organization("Lumen again", &lumen.owner).await;
    assert!(!invite_and_cancel(&app, &again, "mara@lumen.example").await);
    assert!(invite_and_cancel(&app, &again, "ines@lumen.example").await);
    app.clock.advance(Duration::DAY);
    assert!(invite_and_cancel(&app, &again, "mara@lumen.example").await);
}

#[tokio::test]
async fn strangers_use_up_nothing_that_the_owner_needs() {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    let ines = app.user("Ines Okafor").await;
    for number in 0..6 {
        let outcome = invite_and_cancel(&app, &lumen, &ines.email).await;
        assert_eq!(outcome, number < 5);
        app.clock.advance(Duration::MINUTE);
    }
    forgot(&app, &ines.email).await;
    let link = format!("/reset-password/{}", app.mailed_token(&ines.email).await);
    let browser = app.client();
    browser.get(&link).await.must_be(200);
    // A stranger asks on, and no mail comes of it.
    let mails = queued_to(&app, &ines.email).await;
    for _ in 0..20 {
        app.clock.advance(Duration::minutes(2));
        forgot(&app, &ines.email).await;
    }
    assert_eq!(queued_to(&app, &ines.email).await, mails);
    app.clock.advance(Duration::hours(5));
    browser.get(&link).await.must_be(404);
    // The owner asks, too: the link that was mailed works again.
    forgot(&app, &ines.email).await;
    assert_eq!(queued_to(&app, &ines.email).await, mails);
    browser.get(&link).await.must_be(200);
    let form = [("password", "forty grey herons by the pier")];
    browser.post(&link, &form).await.must_be(303);
    // Whoever used it can ask for the next one at once.
    forgot(&app, &ines.email).await;
    let next = format!("/reset-password/{}", app.mailed_token(&ines.email).await);
    assert_ne!(next, link);
    browser.get(&next).await.must_be(200);
}

#[tokio::test]
async fn asking_before_there_is_an_account_takes_nothing_from_it() {
    let app = TestApp::spawn().await;
    let email = "ines.okafor@lumen.example";
    for _ in 0..10 {
        forgot(&app, email).await;
        app.clock.advance(Duration::MINUTE);
    }
    let ines = app.user("Ines Okafor").await;
    for _ in 0..3 {
        forgot(&app, &ines.email).await;
    }
    let link = format!("/reset-password/{}", app.mailed_token(email).await);
    app.client().get(&link).await.must_be(200);
}

#[tokio::test]
async fn a_sign_up_by_a_stranger_leaves_the_owner_a_link_that_works() {
    let app = TestApp::spawn().await;
    let email = "mara.berg@lumen.example";
    for _ in 0..8 {
        sign_up(&app, email).await;
        app.clock.advance(Duration::MINUTE);
    }
    assert_eq!(queued_to(&app, email).await, 3, "three in six hours");
    let link = format!("/verify-email/{}", app.mailed_token(email).await);
    app.clock.advance(Duration::hours(5));
    let form = [("email", email)];
    app.client().post("/verify-email/resend", &form).await.must_be(303);
    app.client().get(&link).await.must_be(200);
}

#[tokio::test]
async fn what_is_left_tells_nobody_who_has_an_account() {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    let known = app.user("Ines Okafor").await.email;
    let waiting = app.unverified_user("Uli Berg").await.email;
    let mut outcomes = Vec::new();
    for email in [known.as_str(), waiting.as_str(), "nobody@lumen.example"] {
        app.execute("DELETE FROM budget_uses").await;
        let mut told = String::new();
        for _ in 0..4 {
            forgot(&app, email).await;
            let (email, now) = (address(email), app.now());
            app.write(move |tx| Ok(accounts::resend_verification(tx, &email, now)?)).await;
            app.clock.advance(Duration::MINUTE);
        }
        for _ in 0..3 {
            told.push(if invite_and_cancel(&app, &lumen, email).await { '+' } else { '-' });
        }
        outcomes.push(told);
    }
    assert_eq!(outcomes, ["+--", "+--", "+--"]);
}

async fn invite_many(browser: &Client, company: &Company, from: usize, number: usize) -> (u16, String) {
    let path = company.url("users/invite");
    let form_id = browser.get(&path).await.html().hidden("form_id");
    let emails: Vec<String> = (from..from + number).map(|n| format!("user{n}@lumen.example")).collect();
    let form = [("emails", emails.join(" ")), ("role", "user".to_owned()), ("form_id", form_id)];
    let form: Vec<(&str, &str)> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let answer = browser.post(&path, &form).await;
    let text = answer.html().dialog_text();
    (answer.status, text)
}

#[tokio::test]
async fn a_person_invites_five_hundred_a_day_whatever_is_removed() {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    let browser = app.log_in_as(&lumen.owner).await;
    assert_eq!(invite_many(&browser, &lumen, 0, 490).await.0, 200);
    let (status, text) = invite_many(&browser, &lumen, 490, 11).await;
    assert_eq!(status, 422);
    assert!(
        text.contains("You can send 500 invitations a day. 10 are left; more will be available in 24 hours."),
        "{text}"
    );
    assert_eq!(app.query("SELECT id AS text FROM invitations").await.len(), 490, "all or none");
    assert_eq!(invite_many(&browser, &lumen, 490, 10).await.0, 200);
    let (company, now) = (lumen.clone(), app.now());
    app.write(move |tx| {
        let admin = company.admin(tx)?;
        Ok(organizations::remove(tx, &admin, "Lumen", now)?)
    })
    .await;
    let again = app.organization("Lumen again", &lumen.owner).await;
    let (status, text) = invite_many(&browser, &again, 500, 1).await;
    assert!(status == 422 && text.contains("None are left"), "{status} {text}");
    app.clock.advance(Duration::DAY);
    let browser = app.log_in_as(&lumen.owner).await;
    assert_eq!(invite_many(&browser, &again, 500, 1).await.0, 200);
}

#[tokio::test]
async fn an_organization_and_a_token_have_budgets_of_their_own() {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    let machine = app.machine(&lumen, TokenAccess::Members).await;
    let send = async |from: usize, number: usize| {
        let emails: Vec<String> = (from..from + number).map(|n| format!("user{n}@lumen.example")).collect();
        machine.send("POST", "invitations", serde_json::json!({ "emails": emails, "role": "user" })).await
    };
    send(0, 500).await.must_be(200);
    let refused = send(500, 1).await.must_be(429);
    assert_eq!(refused.header("retry-after"), "86400");
    let detail = refused.json()["detail"].as_str().expect("words").to_owned();
    assert!(detail.starts_with("A master token can send 500 invitations a day. None are left"), "{detail}");
    let browser = app.log_in_as(&lumen.owner).await;
    assert_eq!(invite_many(&browser, &lumen, 500, 500).await.0, 200);
    let ada = app.user("Ada Berg").await;
    app.execute(&format!(
        "INSERT INTO memberships (organization_id, user_id, role, joined_at) VALUES ('{}', '{}', 'administrator', '2026-11-23 10:00:00')",
        lumen.id, ada.id
    ))
    .await;
    let (status, text) = invite_many(&app.log_in_as(&ada).await, &lumen, 1000, 1).await;
    assert!(status == 422 && text.contains("An organization can send 1,000 invitations a day"), "{text}");
}

#[tokio::test]
async fn the_mail_of_a_canceled_invitation_stays_here() {
    let post = Post::start().await;
    let world = World { db: post.db.clone(), clock: post.clock.clone() };
    let lumen = world.lumen().await;
    assert!(invite_and_cancel(&world, &lumen, "mara@lumen.example").await);
    assert!(matches!(invite(&world, &lumen, "ines@lumen.example").await, InviteOutcome::Sent(_)));
    let worker = post.worker();
    post.sink.wait_for(1).await;
    worker.stop().await;
    assert!(post.sink.received().iter().all(|mail| mail.is_to("ines@lumen.example")));
    let row = "SELECT state || ' ' || last_error || ' ' || message AS text FROM outbox
               WHERE recipient = 'mara@lumen.example'";
    let row = world.query(row).await.remove(0);
    assert!(row.starts_with("failed The invitation was no longer open when the email was due."), "{row}");
    assert!(row.contains("\"token\":\"\""), "{row}");
}

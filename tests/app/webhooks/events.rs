//! What messages there are, and what is in them.

use serde_json::{Value, json};
use tessera::{
    config::InstanceRules,
    domain::{
        access::Role,
        api_keys::{self, ChosenExpiration, KeyEdit},
        expiry_notices, invitations,
        key_settings::KeySettings,
        member_changes,
        members::MemberError,
        names::Name,
        webhooks,
    },
};
use time::Duration;

use super::Post;
use crate::support::START;

impl Post {
    /// The messages that wait, the oldest first.
    async fn waiting(&self) -> Vec<Value> {
        let deliveries = self.deliveries().await;
        deliveries
            .iter()
            .rev()
            .map(|delivery| serde_json::from_str(&delivery.payload).expect("JSON"))
            .collect()
    }

    async fn types(&self) -> Vec<String> {
        let waiting = self.waiting().await;
        waiting.iter().map(|message| message["type"].as_str().expect("a type").to_owned()).collect()
    }
}

#[tokio::test]
async fn a_webhook_is_told_of_what_it_asked_for_only() {
    let post = Post::start().await;
    post.webhook(&post.receiver, &["member.joined", "api_key.removed"]).await;
    let (key, _) = post.world.api_key(&post.lumen, "Billing worker").await;
    let ravi = post.world.member(&post.lumen, Role::User, "Ravi Menon").await;
    let (id, masked) = (key.id.clone(), key.masked.clone());
    post.do_as_admin(move |tx, admin, now| api_keys::remove(tx, admin, &id, now)).await.expect("removed");
    let waiting = post.waiting().await;
    assert_eq!(post.types().await, ["member.joined", "api_key.removed"]);
    let joined = &waiting[0]["data"];
    assert_eq!(joined["subject"], json!({ "kind": "member", "id": ravi.id, "name": "Ravi Menon" }));
    assert_eq!(joined["actor"]["name"], "Ravi Menon");
    assert_eq!(joined["details"], json!({ "type": "role", "role": "user" }));
    let removed = &waiting[1]["data"];
    assert_eq!(removed["subject"]["masked"], masked);
    assert_eq!(removed["details"], json!({ "type": "key", "masked": masked }));
}

#[tokio::test]
async fn members_and_invitations_are_told_of() {
    let post = Post::start().await;
    post.webhook(&post.receiver, &[]).await;
    let ravi = post.world.member(&post.lumen, Role::User, "Ravi Menon").await;
    let (invitation, _) = post.world.invitation(&post.lumen, Role::User, "new@lumen.example").await;
    let ravi_id = ravi.id.clone();
    post.do_as_admin(move |tx, admin, now| {
        member_changes::change_role(tx, admin, &ravi_id, Role::Supervisor, now)?;
        member_changes::remove(tx, admin, &ravi_id, now)?;
        Ok::<_, MemberError>(())
    })
    .await
    .expect("changed");
    post.world.clock.advance(Duration::minutes(2));
    post.do_as_admin(move |tx, admin, now| {
        invitations::resend(tx, admin, &invitation.id, &InstanceRules::default(), now)?;
        invitations::cancel(tx, admin, &invitation.id, now)
    })
    .await
    .expect("canceled");
    let expected = [
        "invitation.created",
        "member.joined",
        "invitation.created",
        "member.role_changed",
        "member.removed",
        "invitation.resent",
        "invitation.canceled",
    ];
    assert_eq!(post.types().await, expected);
    let waiting = post.waiting().await;
    let expected = json!({ "type": "role_change", "from": "user", "to": "supervisor" });
    assert_eq!(waiting[3]["data"]["details"], expected);
    assert_eq!(waiting[5]["data"]["details"], Value::Null);
    let subject = &waiting[6]["data"]["subject"];
    assert_eq!((&subject["kind"], &subject["name"]), (&"invitation".into(), &"new@lumen.example".into()));
}

#[tokio::test]
async fn the_end_of_a_key_is_told_ahead_and_once_it_has_come() {
    let post = Post::start().await;
    post.webhook(&post.receiver, &["api_key.expiring", "api_key.expired"]).await;
    let end = START + Duration::days(90);
    let (key, _) = post.world.api_key_until(&post.lumen, "Billing worker", Some(end)).await;
    post.world.api_key(&post.lumen, "Forever").await;
    post.world.clock.advance(Duration::days(87));
    let now = post.world.now();
    expiry_notices::tell(&post.world.db, &post.lumen.id, now).await.expect("the administrators are told");
    for (days, noted) in [(2, 0), (1, 1), (0, 0), (3, 0)] {
        post.world.clock.advance(Duration::days(days));
        let now = post.world.now();
        let over = post.world.read(move |connection| Ok(expiry_notices::over(connection, 10, now)?)).await;
        assert_eq!(over.len(), noted);
        for key in over {
            post.world.write(move |tx| Ok(expiry_notices::note_over(tx, &key, now)?)).await;
        }
    }
    let waiting = post.waiting().await;
    assert_eq!(post.types().await, ["api_key.expiring", "api_key.expired"]);
    assert_eq!(waiting[0]["data"]["details"], json!({ "type": "expiry", "within_days": 3 }));
    for message in &waiting {
        assert_eq!(message["data"]["subject"]["expires_at"], "2027-02-21T10:00:00Z");
        assert_eq!(message["data"]["subject"]["id"], key.id);
        assert_eq!(message["data"]["actor"], json!({ "kind": "system", "id": null, "name": "System" }));
    }
}

#[tokio::test]
async fn another_name_and_another_expiration_are_told_as_settings() {
    let post = Post::start().await;
    post.webhook(&post.receiver, &["api_key.settings_changed"]).await;
    let (key, _) = post.world.api_key(&post.lumen, "Billing worker").await;
    let edit = KeyEdit {
        name: Some(Name::parse("Invoices", 60).expect("a name")),
        expiration: ChosenExpiration::At(START + Duration::days(90)),
        settings: KeySettings::default(),
    };
    let id = key.id.clone();
    post.do_as_admin(move |tx, admin, now| api_keys::edit(tx, admin, &id, &edit, now)).await.expect("edited");
    let waiting = post.waiting().await;
    assert_eq!(post.types().await, ["api_key.settings_changed"; 2]);
    for message in &waiting {
        assert_eq!(message["data"]["subject"]["name"], "Invoices");
        assert_eq!(message["data"]["subject"]["expires_at"], "2027-02-21T10:00:00Z");
    }
    let details = |number: usize| &waiting[number]["data"]["details"];
    assert_eq!(*details(0), json!({ "type": "name_change", "from": "Billing worker", "to": "Invoices" }));
    let moved = json!({ "type": "expiration_change", "from": null, "to": "2027-02-21T10:00:00Z" });
    assert_eq!(*details(1), moved);
}

#[tokio::test]
async fn an_end_that_passed_long_ago_is_no_news() {
    let post = Post::start().await;
    post.webhook(&post.receiver, &["api_key.expired"]).await;
    post.world.api_key_until(&post.lumen, "Billing worker", Some(START + Duration::DAY)).await;
    post.world.clock.advance(Duration::days(9));
    let now = post.world.now();
    let over = post.world.read(move |connection| Ok(expiry_notices::over(connection, 10, now)?)).await;
    assert_eq!(over, Vec::<String>::new());
    assert!(post.waiting().await.is_empty());
}

#[tokio::test]
async fn a_test_event_says_that_it_is_one() {
    let post = Post::start().await;
    // Whatever the webhook is told of.
    let (webhook, _) = post.webhook(&post.receiver, &["member.left"]).await;
    let id = webhook.id.clone();
    post.do_as_admin(move |tx, admin, now| webhooks::send_test(tx, admin, &id, now)).await.expect("pending");
    let message = post.waiting().await.remove(0);
    assert_eq!(message["type"], "webhook.test");
    assert_eq!(message["data"]["subject"]["id"], webhook.id);
}

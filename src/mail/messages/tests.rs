use time::macros::datetime;

use super::*;
use crate::domain::outbox::{ExpiringKey, LeakedKind, Measure};
use crate::domain::token_access::TokenAccess;

fn composer() -> Composer {
    let url = PublicUrl::parse("https://keys.lumen.example").expect("a URL");
    Composer::new(Brand::parse("Lumen Keys").expect("a brand"), url)
}

fn compose(message: &Message) -> RenderedMail {
    composer().compose("jonas@lumen.example", message).expect("every message renders")
}

/// Subject and text, without the blank that marks the signature.
fn print(mail: &RenderedMail) -> String {
    format!("Subject: {}\n\n{}", mail.subject, mail.text.replace("-- \n", "--\n"))
}

fn invitation(organization: &str, inviter: &str) -> Message {
    Message::Invitation {
        organization: organization.into(),
        inviter: inviter.into(),
        inviter_email: Some("dana@lumen.example".into()),
        role: "Administrator".into(),
        abilities: "manage members, API keys and master tokens".into(),
        token: "4fT9qzW2".into(),
        expires_at: datetime!(2026-11-30 09:12:33),
    }
}

/// What every HTML part has to have besides its own links.
fn assert_html(mail: &RenderedMail, button: (&str, &str)) {
    let (label, url) = button;
    let html = &mail.html;
    assert!(html.contains(&format!(">{label}</a>")), "the button {label}:\n{html}");
    assert!(html.matches(&format!("href=\"{url}\"")).count() >= 1, "{url}:\n{html}");
    assert!(mail.text.contains(url), "the text part has the link too");
    assert!(html.contains(&format!("<title>{}</title>", mail.subject)), "{html}");
    assert!(html.contains("Sent by the Lumen Keys server at keys.lumen.example"));
    assert!(!html.contains("Tessera") && !mail.text.contains("Tessera"), "the brand stands alone");
    assert!(!html.contains("<img") && !html.contains("http://"), "nothing is loaded");
    assert!(html.trim_end().ends_with("</html>"));
}

#[test]
fn an_invitation_names_who_invites_where_and_until_when() {
    let mail = compose(&invitation("Lumen Logistics", "Dana Whitfield"));
    insta::assert_snapshot!(print(&mail), @r#"
    Subject: Invitation to join Organization

    Dana Whitfield (dana@lumen.example) invited you to Lumen Logistics as Administrator.
    You will be able to manage members, API keys and master tokens.

    Accept Invite:
    https://keys.lumen.example/i/4fT9qzW2

    The link works once, for jonas@lumen.example, until Nov 30, 2026, 09:12 UTC.

    You do not know Dana Whitfield or did not expect this? Ignore this message and
    nothing happens.

    --
    Sent by the Lumen Keys server at keys.lumen.example.
    "#);
    assert_html(&mail, ("Accept Invite", "https://keys.lumen.example/i/4fT9qzW2"));
    assert!(mail.html.contains("Accept by Nov 30 to manage members"), "{}", mail.html);
}

#[test]
fn a_machine_invites_by_its_name_alone() {
    let mut message = invitation("Lumen Logistics", "Backend");
    if let Message::Invitation { inviter_email, .. } = &mut message {
        *inviter_email = None;
    }
    let mail = compose(&message);
    assert!(
        mail.text.starts_with("Backend invited you to Lumen Logistics as Administrator."),
        "{}",
        mail.text
    );
    assert!(mail.html.contains("Backend</strong> invited you to Lumen Logistics"), "{}", mail.html);
    assert!(mail.text.contains("You do not know Backend or did not expect this?"));
}

#[test]
fn an_address_is_confirmed_by_its_link() {
    let mail = compose(&Message::VerifyAddress {
        name: "Cheap pills at evil.example".into(),
        token: "v3rify".into(),
        expires_at: datetime!(2026-11-24 00:05:00),
    });
    insta::assert_snapshot!(print(&mail), @r#"
    Subject: Confirm your e-mail address for Lumen Keys

    Somebody, we hope you, signed up at Lumen Keys with jonas@lumen.example.
    Confirm that this address is yours and the account is ready.

    Confirm address:
    https://keys.lumen.example/verify-email/v3rify

    The link works once, until Nov 24, 2026, 00:05 UTC.

    You did not sign up? Ignore this message; without your confirmation the account
    can do nothing.

    --
    Sent by the Lumen Keys server at keys.lumen.example.
    "#);
    assert_html(&mail, ("Confirm address", "https://keys.lumen.example/verify-email/v3rify"));
    assert!(!mail.html.contains("evil.example"), "an unproven name is not repeated");
}

#[test]
fn a_second_sign_up_is_told_to_the_owner() {
    let mail = compose(&Message::AccountExists { name: "Jonas Brandt".into() });
    insta::assert_snapshot!(print(&mail), @r#"
    Subject: You already have an account at Lumen Keys

    Hello Jonas Brandt,

    somebody tried to sign up at Lumen Keys with jonas@lumen.example, which
    has an account already. Nothing was changed.

    Log in:
    https://keys.lumen.example/login

    Forgotten the password? Choose a new one:
    https://keys.lumen.example/forgot-password

    That was not you? Ignore this message; your account is as it was.

    --
    Sent by the Lumen Keys server at keys.lumen.example.
    "#);
    assert_html(&mail, ("Log in", "https://keys.lumen.example/login"));
    assert!(mail.html.contains("href=\"https://keys.lumen.example/forgot-password\""));
}

#[test]
fn a_password_is_reset_by_its_link() {
    let mail = compose(&Message::ResetPassword {
        name: "Jonas Brandt".into(),
        token: "r3set".into(),
        expires_at: datetime!(2026-11-23 10:00:00),
    });
    insta::assert_snapshot!(print(&mail), @r#"
    Subject: Choose a new password for Lumen Keys

    Hello Jonas Brandt,

    somebody asked for a new password for the Lumen Keys account of
    jonas@lumen.example.

    Choose a new password:
    https://keys.lumen.example/reset-password/r3set

    The link works once, until Nov 23, 2026, 10:00 UTC.

    That was not you? Ignore this message; your password stays as it is.

    --
    Sent by the Lumen Keys server at keys.lumen.example.
    "#);
    let url = "https://keys.lumen.example/reset-password/r3set";
    assert_html(&mail, ("Choose a new password", url));
}

#[test]
fn a_changed_password_is_told_with_its_origin() {
    let changed = |ip: Option<&str>| {
        compose(&Message::PasswordChanged {
            name: "Jonas Brandt".into(),
            changed_at: datetime!(2026-11-23 10:00:00),
            ip: ip.map(Into::into),
        })
    };
    let mail = changed(Some("192.0.2.7"));
    insta::assert_snapshot!(print(&mail), @r#"
    Subject: Your password for Lumen Keys was changed

    Hello Jonas Brandt,

    the password of your Lumen Keys account was changed on
    Nov 23, 2026, 10:00 UTC from 192.0.2.7.
    Every other session of the account was ended.

    That was you? Then there is nothing to do. If not, choose a new password immediately:
    https://keys.lumen.example/forgot-password

    --
    Sent by the Lumen Keys server at keys.lumen.example.
    "#);
    let url = "https://keys.lumen.example/forgot-password";
    assert_html(&mail, (url, url));
    assert!(!changed(None).text.contains(" from "), "{}", changed(None).text);
}

#[test]
fn a_renewal_is_asked_of_the_administrators() {
    let mail = compose(&Message::RenewalAsked {
        organization: "Lumen Logistics".into(),
        organization_id: "0198".into(),
        invited: "mara@lumen.example".into(),
    });
    insta::assert_snapshot!(print(&mail), @r#"
    Subject: mara@lumen.example asks for a new invitation to Lumen Logistics

    The invitation of mara@lumen.example to Lumen Logistics no longer works,
    and they ask for a new one. An administrator can send it from the Users tab.

    Open Users:
    https://keys.lumen.example/orgs/0198/users

    You get this message as an administrator of Lumen Logistics. You do not
    know mara@lumen.example? Ignore it and nothing happens.

    --
    Sent by the Lumen Keys server at keys.lumen.example.
    "#);
    assert_html(&mail, ("Open Users", "https://keys.lumen.example/orgs/0198/users"));
}

#[test]
fn master_token_events_say_what_they_mean_and_what_the_token_can_do() {
    let notice = |event: &str| {
        compose(&Message::MasterTokenNotice {
            organization: "Lumen Logistics".into(),
            organization_id: "0198".into(),
            token_name: "Terraform".into(),
            event: event.into(),
            actor: "Dana Whitfield".into(),
            abilities: TokenAccess::Keys.abilities().into(),
            expires_at: Some(datetime!(2026-12-23 10:00:00)),
            at: datetime!(2026-11-23 10:00:00),
            ip: Some("192.0.2.7".into()),
        })
    };
    let mail = notice("generated");
    insta::assert_snapshot!(print(&mail), @r#"
    Subject: Master token generated in Lumen Logistics

    Dana Whitfield generated the master token "Terraform" of
    Lumen Logistics on Nov 23, 2026, 10:00 UTC from 192.0.2.7.
    It is inactive until somebody activates it.

    It can view everything, and create, change and remove API keys.
    It ends on Dec 23, 2026, 10:00 UTC.

    Open API:
    https://keys.lumen.example/orgs/0198/api

    You get this message as an administrator of Lumen Logistics. If this should
    not have happened, deactivate the token at the address above.

    --
    Sent by the Lumen Keys server at keys.lumen.example.
    "#);
    assert_html(&mail, ("Open API", "https://keys.lumen.example/orgs/0198/api"));
    assert!(notice("replaced").text.contains("Its old value stopped working immediately."));
    assert!(notice("activated").text.contains("It can be used from now on."));
}

#[test]
fn names_are_escaped_in_html_and_plain_in_text() {
    let mail = compose(&invitation("<b>Q&A</b>", "\"O'Neil\" <script>"));
    assert!(!mail.html.contains("<b>Q") && !mail.html.contains("<script>"), "{}", mail.html);
    assert!(mail.html.contains("&#60;b&#62;Q&#38;A"), "{}", mail.html);
    assert!(mail.text.contains("\"O'Neil\" <script> (dana@lumen.example)"), "{}", mail.text);
    assert!(mail.text.contains("<b>Q&A</b>"));
}

#[test]
fn a_name_cannot_add_a_header() {
    let mail = compose(&Message::RenewalAsked {
        organization: "Lumen\r\nBcc: everybody@lumen.example".into(),
        organization_id: "0198".into(),
        invited: "mara@lumen.example".into(),
    });
    assert!(!mail.subject.contains(['\r', '\n']), "{:?}", mail.subject);
}

#[test]
fn a_key_that_ends_is_told_in_time() {
    let mail = compose(&Message::KeyExpires {
        organization: "Lumen Logistics".into(),
        organization_id: "0198".into(),
        key_name: "Billing worker".into(),
        key_id: "0199".into(),
        masked: "tess_AbCd…wxyz".into(),
        days: 3,
        expires_at: datetime!(2026-11-26 10:00:00),
        last_used_at: Some(datetime!(2026-11-23 09:58:00)),
    });
    insta::assert_snapshot!(print(&mail), @r#"
    Subject: API key Billing worker of Lumen Logistics expires within 3 days

    The API key "Billing worker" (tess_AbCd…wxyz) of
    Lumen Logistics expires on Nov 26, 2026, 10:00 UTC.
    It was last used on Nov 23, 2026, 09:58 UTC. Requests with it fail from then on.

    Rotate the key, which gives it a new secret and a new end:
    https://keys.lumen.example/orgs/0198/api/keys/0199/rotate?duration=same

    Open the key, to see who uses it or to remove it:
    https://keys.lumen.example/orgs/0198/api/keys/0199

    You get this message as an administrator of Lumen Logistics.

    --
    Sent by the Lumen Keys server at keys.lumen.example.
    "#);
    let key = "https://keys.lumen.example/orgs/0198/api/keys/0199";
    assert_html(&mail, ("Rotate the key", &format!("{key}/rotate?duration=same")));
    assert!(mail.html.contains(&format!("href=\"{key}\"")), "{}", mail.html);
}

#[test]
fn keys_that_end_together_are_told_in_one_mail() {
    let key = |name: &str, id: &str, last_used_at| ExpiringKey {
        name: name.into(),
        id: id.into(),
        masked: "tess_AbCd…wxyz".into(),
        expires_at: datetime!(2026-11-26 10:00:00),
        last_used_at,
    };
    let mail = compose(&Message::KeysExpire {
        organization: "Lumen Logistics".into(),
        organization_id: "0198".into(),
        keys: vec![
            key("Billing worker", "0199", Some(datetime!(2026-11-23 09:58:00))),
            key("Invoices", "019a", None),
        ],
        more: 3,
    });
    insta::assert_snapshot!(print(&mail), @r#"
    Subject: 5 API keys of Lumen Logistics expire soon

    5 API keys of Lumen Logistics expire soon.
    Requests with them fail from then on.

    "Billing worker" (tess_AbCd…wxyz) expires on Nov 26, 2026, 10:00 UTC.
    It was last used on Nov 23, 2026, 09:58 UTC.
    https://keys.lumen.example/orgs/0198/api/keys/0199

    "Invoices" (tess_AbCd…wxyz) expires on Nov 26, 2026, 10:00 UTC.
    It was never used.
    https://keys.lumen.example/orgs/0198/api/keys/019a

    And 3 more.

    Open the keys that expire soon, to rotate or to remove them:
    https://keys.lumen.example/orgs/0198/api?show=soon

    You get this message as an administrator of Lumen Logistics, once a day at most.

    --
    Sent by the Lumen Keys server at keys.lumen.example.
    "#);
    assert_html(&mail, ("Open the keys", "https://keys.lumen.example/orgs/0198/api?show=soon"));
}

#[test]
fn no_name_becomes_a_link() {
    let name = || "Sign in at https://evil.example/x".to_owned();
    let (id, at) = (|| "0198".to_owned(), datetime!(2026-11-23 10:00:00));
    let messages = [
        Message::VerifyAddress { name: name(), token: "t".into(), expires_at: at },
        Message::AccountExists { name: name() },
        Message::ResetPassword { name: name(), token: "t".into(), expires_at: at },
        Message::PasswordChanged { name: name(), changed_at: at, ip: None },
        Message::Invitation {
            organization: name(),
            inviter: name(),
            inviter_email: None,
            role: "User".into(),
            abilities: "see".into(),
            token: "t".into(),
            expires_at: at,
        },
        Message::RenewalAsked { organization: name(), organization_id: id(), invited: "a@b.example".into() },
        Message::MasterTokenNotice {
            organization: name(),
            organization_id: id(),
            token_name: name(),
            event: "generated".into(),
            actor: name(),
            abilities: String::new(),
            expires_at: None,
            at,
            ip: None,
        },
        Message::KeyExpires {
            organization: name(),
            organization_id: id(),
            key_name: name(),
            key_id: id(),
            masked: "tess".into(),
            days: 3,
            expires_at: at,
            last_used_at: None,
        },
        Message::KeysExpire {
            organization: name(),
            organization_id: id(),
            keys: vec![ExpiringKey {
                name: name(),
                id: id(),
                masked: "tess".into(),
                expires_at: at,
                last_used_at: None,
            }],
            more: 0,
        },
        Message::KeyLeaked {
            organization: name(),
            organization_id: id(),
            leaked: LeakedKind::ApiKey,
            name: name(),
            id: id(),
            masked: "tess".into(),
            url: String::new(),
            more_places: 0,
            measure: Measure::None,
            at,
        },
        Message::WebhookDeactivated {
            organization: name(),
            organization_id: id(),
            webhook_id: id(),
            address: "https://hooks.lumen.example".into(),
            reason: "Nothing arrives.".into(),
            at,
        },
    ];
    for message in messages {
        let mail = compose(&message);
        for part in [&mail.subject, &mail.text, &mail.html] {
            assert!(!part.contains("evil.example") && !part.contains("https://evil"), "{part}");
        }
    }
}

fn leak(leaked: LeakedKind, measure: Measure, url: &str, more_places: usize) -> RenderedMail {
    compose(&Message::KeyLeaked {
        organization: "Lumen Logistics".into(),
        organization_id: "0198".into(),
        leaked,
        name: "Billing worker".into(),
        id: "0199".into(),
        masked: "tess_AbCd…wxyz".into(),
        url: url.into(),
        more_places,
        measure,
        at: datetime!(2026-11-23 10:00:00),
    })
}

#[test]
fn a_leaked_key_is_told_with_its_place_and_what_to_do() {
    let mail = leak(LeakedKind::ApiKey, Measure::Stopped, "https://code.example/a.env", 2);
    insta::assert_snapshot!(print(&mail), @r#"
    Subject: Found in public: API key Billing worker of Lumen Logistics

    The API key "Billing worker" (tess_AbCd…wxyz) of
    Lumen Logistics was found in public.
    It was reported on Nov 23, 2026, 10:00 UTC, as found at
    https://code.example/a.env
    and in 2 more places

    It was deactivated immediately. Rotate it, put the new secret in place and activate it again.

    Rotate the key:
    https://keys.lumen.example/orgs/0198/api/keys/0199/rotate

    Open the key:
    https://keys.lumen.example/orgs/0198/api/keys/0199

    You get this message as an administrator of Lumen Logistics. What happens to
    leaked keys is chosen on the Settings tab of the organization.

    --
    Sent by the Lumen Keys server at keys.lumen.example.
    "#);
    assert_html(&mail, ("Rotate the key", "https://keys.lumen.example/orgs/0198/api/keys/0199/rotate"));
    assert!(!mail.html.contains("href=\"https://code.example"), "a reporter’s address is no link");
}

#[test]
fn a_leak_without_a_place_is_told_as_such() {
    let mail = leak(LeakedKind::PreviousSecret, Measure::None, "", 0);
    insta::assert_snapshot!(print(&mail), @r#"
    Subject: Found in public: previous secret of the API key Billing worker of Lumen Logistics

    The previous secret of the API key "Billing worker" (tess_AbCd…wxyz) of
    Lumen Logistics was found in public.
    It was reported on Nov 23, 2026, 10:00 UTC, without saying where it was found.

    It still works: whoever finds it can use it. Revoke the previous secret on the key’s page.

    Open the key:
    https://keys.lumen.example/orgs/0198/api/keys/0199

    You get this message as an administrator of Lumen Logistics. What happens to
    leaked keys is chosen on the Settings tab of the organization.

    --
    Sent by the Lumen Keys server at keys.lumen.example.
    "#);
    assert_html(&mail, ("Open the key", "https://keys.lumen.example/orgs/0198/api/keys/0199"));
}

#[test]
fn every_measure_against_a_leak_has_its_words() {
    let mut texts = std::collections::BTreeSet::new();
    for leaked in [LeakedKind::ApiKey, LeakedKind::PreviousSecret, LeakedKind::MasterToken] {
        for measure in [Measure::Stopped, Measure::StoppedBefore, Measure::None] {
            texts.insert(leak(leaked, measure, "https://code.example", 1).text);
        }
    }
    assert_eq!(texts.len(), 9);
    let token = leak(LeakedKind::MasterToken, Measure::None, "https://code.example", 1);
    assert_html(
        &token,
        ("Replace the token", "https://keys.lumen.example/orgs/0198/api/tokens/0199/replace"),
    );
    assert!(token.text.contains("and in 1 more place\n"), "{}", token.text);
}

#[test]
fn a_webhook_that_reaches_nobody_is_told_to_the_administrators() {
    let mail = compose(&Message::WebhookDeactivated {
        organization: "Lumen Logistics".into(),
        organization_id: "0198".into(),
        webhook_id: "0199".into(),
        address: "https://hooks.example.com/tessera".into(),
        reason: "Deliveries failed for five days.".into(),
        at: datetime!(2026-11-26 10:00:00),
    });
    // A break in a host name is shown as a bar here.
    insta::assert_snapshot!(print(&mail).replace('\u{200b}', "|"), @r#"
    Subject: Webhook deactivated in Lumen Logistics

    The webhook of Lumen Logistics to
    https:|//hooks.|example.|com/tessera
    was deactivated on Nov 26, 2026, 10:00 UTC. Deliveries failed for five days.

    Messages that were not delivered wait for 30 days. When the receiver is ready,
    activate the webhook:
    https://keys.lumen.example/orgs/0198/webhooks/0199

    You get this message as an administrator of Lumen Logistics.

    --
    Sent by the Lumen Keys server at keys.lumen.example.
    "#);
    assert_html(&mail, ("Open webhook", "https://keys.lumen.example/orgs/0198/webhooks/0199"));
}

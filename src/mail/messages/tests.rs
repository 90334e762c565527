use time::macros::datetime;

use super::*;
use crate::domain::outbox::{ExpiringKey, LeakedKind, Measure};
use crate::domain::{instance_access::InstanceAccess, token_access::TokenAccess};

const RECIPIENT: &str = "jonas@lumen.example";

fn composer() -> Composer {
    let url = ServerUrl::parse("https://keys.lumen.example").expect("a URL");
    Composer::new(Brand::parse("Lumen Keys").expect("a brand"), url)
}

/// Whatever is composed here leads below the path of the public URL, too, where it has one.
fn compose(message: &Message) -> RenderedMail {
    let mail = composer().compose(RECIPIENT, message).expect("every message renders");
    let url = ServerUrl::parse("https://keys.lumen.example/team/keys").expect("a URL");
    let below =
        Composer::new(composer().brand, url).compose(RECIPIENT, message).expect("every message renders");
    let moved =
        |text: &str| text.replace("https://keys.lumen.example/", "https://keys.lumen.example/team/keys/");
    assert_eq!((below.text, below.html), (moved(&mail.text), moved(&mail.html)));
    mail
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
    assert!(html.contains("Sent by Lumen Keys at keys.lumen.example"));
    assert!(!html.contains("Tessera") && !mail.text.contains("Tessera"), "the brand stands alone");
    assert!(!html.contains("<img") && !html.contains("http://"), "nothing is loaded");
    assert!(html.trim_end().ends_with("</html>"));
}

#[test]
fn an_invitation_names_who_invites_where_and_until_when() {
    let mail = compose(&invitation("Lumen Logistics", "Dana Whitfield"));
    insta::assert_snapshot!(print(&mail), @r#"
    Subject: Dana Whitfield invited you to join Lumen Logistics

    Invitation to join Organization

    Dana Whitfield (dana@lumen.example) invited you to join Lumen Logistics as an Administrator.
    You’ll be able to manage members, API keys and master tokens.

    Accept Invite:
    https://keys.lumen.example/i/4fT9qzW2

    The link works once, for jonas@lumen.example, and expires on Nov 30, 2026, 09:12 UTC.

    If you weren’t expecting this, you can ignore this email.

    --
    Sent by Lumen Keys at keys.lumen.example.
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
    assert_eq!(mail.subject, "Backend invited you to join Lumen Logistics");
    assert!(
        mail.text.contains("\nBackend invited you to join Lumen Logistics as an Administrator."),
        "{}",
        mail.text
    );
    assert!(mail.html.contains("Backend</strong> invited you to join Lumen Logistics"), "{}", mail.html);
    assert!(!mail.text.contains("Backend ("), "no empty brackets after the name: {}", mail.text);
}

#[test]
fn an_address_is_confirmed_by_its_link() {
    let mail = compose(&Message::VerifyAddress {
        name: "Cheap pills at evil.example".into(),
        token: "v3rify".into(),
        expires_at: datetime!(2026-11-24 00:05:00),
    });
    insta::assert_snapshot!(print(&mail), @r#"
    Subject: Confirm your email for Lumen Keys

    Confirm your email to finish signing up for Lumen Keys.

    Confirm email:
    https://keys.lumen.example/verify-email/v3rify

    The link works once and expires on Nov 24, 2026, 00:05 UTC.

    If you didn’t sign up, ignore this email. The account stays inactive.

    --
    Sent by Lumen Keys at keys.lumen.example.
    "#);
    assert_html(&mail, ("Confirm email", "https://keys.lumen.example/verify-email/v3rify"));
    assert!(!mail.html.contains("evil.example"), "an unproven name is not repeated");
}

#[test]
fn a_second_sign_up_is_told_to_the_owner() {
    let mail = compose(&Message::AccountExists { name: "Jonas Brandt".into() });
    insta::assert_snapshot!(print(&mail), @r#"
    Subject: You already have an account at Lumen Keys

    Hello Jonas Brandt,

    Someone tried to sign up at Lumen Keys with this email
    (jonas@lumen.example), but you already have an account. No changes were made.

    Log in:
    https://keys.lumen.example/login

    Forgot your password? Reset it:
    https://keys.lumen.example/forgot-password

    If this wasn’t you, ignore this email. Your account hasn’t changed.

    --
    Sent by Lumen Keys at keys.lumen.example.
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
    Subject: Reset your Lumen Keys password

    Hello Jonas Brandt,

    We received a request to reset the password for your Lumen Keys account.

    Reset your password:
    https://keys.lumen.example/reset-password/r3set

    The link works once and expires on Nov 23, 2026, 10:00 UTC.

    If this wasn’t you, ignore this email. Your password won’t change.

    --
    Sent by Lumen Keys at keys.lumen.example.
    "#);
    let url = "https://keys.lumen.example/reset-password/r3set";
    assert_html(&mail, ("Reset password", url));
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
    Subject: Your Lumen Keys password was changed

    Hello Jonas Brandt,

    The password of your Lumen Keys account was changed on
    Nov 23, 2026, 10:00 UTC from 192.0.2.7.
    All other sessions were logged out.

    If this was you, no action is needed. If not, reset your password now:
    https://keys.lumen.example/forgot-password

    --
    Sent by Lumen Keys at keys.lumen.example.
    "#);
    let url = "https://keys.lumen.example/forgot-password";
    assert_html(&mail, (url, url));
    assert!(!changed(None).text.contains(" from "), "{}", changed(None).text);
}

#[test]
fn a_test_email_says_that_it_is_one() {
    let mail = composer().compose_test("jonas@lumen.example").expect("it renders");
    insta::assert_snapshot!(print(&mail), @r#"
    Subject: Test email from Lumen Keys

    Lumen Keys can send you email.

    This is a test that the operator of https://keys.lumen.example asked for.
    No action is needed.

    --
    Sent by Lumen Keys at keys.lumen.example.
    "#);
    let url = "https://keys.lumen.example";
    assert_html(&mail, (url, url));
}

#[test]
fn a_renewal_is_asked_of_the_administrators() {
    let mail = compose(&Message::RenewalAsked {
        organization: "Lumen Logistics".into(),
        organization_id: "0198".into(),
        invited: "mara@lumen.example".into(),
    });
    insta::assert_snapshot!(print(&mail), @r#"
    Subject: mara@lumen.example requested a new invitation to Lumen Logistics

    The invitation for mara@lumen.example to join Lumen Logistics is no longer
    valid, and they requested a new one. You can resend it from the Users tab.

    Open Users:
    https://keys.lumen.example/orgs/0198/users

    You received this email because you’re an administrator of Lumen Logistics.
    If you don’t know mara@lumen.example, you can ignore this email.

    --
    Sent by Lumen Keys at keys.lumen.example.
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
    It’s inactive until someone activates it.

    It can view everything, and create, change and remove API keys.
    It expires on Dec 23, 2026, 10:00 UTC.

    Open API:
    https://keys.lumen.example/orgs/0198/api

    You received this email because you’re an administrator of Lumen Logistics.
    If you didn’t expect this, deactivate the token on the API tab.

    --
    Sent by Lumen Keys at keys.lumen.example.
    "#);
    assert_html(&mail, ("Open API", "https://keys.lumen.example/orgs/0198/api"));
    assert!(notice("replaced").text.contains("The previous token no longer works."));
    assert!(notice("activated").text.contains("It can be used now."));
}

#[test]
fn what_makes_an_instance_token_work_is_told_to_those_who_operate_the_instance() {
    let mail = compose(&Message::InstanceTokenNotice {
        token_name: "Billing".into(),
        event: "activated".into(),
        actor: "Olga Operator".into(),
        abilities: InstanceAccess::Read.abilities().into(),
        expires_at: None,
        at: datetime!(2026-11-23 10:00:00),
        ip: None,
    });
    insta::assert_snapshot!(print(&mail), @r#"
    Subject: Instance token activated

    Olga Operator activated the instance token "Billing"
    on Nov 23, 2026, 10:00 UTC.
    It can be used now.

    It can view all organizations, their usage and the plans.

    Open instance tokens:
    https://keys.lumen.example/instance/tokens

    You received this email because you’re an instance administrator.
    If you didn’t expect this, deactivate the token under Instance.

    --
    Sent by Lumen Keys at keys.lumen.example.
    "#);
    assert_html(&mail, ("Open instance tokens", "https://keys.lumen.example/instance/tokens"));
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
    Last used on Nov 23, 2026, 09:58 UTC. Requests will fail after it expires.

    Rotate the key to get a new secret and expiration date:
    https://keys.lumen.example/orgs/0198/api/keys/0199/rotate?duration=same

    See who uses the key, or remove it:
    https://keys.lumen.example/orgs/0198/api/keys/0199

    You received this email because you’re an administrator of Lumen Logistics.

    --
    Sent by Lumen Keys at keys.lumen.example.
    "#);
    let key = "https://keys.lumen.example/orgs/0198/api/keys/0199";
    assert_html(&mail, ("Rotate key", &format!("{key}/rotate?duration=same")));
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
    Requests with them will fail after they expire.

    "Billing worker" (tess_AbCd…wxyz) expires on Nov 26, 2026, 10:00 UTC.
    Last used on Nov 23, 2026, 09:58 UTC.
    https://keys.lumen.example/orgs/0198/api/keys/0199

    "Invoices" (tess_AbCd…wxyz) expires on Nov 26, 2026, 10:00 UTC.
    It has never been used.
    https://keys.lumen.example/orgs/0198/api/keys/019a

    And 3 more.

    View expiring keys to rotate or remove them:
    https://keys.lumen.example/orgs/0198/api?show=soon

    You received this email because you’re an administrator of Lumen Logistics.
    It’s sent at most once a day.

    --
    Sent by Lumen Keys at keys.lumen.example.
    "#);
    assert_html(&mail, ("View expiring keys", "https://keys.lumen.example/orgs/0198/api?show=soon"));
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
        Message::InstanceTokenNotice {
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
        Message::QuotaReached {
            organization: name(),
            organization_id: id(),
            key: Some(QuotaOfKey { name: name(), id: id() }),
            percent: 80,
            used: 8,
            quota: 10,
            resets_at: at,
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
    Subject: Exposed API key: Billing worker (Lumen Logistics)

    The API key "Billing worker" (tess_AbCd…wxyz) of
    Lumen Logistics was found in public.
    Reported on Nov 23, 2026, 10:00 UTC; found at
    https://code.example/a.env
    and in 2 more places

    It was deactivated immediately. Rotate it, put the new secret in place, then activate it.

    Rotate key:
    https://keys.lumen.example/orgs/0198/api/keys/0199/rotate

    Open key:
    https://keys.lumen.example/orgs/0198/api/keys/0199

    You received this email because you’re an administrator of Lumen Logistics.
    Choose what happens to leaked keys on the organization’s Settings tab.

    --
    Sent by Lumen Keys at keys.lumen.example.
    "#);
    assert_html(&mail, ("Rotate key", "https://keys.lumen.example/orgs/0198/api/keys/0199/rotate"));
    assert!(!mail.html.contains("href=\"https://code.example"), "a reporter’s address is no link");
}

#[test]
fn a_leak_without_a_place_is_told_as_such() {
    let mail = leak(LeakedKind::PreviousSecret, Measure::None, "", 0);
    insta::assert_snapshot!(print(&mail), @r#"
    Subject: Exposed previous secret of API key: Billing worker (Lumen Logistics)

    The previous secret of API key "Billing worker" (tess_AbCd…wxyz) of
    Lumen Logistics was found in public.
    Reported on Nov 23, 2026, 10:00 UTC; location unknown.

    It still works. Revoke it on the key’s page.

    Open key:
    https://keys.lumen.example/orgs/0198/api/keys/0199

    You received this email because you’re an administrator of Lumen Logistics.
    Choose what happens to leaked keys on the organization’s Settings tab.

    --
    Sent by Lumen Keys at keys.lumen.example.
    "#);
    assert_html(&mail, ("Open key", "https://keys.lumen.example/orgs/0198/api/keys/0199"));
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
    assert_html(&token, ("Replace token", "https://keys.lumen.example/orgs/0198/api/tokens/0199/replace"));
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

    Undelivered events are kept for 30 days. When the receiver is ready, activate
    the webhook:
    https://keys.lumen.example/orgs/0198/webhooks/0199

    You received this email because you’re an administrator of Lumen Logistics.

    --
    Sent by Lumen Keys at keys.lumen.example.
    "#);
    assert_html(&mail, ("Open webhook", "https://keys.lumen.example/orgs/0198/webhooks/0199"));
}

//! Who may sign up, by the setting: everybody, emails at some domains, people with an invitation, or nobody.

use tessera::{
    domain::{
        access::Role,
        invitations::{self, AnswerError},
        names::Name,
    },
    web::urls,
};
use time::Duration;

use super::invitation_answers::copied_link;
use crate::support::{Client, Company, PASSWORD, Response, TestApp, address_of, until};

const MARA: &str = "mara.jensen@lumen.example";

/// The modes in which strangers may not sign up with an email of `lumen.example`.
const CLOSED_TO_STRANGERS: [&str; 3] = ["invited", "closed", "fern.example"];

async fn app_with(mode: &str) -> TestApp {
    TestApp::builder().flag("--sign-up", mode).spawn().await
}

async fn sign_up(browser: &Client, email: &str, next: &str) -> Response {
    let fields = [("name", "Mara Jensen"), ("email", email), ("password", PASSWORD), ("next", next)];
    browser.post("/signup", &fields).await
}

#[tokio::test]
async fn what_applies_is_said_before_anything_is_typed() {
    for (mode, said, heading, has_form) in [
        ("open", None, "Create your account", true),
        (
            "Fern.example,bücher.example",
            Some("an email at fern.example or bücher.example"),
            "Create your account",
            true,
        ),
        ("invited", Some("need an invitation"), "You need an invitation", false),
        ("closed", Some("Sign-up is closed"), "Sign-up is closed", false),
    ] {
        let app = app_with(mode).await;
        let first = app.client().get("/").await.must_be(200).html();
        assert_eq!(first.link("GET STARTED"), "/signup", "nobody can log in yet");
        assert_eq!(
            first.main_text().contains("open the set-up link") || first.try_link("set it up").is_some(),
            !has_form,
            "{mode}"
        );
        let page = app.client().get("/signup").await.must_be(200).html();
        assert_eq!(page.try_link("Set up this server").is_some(), !has_form, "{mode}");

        app.appoint(&app.user("Dana Whitfield").await).await;
        let landing = app.client().get("/").await.must_be(200).html();
        assert_eq!(
            (landing.link("GET STARTED"), landing.link("Sign up")),
            ("/login".into(), "/signup".into())
        );
        let log_in = app.client().get("/login").await.must_be(200).html();
        assert_eq!(log_in.try_link("Sign up").is_some(), has_form, "{mode}");
        let page = app.client().get("/signup").await.must_be(200).html();
        assert_eq!((page.heading().as_str(), page.has_button("Sign up")), (heading, has_form), "{mode}");
        match said {
            Some(said) => {
                assert!(landing.main_text().contains(said), "{mode}: {}", landing.main_text());
                assert!(page.main_text().contains(said) || page.heading().contains(said), "{mode}");
                assert!(has_form || log_in.main_text().contains(said), "{mode}: {}", log_in.main_text());
            }
            None => assert!(!page.has("#who-can-sign-up")),
        }
    }
}

/// The first account has to be the operator's there, or it could create no organization and no key.
#[tokio::test]
async fn where_instance_administrators_create_organizations_the_first_step_is_to_set_the_server_up() {
    let app = TestApp::builder().flag("--create-organizations", "instance-administrators").spawn().await;
    let page = app.client().get("/").await.must_be(200).html();
    let setup = urls::setup(app.state.setup_link.as_ref().expect("nobody operates it yet").expose());
    assert_eq!(page.link("set it up"), setup);
    assert_eq!(page.try_link("Set up this server"), None, "it is offered once");
    let elsewhere = app.client().request("GET", "/").header("x-forwarded-for", "192.0.2.7").send().await;
    assert!(elsewhere.html().main_text().contains("open the set-up link in its log"));
}

/// Neither the text nor the status tells whether an email has an account or an invitation, and nothing is written.
#[tokio::test]
async fn a_stranger_makes_no_account_and_learns_nothing_of_an_email() {
    for mode in CLOSED_TO_STRANGERS {
        let app = app_with(mode).await;
        let lumen = app.lumen().await;
        app.invitation(&lumen, Role::User, MARA).await;
        app.unverified_user("Una Unproven").await;
        let before = app.ledger().await;
        let mut answers = Vec::new();
        for email in [MARA, &lumen.owner.email, &address_of("Una Unproven"), "nobody@lumen.example"] {
            let answer = sign_up(&app.client(), email, "/orgs").await;
            answers.push((answer.status, answer.text().replace(email, "")));
        }
        let status = if mode == "fern.example" { 422 } else { 403 };
        assert_eq!(answers[0].0, status, "{mode}");
        assert!(answers.iter().all(|answer| *answer == answers[0]), "{mode}: {answers:#?}");
        // What cannot be right is not looked at either.
        if status == 403 {
            app.client().post("/signup", &[("email", "x")]).await.must_be(403);
        }
        assert_eq!(app.ledger().await, before, "{mode}");
    }
}

#[tokio::test]
async fn only_an_email_at_a_named_domain_itself_signs_up() {
    let app = app_with("Lumen.Example, bücher.example").await;
    for email in ["Ada@LUMEN.example", "ada@bücher.example", "grace@XN--BCHER-KVA.example"] {
        let browser = app.client();
        let answer = sign_up(&browser, email, "/docs").await.must_be(303);
        assert_eq!(browser.destination(&answer).await, "/verify-email", "{email}");
    }
    assert_eq!(app.mails().await.len(), 3);
    let link = format!("/verify-email/{}", app.mailed_token("ada@xn--bcher-kva.example").await);
    app.client().post(&link, &[("password", PASSWORD)]).await.must_be(303);

    let before = app.ledger().await;
    for (email, said) in [
        ("ada@mail.lumen.example", "Use an email at lumen.example or bücher.example."),
        ("ada@notlumen.example", "Use an email at lumen.example or bücher.example."),
        ("ada@example", "Enter a valid email"),
        ("ada@lumen.example.evil.example", "Use an email at"),
        ("lumen.example@fern.example", "Use an email at"),
        ("\"a@lumen.example\"@fern.example", "Enter a valid email"),
        ("ada@lumen.example.", "Enter a valid email"),
        ("ada@bucher.example", "Use an email at"),
    ] {
        let page = sign_up(&app.client(), email, "/docs").await.must_be(422).html();
        assert!(page.field_error("Work email").contains(said), "{email}: {}", page.field_error("Work email"));
        assert_eq!(
            (
                page.value("Full name").as_str(),
                page.value("Work email").as_str(),
                page.hidden("next").as_str()
            ),
            ("Mara Jensen", email, "/docs")
        );
        assert_eq!(page.try_field_error("Password"), None, "{email}");
    }
    assert_eq!(app.ledger().await, before);
}

#[tokio::test]
async fn an_emailed_invitation_makes_an_account_unless_the_sign_up_is_closed() {
    for mode in ["open", "fern.example", "invited", "closed"] {
        let app = app_with(mode).await;
        let lumen = app.lumen().await;
        let inviting =
            app.log_in_as(&lumen.owner).await.get(&lumen.url("users/invite?role=user")).await.html();
        let warns = inviting.dialog_text().contains("only people who already have an account can join");
        assert_eq!(warns, mode == "closed", "{mode}");
        let (_, token) = app.invitation(&lumen, Role::Supervisor, MARA).await;
        let link = urls::invitation_link(&token);
        let (browser, form) = (app.client(), [("name", "Mara Jensen"), ("password", PASSWORD)]);
        let page = browser.get(&link).await.must_be(200).html();
        assert!(page.main_text().contains(MARA) && page.has_button("Decline"), "{mode}");
        if mode == "closed" {
            assert!(page.main_text().contains("Sign-up is closed"), "{}", page.main_text());
            assert!(!page.has_button("Accept"));
            let before = app.ledger().await;
            let answer = browser.post(&format!("{link}/signup"), &form).await.must_be(303);
            assert_eq!(answer.location(), link);
            assert_eq!(app.ledger().await, before);
            browser.post(&page.action("Decline"), &[]).await.must_be(303);
            continue;
        }
        let joined = browser.post(&page.action("Accept"), &form).await.must_be(303);
        assert_eq!(browser.follow(&joined).await.html().toast(), "You joined Lumen", "{mode}");
    }
}

#[tokio::test]
async fn whoever_has_an_account_accepts_in_each_mode() {
    for mode in ["open", "fern.example", "invited", "closed"] {
        let app = app_with(mode).await;
        let lumen = app.lumen().await;
        let (invitation, token) = app.invitation(&lumen, Role::Supervisor, MARA).await;
        let copied = copied_link(&app, &lumen, &invitation.id).await;
        let mara = app.user("Mara Jensen").await;
        let browser = app.client();
        browser.get(&copied).await.html().link("Log in");
        let link = urls::invitation_link(&token);
        let log_in = browser.get(&link).await.must_be(200).html().link("Log in to accept");
        let next = browser.get(&log_in).await.html().hidden("next");
        let form = [("email", MARA), ("password", PASSWORD), ("next", &next)];
        let page = browser.post("/login", &form).await.must_be(303);
        let page = browser.follow(&page).await.html();
        browser.post(&page.action("Accept"), &[]).await.must_be(303);
        assert_eq!(app.role_of(&lumen, &mara).await, Some(Role::Supervisor), "{mode}");
    }
}

/// Who signed up while that was open, and has not confirmed the email, still can.
#[tokio::test]
async fn an_account_from_before_is_confirmed_although_the_sign_up_is_closed() {
    let app = app_with("closed").await;
    let lumen = app.lumen().await;
    let (_, token) = app.invitation(&lumen, Role::User, MARA).await;
    let mara = app.unverified_user("Mara Jensen").await;
    let (browser, link) = (app.log_in_as(&mara).await, urls::invitation_link(&token));
    let page = browser.get(&link).await.must_be(200).html();
    assert_eq!(page.link("Confirm email"), "/verify-email");
    assert!(!page.has_button("Accept"));
    let before = app.ledger().await;
    browser.post(&format!("{link}/signup"), &[("name", "Mara"), ("password", PASSWORD)]).await.must_be(303);
    assert_eq!(app.ledger().await, before);
    app.clock.advance(Duration::minutes(2));
    browser.post("/verify-email/resend", &[]).await.must_be(303);
    let confirm = format!("/verify-email/{}", app.mailed_token(MARA).await);
    browser.post(&confirm, &[]).await.must_be(303);
    let page = browser.get(&link).await.html();
    browser.post(&page.action("Accept"), &[]).await.must_be(303);
    assert_eq!(app.role_of(&lumen, &mara).await, Some(Role::User));
}

/// A copied link may be in any hands: it names the email to nobody, and the account is worth nothing until a link that
/// goes there is opened.
#[tokio::test]
async fn a_copied_invitation_signs_up_by_a_confirmation_that_goes_to_the_invited_email() {
    for mode in ["invited", "fern.example"] {
        let app = app_with(mode).await;
        let lumen = app.lumen().await;
        let (invitation, _) = app.invitation(&lumen, Role::Supervisor, MARA).await;
        let link = copied_link(&app, &lumen, &invitation.id).await;
        let browser = app.client();
        let shown = browser.get(&link).await.must_be(200);
        assert!(shown.text().contains("m•••@lumen.example") && !shown.text().contains(MARA));
        let page = shown.html();
        let wrong =
            browser.post(&page.action("Sign up"), &[("name", "Mara Jensen"), ("password", "short")]).await;
        let wrong = wrong.must_be(422).html();
        assert_eq!(wrong.value("Full name"), "Mara Jensen");
        assert!(wrong.field_error("Password").contains("15"));

        let form = [("name", "Mara Jensen"), ("password", PASSWORD)];
        let answer = browser.post(&page.action("Sign up"), &form).await.must_be(303);
        let check = browser.follow(&answer).await.must_be(200);
        assert_eq!(check.html().heading(), "Check your email");
        assert!(check.html().main_text().contains("m•••@lumen.example") && !check.text().contains(MARA));
        assert_eq!(app.role_of(&lumen, &lumen.owner).await, Some(Role::Administrator));
        app.clock.advance(Duration::minutes(2));
        let mails = app.mails().await.len();
        browser.post(&check.html().action("Resend email"), &[]).await.must_be(303);
        until(async || app.mails().await.len() == mails + 1).await;
        assert!(!browser.get("/verify-email").await.text().contains(MARA));

        let confirm = format!("/verify-email/{}", app.mailed_token(MARA).await);
        let confirmed = browser.post(&confirm, &[]).await.must_be(303);
        assert_eq!(confirmed.location(), link, "{mode}");
        let page = browser.follow(&confirmed).await.html();
        let joined = browser.post(&page.action("Accept"), &[]).await.must_be(303);
        assert_eq!(browser.destination(&joined).await, lumen.url("users"));
    }
}

#[tokio::test]
async fn a_copied_invitation_tells_nobody_whether_the_email_has_an_account() {
    let app = app_with("invited").await;
    let lumen = app.lumen().await;
    app.user("Mara Jensen").await;
    app.unverified_user("Mika Unproven").await;
    let mut answers = Vec::new();
    for email in [MARA, &address_of("Mika Unproven"), "mo@lumen.example"] {
        let (invitation, _) = app.invitation(&lumen, Role::User, email).await;
        let link = copied_link(&app, &lumen, &invitation.id).await;
        let browser = app.client();
        let page = browser.get(&link).await.must_be(200);
        let form = [("name", "Somebody Else"), ("password", PASSWORD)];
        let answer = browser.post(&page.html().action("Sign up"), &form).await;
        let check = browser.follow(&answer).await;
        answers.push((
            page.text().replace(&link, "").replace(&urls::query("next", &link), ""),
            (answer.status, answer.location().to_owned()),
            (check.status, check.html().main_text()),
        ));
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:#?}");
    let log_in = app.client().post("/login", &[("email", MARA), ("password", PASSWORD)]).await;
    log_in.must_be(303);
}

/// So the time of the answer, and of the next write behind it, tells nothing either.
#[tokio::test]
async fn a_copied_invitation_writes_as_much_whether_the_email_has_an_account() {
    let app = TestApp::builder().flag("--sign-up", "invited").without_housekeeping().spawn().await;
    let lumen = app.lumen().await;
    app.user("Mara Jensen").await;
    let mut written = Vec::new();
    for email in [MARA, "mo@lumen.example"] {
        let (invitation, _) = app.invitation(&lumen, Role::User, email).await;
        let token = copied_token(&app, &lumen, &invitation.id).await;
        let statements = app.statements(sign_up_by_copy(&app, token)).await;
        let of = |statement: String| statement.split(" -- ").next().unwrap_or_default().to_owned();
        let mut writes: Vec<String> =
            statements.into_iter().map(of).filter(|text| text.starts_with("INSERT")).collect();
        writes.sort();
        written.push(writes);
    }
    assert!(written[0].len() >= 4, "{written:#?}");
    assert_eq!(written[0], written[1]);
}

/// Whatever the page showed before: the invitation is looked at in the transaction.
#[tokio::test]
async fn only_the_copied_link_of_an_open_invitation_signs_up_by_a_confirmation() {
    let app = app_with("invited").await;
    let lumen = app.lumen().await;
    let (invitation, mailed) = app.invitation(&lumen, Role::User, MARA).await;
    let copied = copied_token(&app, &lumen, &invitation.id).await;
    let cancel = lumen.url(&format!("invitations/{}/cancel", invitation.id));
    app.log_in_as(&lumen.owner).await.post(&cancel, &[]).await.must_be(303);
    let before = app.ledger().await;
    for token in [mailed, copied, "0123456789abcdefghijABCDEFGHIJ".to_owned()] {
        assert!(matches!(sign_up_by_copy(&app, token).await, Err(AnswerError::NotYours)));
    }
    assert_eq!(app.ledger().await, before);
}

/// The secret in the link that is copied for an invitation.
async fn copied_token(app: &TestApp, company: &Company, invitation_id: &str) -> String {
    let link = copied_link(app, company, invitation_id).await;
    link.strip_prefix("/i/").expect("an invitation's link").to_owned()
}

async fn sign_up_by_copy(app: &TestApp, token: String) -> Result<(), AnswerError> {
    let (name, now) = (Name::parse("Mara Jensen", 80).expect("a name"), app.now());
    app.write(move |tx| Ok(invitations::sign_up_by_copy(tx, &token, name, "a hash".to_owned(), None, now)))
        .await
}

#[tokio::test]
async fn a_copied_invitation_makes_no_account_where_the_sign_up_is_closed_or_the_invitation_over() {
    let app = app_with("closed").await;
    let lumen = app.lumen().await;
    let (invitation, _) = app.invitation(&lumen, Role::User, MARA).await;
    let link = copied_link(&app, &lumen, &invitation.id).await;
    let before = app.ledger().await;
    let page = app.client().get(&link).await.must_be(200);
    assert!(page.html().main_text().contains("No new accounts can be created here"));
    assert!(!page.text().contains("lumen.example") && page.html().try_action("Sign up").is_none());
    let form = [("name", "Mara Jensen"), ("password", PASSWORD)];
    let answer = app.client().post(&format!("{link}/signup"), &form).await.must_be(303);
    assert_eq!(answer.location(), link);
    assert_eq!(app.ledger().await, before);

    let app = app_with("invited").await;
    let lumen = app.lumen().await;
    let (invitation, token) = app.invitation(&lumen, Role::User, MARA).await;
    let link = copied_link(&app, &lumen, &invitation.id).await;
    app.clock.advance(Duration::days(8));
    let before = app.ledger().await;
    for link in [link, urls::invitation_link(&token)] {
        app.client().post(&format!("{link}/signup"), &form).await.must_be(404);
    }
    assert_eq!(app.ledger().await, before);
}

#[tokio::test]
async fn whoever_switches_accounts_by_a_copied_invitation_comes_to_where_one_signs_up() {
    for (mode, is_own_page) in [("open", false), ("invited", true)] {
        let app = app_with(mode).await;
        let lumen = app.lumen().await;
        let (invitation, _) = app.invitation(&lumen, Role::User, MARA).await;
        let link = copied_link(&app, &lumen, &invitation.id).await;
        let browser = app.log_in_as(&app.user("Eve Stranger").await).await;
        let answer = browser.post(&format!("{link}/switch"), &[]).await.must_be(303);
        assert_eq!(answer.location() == link, is_own_page, "{mode}");
    }
}

#[tokio::test]
async fn the_set_up_link_lets_the_first_operator_sign_up_in_each_mode_and_no_other_link_does() {
    for mode in CLOSED_TO_STRANGERS {
        let app = app_with(mode).await;
        let link = urls::setup(app.state.setup_link.as_ref().expect("nobody operates it yet").expose());
        let browser = app.client();
        let form = browser.get(&link).await.html().link("Sign up");
        let form = browser.get(&form).await.must_be(200).html();
        assert!(!form.has("#who-can-sign-up"), "{mode}");
        let email = "dana@lumen.example";
        sign_up(&browser, email, &form.hidden("next")).await.must_be(303);
        let confirm = format!("/verify-email/{}", app.mailed_token(email).await);
        let confirmed = browser.post(&confirm, &[]).await.must_be(303);
        assert_eq!(browser.destination(&confirmed).await, link);
        browser.post(&link, &[]).await.must_be(303);
        browser.get("/instance/sign-up").await.must_be(200);

        let before = app.ledger().await;
        let made_up = format!("{link}x");
        let deeper = format!("{link}/../../signup");
        for next in [link.as_str(), &made_up, &deeper, "/setup/", "/setup", "https://evil.example/setup/x"] {
            let answer = sign_up(&app.client(), "eve@lumen.example", next).await;
            assert!(matches!(answer.status, 403 | 422), "{mode} {next}: {}", answer.status);
        }
        assert_eq!(app.ledger().await, before, "{mode}");
    }
}

#[tokio::test]
async fn the_tab_of_the_instance_says_what_applies_and_which_setting_says_so() {
    let app = TestApp::builder()
        .flag("--sign-up", "lumen.example")
        .flag("--create-organizations", "instance-administrators")
        .spawn()
        .await;
    let dana = app.user("Dana Whitfield").await;
    app.log_in_as(&dana).await.get("/instance/sign-up").await.must_be(404);
    app.appoint(&dana).await;
    let page = app.log_in_as(&dana).await.get("/instance/sign-up").await.must_be(200).html();
    let accounts = page.text("#who-can-sign-up");
    assert!(
        accounts.contains("Everyone with an email at lumen.example can sign up, not including subdomains")
    );
    assert!(accounts.contains("This is set by the flag --sign-up."), "{accounts}");
    let organizations = page.text("#who-can-create");
    assert!(organizations.contains("Only instance administrators can create organizations."));
    assert!(organizations.contains("This is set by the flag --create-organizations."), "{organizations}");
    assert!(page.main_text().contains("TESSERA_SIGN_UP"));

    for (mode, words) in [
        ("open", "Everyone can sign up."),
        ("invited", "Only people with an invitation to an organization can sign up."),
        ("closed", "No one can sign up."),
    ] {
        let app = app_with(mode).await;
        let dana = app.user("Dana Whitfield").await;
        app.appoint(&dana).await;
        let page = app.log_in_as(&dana).await.get("/instance/sign-up").await.must_be(200).html();
        assert!(page.text("#who-can-sign-up").contains(words), "{mode}");
        assert!(page.text("#who-can-create").contains("Everyone with an account can create organizations."));
        assert!(page.text("#who-can-create").contains("This is the default."));
    }
}

//! Inviting, and who may invite whom.

mod pending;
mod several;

use tessera::domain::{access::Role, outbox::Message};
use time::Duration;

use crate::support::{Client, Company, Html, Response, TestApp};

/// Opens the dialog and sends it with this text.
async fn invite(browser: &Client, company: &Company, role: &str, emails: &str) -> Response {
    let address = company.url("users/invite");
    let dialog = browser.get(&format!("{address}?role={role}")).await.must_be(200).html();
    let form_id = dialog.hidden("form_id");
    browser.post(&address, &[("emails", emails), ("role", role), ("form_id", &form_id)]).await
}

/// What became of each address, as the dialog tells it.
fn outcomes(page: &Html) -> Vec<String> {
    page.texts("dialog tbody tr")
}

async fn invited(app: &TestApp) -> Vec<String> {
    app.query("SELECT email || ' ' || role AS text FROM invitations ORDER BY email").await
}

#[tokio::test]
async fn each_address_is_told_apart() {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    app.invitation(&lumen, Role::User, "ines@lumen.example").await;
    let browser = app.log_in_as(&lumen.owner).await;
    let text = "Mara <MARA@lumen.example>, nowhere\nines@lumen.example; mara@lumen.example\ndana.whitfield@lumen.example";
    let page = invite(&browser, &lumen, "user", text).await.must_be(200).html();
    assert_eq!(page.dialog_title(), "Invitations sent");
    assert_eq!(
        outcomes(&page),
        [
            "mara@lumen.example Sent",
            "nowhere Invalid email",
            "ines@lumen.example Already invited",
            "dana.whitfield@lumen.example Already a member",
        ]
    );
    assert_eq!(invited(&app).await, ["ines@lumen.example user", "mara@lumen.example user"]);
    let mail = app.mail_to("mara@lumen.example").await;
    assert!(matches!(&mail.message, Message::Invitation { inviter, .. } if inviter == "Dana Whitfield"));

    assert_eq!(page.value("Fix these and try again"), "nowhere");
    let form = [("emails", "no@where.example"), ("role", "user"), ("form_id", &page.hidden("form_id"))];
    let page = browser.post(&page.action("Send invitations"), &form).await.must_be(200).html();
    assert_eq!(outcomes(&page), ["no@where.example Sent"]);
    let users = browser.get(&lumen.url("users")).await.html();
    assert!(users.row("no@where.example").contains("In local mailbox"));
}

#[tokio::test]
async fn administrators_are_invited_by_administrators() {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    let browser = app.log_in_as(&lumen.owner).await;
    let users = browser.get(&lumen.url("users")).await.html();
    let dialog = browser.get(&users.link("Invite Admins")).await.must_be(200).html();
    assert_eq!(dialog.dialog_title(), "Invite Admins");
    assert_eq!(dialog.chosen("role"), "administrator");
    invite(&browser, &lumen, "administrator", "mara@lumen.example").await.must_be(200);
    assert_eq!(invited(&app).await, ["mara@lumen.example administrator"]);
    browser.get(&lumen.url("users/invite?role=owner")).await.must_be(400);
}

#[tokio::test]
async fn the_role_is_chosen_in_the_dialog() {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    let browser = app.log_in_as(&lumen.owner).await;
    let users = browser.get(&lumen.url("users")).await.html();
    for (button, preselected) in [("Invite Users", "user"), ("Invite Admins", "administrator")] {
        let dialog = browser.get(&users.link(button)).await.must_be(200).html();
        assert_eq!((dialog.dialog_title().as_str(), dialog.chosen("role").as_str()), (button, preselected));
        assert_eq!(
            dialog.texts("dialog .opts label"),
            [
                "Administrator Can manage members, API keys, master tokens and settings",
                "Supervisor Can invite and manage supervisors and users",
                "Developer Can create and manage API keys",
                "User Can view members",
            ]
        );
    }
    let address = lumen.url("users/invite");
    let form_id = browser.htmx_get(&address, "dialog-slot").await.must_be(200).html().hidden("form_id");
    let form = [("emails", "mara@"), ("role", "developer"), ("form_id", form_id.as_str())];
    let dialog = browser.htmx_post(&address, "dialog-slot", &form).await.must_be(422).html();
    assert_eq!((dialog.chosen("role").as_str(), dialog.has("h1")), ("developer", false));
    let emails = "mara@lumen.example nowhere";
    let form = [("emails", emails), ("role", "developer"), ("form_id", form_id.as_str())];
    let sent = browser.post(&address, &form).await.must_be(200).html();
    assert_eq!(outcomes(&sent), ["mara@lumen.example Sent", "nowhere Invalid email"]);
    assert_eq!(sent.hidden("role"), "developer", "what is corrected is sent for the same role");
    assert_eq!(invited(&app).await, ["mara@lumen.example developer"]);
    let row = browser.get(&lumen.url("users")).await.html().row("mara@lumen.example");
    assert!(row.contains("Developer"), "{row}");
    let Message::Invitation { role, abilities, .. } = app.mail_to("mara@lumen.example").await.message else {
        panic!("no invitation");
    };
    assert_eq!((role.as_str(), abilities.as_str()), ("Developer", "create and manage API keys"));
}

#[tokio::test]
async fn a_role_that_was_not_offered_is_pointed_out() {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    let browser = app.log_in_as(&lumen.owner).await;
    let address = lumen.url("users/invite");
    let form_id = browser.get(&address).await.html().hidden("form_id");
    for role in [Some("owner"), None] {
        let mut form = vec![("emails", "mara@lumen.example"), ("form_id", form_id.as_str())];
        form.extend(role.map(|role| ("role", role)));
        let page = browser.post(&address, &form).await.must_be(422).html();
        assert_eq!(page.text("fieldset .error"), "Choose a role.");
        assert_eq!(page.value("Email addresses"), "mara@lumen.example");
        assert_eq!(page.attributes("fieldset", "aria-describedby"), ["role-e"]);
    }
    assert!(invited(&app).await.is_empty());
}

#[tokio::test]
async fn a_text_without_addresses_is_kept_to_be_mended() {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    let browser = app.log_in_as(&lumen.owner).await;
    for (text, error) in
        [("", "Enter at least one email"), ("mara, \"<b>ines</b>", "None of these is a valid email")]
    {
        let page = invite(&browser, &lumen, "user", text).await.must_be(422).html();
        assert_eq!((page.heading(), page.dialog_title()), ("Lumen".into(), "Invite Users".into()));
        assert!(page.field_error("Email addresses").contains(error));
        assert_eq!(page.value("Email addresses"), text);
        let form = [("emails", text), ("role", "user"), ("form_id", &page.hidden("form_id"))];
        let dialog = browser.htmx_post(&lumen.url("users/invite"), "dialog-slot", &form).await.must_be(422);
        assert!(!dialog.html().has("h1"));
        assert_eq!(dialog.html().value("Email addresses"), text);
    }
    assert!(invited(&app).await.is_empty());
}

#[tokio::test]
async fn with_htmx_the_list_behind_the_dialog_changes_too() {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    let browser = app.log_in_as(&lumen.owner).await;
    let address = lumen.url("users/invite");
    let dialog = browser.htmx_get(&format!("{address}?role=user"), "dialog-slot").await.must_be(200).html();
    let form = [("emails", "mara@lumen.example"), ("role", "user"), ("form_id", &dialog.hidden("form_id"))];
    let page = browser.htmx_post(&address, "dialog-slot", &form).await.must_be(200).html();
    assert_eq!(page.dialog_title(), "Invitations sent");
    assert!(page.has("#panel[hx-swap-oob] #pending tr[id^=invitation-]") && !page.has("h1"));
    let answer = browser.htmx_post(&address, "dialog-slot", &form).await.must_be(200);
    assert_eq!(answer.header("hx-redirect"), lumen.url("users"));
}

#[tokio::test]
async fn five_hundred_go_at_once() {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    let browser = app.log_in_as(&lumen.owner).await;
    let text: Vec<String> = (0..500)
        .map(|n| if n % 100 == 7 { format!("bad{n}") } else { format!("user{n}@lumen.example") })
        .collect();
    let page = invite(&browser, &lumen, "user", &text.join("\r\n")).await.must_be(200).html();
    assert!(page.dialog_text().contains("495 sent · 5 invalid"));
    assert_eq!(outcomes(&page).len(), 500);
    assert_eq!(page.value("Fix these and try again"), "bad7\nbad107\nbad207\nbad307\nbad407");
    assert_eq!(invited(&app).await.len(), 495);
    let users = browser.get(&lumen.url("users")).await.html();
    assert_eq!(users.text("#pen-h .count"), "495");
}

#[tokio::test]
async fn one_more_is_refused_and_nothing_lost() {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    let browser = app.log_in_as(&lumen.owner).await;
    let text: Vec<String> = (0..501).map(|n| format!("user{n}@lumen.example")).collect();
    let text = text.join("\n");
    let page = invite(&browser, &lumen, "user", &text).await.must_be(422).html();
    assert_eq!(page.field_error("Email addresses"), "You entered 501 emails. Send at most 500 at a time.");
    assert_eq!(page.value("Email addresses"), text);
    assert!(invited(&app).await.is_empty());
    let twice = format!("{} user1@lumen.example", text.rsplit_once('\n').expect("lines").0);
    invite(&browser, &lumen, "user", &twice).await.must_be(200);
}

#[tokio::test]
async fn a_form_invites_once_and_for_a_day() {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    let browser = app.log_in_as(&lumen.owner).await;
    let address = lumen.url("users/invite");
    let form_id = browser.get(&address).await.html().hidden("form_id");
    let form = [("emails", "mara@lumen.example"), ("role", "user"), ("form_id", form_id.as_str())];
    browser.post(&address, &form).await.must_be(200);
    let answer = browser.post(&address, &form).await.must_be(303);
    assert!(browser.follow(&answer).await.html().toast().contains("Nothing was sent twice"));
    let form_id = browser.get(&address).await.html().hidden("form_id");
    app.clock.advance(Duration::hours(25));
    let form = [("emails", "ines@lumen.example"), ("role", "user"), ("form_id", form_id.as_str())];
    let page = browser.post(&address, &form).await.must_be(422).html();
    assert!(page.field_error("Email addresses").contains("This form expired"));
    assert_eq!(page.value("Email addresses"), "ines@lumen.example");
    assert_ne!(page.hidden("form_id"), form_id);
}

#[tokio::test]
async fn supervisors_keep_their_hands_off_administrators_and_developers() {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    let sam = app.member(&lumen, Role::Supervisor, "Sam Berg").await;
    let (above, _) = app.invitation(&lumen, Role::Administrator, "ada@lumen.example").await;
    let (beside, _) = app.invitation(&lumen, Role::Developer, "dev@lumen.example").await;
    let browser = app.log_in_as(&sam).await;
    let page = browser.get(&lumen.url("users")).await.must_be(200).html();
    assert!(page.try_link("Invite Admins").is_none() && page.try_link("Invite Users").is_some());
    assert!(page.row("ada@lumen.example").contains("Administrator"));
    assert!(page.try_action("Resend").is_none(), "neither invitation is theirs to touch");
    let dialog = browser.get(&page.link("Invite Users")).await.must_be(200).html();
    assert_eq!(dialog.attributes("input[name=role]", "value"), ["supervisor", "user"]);
    assert_eq!(dialog.chosen("role"), "user");
    let before = app.ledger().await;
    for role in ["administrator", "developer"] {
        browser.get(&lumen.url(&format!("users/invite?role={role}"))).await.must_be(403);
        let form = [("emails", "x@lumen.example"), ("role", role), ("form_id", &dialog.hidden("form_id"))];
        browser.post(&lumen.url("users/invite"), &form).await.must_be(403);
        browser.htmx_post(&lumen.url("users/invite"), "dialog-slot", &form).await.must_be(403);
    }
    for invitation in [&above, &beside] {
        for verb in ["resend", "link", "cancel"] {
            let path = lumen.url(&format!("invitations/{}/{verb}", invitation.id));
            browser.post(&path, &[]).await.must_be(403);
            browser.htmx_post(&path, "panel", &[]).await.must_be(403);
        }
    }
    assert_eq!(app.ledger().await, before);
    invite(&browser, &lumen, "supervisor", "mara@lumen.example").await.must_be(200);
    assert!(browser.get(&lumen.url("users")).await.html().try_action("Resend").is_some());
}

#[tokio::test]
async fn users_neither_see_nor_send_invitations() {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    let uli = app.member(&lumen, Role::User, "Uli Berg").await;
    let (invitation, _) = app.invitation(&lumen, Role::User, "mara@lumen.example").await;
    let browser = app.log_in_as(&uli).await;
    let page = browser.get(&lumen.url("users")).await.must_be(200);
    assert!(!page.text().contains("mara@lumen.example") && page.html().try_link("Invite Users").is_none());
    let before = app.ledger().await;
    browser.get(&lumen.url("users/invite")).await.must_be(403);
    let form = [("emails", "x@lumen.example"), ("role", "user"), ("form_id", "x")];
    browser.post(&lumen.url("users/invite"), &form).await.must_be(403);
    let resend = lumen.url(&format!("invitations/{}/resend", invitation.id));
    assert!(
        browser
            .htmx_post(&resend, "panel", &[])
            .await
            .must_be(403)
            .html()
            .toast()
            .contains("Only supervisors and administrators can do this.")
    );
    assert_eq!(app.ledger().await, before);
}

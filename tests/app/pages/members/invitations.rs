//! Whoever is removed, leaves or gets a lower role loses what they could no longer send.

use tessera::{
    domain::{access::Role, user::User},
    web::form_id::FormId,
};

use crate::support::{Company, TestApp};

/// An administrator with four pending invitations, one of each role.
async fn ground() -> (TestApp, Company, User) {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    let ada = app.member(&lumen, Role::Administrator, "Ada Berg").await;
    let browser = app.log_in_as(&ada).await;
    for role in Role::ALL {
        let path = lumen.url(&format!("users/invite?role={role}", role = role.as_str()));
        let form_id = browser.get(&path).await.html().hidden("form_id");
        let email = format!("{}@elsewhere.example", role.as_str());
        let form = [("emails", email.as_str()), ("role", role.as_str()), ("form_id", form_id.as_str())];
        browser.post(&lumen.url("users/invite"), &form).await.must_be(200);
    }
    (app, lumen, ada)
}

/// The roles of the invitations that are pending.
async fn pending(app: &TestApp) -> Vec<String> {
    app.query("SELECT role AS text FROM invitations WHERE outcome IS NULL ORDER BY role").await
}

/// A link that was copied for an invitation.
async fn copied(app: &TestApp, company: &Company, by: &User, role: &str) -> String {
    let sql = format!("SELECT id AS text FROM invitations WHERE role = '{role}' AND outcome IS NULL");
    let id = app.query(&sql).await.remove(0);
    let browser = app.log_in_as(by).await;
    let path = company.url(&format!("invitations/{id}/link"));
    browser.post(&path, &[]).await.must_be(200).html().text("#secret")
}

#[tokio::test]
async fn a_removed_administrator_comes_back_by_no_invitation_of_their_own() {
    let (app, lumen, ada) = ground().await;
    app.invitation(&lumen, Role::User, "mara@lumen.example").await;
    let link = copied(&app, &lumen, &ada, "administrator").await;
    let mailed = app.mailed_token("administrator@elsewhere.example").await;
    app.client().get(&link).await.must_be(200);
    let browser = app.log_in_as(&lumen.owner).await;
    let remove = lumen.url(&format!("users/{}/remove", ada.id));
    let dialog = browser.get(&remove).await.must_be(200).html();
    for role in ["Administrator", "Supervisor", "Developer", "User"] {
        let line = format!("{}@elsewhere.example as {role}", role.to_lowercase());
        assert!(dialog.dialog_text().contains(&line), "{}", dialog.dialog_text());
    }
    assert!(!dialog.dialog_text().contains("mara@lumen.example"));
    let answer = browser.post(&remove, &[]).await.must_be(303);
    let toast = browser.follow(&answer).await.html().toast();
    assert_eq!(toast, "Ada Berg removed from Lumen. 4 invitations canceled.");
    app.client().get(&link).await.must_be(404);
    app.client().get(&format!("/i/{mailed}")).await.must_be(404);
    assert_eq!(pending(&app).await, ["user"], "another’s invitation stays");
    let trail = "SELECT actor_name || ' ' || subject_name AS text FROM audit_events
                 WHERE action = 'invitation.canceled' ORDER BY id";
    assert_eq!(
        app.query(trail).await,
        ["administrator", "supervisor", "developer", "user"]
            .map(|role| format!("Dana Whitfield {role}@elsewhere.example"))
    );
    let queued =
        "SELECT id AS text FROM outbox WHERE state = 'queued' AND recipient LIKE '%elsewhere.example'";
    assert!(app.query(queued).await.is_empty(), "their mails stay here");
}

#[tokio::test]
async fn whoever_leaves_is_told_what_goes_with_them() {
    let (app, lumen, ada) = ground().await;
    let browser = app.log_in_as(&ada).await;
    let leave = lumen.url("settings/leave");
    let dialog = browser.get(&leave).await.must_be(200).html();
    assert!(dialog.dialog_text().contains("administrator@elsewhere.example as Administrator"));
    browser.post(&leave, &[]).await.must_be(303);
    assert!(pending(&app).await.is_empty());
}

#[tokio::test]
async fn a_lower_role_keeps_what_it_could_send() {
    for (role, kept, told) in [
        (Role::Administrator, &["administrator", "developer", "supervisor", "user"][..], ""),
        (Role::Supervisor, &["supervisor", "user"], "2 pending invitations they sent will be canceled."),
        (Role::Developer, &[], "4 pending invitations they sent will be canceled."),
        (Role::User, &[], "4 pending invitations they sent will be canceled."),
    ] {
        let (app, lumen, ada) = ground().await;
        let browser = app.log_in_as(&lumen.owner).await;
        let path = lumen.url(&format!("users/{}/role", ada.id));
        let dialog = browser.get(&path).await.must_be(200).html();
        let place = Role::ALL.iter().position(|each| *each == role).expect("a role");
        let about = &dialog.texts("dialog .about")[place];
        assert!(about.ends_with(told) && about.contains("will be canceled") != told.is_empty(), "{about}");
        browser.post(&path, &[("role", role.as_str())]).await.must_be(303);
        assert_eq!(pending(&app).await, kept, "{role}");
    }
}

#[tokio::test]
async fn machines_that_remove_or_demote_cancel_as_well_and_so_does_the_end_of_a_machine() {
    use tessera::domain::token_access::TokenAccess;
    let (app, lumen, ada) = ground().await;
    let machine = app.machine(&lumen, TokenAccess::Full).await;
    let (path, lower) = (format!("members/{}", ada.id), serde_json::json!({ "role": "supervisor" }));
    machine.send("PATCH", &path, lower).await.must_be(200);
    assert_eq!(pending(&app).await, ["supervisor", "user"]);
    machine.ask("DELETE", &path).await.must_be(204);
    assert!(pending(&app).await.is_empty());
    let new = serde_json::json!({ "emails": ["mara@elsewhere.example"], "role": "supervisor" });
    machine.send("POST", "invitations", new).await.must_be(200);
    assert_eq!(pending(&app).await, ["supervisor"]);
    let browser = app.log_in_as(&lumen.owner).await;
    browser.post(&lumen.url(&format!("api/tokens/{}/remove", machine.token_id)), &[]).await.must_be(303);
    assert!(pending(&app).await.is_empty());
}

#[tokio::test]
async fn whoever_removes_or_demotes_an_administrator_is_told_the_tokens_that_they_were_shown() {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    let ines = app.member(&lumen, Role::Administrator, "Ines Okafor").await;
    app.master_token(&lumen, "Warehouse").await;
    let form = FormId::new(app.now());
    let fields =
        [("name", "Deployment"), ("access", "full"), ("duration", "none"), ("form_id", form.as_str())];
    app.log_in_as(&ines).await.post(&lumen.url("api/tokens"), &fields).await.must_be(200);

    let dana = app.log_in_as(&lumen.owner).await;
    for verb in ["remove", "role"] {
        let asked = dana.get(&lumen.url(&format!("users/{}/{verb}", ines.id))).await.must_be(200).html();
        let text = asked.dialog_text();
        assert!(text.contains("They were shown Deployment .") && !text.contains("Warehouse"), "{text}");
        let own = lumen.url(&format!("users/{}/{verb}", lumen.owner.id));
        let asked = dana.get(&own).await.must_be(200).html();
        assert!(!asked.dialog_text().contains("They were shown"), "{}", asked.dialog_text());
    }
}

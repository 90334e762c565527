//! Several invitations at one time.

use tessera::domain::access::Role;

use crate::support::{Company, TestApp};

async fn invite_all(app: &TestApp, lumen: &Company) -> Vec<String> {
    let mut ids = Vec::new();
    for (name, role) in [("ines", Role::User), ("mara", Role::User), ("jonas", Role::Administrator)] {
        ids.push(app.invitation(lumen, role, &format!("{name}@lumen.example")).await.0.id);
    }
    ids
}

#[tokio::test]
async fn the_chosen_invitations_are_canceled_together() {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    let ids = invite_all(&app, &lumen).await;
    let browser = app.log_in_as(&lumen.owner).await;
    let users = browser.get(&lumen.url("users")).await.must_be(200).html();
    let dialog = browser.get(&users.link("Cancel several")).await.must_be(200).html();
    assert_eq!(dialog.dialog_title(), "Cancel invitations");
    assert_eq!(dialog.tags("input[name=invitations]").len(), 3);

    let cancel = dialog.action("Cancel invitations");
    let none = browser.post(&cancel, &[]).await.must_be(422).html();
    assert!(none.dialog_text().contains("Select at least one invitation."));
    let fields = [("invitations", ids[0].as_str()), ("invitations", ids[2].as_str())];
    let answer = browser.post(&cancel, &fields).await.must_be(303);
    assert_eq!(browser.follow(&answer).await.html().toast(), "2 invitations canceled");
    let pending = "SELECT email AS text FROM invitations WHERE outcome IS NULL";
    assert_eq!(app.query(pending).await, ["mara@lumen.example"]);
    let again = browser.post(&cancel, &fields).await.must_be(303);
    let toast = browser.follow(&again).await.html().toast();
    assert!(toast.starts_with("Nothing to cancel."), "{toast}");
}

#[tokio::test]
async fn supervisors_choose_among_those_that_they_may_cancel_and_all_or_none_are_canceled() {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    let ids = invite_all(&app, &lumen).await;
    let supervisor = app.member(&lumen, Role::Supervisor, "Sam Supervisor").await;
    let browser = app.log_in_as(&supervisor).await;
    let dialog = browser.get(&lumen.url("invitations/select?all=1")).await.must_be(200).html();
    assert_eq!(dialog.tags("input[name=invitations][checked]").len(), 2);
    assert!(!dialog.dialog_text().contains("jonas@"));

    let fields: Vec<(&str, &str)> = ids.iter().map(|id| ("invitations", id.as_str())).collect();
    browser.post(&lumen.url("invitations/cancel"), &fields).await.must_be(403);
    assert_eq!(app.query("SELECT id AS text FROM invitations WHERE outcome IS NULL").await.len(), ids.len());
}

//! "My Organizations": the list, a new organization, and invitations answered there.

use tessera::domain::{
    access::{Operator, Role},
    instance,
};
use time::Duration;

use super::unusual_names;
use crate::support::{Client, Response, TestApp};

/// Opens the dialog and sends it with this name.
async fn create(browser: &Client, name: &str) -> Response {
    let form_id = browser.get("/orgs/new").await.must_be(200).html().hidden("form_id");
    browser.post("/orgs", &[("name", name), ("form_id", &form_id)]).await
}

#[tokio::test]
async fn whoever_creates_an_organization_administers_it() {
    let app = TestApp::spawn().await;
    let dana = app.user("Dana Whitfield").await;
    let browser = app.log_in_as(&dana).await;
    let page = browser.get("/orgs").await.must_be(200).html();
    assert!(page.main_text().contains("No organizations yet"));
    assert_eq!(page.link("Create Organization"), "/orgs/new");
    let page = browser.get("/orgs/new").await.must_be(200).html();
    assert_eq!(
        (page.heading(), page.dialog_title()),
        ("My Organizations".into(), "Create Organization".into())
    );
    assert!(page.has_button("Ok"));

    let answer = create(&browser, "  Lumen \t Logistics ").await.must_be(303);
    let page = browser.follow(&answer).await.must_be(200).html();
    assert_eq!(page.toast(), "“Lumen Logistics” created");
    assert!(page.row("Dana Whitfield").contains("Administrator"));
    let page = browser.get("/orgs").await.html();
    assert!(page.main_text().contains("1 member · no API keys yet"));
    assert_eq!(page.link("Organization Details of Lumen Logistics"), answer.location());
}

#[tokio::test]
async fn with_htmx_the_dialog_comes_alone_and_the_new_page_whole() {
    let app = TestApp::spawn().await;
    let dana = app.user("Dana Whitfield").await;
    let browser = app.log_in_as(&dana).await;
    let dialog = browser.htmx_get("/orgs/new", "dialog-slot").await.must_be(200).html();
    assert!(dialog.has_dialog() && !dialog.has("main") && !dialog.has("h1"));
    let form_id = dialog.hidden("form_id");
    let wrong = [("name", ""), ("form_id", form_id.as_str())];
    let dialog = browser.htmx_post("/orgs", "dialog-slot", &wrong).await.must_be(422).html();
    assert!(!dialog.has("h1"));
    assert_eq!(dialog.field_error("Organization name"), "Enter a name.");
    let right = [("name", "Lumen"), ("form_id", form_id.as_str())];
    let answer = browser.htmx_post("/orgs", "dialog-slot", &right).await.must_be(200);
    assert!(answer.header("hx-redirect").ends_with("/users"), "{:?}", answer.headers);
    assert_eq!(browser.get(answer.header("hx-redirect")).await.html().toast(), "“Lumen” created");
}

#[tokio::test]
async fn a_name_that_cannot_be_is_kept_to_be_mended() {
    let app = TestApp::spawn().await;
    let dana = app.user("Dana Whitfield").await;
    let browser = app.log_in_as(&dana).await;
    let too_long = "x".repeat(81);
    for (name, error) in [
        (" ", "Enter a name."),
        (too_long.as_str(), "Use at most 80 characters."),
        ("gnp\u{202E}.exe", "Use only letters, digits, spaces and common symbols."),
    ] {
        let page = create(&browser, name).await.must_be(422).html();
        assert_eq!(page.heading(), "My Organizations");
        assert_eq!(page.field_error("Organization name"), error);
        assert_eq!(page.value("Organization name"), name);
    }
    browser.post("/orgs", &[("name", "Lumen"), ("role", "x")]).await.must_be(400);
    assert!(app.query("SELECT name AS text FROM organizations").await.is_empty());
}

#[tokio::test]
async fn a_form_counts_once_and_for_a_day() {
    let app = TestApp::spawn().await;
    let dana = app.user("Dana Whitfield").await;
    let browser = app.log_in_as(&dana).await;
    let form_id = browser.get("/orgs/new").await.html().hidden("form_id");
    let form = [("name", "Lumen"), ("form_id", form_id.as_str())];
    browser.post("/orgs", &form).await.must_be(303);
    browser.get("/orgs").await;
    let answer = browser.post("/orgs", &form).await.must_be(303);
    assert_eq!(browser.follow(&answer).await.html().toast(), "This organization was already created");

    let form_id = browser.get("/orgs/new").await.html().hidden("form_id");
    app.clock.advance(Duration::hours(25));
    let form = [("name", "Fern"), ("form_id", form_id.as_str())];
    let page = browser.post("/orgs", &form).await.must_be(422).html();
    assert!(page.field_error("Organization name").contains("This form expired"));
    let form = [("name", "Fern"), ("form_id", &page.hidden("form_id"))];
    browser.post("/orgs", &form).await.must_be(303);
    assert_eq!(app.query("SELECT name AS text FROM organizations ORDER BY name").await, ["Fern", "Lumen"]);
}

#[tokio::test]
async fn a_name_is_shown_whole_and_as_text() {
    let app = TestApp::spawn().await;
    let dana = app.user("Dana Whitfield").await;
    let browser = app.log_in_as(&dana).await;
    for name in unusual_names() {
        let answer = create(&browser, &name).await.must_be(303);
        let details = browser.follow(&answer).await.must_be(200);
        assert_eq!(details.html().heading(), name);
        assert_eq!(details.html().toast(), format!("“{name}” created"));
        let list = browser.get("/orgs").await;
        assert!(list.html().texts(".title [dir=auto]").contains(&name), "{name}");
        for page in [details, list] {
            assert!(!page.text().contains("<b>Ada"), "{name}");
        }
    }
}

#[tokio::test]
async fn figures_tell_users_nothing_of_keys() {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    let uli = app.member(&lumen, Role::User, "Uli User").await;
    app.api_key(&lumen, "Billing worker").await;
    let page = app.log_in_as(&lumen.owner).await.get("/orgs").await.html();
    assert!(page.main_text().contains("2 members · 1 API key"));
    let page = app.log_in_as(&uli).await.get("/orgs").await.html();
    assert!(page.texts(".meta").contains(&"2 members".to_owned()), "{}", page.main_text());
}

#[tokio::test]
async fn an_invitation_is_answered_in_the_list() {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    let fern = app.organization("Fern", &lumen.owner).await;
    let mara = app.user("Mara Jensen").await;
    let (to_lumen, _) = app.invitation(&lumen, Role::Supervisor, &mara.email).await;
    let (to_fern, _) = app.invitation(&fern, Role::User, &mara.email).await;
    let browser = app.log_in_as(&mara).await;
    let page = browser.get("/orgs").await.must_be(200).html();
    assert!(page.main_text().contains("Invited by Dana Whitfield"));
    assert_eq!(page.text(".user-btn .count"), "2 pending invitations");
    let accept = page.action("Accept invitation to Lumen");
    assert_eq!(accept, format!("/invitations/{}/accept", to_lumen.id));
    let answer = browser.post(&accept, &[]).await.must_be(303);
    assert_eq!(browser.follow(&answer).await.html().toast(), "You joined Lumen");
    assert_eq!(app.role_of(&lumen, &mara).await, Some(Role::Supervisor));

    let decline = format!("/invitations/{}/decline", to_fern.id);
    let answer = browser.post(&decline, &[]).await.must_be(303);
    let page = browser.follow(&answer).await.html();
    assert_eq!(page.toast(), "Invitation to Fern declined");
    assert!(!page.has("#invitations"));
    assert_eq!(app.role_of(&fern, &mara).await, None);
    for over in [accept, decline] {
        browser.post(&over, &[]).await.must_be(404);
    }
}

#[tokio::test]
async fn nobody_answers_for_another_or_too_late() {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    let (mara, eve) = (app.user("Mara Jensen").await, app.user("Eve Stranger").await);
    let (invitation, _) = app.invitation(&lumen, Role::User, &mara.email).await;
    let stranger = app.log_in_as(&eve).await;
    for verb in ["accept", "decline"] {
        stranger.post(&format!("/invitations/{}/{verb}", invitation.id), &[]).await.must_be(404);
    }
    assert!(!stranger.get("/orgs").await.html().has("#invitations"));
    app.clock.advance(Duration::days(7));
    let invited = app.log_in_as(&mara).await;
    assert!(!invited.get("/orgs").await.html().has("#invitations"));
    for verb in ["accept", "decline"] {
        invited.post(&format!("/invitations/{}/{verb}", invitation.id), &[]).await.must_be(404);
    }
    assert_eq!((app.role_of(&lumen, &mara).await, app.role_of(&lumen, &eve).await), (None, None));
}

#[tokio::test]
async fn where_instance_administrators_create_organizations_nobody_else_does() {
    let app = TestApp::builder().flag("--create-organizations", "instance-administrators").spawn().await;
    let (dana, olga) = (app.user("Dana Whitfield").await, app.user("Olga Operator").await);
    app.appoint(&olga).await;
    let (browser, operator) = (app.log_in_as(&dana).await, app.log_in_as(&olga).await);
    let newcomer = app.client().get("/signup").await.must_be(200).html();
    assert!(newcomer.main_text().contains("Next, join an organization."));
    let page = browser.get("/orgs").await.must_be(200).html();
    assert_eq!(page.try_link("Create Organization"), None);
    assert!(page.main_text().contains("Instance administrators create them."), "{}", page.main_text());
    assert!(page.main_text().contains("ask an administrator of yours for an invitation"));

    let form_id = operator.get("/orgs/new").await.must_be(200).html().hidden("form_id");
    let before = app.ledger().await;
    let fields = [("name", "Lumen"), ("form_id", &form_id)];
    for answer in [
        browser.get("/orgs/new").await,
        browser.post("/orgs", &fields).await,
        browser.post("/orgs", &[("name", "")]).await,
        browser.htmx_get("/orgs/new", "dialog-slot").await,
        browser.htmx_post("/orgs", "dialog-slot", &fields).await,
    ] {
        let answer = answer.must_be(403);
        assert!(
            answer.text().contains("Only instance administrators can create organizations"),
            "{}",
            answer.text()
        );
    }
    assert_eq!(app.ledger().await, before);

    assert_eq!(operator.get("/orgs").await.html().link("Create Organization"), "/orgs/new");
    let created = operator.post("/orgs", &fields).await.must_be(303);
    assert_eq!(operator.follow(&created).await.html().toast(), "“Lumen” created");
}

/// A right that is taken away counts from the next request, also with a form that was opened before.
#[tokio::test]
async fn whoever_is_no_instance_administrator_any_more_creates_no_organization() {
    let app = TestApp::builder().flag("--create-organizations", "instance-administrators").spawn().await;
    let (dana, olga) = (app.user("Dana Whitfield").await, app.user("Olga Operator").await);
    app.appoint(&dana).await;
    app.appoint(&olga).await;
    let browser = app.log_in_as(&olga).await;
    let form_id = browser.get("/orgs/new").await.must_be(200).html().hidden("form_id");
    let now = app.now();
    let id = olga.id.clone();
    app.write(move |tx| Ok(instance::dismiss(tx, &Operator::at_the_machine(), &id, now)?)).await;
    browser.post("/orgs", &[("name", "Lumen"), ("form_id", &form_id)]).await.must_be(403);
}

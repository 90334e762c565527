//! The tab "Users": the list of members, and what is done with one of them.

mod invitations;
mod lists;

use tessera::domain::access::Role;

use super::unusual_names;
use crate::support::TestApp;

#[tokio::test]
async fn a_role_is_changed() {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    let uli = app.member(&lumen, Role::User, "Uli Berg").await;
    let browser = app.log_in_as(&lumen.owner).await;
    let role = lumen.url(&format!("users/{}/role", uli.id));
    let page = browser.get(&role).await.must_be(200).html();
    assert_eq!((page.dialog_title(), page.chosen("role")), ("Change role".into(), "user".into()));
    assert_eq!(page.action("Save"), role);
    let roles = ["administrator", "supervisor", "developer", "user"];
    assert_eq!(page.attributes("input[name=role]", "value"), roles);
    let answer = browser.post(&role, &[("role", "supervisor")]).await.must_be(303);
    let page = browser.follow(&answer).await.html();
    assert_eq!(page.toast(), "Role of Uli Berg changed to Supervisor");
    assert!(page.row("Uli Berg").contains("Supervisor"));

    let dialog = browser.htmx_get(&role, "dialog-slot").await.must_be(200).html();
    assert!(!dialog.has("h1"));
    assert_eq!(dialog.chosen("role"), "supervisor");
    let answer =
        browser.htmx_post(&role, "dialog-slot", &[("role", "administrator")]).await.must_be(200).html();
    assert!(answer.toast().contains("Administrator") && answer.has("#panel[hx-swap-oob]"));
    assert_eq!(app.role_of(&lumen, &uli).await, Some(Role::Administrator));
}

#[tokio::test]
async fn the_dialog_says_what_each_role_would_change() {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    let uli = app.member(&lumen, Role::Developer, "Uli Berg").await;
    let browser = app.log_in_as(&lumen.owner).await;
    let role = lumen.url(&format!("users/{}/role", uli.id));
    let page = browser.get(&role).await.must_be(200).html();
    let told = [
        "Can also manage members, master tokens and settings.",
        "Can also manage members. Can no longer manage API keys.",
        "Current role. Can create and manage API keys.",
        "Can no longer manage API keys.",
    ];
    assert_eq!(page.texts("dialog .about"), told);
    let dialog = browser.htmx_get(&role, "dialog-slot").await.must_be(200).html();
    assert_eq!(dialog.texts(".about"), told);
    browser.post(&role, &[("role", "supervisor")]).await.must_be(303);
    let page = browser.get(&role).await.must_be(200).html();
    assert!(page.texts("dialog .about")[1].starts_with("Current role."), "{}", page.dialog_text());
}

#[tokio::test]
async fn a_role_that_is_none_is_refused_in_the_dialog() {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    let uli = app.member(&lumen, Role::User, "Uli Berg").await;
    let browser = app.log_in_as(&lumen.owner).await;
    let role = lumen.url(&format!("users/{}/role", uli.id));
    for form in [&[("role", "owner")][..], &[]] {
        let page = browser.post(&role, form).await.must_be(422).html();
        assert_eq!(page.dialog_title(), "Change role");
        assert_eq!(page.text("fieldset .error"), "Choose a role.");
        assert_eq!(page.chosen("role"), "user");
        let dialog = browser.htmx_post(&role, "dialog-slot", form).await.must_be(422).html();
        assert!(dialog.has("fieldset .error") && !dialog.has("h1"));
    }
    browser.post(&role, &[("role", "user"), ("id", "x")]).await.must_be(400);
    assert_eq!(app.role_of(&lumen, &uli).await, Some(Role::User));
}

#[tokio::test]
async fn a_removed_member_is_out_at_once() {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    let uli = app.member(&lumen, Role::User, "Uli Berg").await;
    let removed = app.log_in_as(&uli).await;
    removed.get(&lumen.url("users")).await.must_be(200);
    let browser = app.log_in_as(&lumen.owner).await;
    let remove = lumen.url(&format!("users/{}/remove", uli.id));
    let page = browser.get(&remove).await.must_be(200).html();
    assert_eq!(page.dialog_title(), "Remove Uli Berg from Lumen?");
    let answer = browser.post(&page.action("Remove user"), &[]).await.must_be(303);
    let page = browser.follow(&answer).await.html();
    assert_eq!(page.toast(), "Uli Berg removed from Lumen");
    assert!(page.try_row("Uli Berg").is_none());
    removed.get(&lumen.url("users")).await.must_be(404);
    browser.get(&remove).await.must_be(404);
    browser.post(&remove, &[]).await.must_be(404);
}

#[tokio::test]
async fn one_administrator_stays_whatever_is_tried() {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    app.member(&lumen, Role::Supervisor, "Sam Berg").await;
    let browser = app.log_in_as(&lumen.owner).await;
    let own = |verb: &str| lumen.url(&format!("users/{}/{verb}", lumen.owner.id));
    let dialog = browser.get(&own("remove")).await.must_be(200).html();
    assert!(
        dialog.dialog_text().contains("last administrator") && dialog.try_action("Remove user").is_none()
    );
    for (path, form) in [
        (own("role"), &[("role", "supervisor")][..]),
        (own("role"), &[("role", "user")]),
        (own("remove"), &[]),
        (lumen.url("settings/leave"), &[]),
    ] {
        let page = browser.post(&path, form).await.must_be(422).html();
        assert!(page.dialog_text().contains("last administrator"), "{path}: {}", page.dialog_text());
        assert_eq!(page.heading(), "Lumen");
        let dialog = browser.htmx_post(&path, "dialog-slot", form).await.must_be(422).html();
        assert!(dialog.dialog_text().contains("last administrator") && !dialog.has("h1"), "{path}");
    }
    let page = browser.post(&own("role"), &[("role", "user")]).await.html();
    assert_eq!(page.chosen("role"), "user", "what was chosen is kept");
    assert_eq!(app.role_of(&lumen, &lumen.owner).await, Some(Role::Administrator));
}

#[tokio::test]
async fn whoever_changes_themselves_goes_where_they_still_may() {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    for (name, htmx) in [("Ada Berg", false), ("Bea Berg", true)] {
        let admin = app.member(&lumen, Role::Administrator, name).await;
        let browser = app.log_in_as(&admin).await;
        let own = |verb: &str| lumen.url(&format!("users/{}/{verb}", admin.id));
        let steps = [
            (own("role"), &[("role", "supervisor")][..], lumen.url("users")),
            (own("remove"), &[], "/orgs".into()),
        ];
        for (path, form, next) in steps {
            let led_to = if htmx {
                browser
                    .htmx_post(&path, "dialog-slot", form)
                    .await
                    .must_be(200)
                    .header("hx-redirect")
                    .to_owned()
            } else {
                browser.post(&path, form).await.must_be(303).location().to_owned()
            };
            assert_eq!(led_to, next);
            browser.get(&next).await.must_be(200);
        }
        assert_eq!(app.role_of(&lumen, &admin).await, None);
    }
}

#[tokio::test]
async fn supervisors_reach_supervisors_and_users() {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    let dev = app.member(&lumen, Role::Developer, "Dev Berg").await;
    let sam = app.member(&lumen, Role::Supervisor, "Sam Berg").await;
    let sue = app.member(&lumen, Role::Supervisor, "Sue Berg").await;
    let uli = app.member(&lumen, Role::User, "Uli Berg").await;
    let browser = app.log_in_as(&sam).await;
    let page = browser.get(&lumen.url("users")).await.must_be(200).html();
    for (name, is_reached) in [("Dana Whitfield", false), ("Dev Berg", false), ("Sue Berg", true)] {
        assert_eq!(page.row(name).contains("Change role"), is_reached, "{name}");
    }
    assert!(page.try_link("API").is_none());
    let before = app.ledger().await;
    let role_of = |id: &str| lumen.url(&format!("users/{id}/role"));
    for id in [&lumen.owner.id, &dev.id] {
        for verb in ["role", "remove"] {
            let path = lumen.url(&format!("users/{id}/{verb}"));
            browser.get(&path).await.must_be(403);
            browser.htmx_get(&path, "dialog-slot").await.must_be(403);
        }
        browser.post(&role_of(id), &[("role", "user")]).await.must_be(403);
        browser.post(&lumen.url(&format!("users/{id}/remove")), &[]).await.must_be(403);
    }
    for id in [&uli.id, &sue.id, &sam.id] {
        for role in ["administrator", "developer"] {
            browser.post(&role_of(id), &[("role", role)]).await.must_be(403);
        }
    }
    assert_eq!(app.ledger().await, before);
    let dialog = browser.get(&role_of(&uli.id)).await.must_be(200).html();
    assert_eq!(dialog.attributes("input[name=role]", "value"), ["supervisor", "user"]);
    browser.post(&role_of(&uli.id), &[("role", "supervisor")]).await.must_be(303);
    browser.post(&role_of(&sue.id), &[("role", "user")]).await.must_be(303);
    browser.post(&lumen.url(&format!("users/{}/remove", sue.id)), &[]).await.must_be(303);
    assert_eq!(app.role_of(&lumen, &uli).await, Some(Role::Supervisor));
    assert_eq!(app.role_of(&lumen, &sue).await, None);
}

#[tokio::test]
async fn users_and_developers_see_who_belongs_and_change_nobody() {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    app.invitation(&lumen, Role::User, "mara@lumen.example").await;
    for (role, name) in [(Role::User, "Uli Berg"), (Role::Developer, "Dev Berg")] {
        let member = app.member(&lumen, role, name).await;
        let browser = app.log_in_as(&member).await;
        let page = browser.get(&lumen.url("users")).await.must_be(200).html();
        assert!(page.row("Dana Whitfield").contains("Administrator"));
        let own = page.row(&format!("{name} (you)"));
        assert!(own.contains("Now") && own.contains(role.label()), "{own}");
        assert!(!page.has(".menu-item[href*='/role']") && !page.has("#pending"));
        assert!(page.try_link("Invite Users").is_none() && page.try_link("Invite Admins").is_none());
        let before = app.ledger().await;
        for verb in ["role", "remove"] {
            let path = lumen.url(&format!("users/{}/{verb}", member.id));
            browser.get(&path).await.must_be(403);
            browser.post(&path, &[]).await.must_be(403);
        }
        browser.get(&lumen.url("users/invite")).await.must_be(403);
        assert_eq!(app.ledger().await, before);
    }
}

#[tokio::test]
async fn names_of_people_are_shown_whole_and_as_text() {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    let uli = app.member(&lumen, Role::User, "Uli Berg").await;
    let (own, admin) = (app.log_in_as(&uli).await, app.log_in_as(&lumen.owner).await);
    for name in unusual_names() {
        own.post("/account/name", &[("name", &name)]).await.must_be(303);
        let list = admin.get(&lumen.url("users")).await.must_be(200);
        assert!(list.html().texts("#members bdi").contains(&name), "{list:?}");
        let dialog = admin.get(&lumen.url(&format!("users/{}/remove", uli.id))).await.must_be(200);
        assert_eq!(dialog.html().dialog_title(), format!("Remove {name} from Lumen?"));
        let role = lumen.url(&format!("users/{}/role", uli.id));
        let changed = admin.htmx_post(&role, "dialog-slot", &[("role", "user")]).await.must_be(200);
        assert_eq!(changed.html().toast(), format!("Role of {name} changed to User"));
        for page in [list, dialog, changed] {
            assert!(!page.text().contains("<b>Ada"));
        }
    }
}

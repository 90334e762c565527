//! The page of one master token: what it can do, and what it did.

use tessera::{
    config::InstanceRules,
    domain::{
        access::{ManageKeys, Role},
        api_keys::{self, NewApiKey},
        key_settings::KeySettings,
        master_tokens::{self, MasterToken},
        names::Name,
        token_access::TokenAccess::{self, Full, Keys, Members, Read, Verify},
    },
    vocabulary::Environment,
};

use crate::support::{Client, Company, Html, TestApp};

/// Lumen, whose administrator is logged in, with an active token.
struct Stage {
    app: TestApp,
    lumen: Company,
    browser: Client,
    token: MasterToken,
    secret: String,
}

impl Stage {
    async fn new(access: TokenAccess) -> Self {
        let app = TestApp::spawn().await;
        let lumen = app.lumen().await;
        let (token, secret) = app.master_token_for(&lumen, "ERP sync", access, None).await;
        let (company, id, now) = (lumen.clone(), token.id.clone(), app.now());
        app.write(move |tx| {
            let admin = company.admin(tx)?;
            Ok(master_tokens::switch(tx, &admin, &id, true, now)?)
        })
        .await;
        let browser = app.log_in_as(&lumen.owner).await;
        Self { app, lumen, browser, token, secret }
    }

    fn url(&self) -> String {
        self.lumen.url(&format!("api/tokens/{}", self.token.id))
    }

    async fn page(&self) -> Html {
        self.browser.get(&self.url()).await.must_be(200).html()
    }

    async fn ask(&self) {
        let request = self.app.client().request("POST", "/api/v2/keys/verify").without_site();
        let request = request.header("authorization", &format!("Bearer {}", self.secret));
        request.body("application/json", r#"{"key":"tess_x"}"#).send().await.must_be(200);
    }
}

#[tokio::test]
async fn the_page_says_what_a_token_of_each_access_can_and_cannot_do() {
    for (access, can, cannot) in [
        (Verify, "Verify API keys", "View activity"),
        (Read, "View activity", "Create API keys and see their secrets"),
        (Keys, "Create API keys and see their secrets", "Invite supervisors and users"),
        (Members, "Invite supervisors and users", "Demote and remove administrators"),
        (Full, "Demote and remove administrators", "Create, activate, replace or change master tokens"),
    ] {
        let stage = Stage::new(access).await;
        let page = stage.page().await;
        assert_eq!(page.title(), "ERP sync, Lumen · Tessera");
        let allowed = page.texts(".powers .is-allowed").join("\n");
        let refused = page.texts(".powers li:not(.is-allowed)").join("\n");
        assert!(allowed.contains(can) && !allowed.contains(cannot), "{access}: {allowed}");
        assert!(refused.contains(cannot) && !refused.contains(can), "{access}: {refused}");
        assert!(refused.contains("master tokens, including this one"), "no token reaches master tokens");
    }
}

#[tokio::test]
async fn a_token_that_nobody_uses_has_an_empty_page() {
    let stage = Stage::new(Keys).await;
    let tab = stage.browser.get(&stage.lumen.url("api")).await.must_be(200).html();
    assert_eq!(tab.link("ERP sync"), stage.url());
    let menu = stage.browser.menus(&stage.lumen.url("api"), &tab).await;
    assert_eq!(menu.link("View details"), stage.url());
    let page = stage.page().await;
    let text = page.main_text();
    assert!(text.contains("No activity in the last 30 days") && text.contains("Never used"), "{text}");
    assert!(!text.contains(&stage.secret) && page.try_link("View details").is_none());
}

#[tokio::test]
async fn requests_and_changes_of_the_last_thirty_days_are_counted_and_shown_with_their_origin() {
    let stage = Stage::new(Keys).await;
    for _ in 0..3 {
        stage.ask().await;
    }
    stage.app.state.usage.flush(&stage.app.db).await.expect("a flush");
    stage.ask().await;
    let known =
        stage.app.state.verifier.authenticate(&stage.secret, stage.app.now()).await.expect("an answer");
    let now = stage.app.now();
    stage
        .app
        .write(move |tx| {
            let known = known.expect("an active token");
            let machine = known.standing(Some([192, 0, 2, 7].into())).grant::<ManageKeys>()?;
            for name in ["First", "Second"] {
                let name = Name::parse(name, 60)?;
                let new = NewApiKey {
                    name,
                    expires_at: None,
                    environment: Environment::Live,
                    settings: KeySettings::default(),
                };
                api_keys::create(tx, &machine, &new, &InstanceRules::default(), now)?;
            }
            Ok(())
        })
        .await;
    let page = stage.page().await;
    let text = page.main_text();
    assert_eq!(page.text("#bars-t"), "4 requests in the last 30 days · Peak: 4 per day");
    assert!(text.contains("API key created 2") && text.contains("192.0.2.7"), "{text}");
    assert!(text.contains("It created the API key Second"), "{text}");
    assert!(text.contains("from 127.0.0.1"), "{text}");
    let row = stage.browser.get(&stage.lumen.url("api")).await.html().row("ERP sync");
    assert!(row.contains("Just now from 127.0.0.1"), "{row}");
    let trail = stage.browser.get(&page.link("View all activity")).await.must_be(200).html().main_text();
    assert!(trail.contains("ERP sync (master token) created the API key"), "{trail}");

    stage.app.clock.advance(time::Duration::days(31));
    let browser = stage.app.log_in_as(&stage.lumen.owner).await;
    let later = browser.get(&stage.url()).await.must_be(200).html();
    assert!(later.main_text().contains("No activity in the last 30 days"), "{}", later.main_text());
}

#[tokio::test]
async fn what_is_done_on_the_page_of_a_token_stays_there() {
    let stage = Stage::new(Read).await;
    let address = format!("http://localhost:8080{}", stage.url());
    let send = |verb: &str, target: &str, body: &str| {
        let request = stage.browser.request("POST", &format!("{}/{verb}", stage.url())).htmx(target);
        let request = request.header("HX-Current-URL", &address);
        request.body("application/x-www-form-urlencoded", body.to_owned()).send()
    };
    let panel = send("deactivate", "panel", "").await.must_be(200).html();
    assert_eq!(panel.heading(), "ERP sync");
    assert!(
        panel.toast().contains("“ERP sync” deactivated")
            && panel.main_text().contains("This token is inactive.")
    );
    let form_id = stage.browser.get(&format!("{}/replace", stage.url())).await.html().hidden("form_id");
    let replaced = send("replace", "dialog-slot", &format!("form_id={form_id}")).await.must_be(200).html();
    assert_eq!(
        (replaced.dialog_title().as_str(), replaced.heading().as_str()),
        ("Master token replaced", "ERP sync")
    );
    let removed = send("remove", "dialog-slot", "").await.must_be(200);
    assert_eq!(removed.header("hx-redirect"), stage.lumen.url("api"));
}

#[tokio::test]
async fn only_administrators_of_the_organization_see_the_page() {
    let stage = Stage::new(Full).await;
    let supervisor = stage.app.member(&stage.lumen, Role::Supervisor, "Sam Supervisor").await;
    let developer = stage.app.member(&stage.lumen, Role::Developer, "Dev Developer").await;
    let outsider = stage.app.user("Frida Fern").await;
    let fern = stage.app.organization("Fern", &outsider).await;
    for (person, status) in [(&supervisor, 403), (&developer, 403), (&outsider, 404)] {
        stage.app.log_in_as(person).await.get(&stage.url()).await.must_be(status);
    }
    let other_door = fern.url(&format!("api/tokens/{}", stage.token.id));
    stage.app.log_in_as(&outsider).await.get(&other_door).await.must_be(404);
}

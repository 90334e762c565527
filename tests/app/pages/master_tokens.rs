//! "Generate token", "Activate", "Deactivate", "Replace", "Remove".

use std::collections::BTreeSet;

use tessera::{
    domain::{access::Role, master_tokens::MasterToken, outbox::Message, token_access::TokenAccess},
    web::form_id::FormId,
};

use crate::support::{Client, Company, Html, Response, TestApp};

/// Lumen, whose administrator Dana is logged in, and Ada is the other administrator.
struct Stage {
    app: TestApp,
    lumen: Company,
    dana: Client,
}

impl Stage {
    async fn new() -> Self {
        Self::on(TestApp::spawn().await).await
    }

    async fn on(app: TestApp) -> Self {
        let lumen = app.lumen().await;
        app.member(&lumen, Role::Administrator, "Ada Admin").await;
        app.member(&lumen, Role::Supervisor, "Sam Supervisor").await;
        let dana = app.log_in_as(&lumen.owner).await;
        Self { app, lumen, dana }
    }

    async fn tab(&self) -> Html {
        self.dana.get(&self.lumen.url("api")).await.must_be(200).html()
    }

    /// The menus of the tab's rows.
    async fn menus(&self) -> Html {
        self.dana.menus(&self.lumen.url("api"), &self.tab().await).await
    }

    async fn generate(&self, name: &str) -> Response {
        let dialog = self.dana.get(&self.lumen.url("api/tokens/new")).await.must_be(200).html();
        self.dana.post(&dialog.action("Save"), &fields(name, "full", "none", &dialog.hidden("form_id"))).await
    }

    fn url(&self, token: &MasterToken, verb: &str) -> String {
        self.lumen.url(&format!("api/tokens/{}/{verb}", token.id))
    }

    /// Uses a token where machines do.
    async fn ask(&self, secret: &str) -> Response {
        let request = self.app.client().request("POST", "/api/v2/keys/verify").without_site();
        let request = request.header("authorization", &format!("Bearer {secret}"));
        request.body("application/json", r#"{"key":"tess_x"}"#).send().await
    }

    async fn events(&self) -> Vec<String> {
        let sql = "SELECT action AS text FROM audit_events WHERE action LIKE 'master_token.%' ORDER BY id";
        self.app.query(sql).await
    }

    /// To whom the last `number` mails went, when each speaks of `event`.
    async fn told(&self, event: &str, number: usize) -> BTreeSet<String> {
        let mails = self.app.mails().await;
        let newest = mails.into_iter().take(number).map(|mail| match &mail.message {
            Message::MasterTokenNotice { event: told, actor, .. } => {
                assert_eq!((told.as_str(), actor.as_str()), (event, "Dana Whitfield"));
                mail.recipient
            }
            other => panic!("not about a master token: {other:?}"),
        });
        newest.collect()
    }
}

/// The dialog's fields, filled in.
fn fields<'a>(
    name: &'a str,
    access: &'a str,
    duration: &'a str,
    form_id: &'a str,
) -> [(&'static str, &'a str); 5] {
    [("name", name), ("access", access), ("duration", duration), ("until", ""), ("form_id", form_id)]
}

fn administrators() -> BTreeSet<String> {
    ["ada.admin@lumen.example", "dana.whitfield@lumen.example"].map(str::to_owned).into()
}

#[track_caller]
fn secret_in(page: &Html) -> String {
    page.text("dialog code#secret")
}

#[tokio::test]
async fn a_generated_token_is_shown_once_works_once_activated_and_administrators_are_told() {
    let stage = Stage::new().await;
    let mails = stage.app.mails().await.len();
    let answer = stage.generate("Deployment").await.must_be(200);
    assert_eq!(answer.header("cache-control"), "no-store");
    let page = answer.html();
    assert_eq!(page.dialog_title(), "Master token generated");
    let secret = secret_in(&page);
    assert!(secret.starts_with("tess_m_") && secret.len() == "tess_m_".len() + 36, "{secret}");
    assert!(page.row("Deployment").contains("Deactivated"));
    assert_eq!(stage.app.mails().await.len(), mails + 2);
    assert_eq!(stage.told("generated", 2).await, administrators());
    stage.ask(&secret).await.must_be(401);

    let tab = stage.tab().await;
    assert!(!tab.main_text().contains(&secret));
    let answer = stage.dana.post(&stage.menus().await.action("Activate"), &[]).await.must_be(303);
    stage.ask(&secret).await.must_be(200);
    let tab = stage.dana.follow(&answer).await.must_be(200).html();
    assert_eq!(tab.toast(), "“Deployment” activated");
    assert!(tab.row("Deployment").contains("Active"));
    assert_eq!(stage.app.mails().await.len(), mails + 4);
    assert_eq!(stage.told("activated", 2).await, administrators());
    assert_eq!(stage.events().await, ["master_token.generated", "master_token.activated"]);
}

#[tokio::test]
async fn a_deactivated_token_is_refused_from_the_next_request_on() {
    let stage = Stage::new().await;
    let (token, secret) = stage.app.master_token(&stage.lumen, "Deployment").await;
    stage.dana.post(&stage.url(&token, "activate"), &[]).await.must_be(303);
    stage.ask(&secret).await.must_be(200);
    let mails = stage.app.mails().await.len();
    let part = stage.dana.htmx_post(&stage.url(&token, "deactivate"), "panel", &[]).await.must_be(200).html();
    stage.ask(&secret).await.must_be(401);
    assert_eq!(part.toast(), "“Deployment” deactivated");
    assert!(part.row("Deployment").contains("Deactivated"));
    assert_eq!(stage.app.mails().await.len(), mails, "this opens nothing and needs no mail");
    stage.dana.htmx_post(&part.action("Undo"), "panel", &[]).await.must_be(200);
    stage.ask(&secret).await.must_be(200);
}

#[tokio::test]
async fn replacing_shows_a_new_value_stops_the_old_one_and_keeps_the_state() {
    let stage = Stage::new().await;
    let (token, old) = stage.app.master_token(&stage.lumen, "Deployment").await;
    stage.dana.post(&stage.url(&token, "activate"), &[]).await.must_be(303);
    stage.ask(&old).await.must_be(200);
    let asked = stage.dana.get(&stage.menus().await.link("Replace")).await.must_be(200).html();
    assert_eq!(asked.dialog_title(), "Replace “Deployment”?");
    stage.ask(&old).await.must_be(200);

    let mails = stage.app.mails().await.len();
    let fields = [("form_id", asked.hidden("form_id"))];
    let fields = fields.each_ref().map(|(name, value)| (*name, value.as_str()));
    let answer = stage.dana.post(&asked.action("Yes"), &fields).await.must_be(200);
    assert_eq!(answer.header("cache-control"), "no-store");
    let page = answer.html();
    assert_eq!(page.dialog_title(), "Master token replaced");
    let new = secret_in(&page);
    assert_ne!(new, old);
    stage.ask(&old).await.must_be(401);
    stage.ask(&new).await.must_be(200);
    assert!(page.row("Deployment").contains("Active"));
    assert_eq!(stage.app.mails().await.len(), mails + 2);
    assert_eq!(stage.told("replaced", 2).await, administrators());

    let reloaded = stage.dana.post(&asked.action("Yes"), &fields).await.must_be(303);
    let tab = stage.dana.follow(&reloaded).await.html();
    assert_eq!(tab.toast(), "This was already saved. The secret can’t be shown again.");
    stage.ask(&new).await.must_be(200);
}

#[tokio::test]
async fn replacing_by_htmx_brings_the_dialog_and_the_changed_panel() {
    let stage = Stage::new().await;
    let (token, old) = stage.app.master_token(&stage.lumen, "Deployment").await;
    let address = stage.url(&token, "replace");
    let asked = stage.dana.htmx_get(&address, "dialog-slot").await.must_be(200);
    assert!(asked.text().starts_with("<dialog"), "{}", asked.text());
    let form_id = asked.html().hidden("form_id");
    let answer = stage.dana.htmx_post(&address, "dialog-slot", &[("form_id", &form_id)]).await.must_be(200);
    let part = answer.html();
    assert!(part.has("#panel[hx-swap-oob]") && !answer.text().contains("<html"));
    assert!(part.row("Deployment").contains("Deactivated"), "it was not active before");
    stage.ask(&old).await.must_be(401);
    stage.ask(&secret_in(&part)).await.must_be(401);
}

#[tokio::test]
async fn replacing_with_a_form_of_yesterday_or_none_changes_nothing() {
    let stage = Stage::new().await;
    let (token, secret) = stage.app.master_token(&stage.lumen, "Deployment").await;
    stage.dana.post(&stage.url(&token, "activate"), &[]).await.must_be(303);
    let old = stage.dana.get(&stage.url(&token, "replace")).await.html().hidden("form_id");
    stage.app.clock.advance(time::Duration::hours(24));
    for form_id in [old.as_str(), "", "made-up"] {
        stage.dana.post(&stage.url(&token, "replace"), &[("form_id", form_id)]).await.must_be(409);
    }
    stage.ask(&secret).await.must_be(200);
}

#[tokio::test]
async fn a_removed_token_is_gone_after_a_question() {
    let stage = Stage::new().await;
    let (token, secret) = stage.app.master_token(&stage.lumen, "Deployment").await;
    stage.dana.post(&stage.url(&token, "activate"), &[]).await.must_be(303);
    let asked = stage.dana.get(&stage.menus().await.link("Remove")).await.must_be(200).html();
    assert_eq!(asked.dialog_title(), "Remove “Deployment”?");
    let answer = stage.dana.post(&asked.action("Remove token"), &[]).await.must_be(303);
    stage.ask(&secret).await.must_be(401);
    let tab = stage.dana.follow(&answer).await.must_be(200).html();
    assert_eq!(tab.toast(), "“Deployment” removed");
    assert!(tab.main_text().contains("No master tokens."));
    for verb in ["activate", "deactivate", "replace", "remove"] {
        let form_id = FormId::new(stage.app.now());
        let fields = [("form_id", form_id.as_str())];
        stage.dana.post(&stage.url(&token, verb), &fields).await.must_be(404);
        stage.dana.htmx_post(&stage.url(&token, verb), "panel", &fields).await.must_be(404);
    }
    let events = stage.events().await;
    assert_eq!(events, ["master_token.generated", "master_token.activated", "master_token.removed"]);
}

#[tokio::test]
async fn a_name_that_cannot_be_is_said_beside_its_field() {
    let stage = Stage::new().await;
    stage.app.master_token(&stage.lumen, "Deployment").await;
    let mails = stage.app.mails().await.len();
    let long = "x".repeat(61);
    for (name, error) in [
        ("", "Enter a name."),
        (long.as_str(), "Use at most 60 characters."),
        ("a\u{7}b", "Use only letters, digits, spaces and common symbols."),
        ("DEPLOYMENT", "A master token with this name already exists. Choose another name."),
    ] {
        let page = stage.generate(name).await.must_be(422).html();
        assert_eq!(page.dialog_title(), "Generate token");
        assert_eq!(page.field_error("Name"), error);
        assert_eq!(page.value("Name"), name);
        let form_id = page.hidden("form_id");
        let fields = fields(name, "full", "none", &form_id);
        let alone =
            stage.dana.htmx_post(&stage.lumen.url("api/tokens"), "dialog-slot", &fields).await.must_be(422);
        assert!(alone.text().starts_with("<dialog"), "{}", alone.text());
        assert_eq!(alone.html().field_error("Name"), error);
    }
    assert_eq!(stage.app.query("SELECT name AS text FROM master_tokens").await, ["Deployment"]);
    assert_eq!(stage.app.mails().await.len(), mails);
}

#[tokio::test]
async fn everything_without_an_end_is_chosen_at_first_and_the_smallest_comes_first() {
    let stage = Stage::new().await;
    let dialog = stage.dana.get(&stage.lumen.url("api/tokens/new")).await.must_be(200).html();
    assert_eq!((dialog.chosen("access"), dialog.chosen("duration")), ("verify".into(), "90".into()));
    let offered = dialog.attributes("dialog input[name=access]", "value");
    assert_eq!(offered, ["verify", "read", "keys", "members", "full"]);
}

#[tokio::test]
async fn a_token_is_generated_with_a_access_and_an_end_which_its_row_and_the_trail_show() {
    let stage = Stage::new().await;
    let form_id = stage.dana.get(&stage.lumen.url("api/tokens/new")).await.html().hidden("form_id");
    let address = stage.lumen.url("api/tokens");
    stage.dana.post(&address, &fields("Gateway", "verify", "30", &form_id)).await.must_be(200);
    let stored = stage.app.query("SELECT access || ' ' || expires_at AS text FROM master_tokens").await;
    assert_eq!(stored.len(), 1);
    assert!(stored[0].starts_with("verify 2026-12-23"), "{stored:?}");
    let row = stage.tab().await.row("Gateway");
    assert!(row.contains("Verify only") && row.contains("Dec 23, 2026"), "{row}");
    let trail = stage.dana.get(&stage.lumen.url("activity")).await.html().main_text();
    assert!(trail.contains(", Verify only, expires Dec 23, 2026"), "{trail}");
    let mail = stage.app.mails().await.remove(0);
    let Message::MasterTokenNotice { abilities, expires_at, .. } = mail.message else {
        panic!("another mail")
    };
    assert!(abilities.contains("verify API keys only") && expires_at.is_some());
}

#[tokio::test]
async fn a_access_or_an_end_that_cannot_be_is_said_and_nothing_is_generated() {
    let stage = Stage::new().await;
    let form_id = stage.dana.get(&stage.lumen.url("api/tokens/new")).await.html().hidden("form_id");
    let address = stage.lumen.url("api/tokens");
    for (access, duration, until, error) in [
        ("", "none", "", "Choose an access level."),
        ("administrator", "none", "", "Choose an access level."),
        ("keys", "", "", "Choose when the token expires."),
        ("keys", "31", "", "Choose when the token expires."),
        ("keys", "custom", "", "Choose a date."),
        ("keys", "custom", "2026-11-22", "This date has passed. Today is Nov 23, 2026 (UTC)."),
        ("keys", "custom", "2046-01-01", "Tokens can last 10 years at most."),
    ] {
        let mut fields = fields("Gateway", access, duration, &form_id);
        fields[3].1 = until;
        let page = stage.dana.post(&address, &fields).await.must_be(422).html();
        assert!(page.dialog_text().contains(error), "{error}: {}", page.dialog_text());
        assert_eq!(page.value("Name"), "Gateway");
    }
    assert!(stage.app.query("SELECT name AS text FROM master_tokens").await.is_empty());
}

#[tokio::test]
async fn a_token_that_has_ended_can_only_be_removed() {
    let stage = Stage::new().await;
    let end = stage.app.now() + time::Duration::days(10);
    let (token, secret) =
        stage.app.master_token_for(&stage.lumen, "Deployment", TokenAccess::Keys, Some(end)).await;
    stage.dana.post(&stage.url(&token, "activate"), &[]).await.must_be(303);
    stage.app.clock.advance(time::Duration::days(7));
    let dana = stage.app.log_in_as(&stage.lumen.owner).await;
    let row = dana.get(&stage.lumen.url("api")).await.must_be(200).html().row("Deployment");
    assert!(row.contains("Expires in 3 days"), "{row}");
    stage.ask(&secret).await.must_be(200);

    stage.app.clock.advance(time::Duration::days(3));
    let dana = stage.app.log_in_as(&stage.lumen.owner).await;
    let tab = dana.get(&stage.lumen.url("api")).await.must_be(200).html();
    assert!(tab.row("Deployment").contains("Expired"), "{}", tab.row("Deployment"));
    let menu = dana.menus(&stage.lumen.url("api"), &tab).await;
    assert!(menu.try_action("Activate").is_none() && menu.try_action("Deactivate").is_none());
    assert!(menu.try_link("Replace").is_none() && menu.try_link("Remove").is_some());
    stage.ask(&secret).await.must_be(401);
    let refused = dana.post(&stage.url(&token, "activate"), &[]).await.must_be(409);
    assert!(refused.text().contains("has expired"), "{}", refused.text());
    dana.post(&stage.url(&token, "remove"), &[]).await.must_be(303);
}

#[tokio::test]
async fn replacing_keeps_access_and_end() {
    let stage = Stage::new().await;
    let end = stage.app.now() + time::Duration::days(10);
    let (token, _) =
        stage.app.master_token_for(&stage.lumen, "Deployment", TokenAccess::Read, Some(end)).await;
    let sql = "SELECT access || ' ' || expires_at AS text FROM master_tokens";
    let before = stage.app.query(sql).await;
    let form_id = stage.dana.get(&stage.url(&token, "replace")).await.html().hidden("form_id");
    stage.dana.post(&stage.url(&token, "replace"), &[("form_id", &form_id)]).await.must_be(200);
    assert_eq!(stage.app.query(sql).await, before);
}

#[tokio::test]
async fn a_reload_of_the_generated_page_makes_no_second_token() {
    let stage = Stage::new().await;
    let dialog =
        stage.dana.htmx_get(&stage.lumen.url("api/tokens/new"), "dialog-slot").await.must_be(200).html();
    let form_id = dialog.hidden("form_id");
    let fields = fields("Deployment", "full", "none", &form_id);
    let address = stage.lumen.url("api/tokens");
    stage.dana.htmx_post(&address, "dialog-slot", &fields).await.must_be(200);
    let again = stage.dana.post(&address, &fields).await.must_be(303);
    let tab = stage.dana.follow(&again).await.html();
    assert_eq!(tab.toast(), "This was already saved. The secret can’t be shown again.");
    assert_eq!(stage.app.query("SELECT name AS text FROM master_tokens").await, ["Deployment"]);
}

#[tokio::test]
async fn only_administrators_reach_the_tokens() {
    let stage = Stage::new().await;
    let (token, secret) = stage.app.master_token(&stage.lumen, "Deployment").await;
    let supervisor = stage.app.member(&stage.lumen, Role::Supervisor, "Sara Supervisor").await;
    let developer = stage.app.member(&stage.lumen, Role::Developer, "Dev Developer").await;
    let outsider = stage.app.user("Frida Fern").await;
    for (person, status) in [(&supervisor, 403), (&developer, 403), (&outsider, 404)] {
        let browser = stage.app.log_in_as(person).await;
        browser.get(&stage.lumen.url("api/tokens/new")).await.must_be(status);
        browser.post(&stage.lumen.url("api/tokens"), &[("name", "Mine")]).await.must_be(status);
        for verb in ["activate", "deactivate", "replace", "remove"] {
            browser.post(&stage.url(&token, verb), &[]).await.must_be(status);
        }
    }
    stage.ask(&secret).await.must_be(401);
    assert_eq!(stage.events().await, ["master_token.generated"]);
    assert_eq!(stage.app.query("SELECT masked AS text FROM master_tokens").await, [token.masked]);
}

#[tokio::test]
async fn the_database_and_the_outbox_hold_no_token() {
    let stage = Stage::on(TestApp::builder().on_file().spawn().await).await;
    let secret = secret_in(&stage.generate("Deployment").await.must_be(200).html());
    let files = stage.app.database_files();
    let bytes: Vec<u8> = files.iter().flat_map(|file| std::fs::read(file).expect("a file")).collect();
    let holds = |text: &str| bytes.windows(text.len()).any(|window| window == text.as_bytes());
    assert!(holds("Deployment") && !holds(&secret));
    assert!(!holds(&secret["tess_m_".len() + 4..secret.len() - 4]));
}

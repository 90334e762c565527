//! "New API Key", "Deactivate", "Activate", "Remove".

mod create;
mod developer;
mod several;
mod switch;

use tessera::domain::{access::Role, api_keys::ApiKey};

use crate::support::{Client, Company, Html, Response, TestApp};

/// Lumen, whose administrator Dana is logged in.
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

    /// The hidden id of a fresh form.
    async fn form_id(&self) -> String {
        self.dana.get(&self.lumen.url("api/keys/new")).await.must_be(200).html().hidden("form_id")
    }

    /// Saves a fresh form with these fields.
    async fn save(&self, fields: &[(&str, &str)]) -> Response {
        let form_id = self.form_id().await;
        let fields = [fields, &[("form_id", form_id.as_str())]].concat();
        self.dana.post(&self.lumen.url("api/keys"), &fields).await
    }

    /// The address of something to do with a key.
    fn url(&self, key: &ApiKey, verb: &str) -> String {
        self.lumen.url(&format!("api/keys/{}/{verb}", key.id))
    }

    /// Asks the API with a key.
    async fn ask(&self, secret: &str) -> Response {
        let request = self.app.client().request("GET", "/api/v2/organization").without_site();
        request.header("authorization", &format!("Bearer {secret}")).send().await
    }

    async fn names(&self) -> Vec<String> {
        self.app.query("SELECT name AS text FROM api_keys ORDER BY name").await
    }

    async fn events(&self) -> Vec<String> {
        let sql = "SELECT action AS text FROM audit_events WHERE action LIKE 'api_key.%' ORDER BY id";
        self.app.query(sql).await
    }
}

/// The secret that a dialog shows this once.
#[track_caller]
fn secret_in(page: &Html) -> String {
    page.text("dialog code#secret")
}

#[tokio::test]
async fn supervisors_and_outsiders_neither_see_the_tab_nor_change_keys() {
    let stage = Stage::new().await;
    let (key, _) = stage.app.api_key(&stage.lumen, "Billing worker").await;
    let supervisor = stage.app.member(&stage.lumen, Role::Supervisor, "Sam Supervisor").await;
    let outsider = stage.app.user("Frida Fern").await;
    let before = stage.app.ledger().await;
    for (person, status) in [(&supervisor, 403), (&outsider, 404)] {
        let browser = stage.app.log_in_as(person).await;
        browser.get(&stage.lumen.url("api")).await.must_be(status);
        let form = [("name", "Mine"), ("duration", "none"), ("form_id", &stage.form_id().await)];
        browser.post(&stage.lumen.url("api/keys"), &form).await.must_be(status);
        for verb in ["deactivate", "activate", "remove"] {
            browser.post(&stage.url(&key, verb), &[]).await.must_be(status);
            browser.htmx_post(&stage.url(&key, verb), "panel", &[]).await.must_be(status);
        }
    }
    let refused = stage.app.log_in_as(&supervisor).await.get(&stage.lumen.url("api")).await.html();
    let reason = "Only developers and administrators can do this.";
    assert!(refused.main_text().contains(reason), "{}", refused.main_text());
    let after = stage.app.ledger().await;
    assert_eq!(after["api_keys"], before["api_keys"]);
    assert_eq!(after["audit_events"], before["audit_events"]);
}

#[tokio::test]
async fn many_keys_are_searched_and_paged() {
    let stage = Stage::new().await;
    for number in 0..55 {
        stage.app.api_key(&stage.lumen, &format!("Worker {number:02}")).await;
    }
    let (found, _) = stage.app.api_key(&stage.lumen, "100% billing").await;
    let rows = "#keys tbody tr";
    let page = stage.tab().await;
    assert_eq!(page.texts(rows).len(), 50);
    assert!(page.main_text().contains("1–50 of 56"), "{}", page.main_text());
    let second = stage.dana.get(&page.link("Next")).await.must_be(200).html();
    assert_eq!(second.texts(rows).len(), 6);
    assert!(second.row("Worker 00").contains("Active"));

    let search = async |text: &str| {
        let query = url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
        stage.dana.get(&stage.lumen.url(&format!("api?q={query}"))).await.must_be(200).html()
    };
    let some = search("WORKER 1").await;
    assert_eq!(some.texts(rows).len(), 10);
    // The heading counts all keys, and the line at the field what is found of them.
    assert_eq!((some.text("#keys h2 .count"), some.text("#keys .found")), ("56".into(), "10 of 56".into()));
    assert!(!page.has("#keys .found"), "nothing is looked for");
    let signs = search("-\"worker 1").await;
    assert_eq!(signs.text("#keys .found"), "10 of 56. Punctuation at the start is ignored.");
    let none = search("no such key").await;
    assert_eq!((none.text("#keys h2 .count"), none.text("#keys .found")), ("56".into(), "0 of 56".into()));
    let unused = stage.dana.get(&stage.lumen.url("api?show=deactivated")).await.must_be(200).html();
    assert_eq!(unused.text("#keys .found"), "0 of 56");
    assert_eq!(search("%").await.texts(rows).len(), 1, "a sign of LIKE stands for itself");
    let last_four = &found.masked[found.masked.len() - 4..];
    assert!(search(last_four).await.row("100% billing").contains("Active"));
    assert!(search("no such key").await.main_text().contains("No keys match “no such key”"));
}

#[tokio::test]
async fn the_tab_tells_when_a_key_was_last_used() {
    let stage = Stage::new().await;
    let (key, secret) = stage.app.api_key(&stage.lumen, "Billing worker").await;
    assert!(stage.tab().await.row("Billing worker").contains("Never used"));
    stage.ask(&secret).await.must_be(200);
    assert!(stage.tab().await.row("Billing worker").contains("Just now"));
    stage.app.clock.advance(time::Duration::minutes(42));
    let dialog = stage.dana.htmx_get(&stage.url(&key, "remove"), "dialog-slot").await.must_be(200).html();
    assert!(dialog.dialog_text().contains("Last used 42 minutes ago"), "{}", dialog.dialog_text());
    stage.ask(&secret).await.must_be(200);
    assert!(stage.tab().await.row("Billing worker").contains("Just now"));
}

#[tokio::test]
async fn the_database_holds_the_digest_and_never_the_key() {
    let stage = Stage::on(TestApp::builder().on_file().spawn().await).await;
    let page = stage.save(&[("name", "Billing worker"), ("duration", "90")]).await.must_be(200).html();
    let secret = secret_in(&page);
    stage.ask(&secret).await.must_be(200);
    stage.tab().await;

    let files = stage.app.database_files();
    let bytes: Vec<u8> = files.iter().flat_map(|file| std::fs::read(file).expect("a file")).collect();
    let holds = |text: &[u8]| bytes.windows(text.len()).any(|window| window == text);
    assert!(files.iter().any(|file| file.to_string_lossy().ends_with("-wal")), "{files:?}");
    assert!(holds(b"Billing worker"), "the files are the ones that are written");
    assert!(!holds(secret.as_bytes()));
    let random = &secret["tess_".len() + 4..secret.len() - 4];
    assert!(!holds(random.as_bytes()), "not in parts either");
}

//! What a list shows stays as it is while something in it is changed: its search, its filter and its
//! page number, with JavaScript and without.

use tessera::{domain::access::Role, web::form_id::FormId};

use crate::support::{Client, Company, Html, Response, TestApp};

/// Lumen with more keys, members and invitations than a page holds, and the address of a list.
struct Stage {
    app: TestApp,
    lumen: Company,
    browser: Client,
    list: String,
}

const ORIGIN: &str = "http://localhost:8080";
/// What the API tab shows: the second page of the keys that were never used and are called so.
const KEYS: &str = "api?q=Worker&show=unused&page=2";
/// What the tab "Users" shows.
const MEMBERS: &str = "users?q=Person&page=2";

impl Stage {
    async fn new(list: &str) -> Self {
        let app = TestApp::spawn().await;
        let lumen = app.lumen().await;
        for number in 0..55 {
            app.api_key(&lumen, &format!("Worker {number:02}")).await;
        }
        if list == MEMBERS {
            for number in 0..27 {
                app.member(&lumen, Role::User, &format!("Person {number:02}")).await;
            }
        }
        app.master_token(&lumen, "Deployment").await;
        let browser = app.log_in_as(&lumen.owner).await;
        Self { list: lumen.url(list), app, lumen, browser }
    }

    async fn page(&self) -> Html {
        self.browser.get(&self.list).await.must_be(200).html()
    }

    /// Sends a form as a browser without JavaScript does, which tells the page that it stands on.
    async fn post(&self, from: &str, action: &str, fields: &[(&str, &str)]) -> Response {
        let request = self.browser.request("POST", action).header("referer", &format!("{ORIGIN}{from}"));
        request.form(fields).send().await
    }

    async fn htmx_post(&self, action: &str, target: &str, fields: &[(&str, &str)]) -> Html {
        let request = self.browser.request("POST", action).htmx(target);
        let request = request.header("HX-Current-URL", &format!("{ORIGIN}{}", self.list));
        request.form(fields).send().await.must_be(200).html()
    }

    fn form_id(&self) -> String {
        FormId::new(self.app.now()).as_str().to_owned()
    }
}

/// What the list is searched for.
fn searched(page: &Html) -> String {
    page.attributes("#panel input[name=q]", "value").remove(0)
}

#[tokio::test]
async fn every_dialog_comes_back_to_what_the_list_shows() {
    for (list, search) in [(KEYS, "Worker"), (MEMBERS, "Person")] {
        let stage = Stage::new(list).await;
        let page = stage.page().await;
        let mut dialogs = page.attributes("#panel a[hx-target='#dialog-slot']", "href");
        let menus = stage.browser.menus(&stage.list, &page).await;
        dialogs.extend(menus.attributes("a[hx-target='#dialog-slot']", "href"));
        assert!(dialogs.len() > 5, "{dialogs:?}");
        for dialog in dialogs {
            let over = stage.browser.get(&dialog).await.must_be(200).html();
            assert!(over.has_dialog(), "{dialog}");
            assert_eq!(searched(&over), search, "behind {dialog}");
            for close in over.attributes("#dialog a[data-close]", "href") {
                assert_eq!(close, stage.list, "{dialog}");
            }
            let (_, query) = stage.list.split_once('?').expect("a query");
            for action in over.attributes("#dialog form[method='post']", "action") {
                assert!(action.ends_with(query), "{dialog} sends to {action}");
            }
            // Of a form that is sent by GET the fields make the query.
            if over.has("#dialog form[method='get']") {
                for (name, value) in query.split('&').filter_map(|pair| pair.split_once('=')) {
                    assert_eq!(over.hidden(name), value, "{dialog}");
                }
            }
        }
    }
}

#[tokio::test]
async fn a_changed_key_is_still_on_the_page_without_javascript() {
    let stage = Stage::new(KEYS).await;
    let page = stage.page().await;
    let rows = page.attributes("#panel tbody a.cell-main", "href");
    let keys: Vec<&str> = rows.iter().filter_map(|href| href.split("/keys/").nth(1)).collect();
    assert!(keys.len() > 3, "{rows:?}");
    let of = |key: &str, verb: &str| stage.lumen.url(&format!("api/keys/{key}/{verb}"));
    for (verb, fields) in [
        ("deactivate", vec![]),
        ("activate", vec![]),
        ("pause", vec![("hours", "1")]),
        ("settings", vec![("name", "Nightly"), ("description", "Nightly")]),
        ("remove", vec![]),
    ] {
        let menus = stage.browser.menus(&stage.list, &page).await;
        let dialog = menus.attributes(&format!("[href*='{}']", of(keys[0], verb)), "href");
        let from = dialog.first().unwrap_or(&stage.list);
        let action = match stage.browser.get(from).await.must_be(200).html() {
            over if over.has_dialog() => over.attributes("#dialog form", "action").remove(0),
            _ => of(keys[0], verb),
        };
        let answer = stage.post(from, &action, &fields).await.must_be(303);
        assert_eq!(answer.location(), stage.list, "{verb}");
    }
}

#[tokio::test]
async fn a_form_that_needs_a_change_keeps_the_list_behind_it() {
    let stage = Stage::new(KEYS).await;
    let new = stage.page().await.link("New API Key");
    let action = stage.browser.get(&new).await.must_be(200).html().action("Save");
    let again = stage.post(&new, &action, &[("name", ""), ("duration", "90")]).await.must_be(422).html();
    assert_eq!(searched(&again), "Worker");
    // The browser now stands on the address that it sent to.
    let form_id = stage.form_id();
    let fields = [("name", "Worker of today"), ("duration", "none"), ("form_id", form_id.as_str())];
    let created = stage.post(&action, &again.action("Save"), &fields).await.must_be(200).html();
    assert_eq!(created.attributes("#dialog a[data-close]", "href"), [stage.list.as_str()]);
    assert_eq!(searched(&created), "Worker");
}

#[tokio::test]
async fn with_htmx_the_changed_list_shows_the_same_part() {
    let stage = Stage::new(KEYS).await;
    let page = stage.page().await;
    let token = page.attributes("#tokens a.cell-main", "href").remove(0);
    let key = page.attributes("#panel tbody a.cell-main", "href").remove(0);
    for (action, target) in [
        (format!("{key}/deactivate"), "panel"),
        (format!("{key}/activate"), "panel"),
        (format!("{token}/activate"), "panel"),
        (format!("{token}/remove"), "dialog-slot"),
        (format!("{key}/remove"), "dialog-slot"),
    ] {
        let panel = stage.htmx_post(&action, target, &[]).await;
        assert_eq!(searched(&panel), "Worker", "{action}");
        let rows = panel.attributes("#panel tbody a.cell-main", "href").len();
        assert!((1..10).contains(&rows), "{action}: {rows} rows");
    }
}

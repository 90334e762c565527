//! Requests that no page of ours would send.

use crate::support::{Client, Request, SESSION_COOKIE, TestApp};

const FORM: &str = "application/x-www-form-urlencoded";

/// Forms of an administrator's, with a field that each knows.
const FORMS: [(&str, &str); 5] = [
    ("api/keys", "name"),
    ("api/tokens", "name"),
    ("settings", "name"),
    ("settings/remove", "name"),
    ("users/invite", "emails"),
];

#[tokio::test]
async fn a_field_that_the_form_does_not_know_is_refused() {
    let ground = Ground::new().await;
    for (form, field) in FORMS {
        let answer =
            ground.post(form).form(&[(field, "Alder"), ("organization_id", "x")]).send().await.must_be(400);
        assert_eq!(answer.html().heading(), "Invalid request", "{form}");
        assert!(answer.text().contains("organization_id"), "{answer:?}");
    }
    ground.nothing_changed().await;
}

#[tokio::test]
async fn a_field_that_comes_twice_is_refused() {
    let ground = Ground::new().await;
    for (form, field) in FORMS {
        ground.post(form).form(&[(field, "Alder"), (field, "Birch")]).send().await.must_be(400);
    }
    ground.nothing_changed().await;
}

#[tokio::test]
async fn a_huge_body_is_refused_without_being_kept() {
    let ground = Ground::new().await;
    for (form, field) in FORMS {
        let body = format!("{field}={}", "x".repeat(513 * 1024));
        let answer = ground.post(form).body(FORM, body).send().await.must_be(413);
        assert_eq!(answer.html().heading(), "Request too large", "{form}");
    }
    ground.nothing_changed().await;
}

#[tokio::test]
async fn what_is_not_utf_8_is_refused() {
    let ground = Ground::new().await;
    for (form, field) in FORMS {
        for value in [&b"\xff\xfe"[..], b"%ff%fe", b"Alder+%c3"] {
            let body = [field.as_bytes(), b"=", value].concat();
            let answer = ground.post(form).body(FORM, body).send().await.must_be(400);
            assert!(answer.text().contains("isn’t valid UTF-8"), "{answer:?}");
        }
    }
    ground.nothing_changed().await;
}

#[tokio::test]
async fn a_body_that_is_no_form_is_refused() {
    let ground = Ground::new().await;
    for (form, field) in FORMS {
        let json = format!("{{\"{field}\":\"Alder\"}}");
        for kind in ["application/json", "text/plain", "multipart/form-data; boundary=x"] {
            ground.post(form).body(kind, json.clone()).send().await.must_be(415);
        }
    }
    ground.nothing_changed().await;
}

#[tokio::test]
async fn htmx_is_told_in_a_toast_and_keeps_its_page() {
    let ground = Ground::new().await;
    let fields = [("name", "Alder"), ("role", "administrator")];
    let answer = ground.post("api/keys").htmx("dialog-slot").form(&fields).send().await.must_be(400);
    assert_eq!(answer.header("hx-reswap"), "none");
    assert!(answer.html().toast().starts_with("The form couldn’t be read"), "{answer:?}");
    ground.nothing_changed().await;
}

#[tokio::test]
async fn a_cookie_that_was_tampered_with_is_nobodys() {
    let ground = Ground::new().await;
    let path = format!("/orgs/{}/api", ground.organization_id);
    let good = ground.browser.cookie(SESSION_COOKIE).expect("the session's cookie");
    let (signature, token) = good.split_at(good.len() / 2);
    for bad in [
        format!("{token}{signature}"),
        format!("{good}x"),
        token.to_owned(),
        "%00".to_owned(),
        "é".to_owned(),
    ] {
        let browser = ground.app.client();
        browser.set_cookie(SESSION_COOKIE, &bad);
        browser.get(&path).await.must_be(303);
    }
    ground.browser.get(&path).await.must_be(200);
}

#[tokio::test]
async fn odd_addresses_and_methods_are_answered_in_kind() {
    let ground = Ground::new().await;
    let base = format!("/orgs/{}", ground.organization_id);
    for path in [
        "/orgs/%00/api",
        "/orgs/%ff/api",
        "/orgs/../../etc/passwd",
        "/orgs//api",
        "/static/..%2f..%2fCargo.toml",
    ] {
        let answer = ground.browser.get(path).await;
        assert!([400, 404].contains(&answer.status), "{path}: {answer:?}");
    }
    for method in ["DELETE", "PUT", "PATCH", "OPTIONS", "BREW"] {
        let answer = ground.browser.request(method, &format!("{base}/api")).send().await;
        assert!([404, 405].contains(&answer.status), "{method}: {answer:?}");
    }
    for query in
        ["q=%00", "q=%ff", "page=-1", "page=0", "page=99999999999999999999", "page=x", "q=a&q=b", "x=y"]
    {
        let answer = ground.browser.get(&format!("{base}/api?{query}")).await;
        assert!([200, 400].contains(&answer.status), "{query}: {answer:?}");
    }
    ground.nothing_changed().await;
}

struct Ground {
    app: TestApp,
    browser: Client,
    organization_id: String,
    before: std::collections::BTreeMap<String, Vec<String>>,
}

impl Ground {
    async fn new() -> Self {
        let app = TestApp::spawn().await;
        let lumen = app.lumen().await;
        let browser = app.log_in_as(&lumen.owner).await;
        let before = app.ledger().await;
        Self { organization_id: lumen.id.clone(), app, browser, before }
    }

    fn post(&self, form: &str) -> Request {
        self.browser.request("POST", &format!("/orgs/{}/{form}", self.organization_id))
    }

    async fn nothing_changed(&self) {
        assert_eq!(self.app.ledger().await, self.before);
    }
}

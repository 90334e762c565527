//! The theme.

use crate::support::TestApp;

#[tokio::test]
async fn a_theme_is_kept_and_the_page_stays() {
    let app = TestApp::spawn().await;
    let dana = app.user("Dana Whitfield").await;
    let browser = app.log_in_as(&dana).await;
    let page = browser.get("/docs?from=test").await.html();
    let next = page.hidden("next");
    assert_eq!(next, "/docs?from=test");
    let answer = browser.post("/preferences/theme", &[("theme", "dark"), ("next", &next)]).await;
    assert_eq!(answer.must_be(303).location(), "/docs?from=test");
    assert_eq!(browser.get("/docs").await.html().attributes("html", "data-theme"), ["dark"]);
    let foreign = [("theme", "pink"), ("next", "//evil.example")];
    assert_eq!(browser.post("/preferences/theme", &foreign).await.must_be(303).location(), "/orgs");
    assert!(browser.get("/docs").await.html().attributes("html", "data-theme").is_empty());
}

#[tokio::test]
async fn after_a_change_of_tabs_the_tab_stays() {
    let app = TestApp::spawn().await;
    let request = app.client().request("POST", "/preferences/theme").htmx("me");
    let request = request.header("HX-Current-URL", "http://localhost:8080/docs#top");
    let answer = request.form(&[("theme", "light"), ("next", "/orgs")]).send().await.must_be(200);
    assert_eq!(answer.header("hx-redirect"), "/docs");
}

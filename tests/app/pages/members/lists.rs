//! Searching and paging, with as many members as a large organization has.

use tessera::db::fill_terms;

use crate::support::{Client, Company, TestApp};

/// Ten thousand members beside the owner: "Member 00001" and so on.
async fn crowd(app: &TestApp, company: &Company) {
    app.execute(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000)
         INSERT INTO users (id, email, name, search_key, password_hash, email_verified_at, created_at)
         SELECT 'u' || i, 'member' || i || '@crowd.example', 'Member ' || substr('' || (100000 + i), 2),
         'member ' || substr('' || (100000 + i), 2), '',
         '2026-11-23 10:00:00', '2026-11-23 10:00:00' FROM n",
    )
    .await;
    app.execute(&format!(
        "INSERT INTO memberships (organization_id, user_id, role, joined_at)
         SELECT '{}', id, 'user', created_at FROM users WHERE email LIKE '%@crowd.example'",
        company.id
    ))
    .await;
    app.write(|tx| Ok(fill_terms(tx.connection())?)).await;
}

/// The names in the list of members.
async fn names(browser: &Client, path: &str) -> Vec<String> {
    browser.get(path).await.must_be(200).html().texts("#members tbody .cell-main bdi")
}

/// `page=2.after.MDE5OA` as `page=2.after.CURSOR`.
fn without_cursor(link: &str) -> String {
    let parts = link.split('&').map(|part| match part.rsplit_once('.') {
        Some((page, _)) => format!("{page}.CURSOR"),
        None => part.to_owned(),
    });
    parts.collect::<Vec<_>>().join("&")
}

#[tokio::test]
async fn ten_thousand_members_are_paged() {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    crowd(&app, &lumen).await;
    let browser = app.log_in_as(&lumen.owner).await;
    let first = browser.get(&lumen.url("users")).await.must_be(200).html();
    assert_eq!(first.text("#mem-h .count"), "10,001");
    assert_eq!(first.text("#members .panel-foot .num"), "1–25 of 10,001");
    assert!(first.try_link("Previous").is_none());
    let second = browser.get(&first.link("Next")).await.must_be(200).html();
    assert_eq!(second.text("#members .panel-foot .num"), "26–50 of 10,001");
    assert_eq!(second.texts("#members tbody tr").len(), 25);
    assert!(second.row("Member 00025").contains("member25@crowd.example"));
    assert_eq!(browser.get(&second.link("Previous")).await.html().text(".panel-foot .num"), "1–25 of 10,001");
    for page in ["401", "402", "9223372036854775807"] {
        let last = browser.get(&lumen.url(&format!("users?page={page}"))).await.must_be(200).html();
        assert_eq!(last.text("#members .panel-foot .num"), "10,001–10,001 of 10,001");
        assert!(last.try_link("Next").is_none());
    }
    for page in ["0", "-3"] {
        let first = browser.get(&lumen.url(&format!("users?page={page}"))).await.must_be(200).html();
        assert_eq!(first.text("#members .panel-foot .num"), "1–25 of 10,001");
    }
}

#[tokio::test]
async fn members_are_found_by_name_and_address() {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    crowd(&app, &lumen).await;
    let browser = app.log_in_as(&lumen.owner).await;
    assert_eq!(names(&browser, &lumen.url("users?q=member777@")).await, ["Member 00777"]);
    assert_eq!(names(&browser, &lumen.url("users?q=+MEMBER+04242+")).await, ["Member 04242"]);
    let page = browser.get(&lumen.url("users?q=Member+012")).await.html();
    assert_eq!(page.text(".panel-foot .num"), "1–25 of 100");
    assert!(page.link("Next").starts_with(&lumen.url("users?q=Member+012&page=2.after.")));
    assert_eq!(names(&browser, &page.link("Next")).await.first().map(String::as_str), Some("Member 01225"));
    for nothing in ["%25", "_", "%5C", "'+OR+1=1"] {
        let page = browser.get(&lumen.url(&format!("users?q={nothing}"))).await.must_be(200).html();
        assert!(page.main_text().contains("No members match"), "{nothing}: signs stand for themselves");
        assert_eq!(page.link("Clear search"), lumen.url("users"));
    }
    let page = browser.get(&lumen.url("users?q=%3Cscript%3E")).await.must_be(200);
    assert!(
        page.html().main_text().contains("No members match “<script>”.") && !page.text().contains("“<script")
    );
    let part = browser.htmx_get(&lumen.url("users?q=member777@"), "panel").await.must_be(200).html();
    assert!(part.has("#members #member-u777") && !part.has("h1"));
}

#[tokio::test]
async fn both_lists_keep_their_pages() {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    crowd(&app, &lumen).await;
    let browser = app.log_in_as(&lumen.owner).await;
    let emails: Vec<String> = (0..60).map(|n| format!("new{n}@lumen.example")).collect();
    let form_id = browser.get(&lumen.url("users/invite")).await.html().hidden("form_id");
    let form = [("emails", emails.join(" ")), ("role", "user".into()), ("form_id", form_id)];
    let form = form.each_ref().map(|(name, value)| (*name, value.as_str()));
    browser.post(&lumen.url("users/invite"), &form).await.must_be(200);

    let page = browser.get(&lumen.url("users?q=Member&page=3&ipage=2")).await.must_be(200).html();
    assert_eq!(page.text("#pending .panel-foot .num"), "26–50 of 60");
    let links = page.attributes(".panel-foot a[href]", "href");
    // First, Previous, Next and Last of the members, then those of the invitations.
    let expected = [
        "&ipage=2",
        "&page=2.before.CURSOR&ipage=2",
        "&page=4.after.CURSOR&ipage=2",
        "&page=last&ipage=2",
        "&page=3",
        "&page=3&ipage=1.before.CURSOR",
        "&page=3&ipage=3.after.CURSOR",
        "&page=3&ipage=last",
    ];
    let links: Vec<String> = links.iter().map(|link| without_cursor(link)).collect();
    assert_eq!(links, expected.map(|query| lumen.url(&format!("users?q=Member{query}"))));
    // Each link stands for both lists, so htmx has to replace both.
    assert_eq!(page.attributes(".panel-foot a[href]", "hx-target"), ["#panel"; 8]);
    assert_eq!(page.attributes("form[role=search]", "hx-target"), ["#panel"; 2]);
    assert_eq!(page.hidden("ipage"), "2", "a search keeps the page of the invitations");
}

#[tokio::test]
async fn no_pending_invitation_is_out_of_reach() {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    app.execute(&format!(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1201)
         INSERT INTO invitations (id, organization_id, email, role, invited_by_name, invited_by_email,
         created_at, sent_at, expires_at)
         SELECT 'i' || i, '{}', 'new' || substr('' || (10000 + i), 2) || '@lumen.example', 'user', 'Dana', 'dana@lumen.example',
         '2026-11-23 10:00:00', '2026-11-23 10:00:00', '2026-11-30 10:00:00' FROM n",
        lumen.id
    ))
    .await;
    let browser = app.log_in_as(&lumen.owner).await;
    let page = browser.get(&lumen.url("users?ipage=49")).await.must_be(200).html();
    assert_eq!(page.text("#pen-h .count"), "1,000+");
    assert_eq!(page.text("#pending .panel-foot .num"), "1,201–1,201 of 1,000+");
    browser.post(&page.action("Cancel invitation"), &[]).await.must_be(303);
    let page = browser.get(&lumen.url("users?ipage=49")).await.must_be(200).html();
    assert_eq!(page.text("#pending .panel-foot .num"), "The last 25 of 1,000+");
}

#[tokio::test]
async fn a_change_stays_on_the_page_on_screen() {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    crowd(&app, &lumen).await;
    let browser = app.log_in_as(&lumen.owner).await;
    let request = browser.request("POST", &lumen.url("users/u30/remove")).htmx("dialog-slot");
    let on_screen = format!("http://localhost:8080{}", lumen.url("users?page=2"));
    let answer = request.header("HX-Current-URL", &on_screen).send().await.must_be(200).html();
    assert!(answer.toast().contains("Member 00030 removed from Lumen"));
    assert_eq!(answer.text("#members .panel-foot .num"), "26–50 of 10,000");
    assert_eq!(answer.text("#tab-users .count"), "10,000");
    assert!(!answer.has("#member-u30") && answer.has("#member-u31"));
}

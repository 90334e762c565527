//! The local mailbox, which only this machine may read.

use tessera::domain::access::Role;

use super::unusual_names;
use crate::{smtp::SmtpSink, support::TestApp};

#[tokio::test]
async fn a_mail_is_read_and_its_link_followed() {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    let (_, token) = app.invitation(&lumen, Role::User, "mara@lumen.example").await;
    let browser = app.client();
    let page = browser.get("/mailbox").await.must_be(200).html();
    let address = page.link("Dana Whitfield invited you to join Lumen to mara@lumen.example");
    let page = browser.get(&address).await.must_be(200).html();
    assert_eq!(page.heading(), "Dana Whitfield invited you to join Lumen");
    assert_eq!(page.link("Accept Invite"), format!("http://localhost:8080/i/{token}"));
    let page = browser.get(&page.link("Accept Invite")).await.must_be(200).html();
    assert_eq!(page.heading(), "Join Lumen");
}

#[tokio::test]
async fn the_html_part_is_framed_and_can_do_nothing() {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    app.invitation(&lumen, Role::User, "mara@lumen.example").await;
    let mail = app.mail_to("mara@lumen.example").await;
    let page = app.client().get(&format!("/mailbox/{}", mail.id)).await.must_be(200);
    assert!(page.header("content-security-policy").contains("frame-src 'self'"));
    let frame = page.html().attributes("iframe", "src").remove(0);
    let part = app.client().get(&frame).await.must_be(200);
    let policy = part.header("content-security-policy");
    assert!(policy.contains("sandbox") && !policy.contains("allow-scripts"), "{policy}");
    assert_eq!(part.html().try_link("Accept Invite").map(|link| link.contains("/i/")), Some(true));
}

#[tokio::test]
async fn names_in_mails_are_text() {
    let app = TestApp::spawn().await;
    let dana = app.user("Dana Whitfield").await;
    for (number, name) in unusual_names().into_iter().enumerate() {
        let company = app.organization(&name, &dana).await;
        let address = format!("mara{number}@lumen.example");
        app.invitation(&company, Role::User, &address).await;
        let mail = app.mail_to(&address).await;
        for part in ["", "/html"] {
            let page = app.client().get(&format!("/mailbox/{}{part}", mail.id)).await.must_be(200);
            assert!(page.html().main_text().contains(&name), "{part}: {page:?}");
            assert!(!page.text().contains("<b>Ada"));
        }
    }
}

#[tokio::test]
async fn what_came_through_a_proxy_or_under_a_foreign_name_finds_no_mailbox() {
    let app = TestApp::spawn().await;
    app.client().get("/mailbox").await.must_be(200);
    for (name, value) in [
        ("forwarded", "for=127.0.0.1"),
        ("x-forwarded-for", "127.0.0.1"),
        ("x-forwarded-host", "localhost"),
        ("x-forwarded-proto", "https"),
        ("x-real-ip", "127.0.0.1"),
        ("via", "1.1 proxy"),
        ("host", "rebound.example"),
        ("host", "localhost.rebound.example:8080"),
    ] {
        let refused = app.client().request("GET", "/mailbox").header(name, value).send().await;
        assert_eq!(refused.must_be(404).html().heading(), "Page not found", "{name}: {value}");
    }
    app.client().request("GET", "/mailbox").header("host", "localhost:8080").send().await.must_be(200);
}

#[tokio::test]
async fn there_is_none_beside_a_mail_server_or_a_public_address() {
    let sink = SmtpSink::start().await;
    let with_server = TestApp::builder().smtp(&sink).spawn().await;
    let public = TestApp::builder().flag("--public-url", "https://keys.example.com").spawn().await;
    for app in [with_server, public] {
        let lumen = app.lumen().await;
        let mail = app.mails().await.remove(0);
        let browser = app.log_in_as(&lumen.owner).await;
        for path in
            ["/mailbox".to_owned(), format!("/mailbox/{}", mail.id), format!("/mailbox/{}/html", mail.id)]
        {
            browser.get(&path).await.must_be(404);
        }
    }
}

#[tokio::test]
async fn an_unknown_mail_is_not_found() {
    let app = TestApp::spawn().await;
    for path in ["/mailbox/x", "/mailbox/x/html"] {
        app.client().get(path).await.must_be(404);
    }
}

#[tokio::test]
async fn the_banner_is_hidden_in_one_browser_until_the_next_email() {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    let (browser, another) = (app.log_in_as(&lumen.owner).await, app.client());
    let page = browser.get("/orgs?q=lumen").await.must_be(200).html();
    assert!(page.text(".banner").contains("Emails are kept in the local mailbox"));
    let form = [("next", page.attributes(".banner input", "value").remove(0))];
    let form: Vec<(&str, &str)> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let answer = browser.post(&page.attributes(".banner form", "action")[0], &form).await.must_be(303);
    assert_eq!(answer.location(), "/orgs?q=lumen");
    for path in ["/orgs?q=lumen", "/docs"] {
        assert!(!browser.get(path).await.html().has(".banner"), "{path}");
    }
    assert!(another.get("/").await.html().has(".banner"));
    app.clock.advance(time::Duration::SECOND);
    app.invitation(&lumen, Role::User, "mara@lumen.example").await;
    assert!(browser.get("/docs").await.html().has(".banner"));

    // With scripts it goes away where it stands, and nothing else changes.
    let hidden = browser.request("POST", "/preferences/mailbox-banner").htmx("mailbox-banner");
    let hidden = hidden.form(&form).send().await.must_be(200);
    assert_eq!((hidden.text(), hidden.header("hx-redirect")), (String::new(), ""));
    assert!(!browser.get("/docs").await.html().has(".banner"));
}

#[tokio::test]
async fn the_banner_leads_to_no_other_site_and_bears_no_nonsense() {
    let app = TestApp::spawn().await;
    let browser = app.client();
    let foreign = [("next", "//evil.example")];
    assert_eq!(browser.post("/preferences/mailbox-banner", &foreign).await.must_be(303).location(), "/orgs");
    for value in ["", "soon", "99999999999999999999999"] {
        let browser = app.client();
        browser.set_cookie("mailbox-banner-8080", value);
        assert!(browser.get("/").await.must_be(200).html().has(".banner"), "{value}");
    }
}

#[tokio::test]
async fn a_quiet_link_leads_to_the_mailbox_while_there_is_one() {
    for (smtp, expected) in [(None, 1), (Some("smtp://127.0.0.1:1"), 0)] {
        let builder = TestApp::builder();
        let app =
            smtp.into_iter().fold(builder, |builder, url| builder.flag("--smtp-url", url)).spawn().await;
        let lumen = app.lumen().await;
        let (_, token) = app.invitation(&lumen, Role::User, "mara@lumen.example").await;
        let (stranger, owner) = (app.client(), app.log_in_as(&lumen.owner).await);
        for browser in [&stranger, &owner] {
            browser.post("/preferences/mailbox-banner", &[]).await.must_be(303);
        }
        for (browser, path) in [
            (&stranger, "/"),
            (&stranger, "/signup"),
            (&stranger, "/api/docs"),
            (&stranger, &format!("/i/{token}")),
            (&owner, "/orgs"),
            (&owner, &lumen.url("api")),
        ] {
            let page = browser.get(path).await.must_be(200).html();
            assert!(!page.has("#mailbox-banner"), "{path}");
            assert_eq!(
                page.attributes("footer a[href='/mailbox']", "href").len(),
                expected,
                "{path} {smtp:?}"
            );
        }
    }
}

//! "New API Key" -> "Save".

use time::Duration;

use super::{Stage, secret_in};
use crate::support::Html;

#[tokio::test]
async fn the_dialog_names_the_date_to_which_each_duration_leads() {
    let stage = Stage::new().await;
    let page = stage.dana.get(&stage.lumen.url("api/keys/new")).await.must_be(200).html();
    assert_eq!(page.dialog_title(), "New API Key");
    assert_eq!(page.value("Name"), "");
    assert_eq!(page.chosen("duration"), "90");
    assert_eq!(
        page.texts("dialog .opts > label"),
        [
            "7 days until Nov 30, 2026",
            "30 days until Dec 23, 2026",
            "60 days until Jan 22, 2027",
            "90 days until Feb 21, 2027",
            "180 days until May 22, 2027",
            "365 days until Nov 23, 2027",
            "Custom date",
            "No expiration not recommended",
        ]
    );
    assert_eq!(page.attributes("#until", "min"), ["2026-11-23"]);
    assert_eq!(page.attributes("#until", "max"), ["2036-11-20"]);
}

#[tokio::test]
async fn a_key_ends_when_its_duration_says() {
    let stage = Stage::new().await;
    for (duration, until, end, word) in [
        ("7", "", Some("2026-11-30T10:00:00Z"), "Nov 30, 2026"),
        ("30", "", Some("2026-12-23T10:00:00Z"), "Dec 23, 2026"),
        ("60", "", Some("2027-01-22T10:00:00Z"), "Jan 22, 2027"),
        ("90", "2030-01-01", Some("2027-02-21T10:00:00Z"), "Feb 21, 2027"),
        ("180", "", Some("2027-05-22T10:00:00Z"), "May 22, 2027"),
        ("365", "", Some("2027-11-23T10:00:00Z"), "Nov 23, 2027"),
        ("custom", "2026-11-23", Some("2026-11-23T23:59:59Z"), "Nov 23, 2026"),
        ("custom", "2026-11-24", Some("2026-11-24T23:59:59Z"), "Nov 24, 2026"),
        ("custom", "2036-11-20", Some("2036-11-20T23:59:59Z"), "Nov 20, 2036"),
        ("none", "", None, "Never"),
    ] {
        let name = format!("Worker {duration} {until}");
        let fields = [("name", name.as_str()), ("duration", duration), ("until", until)];
        let page = stage.save(&fields).await.must_be(200).html();
        let answer = stage.ask(&secret_in(&page)).await.must_be(200).json();
        assert_eq!(answer["key"]["expires_at"].as_str(), end, "{duration} {until}");
        assert!(page.row(name.trim()).contains(word), "{}", page.row(name.trim()));
    }
}

#[tokio::test]
async fn a_key_works_up_to_its_last_moment() {
    let stage = Stage::new().await;
    let page = stage.save(&[("name", "Billing worker"), ("duration", "7")]).await.must_be(200).html();
    let secret = secret_in(&page);
    stage.app.clock.advance(Duration::days(7) - Duration::MICROSECOND);
    stage.ask(&secret).await.must_be(200);
    assert!(
        stage
            .app
            .log_in_as(&stage.lumen.owner)
            .await
            .get(&stage.lumen.url("api"))
            .await
            .text()
            .contains("Expires in a moment")
    );
    stage.app.clock.advance(Duration::MICROSECOND);
    stage.ask(&secret).await.must_be(401);
    let tab = stage.app.log_in_as(&stage.lumen.owner).await.get(&stage.lumen.url("api")).await.html();
    assert!(tab.row("Billing worker").contains("Expired"), "{}", tab.row("Billing worker"));
    assert!(tab.try_action("Activate").is_none() && tab.try_action("Deactivate").is_none());
}

#[tokio::test]
async fn the_key_is_shown_once_over_the_changed_page() {
    let stage = Stage::new().await;
    let answer = stage.save(&[("name", "  Billing   worker "), ("duration", "90")]).await.must_be(200);
    assert_eq!(answer.header("cache-control"), "no-store");
    let page = answer.html();
    assert_eq!(page.dialog_title(), "API key created");
    let secret = secret_in(&page);
    assert!(secret.starts_with("tess_") && secret.len() == "tess_".len() + 36, "{secret}");
    assert!(page.dialog_text().contains("You won’t be able to see it again."));
    let curl = page.text("dialog pre.code");
    assert!(curl.contains("curl http://localhost:8080/api/v2/organization"), "{curl}");
    assert!(curl.contains(&format!("Authorization: Bearer {secret}")), "{curl}");
    let row = page.row("Billing worker");
    assert!(
        row.contains("Active") && row.contains("Feb 21, 2027") && row.contains("Dana Whitfield"),
        "{row}"
    );
    assert!(row.contains(&format!("{}…{}", &secret[..9], &secret[secret.len() - 4..])), "{row}");
    assert_eq!(stage.events().await, ["api_key.created"]);

    let later = stage.dana.get(&stage.lumen.url("api")).await.must_be(200);
    assert!(!later.text().contains(&secret));
    assert!(!later.html().has_dialog());
}

#[tokio::test]
async fn htmx_gets_the_dialog_with_the_changed_panel_and_tabs() {
    let stage = Stage::new().await;
    let path = stage.lumen.url("api/keys/new");
    let opened = stage.dana.htmx_get(&path, "dialog-slot").await.must_be(200);
    assert!(opened.text().starts_with("<dialog"), "{}", opened.text());
    let form_id = opened.html().hidden("form_id");
    let fields =
        [("name", "Billing worker"), ("duration", "none"), ("until", ""), ("form_id", form_id.as_str())];
    let answer =
        stage.dana.htmx_post(&stage.lumen.url("api/keys"), "dialog-slot", &fields).await.must_be(200);
    assert!(answer.text().starts_with("<dialog"), "{}", answer.text());
    assert!(!answer.text().contains("<html"));
    let page = answer.html();
    assert_eq!(page.dialog_title(), "API key created");
    assert!(page.has("#panel[hx-swap-oob]") && page.has("#tabs[hx-swap-oob]"));
    assert!(page.row("Billing worker").contains("Never"));
    assert_eq!(page.text("#tab-api .count"), "1");
    stage.ask(&secret_in(&page)).await.must_be(200);
}

#[tokio::test]
async fn what_cannot_be_is_said_beside_its_field_and_what_was_typed_stays() {
    let stage = Stage::new().await;
    stage.app.api_key(&stage.lumen, "Billing worker").await;
    let long = "x".repeat(61);
    let name_error = |page: &Html| page.field_error("Name");
    let date_error = |page: &Html| page.field_error("Expires on");
    let duration_error = |page: &Html| page.text("#duration-e");
    type Reader<'a> = &'a dyn Fn(&Html) -> String;
    let cases: [(&str, &str, &str, Reader<'_>, &str); 13] = [
        ("", "90", "", &name_error, "Enter a name."),
        (" \t ", "90", "", &name_error, "Enter a name."),
        (&long, "90", "", &name_error, "Use at most 60 characters."),
        ("a\u{0}b", "90", "", &name_error, "Use only letters, digits, spaces and common symbols."),
        ("a\u{1b}[31m", "90", "", &name_error, "Use only letters, digits, spaces and common symbols."),
        ("gnp\u{202e}.exe", "90", "", &name_error, "Use only letters, digits, spaces and common symbols."),
        (
            "BILLING worker",
            "90",
            "",
            &name_error,
            "A key with this name already exists. Choose another name.",
        ),
        ("New", "8", "", &duration_error, "Choose when the key expires."),
        ("New", "", "", &duration_error, "Choose when the key expires."),
        ("New", "custom", "", &date_error, "Choose a date."),
        ("New", "custom", "2026-13-01", &date_error, "Choose a date."),
        ("New", "custom", "2026-11-22", &date_error, "This date has passed. Today is Nov 23, 2026 (UTC)."),
        (
            "New",
            "custom",
            "2036-11-21",
            &date_error,
            "Choose a date up to Nov 20, 2036. Keys can last 10 years at most.",
        ),
    ];
    for (name, duration, until, error, text) in cases {
        let fields = [("name", name), ("duration", duration), ("until", until)];
        let whole = stage.save(&fields).await.must_be(422);
        assert!(whole.text().contains("<html"), "without JavaScript the whole page comes back");
        let form_id = stage.form_id().await;
        let with_id = [&fields[..], &[("form_id", form_id.as_str())]].concat();
        let alone =
            stage.dana.htmx_post(&stage.lumen.url("api/keys"), "dialog-slot", &with_id).await.must_be(422);
        assert!(alone.text().starts_with("<dialog"), "{}", alone.text());
        for page in [whole.html(), alone.html()] {
            assert_eq!(page.dialog_title(), "New API Key");
            assert_eq!(error(&page), text, "{name:?} {duration} {until}");
            // A browser has no NUL in its pages.
            assert_eq!(page.value("Name"), name.replace('\0', "\u{fffd}"));
            assert_eq!(page.value("Expires on"), until);
            assert_eq!(
                page.attributes("input[name=duration][checked]", "value").concat(),
                if duration == "8" { "" } else { duration }
            );
        }
    }
    assert_eq!(stage.names().await, ["Billing worker"]);
    assert_eq!(stage.events().await, ["api_key.created"]);
}

#[tokio::test]
async fn a_refused_form_can_be_mended_and_saved() {
    let stage = Stage::new().await;
    let refused = stage.save(&[("name", ""), ("duration", "30")]).await.must_be(422).html();
    let form_id = refused.hidden("form_id");
    let fields = [("name", "Billing worker"), ("duration", "30"), ("form_id", form_id.as_str())];
    stage.dana.post(&refused.action("Save"), &fields).await.must_be(200);
    assert_eq!(stage.names().await, ["Billing worker"]);
}

#[tokio::test]
async fn a_reload_of_the_created_page_makes_no_second_key() {
    let stage = Stage::new().await;
    let form_id = stage.form_id().await;
    let fields = [("name", "Billing worker"), ("duration", "90"), ("form_id", form_id.as_str())];
    let address = stage.lumen.url("api/keys");
    stage.dana.post(&address, &fields).await.must_be(200);
    let again = stage.dana.post(&address, &fields).await.must_be(303);
    assert_eq!(again.location(), stage.lumen.url("api"));
    let page = stage.dana.follow(&again).await.must_be(200).html();
    assert_eq!(page.toast(), "This key was already created and can’t be shown again.");
    assert_eq!(stage.names().await, ["Billing worker"]);
    assert_eq!(stage.tab().await.toasts(), Vec::<String>::new(), "the toast is told once");

    let other_name = [("name", "Other"), ("duration", "90"), ("form_id", form_id.as_str())];
    let by_htmx = stage.dana.htmx_post(&address, "dialog-slot", &other_name).await;
    assert_eq!(by_htmx.header("hx-redirect"), stage.lumen.url("api"));
    assert_eq!(stage.names().await, ["Billing worker"]);
}

#[tokio::test]
async fn a_form_of_yesterday_or_of_nobody_is_renewed_and_loses_nothing() {
    let stage = Stage::new().await;
    let old = stage.form_id().await;
    stage.app.clock.advance(Duration::hours(24));
    for form_id in [old.as_str(), "", "made-up"] {
        let fields = [("name", "Billing worker"), ("duration", "60"), ("form_id", form_id)];
        let page = stage.dana.post(&stage.lumen.url("api/keys"), &fields).await.must_be(422).html();
        assert_eq!(page.field_error("Name"), "This form expired. Save again.");
        assert_eq!((page.value("Name"), page.chosen("duration")), ("Billing worker".into(), "60".into()));
        assert_ne!(page.hidden("form_id"), form_id);
    }
    assert_eq!(stage.names().await, Vec::<String>::new());
    let page = stage.save(&[("name", "Billing worker"), ("duration", "60")]).await.must_be(200).html();
    assert_eq!(page.dialog_title(), "API key created");
}

#[tokio::test]
async fn a_name_is_shown_as_text_whatever_it_says() {
    let stage = Stage::new().await;
    let name = "<img src=x onerror=alert(1)> \"quoted\" & 'co'";
    let answer = stage.save(&[("name", name), ("duration", "none")]).await.must_be(200);
    assert!(!answer.text().contains("<img"), "{}", answer.text());
    assert!(answer.html().row(name).contains("Active"));
}

#[tokio::test]
async fn two_organizations_may_use_the_same_name() {
    let stage = Stage::new().await;
    let frida = stage.app.user("Frida Fern").await;
    let fern = stage.app.organization("Fern", &frida).await;
    stage.app.api_key(&fern, "Billing worker").await;
    stage.save(&[("name", "Billing worker"), ("duration", "none")]).await.must_be(200);
    assert_eq!(stage.names().await, ["Billing worker", "Billing worker"]);
}

//! Forms with several fields that two people have open at the same time.

use tessera::web::{shown::CHANGED, urls};

use crate::support::{Client, Html, TestApp};

/// A form that edits something: the address of its dialog, all that it sends, and the field that one of the two
/// changes, with what it becomes.
type Form<'a> = (String, Vec<(&'a str, &'a str)>, (&'a str, &'a str));

/// Opens the dialog and saves it with `change` in the place of one of its fields.
async fn save(browser: &Client, (address, fields, _): &Form<'_>, shown: &str, change: (&str, &str)) -> Html {
    let mut sent: Vec<(&str, &str)> = fields.iter().copied().filter(|(name, _)| *name != change.0).collect();
    sent.extend([("shown", shown), change]);
    let answer = browser.post(address, &sent).await;
    match answer.status {
        303 => browser.follow(&answer).await.must_be(200).html(),
        _ => answer.must_be(422).html(),
    }
}

#[tokio::test]
async fn nobody_saves_over_what_somebody_else_saved_without_being_told() {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    app.appoint(&lumen.owner).await;
    let (key, _) = app.api_key(&lumen, "Billing worker").await;
    let (webhook, _) = app.webhook(&lumen, "https://hooks.lumen.example/").await;
    let plan = app.plan("Starter").await;
    let browser = app.log_in_as(&lumen.owner).await;
    let of_instance = |verb: &str| urls::with_instance_organization(&lumen.id, verb);
    let rate = ("rate_period", "minute");
    let forms: [Form<'_>; 7] = [
        (
            urls::api_item(&lumen.id, "keys", &key.id, "settings"),
            vec![("name", &key.name), ("duration", "keep"), rate],
            ("description", "Nightly export"),
        ),
        (
            urls::webhook_verb(&lumen.id, &webhook.id, "settings"),
            vec![("url", &webhook.url), ("events", "api_key.created")],
            ("description", "Audit"),
        ),
        (urls::instance_plan(&plan, "edit"), vec![("name", "Starter"), rate], ("max_members", "7")),
        (of_instance("plan"), vec![("plan", &plan), rate], ("max_active_keys", "9")),
        (of_instance("notes"), vec![], ("text", "Ask Ben.")),
        (of_instance("name"), vec![], ("text", "Lumen Logistics")),
        // The last one, since nothing else can be changed then.
        (of_instance("suspend"), vec![], ("reason", "Payment is overdue.")),
    ];
    for form in &forms {
        let (address, _, change) = form;
        let opened = browser.get(address).await.must_be(200).html();
        assert!(!opened.dialog_text().contains(CHANGED), "{address}");
        let shown = opened.hidden("shown");
        let saved = save(&browser, form, &shown, *change).await;
        assert!(!saved.has_dialog(), "{address}: {}", saved.dialog_text());

        let twice = save(&browser, form, &shown, *change).await;
        assert!(
            !twice.has_dialog(),
            "{address}: what is sent twice is there already: {}",
            twice.dialog_text()
        );

        let other = (change.0, if change.1.len() == 1 { "4" } else { "Something else" });
        let refused = save(&browser, form, &shown, other).await;
        assert!(refused.dialog_text().contains(CHANGED), "{address}: {}", refused.main_text());
        assert!(refused.has("dialog[open] [autofocus]"), "{address}");
        let again = browser.get(address).await.must_be(200).html();
        assert_ne!(again.hidden("shown"), shown, "{address}: what was saved first is there still");
        let typed = save(&browser, form, &refused.hidden("shown"), other).await;
        assert!(!typed.has_dialog(), "{address}: {}", typed.dialog_text());
    }
}

/// To edit the reason of a suspension is not to suspend.
#[tokio::test]
async fn an_organization_that_was_resumed_meanwhile_stays_so() {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    app.appoint(&lumen.owner).await;
    let browser = app.log_in_as(&lumen.owner).await;
    let url = |verb: &str| urls::with_instance_organization(&lumen.id, verb);
    browser.post(&url("suspend"), &[("reason", "Abuse")]).await.must_be(303);
    let shown = browser.get(&url("suspend")).await.must_be(200).html().hidden("shown");
    browser.post(&url("resume"), &[]).await.must_be(303);
    let edited = [("reason", "Abuse of mails"), ("shown", shown.as_str())];
    let refused = browser.post(&url("suspend"), &edited).await.must_be(422).html();
    assert_eq!(refused.dialog_title(), "Suspend “Lumen”?");
    assert!(refused.dialog_text().contains(CHANGED), "{}", refused.dialog_text());
    let suspended = "SELECT name AS text FROM organizations WHERE suspended_at IS NOT NULL";
    assert!(app.query(suspended).await.is_empty());
}

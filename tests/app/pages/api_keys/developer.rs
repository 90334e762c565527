//! What a developer does with keys, and what is not theirs.

use tessera::domain::access::Role;

use super::{Stage, secret_in};

#[tokio::test]
async fn a_developer_manages_keys_from_the_first_day_to_the_last() {
    let stage = Stage::new().await;
    stage.app.master_token(&stage.lumen, "Deployment").await;
    let dev = stage.app.member(&stage.lumen, Role::Developer, "Dev Berg").await;
    let browser = stage.app.log_in_as(&dev).await;
    let orgs = browser.get("/orgs").await.must_be(200).html().main_text();
    assert!(orgs.contains("2 members · no API keys yet"), "{orgs}");
    let tab = browser.get(&stage.lumen.url("api")).await.must_be(200);
    assert_eq!(tab.html().texts("#tabs a"), ["Users 2", "API 0", "Activity", "Settings"]);
    assert!(!tab.text().contains("Master Tokens") && !tab.text().contains("Deployment"), "{tab:?}");

    let new = browser.get(&tab.html().link("New API Key")).await.must_be(200).html();
    let form = [("name", "Billing worker"), ("duration", "90"), ("form_id", &new.hidden("form_id"))];
    let created = browser.post(&new.action("Save"), &form).await.must_be(200).html();
    assert!(secret_in(&created).starts_with("tess_"));
    let id = stage.app.query("SELECT id AS text FROM api_keys").await.remove(0);
    let url = |verb: &str| stage.lumen.url(&format!("api/keys/{id}/{verb}"));
    let edit = [("name", "Invoice worker"), ("duration", "365"), ("scopes", "invoices:read")];
    browser.post(&url("settings"), &edit).await.must_be(303);
    let rotate = browser.get(&url("rotate")).await.must_be(200).html();
    let form = [("grace_period", "24h"), ("starts", "immediately"), ("form_id", &rotate.hidden("form_id"))];
    browser.post(&url("rotate"), &form).await.must_be(200);
    for (verb, fields) in
        [("revoke-previous", &[][..]), ("pause", &[("hours", "4")]), ("activate", &[]), ("deactivate", &[])]
    {
        browser.post(&url(verb), fields).await.must_be(303);
    }
    for page in ["api/gateway-setup", "api/troubleshoot", "api/calendar"] {
        browser.get(&stage.lumen.url(page)).await.must_be(200);
    }
    let troubleshoot = [("key", "tess_none")];
    browser.post(&stage.lumen.url("api/troubleshoot"), &troubleshoot).await.must_be(200);
    let calendar = browser.post(&stage.lumen.url("api/calendar"), &[]).await.must_be(200).html();
    stage.app.client().get(&calendar.text("#secret")).await.must_be(200);
    browser.post(&url("remove"), &[]).await.must_be(303);

    let done =
        "SELECT action AS text FROM audit_events WHERE actor_name = 'Dev Berg' AND action NOT LIKE 'member.%'
                AND action NOT LIKE 'account.%' ORDER BY id";
    assert_eq!(
        stage.app.query(done).await,
        [
            "api_key.created",
            "api_key.renamed",
            "api_key.expiration_changed",
            "api_key.settings_changed",
            "api_key.rotated",
            "api_key.previous_secret_revoked",
            "api_key.paused",
            "api_key.activated",
            "api_key.deactivated",
            "calendar_link.created",
            "api_key.removed",
        ]
    );
}

#[tokio::test]
async fn a_developer_who_becomes_a_user_manages_no_key_any_more() {
    let stage = Stage::new().await;
    let (key, secret) = stage.app.api_key(&stage.lumen, "Billing worker").await;
    let dev = stage.app.member(&stage.lumen, Role::Developer, "Dev Berg").await;
    let browser = stage.app.log_in_as(&dev).await;
    browser.get(&stage.lumen.url("api")).await.must_be(200);
    let role = stage.lumen.url(&format!("users/{}/role", dev.id));
    stage.dana.post(&role, &[("role", "user")]).await.must_be(303);
    let before = stage.app.ledger().await;
    browser.get(&stage.lumen.url("api")).await.must_be(403);
    browser.get(&stage.lumen.url("activity")).await.must_be(403);
    browser.post(&stage.url(&key, "deactivate"), &[]).await.must_be(403);
    assert_eq!(stage.app.ledger().await, before);
    let request = stage.app.client().request("GET", "/api/v2/organization");
    request.header("authorization", &format!("Bearer {secret}")).send().await.must_be(200);
}

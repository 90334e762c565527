//! Several keys at one time.

use tessera::domain::id::new_id;

use super::Stage;

const NAMES: [&str; 5] = ["Billing worker", "Checkout", "Tablet app", "Reports", "Import"];

/// Lumen with five keys.
async fn stage() -> (Stage, Vec<(String, String)>) {
    let stage = Stage::new().await;
    let mut keys = Vec::new();
    for name in NAMES {
        let (key, secret) = stage.app.api_key(&stage.lumen, name).await;
        keys.push((key.id, secret));
    }
    (stage, keys)
}

#[tokio::test]
async fn the_chosen_keys_are_removed_after_one_question_that_shows_their_usage() {
    let (stage, keys) = stage().await;
    for _ in 0..3 {
        stage.ask(&keys[1].1).await.must_be(200);
    }
    let dialog = stage.dana.get(&stage.tab().await.link("Select")).await.must_be(200).html();
    assert_eq!(dialog.dialog_title(), "Select API keys");
    assert_eq!(dialog.attributes("input[name=keys]", "value").len(), NAMES.len());
    assert!(!dialog.has("input[name=keys][checked]"));

    let question = format!("api/keys/selected?change=remove&keys={}&keys={}", keys[0].0, keys[1].0);
    let question = stage.dana.htmx_get(&stage.lumen.url(&question), "dialog-slot").await.must_be(200).html();
    assert_eq!(question.dialog_title(), "Remove 2 API keys?");
    assert!(question.row("Checkout").ends_with("Just now 3"), "{}", question.row("Checkout"));
    assert!(question.row("Billing worker").ends_with("Never used 0"), "{}", question.row("Billing worker"));
    assert_eq!(stage.names().await.len(), NAMES.len(), "a question changes nothing");

    let fields = [("change", "remove"), ("keys", keys[0].0.as_str()), ("keys", keys[1].0.as_str())];
    let answer = stage.dana.post(&question.action("Remove 2 API keys"), &fields).await.must_be(303);
    let tab = stage.dana.follow(&answer).await.must_be(200).html();
    assert_eq!(tab.toast(), "2 API keys removed");
    assert_eq!(stage.names().await, ["Import", "Reports", "Tablet app"]);
    for (_, secret) in &keys[..2] {
        stage.ask(secret).await.must_be(401);
    }
    assert_eq!(stage.events().await.iter().filter(|action| *action == "api_key.removed").count(), 2);

    let again = stage.dana.post(&stage.lumen.url("api/keys/selected"), &fields).await;
    assert_eq!(
        stage.dana.follow(&again).await.html().toast(),
        "Nothing to do. These keys were already removed."
    );
}

#[tokio::test]
async fn only_keys_that_are_on_are_deactivated() {
    let (stage, keys) = stage().await;
    stage.dana.post(&stage.lumen.url(&format!("api/keys/{}/deactivate", keys[0].0)), &[]).await;
    let all: Vec<(&str, &str)> = keys.iter().map(|(id, _)| ("keys", id.as_str())).collect();
    let query: Vec<String> = all.iter().map(|(_, id)| format!("keys={id}")).collect();
    let question = stage.lumen.url(&format!("api/keys/selected?change=deactivate&{}", query.join("&")));
    let question = stage.dana.htmx_get(&question, "dialog-slot").await.must_be(200).html();
    assert_eq!(question.dialog_title(), "Deactivate 4 API keys?");
    assert!(question.try_row("Billing worker").is_none(), "it is off already");

    let fields = [&[("change", "deactivate")], all.as_slice()].concat();
    let part = stage.dana.htmx_post(&stage.lumen.url("api/keys/selected"), "dialog-slot", &fields).await;
    let part = part.must_be(200).html();
    assert_eq!(part.toast(), "4 API keys deactivated");
    for name in NAMES {
        assert!(part.row(name).contains("Deactivated"), "{}", part.row(name));
    }
    for (_, secret) in &keys {
        stage.ask(secret).await.must_be(401);
    }
    let deactivated = stage.events().await.into_iter().filter(|action| action == "api_key.deactivated");
    assert_eq!(deactivated.count(), NAMES.len());
}

#[tokio::test]
async fn without_a_choice_the_dialog_says_so() {
    let (stage, _) = stage().await;
    let all = stage.dana.get(&stage.lumen.url("api/keys/select?q=worker&all=1")).await.must_be(200).html();
    assert_eq!(all.tags("input[name=keys][checked]").len(), 1, "all that match the search are chosen");
    for change in ["remove", "deactivate"] {
        let fields = [("change", change)];
        let plain = stage.dana.post(&stage.lumen.url("api/keys/selected"), &fields).await;
        let part = stage.dana.htmx_post(&stage.lumen.url("api/keys/selected"), "dialog-slot", &fields).await;
        for answer in [plain, part] {
            let again = answer.must_be(422).html();
            assert!(again.dialog_text().contains("Select at least one key."), "{}", again.dialog_text());
        }
    }
    let form = stage.dana.get(&stage.lumen.url("api/keys/selected?change=remove")).await.must_be(422);
    assert!(form.html().dialog_text().contains("Select at least one key."));
    let unknown = format!("api/keys/selected?change=remove&keys={}", new_id(stage.app.now()));
    let form = stage.dana.get(&stage.lumen.url(&unknown)).await.must_be(422);
    assert!(form.html().dialog_text().contains("already deactivated or removed"));
    stage.dana.get(&stage.lumen.url("api/keys/selected?change=sell")).await.must_be(400);
}

#[tokio::test]
async fn keys_of_another_organization_are_not_among_them() {
    let (stage, keys) = stage().await;
    let frida = stage.app.user("Frida Fern").await;
    let fern = stage.app.organization("Fern", &frida).await;
    let outsider = stage.app.log_in_as(&frida).await;
    let fields = [("change", "remove"), ("keys", keys[0].0.as_str())];
    let answer = outsider.post(&fern.url("api/keys/selected"), &fields).await.must_be(303);
    assert_eq!(
        outsider.follow(&answer).await.html().toast(),
        "Nothing to do. These keys were already removed."
    );
    assert_eq!(stage.names().await.len(), NAMES.len());
    outsider.get(&fern.url(&format!("api/keys/selected?keys={}", keys[0].0))).await.must_be(422);
}

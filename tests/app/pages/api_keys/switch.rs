//! "Deactivate", "Activate" and "Remove" of one key.

use tessera::domain::id::new_id;

use super::Stage;

#[tokio::test]
async fn a_deactivated_key_is_refused_from_the_next_request_on_and_works_again_once_activated() {
    let stage = Stage::new().await;
    let (_, secret) = stage.app.api_key(&stage.lumen, "Billing worker").await;
    stage.ask(&secret).await.must_be(200);

    let action = stage.menus().await.action("Deactivate");
    let answer = stage.dana.post(&action, &[]).await.must_be(303);
    stage.ask(&secret).await.must_be(401);
    let tab = stage.dana.follow(&answer).await.must_be(200).html();
    assert_eq!(
        tab.toast(),
        "“Billing worker” deactivated. Last used just now, 1 request in the last 7 days."
    );
    assert!(tab.row("Billing worker").contains("Deactivated"));

    let answer = stage.dana.post(&stage.menus().await.action("Activate"), &[]).await.must_be(303);
    stage.ask(&secret).await.must_be(200);
    let tab = stage.dana.follow(&answer).await.must_be(200).html();
    assert!(tab.row("Billing worker").contains("Active"));
    assert_eq!(stage.events().await, ["api_key.created", "api_key.deactivated", "api_key.activated"]);
}

#[tokio::test]
async fn htmx_gets_the_changed_panel_with_a_toast_that_undoes() {
    let stage = Stage::new().await;
    let (key, secret) = stage.app.api_key(&stage.lumen, "Billing worker").await;
    let answer = stage.dana.htmx_post(&stage.url(&key, "deactivate"), "panel", &[]).await.must_be(200);
    assert!(!answer.text().contains("<html"));
    let part = answer.html();
    assert!(part.has("#panel") && part.row("Billing worker").contains("Deactivated"));
    assert_eq!(part.toast(), "“Billing worker” deactivated");
    stage.ask(&secret).await.must_be(401);

    let undone = stage.dana.htmx_post(&part.action("Undo"), "panel", &[]).await.must_be(200).html();
    assert!(undone.row("Billing worker").contains("Active"));
    stage.ask(&secret).await.must_be(200);
}

#[tokio::test]
async fn switching_twice_is_told_once() {
    let stage = Stage::new().await;
    let (key, _) = stage.app.api_key(&stage.lumen, "Billing worker").await;
    for _ in 0..2 {
        stage.dana.post(&stage.url(&key, "deactivate"), &[]).await.must_be(303);
    }
    assert_eq!(stage.events().await, ["api_key.created", "api_key.deactivated"]);
}

#[tokio::test]
async fn a_key_is_removed_after_a_question() {
    let stage = Stage::new().await;
    let (key, secret) = stage.app.api_key(&stage.lumen, "Billing worker").await;
    stage.ask(&secret).await.must_be(200);
    let asked = stage.dana.get(&stage.menus().await.link("Remove")).await.must_be(200).html();
    assert_eq!(asked.dialog_title(), "Remove “Billing worker”?");
    let words = asked.dialog_text();
    assert!(
        words.contains("will fail immediately . You can restore it for 14 days")
            && words.contains(&key.masked),
        "{words}"
    );
    assert!(words.contains("Last used Just now"), "{words}");
    stage.ask(&secret).await.must_be(200);

    let answer = stage.dana.post(&asked.action("Remove key"), &[]).await.must_be(303);
    stage.ask(&secret).await.must_be(401);
    let tab = stage.dana.follow(&answer).await.must_be(200).html();
    assert_eq!(tab.toast(), "“Billing worker” removed");
    assert!(tab.main_text().contains("No API keys yet"));
    assert_eq!(stage.names().await, Vec::<String>::new());
    assert_eq!(stage.events().await, ["api_key.created", "api_key.removed"]);
}

#[tokio::test]
async fn htmx_removes_a_key_and_closes_the_dialog() {
    let stage = Stage::new().await;
    let (key, secret) = stage.app.api_key(&stage.lumen, "Billing worker").await;
    let asked = stage.dana.htmx_get(&stage.url(&key, "remove"), "dialog-slot").await.must_be(200);
    assert!(asked.text().starts_with("<dialog"), "{}", asked.text());
    let answer = stage.dana.htmx_post(&stage.url(&key, "remove"), "dialog-slot", &[]).await.must_be(200);
    let part = answer.html();
    assert!(!part.has_dialog());
    assert!(part.has("#panel[hx-swap-oob]") && part.has("#tabs[hx-swap-oob]"), "{}", answer.text());
    assert_eq!(part.toast(), "“Billing worker” removed");
    stage.ask(&secret).await.must_be(401);
}

#[tokio::test]
async fn a_key_that_is_gone_answers_like_one_that_never_was() {
    let stage = Stage::new().await;
    let (key, _) = stage.app.api_key(&stage.lumen, "Billing worker").await;
    let mut never = key.clone();
    never.id = new_id(stage.app.now());
    stage.dana.post(&stage.url(&key, "remove"), &[]).await.must_be(303);
    for key in [&key, &never] {
        for verb in ["remove", "activate", "deactivate"] {
            stage.dana.post(&stage.url(key, verb), &[]).await.must_be(404);
            let toast = stage.dana.htmx_post(&stage.url(key, verb), "panel", &[]).await.must_be(404);
            assert_eq!(toast.header("hx-reswap"), "none");
        }
        stage.dana.get(&stage.url(key, "remove")).await.must_be(404);
    }
}

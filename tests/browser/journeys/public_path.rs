//! Journeys of other files where the public URL has a path. All of them can be walked so, see [`Proxy::of_environment`].

use std::sync::Arc;

use super::{account, api_keys};
use crate::support::page::Page;
use crate::support::proxy::{PATH, Proxy};
use crate::support::server::Server;
use crate::support::stage::Stage;

async fn behind_a_proxy_that_passes_the_path_on(stage: Stage) {
    below_the_path(stage, Proxy::PassesOn).await;
}

async fn behind_a_proxy_that_strips_the_path(stage: Stage) {
    below_the_path(stage, Proxy::Strips).await;
}

async fn below_the_path(Stage { page, .. }: Stage, proxy: Proxy) {
    let server = Arc::new(Server::start_behind(proxy).await);
    let page = Page::new(page.browser().clone(), server.url.clone());
    let stage = || Stage { page: page.clone(), server: server.clone() };
    account::sign_up_and_create_an_organization(stage()).await;
    api_keys::a_key_is_created_used_stopped_and_removed(stage()).await;

    page.open_menu("Dana Whitfield").await;
    page.click_button("Dark").await;
    page.expect_theme("dark").await;
    page.reload().await;
    page.expect_theme("dark").await;

    page.visit("/api/docs").await;
    page.expect_text(&server.url).await;
    page.click_link("API docs").await;
    let address = page.browser().current_url().await.expect("an address");
    assert_eq!(address.path(), format!("{PATH}/docs"));
}

async fn the_examples_stay_in_one_language_below_the_path(Stage { page, .. }: Stage) {
    let server = Server::start_behind(Proxy::Strips).await;
    let page = Page::new(page.browser().clone(), server.url.clone());
    page.visit("/api/docs").await;
    page.choose("Python").await;
    page.reload().await;
    page.expect_text("from urllib.request import Request, urlopen").await;
    page.expect_no_text("curl \"http").await;
}

crate::with_and_without_javascript!(
    behind_a_proxy_that_passes_the_path_on,
    behind_a_proxy_that_strips_the_path
);
crate::with_javascript_only!(the_examples_stay_in_one_language_below_the_path);

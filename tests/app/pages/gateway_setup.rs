//! The texts of "Gateway setup". `tests/servers` runs gateways on them.

use tessera::web::pages::gateway_setup::recipes;

use crate::support::TestApp;

#[tokio::test]
async fn the_page_says_what_passes_a_gateway_and_what_does_not() {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    let browser = app.log_in_as(&lumen.owner).await;
    let page = browser.get(&lumen.url("api/gateway-setup")).await.must_be(200).html().main_text();
    for sentence in [
        "A browser’s CORS preflight ( OPTIONS ) carries no key, so it’s rejected with 401.",
        "X_Tessera_Scopes and X.Tessera.Scopes",
        "GHSA-vjrc-mh2v-45x6",
        "this configuration isn’t tested with a real gateway",
        "aliasHeadersStrategy: delete",
    ] {
        assert!(page.contains(sentence), "{sentence}: {page}");
    }
    for recipe in recipes("http://localhost:8080", &lumen.id).expect("the recipes") {
        let first_line = recipe.text().lines().next().expect("a line").trim();
        assert!(page.contains(first_line), "{first_line}: {page}");
    }
}

#[test]
fn each_gateway_offers_lines_for_preflights_and_for_keeping_the_key() {
    let of = |id: &str| {
        let recipes = recipes("http://localhost:8080", "019a8f3e").expect("the recipes");
        recipes.iter().find(|recipe| recipe.id() == id).expect("a recipe").text().to_owned()
    };
    for text in [of("nginx"), of("caddy"), of("traefik"), of("haproxy") + &of("haproxy-lua")] {
        assert!(text.contains("Optional, for browsers"), "{text}");
        assert!(text.contains("keep the key from your API"), "{text}");
        assert!(text.to_lowercase().contains("x-tessera-scopes"), "{text}");
    }
}

#[test]
fn a_gateway_checks_the_certificate_of_an_installation_with_one() {
    for (origin, is_tls) in [("http://127.0.0.1:8080", false), ("https://keys.example.com", true)] {
        let recipes = recipes(origin, "019a8f3e").expect("the recipes");
        for (id, line) in [
            ("nginx", "proxy_ssl_server_name on;"),
            ("nginx", "proxy_ssl_verify on;"),
            ("caddy", "forward_auth https://keys.example.com {"),
            ("caddy", "header_up Host {upstream_hostport}"),
        ] {
            let recipe = recipes.iter().find(|recipe| recipe.id() == id).expect("a recipe");
            assert_eq!(recipe.text().contains(line), is_tls, "{line}: {}", recipe.text());
        }
    }
}

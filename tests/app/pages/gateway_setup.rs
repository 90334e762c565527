//! "Gateway setup": the way to it, and its texts. `tests/servers` runs what stands in them.

use tessera::{
    config::ServerUrl,
    domain::access::Role,
    web::pages::gateway_setup::{Kind, Program, Recipe},
};

use crate::support::{Client, Company, Html, TestApp};

async fn page_of(browser: &Client, company: &Company, program: &str) -> Html {
    let url = company.url(&format!("api/gateway-setup?program={program}"));
    browser.get(&url).await.must_be(200).html()
}

fn recipe(program: Program, url: &str) -> Recipe {
    let url = ServerUrl::parse(url).expect("an address");
    Recipe::new(program, &url, "019a8f3e").expect("the recipe")
}

fn text(program: Program, url: &str) -> String {
    recipe(program, url).texts.into_iter().map(|text| text.text).collect()
}

#[test]
fn every_text_asks_below_the_path_of_the_url() {
    for program in Program::ALL {
        let (plain, below) =
            (text(program, "https://example.com"), text(program, "https://example.com/team/keys"));
        let path =
            if program.kind() == Kind::Gateway { "/auth?organization=" } else { "/api/v2/keys/verify" };
        assert_eq!(below.matches(path).count(), below.matches(&format!("/team/keys{path}")).count());
        assert_eq!(below.matches("/team/keys").count(), 1, "{program:?}: {below}");
        assert_eq!(below.replace("/team/keys", ""), plain, "{program:?}");
    }
}

#[tokio::test]
async fn an_organization_without_keys_is_led_to_all_that_is_about_keys() {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    let browser = app.log_in_as(&lumen.owner).await;
    let empty = browser.get(&lumen.url("api")).await.must_be(200).html();
    assert!(empty.main_text().contains("No API keys yet"), "{}", empty.main_text());
    app.api_key(&lumen, "Billing worker").await;
    let filled = browser.get(&lumen.url("api")).await.must_be(200).html();
    for words in ["Gateway setup", "Troubleshoot a request", "Expiration calendar", "New API Key"] {
        assert_eq!(empty.link(words), filled.link(words));
        assert_eq!(empty.texts("#keys a").iter().filter(|link| **link == words).count(), 1, "{words}");
        browser.get(&empty.link(words)).await.must_be(200);
    }
}

#[tokio::test]
async fn a_new_key_leads_on_to_the_setup() {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    let browser = app.log_in_as(&lumen.owner).await;
    for (name, by_htmx) in [("Billing worker", false), ("Mobile app", true)] {
        let new = browser.get(&lumen.url("api/keys/new")).await.must_be(200).html();
        let form = [("name", name), ("duration", "90"), ("form_id", &new.hidden("form_id"))];
        let created = if by_htmx {
            browser.htmx_post(&lumen.url("api/keys"), "dialog-slot", &form).await
        } else {
            browser.post(&lumen.url("api/keys"), &form).await
        };
        let next = created.must_be(200).html().link("Next: set up your gateway");
        assert_eq!(browser.get(&next).await.must_be(200).html().text("h2"), "Gateway setup");
    }
}

#[tokio::test]
async fn each_program_has_a_page_with_its_texts_and_what_to_replace() {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    let browser = app.log_in_as(&lumen.owner).await;
    let url = ServerUrl::parse("http://localhost:8080").expect("an address");
    for program in Program::ALL {
        let page = page_of(&browser, &lumen, program.id()).await;
        assert_eq!(page.texts(".picks a[aria-current=page]"), [program.title()]);
        assert_eq!(
            page.link(program.title()),
            lumen.url(&format!("api/gateway-setup?program={}", program.id()))
        );
        let recipe = Recipe::new(program, &url, &lumen.id).expect("the recipe");
        let marked = page.texts("pre mark");
        for (number, text) in recipe.texts.iter().enumerate() {
            let squeezed = text.text.split_whitespace().collect::<String>();
            let shown = page.text(&format!("#text-{number}"));
            assert_eq!(shown.split_whitespace().collect::<String>(), squeezed, "{program:?}");
            assert!(page.has(&format!("button[data-copy=text-{number}]")), "{program:?}");
        }
        assert!(!recipe.placeholders().is_empty(), "{program:?}");
        for placeholder in recipe.placeholders() {
            assert!(
                page.texts("dt mark").iter().any(|words| **words == *placeholder.text),
                "{placeholder:?}"
            );
            assert!(marked.iter().any(|words| **words == *placeholder.text), "{placeholder:?}: {marked:?}");
            assert!(page.main_text().contains(placeholder.meaning), "{placeholder:?}");
        }
    }
    let unknown = page_of(&browser, &lumen, "apache").await;
    assert_eq!(unknown.texts(".picks a[aria-current=page]"), ["nginx"]);
    let panel = browser.htmx_get(&lumen.url("api/gateway-setup?program=go"), "panel").await.must_be(200);
    assert!(panel.text().starts_with(r#"<div class="wrap main" id="panel""#), "{}", panel.text());
}

#[tokio::test]
async fn the_page_says_what_passes_a_gateway_and_what_does_not() {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    let browser = app.log_in_as(&lumen.owner).await;
    for program in Program::of(&Kind::Gateway) {
        let page = page_of(&browser, &lumen, program.id()).await.main_text();
        let sentence = "A browser’s CORS preflight ( OPTIONS ) carries no key, so it’s rejected with 401.";
        assert!(page.contains(sentence), "{page}");
    }
    let traefik = page_of(&browser, &lumen, "traefik").await.main_text();
    for sentence in [
        "X_Tessera_Scopes and X.Tessera.Scopes",
        "GHSA-vjrc-mh2v-45x6",
        "this configuration isn’t tested with a real gateway",
        "aliasHeadersStrategy: delete",
    ] {
        assert!(traefik.contains(sentence), "{sentence}: {traefik}");
    }
}

#[tokio::test]
async fn a_backend_is_told_where_its_token_comes_from() {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    let dev = app.member(&lumen, Role::Developer, "Dev Berg").await;
    let (dana, dev) = (app.log_in_as(&lumen.owner).await, app.log_in_as(&dev).await);
    for program in Program::of(&Kind::Backend) {
        let link = page_of(&dana, &lumen, program.id()).await.link("Generate token");
        dana.get(&link).await.must_be(200);
        let page = page_of(&dev, &lumen, program.id()).await;
        assert_eq!(page.try_link("Generate token"), None);
        assert!(page.main_text().contains("Administrators generate master tokens"), "{}", page.main_text());
    }
}

#[tokio::test]
async fn an_internal_url_stands_in_all_texts_instead_of_the_public_one() {
    let app = TestApp::builder()
        .flag("--public-url", "https://keys.example.com")
        .flag("--internal-url", "http://tessera.internal:9000")
        .spawn()
        .await;
    let lumen = app.lumen().await;
    let browser = app.log_in_as(&lumen.owner).await;
    for program in Program::ALL {
        let texts = page_of(&browser, &lumen, program.id()).await.texts("pre").concat();
        assert!(texts.contains("tessera.internal") && texts.contains("9000"), "{texts}");
        assert!(!texts.contains("keys.example.com"), "{texts}");
    }
}

#[test]
fn each_gateway_offers_lines_for_preflights_and_for_keeping_the_key() {
    for program in Program::of(&Kind::Gateway) {
        let text = text(program, "http://localhost:8080");
        assert!(text.contains("Optional, for browsers"), "{text}");
        assert!(text.contains("keep the key from your API"), "{text}");
        assert!(text.contains("/auth?organization=019a8f3e"), "{text}");
    }
}

#[test]
fn a_gateway_checks_the_certificate_of_an_installation_with_one() {
    for (url, is_tls) in [("http://127.0.0.1:8080", false), ("https://keys.example.com", true)] {
        for (program, line) in [
            (Program::Nginx, "server keys.example.com:443;"),
            (Program::Nginx, "proxy_set_header Host keys.example.com;"),
            (Program::Nginx, "proxy_ssl_server_name on;"),
            (Program::Nginx, "proxy_ssl_name keys.example.com;"),
            (Program::Nginx, "proxy_ssl_verify on;"),
            (Program::Caddy, "forward_auth https://keys.example.com {"),
            (Program::Caddy, "header_up Host {upstream_hostport}"),
            (Program::Envoy, r#"address: "keys.example.com", port_value: 443"#),
            (Program::Envoy, "sni: keys.example.com"),
            (Program::Envoy, "match_typed_subject_alt_names:"),
        ] {
            let text = text(program, url);
            assert_eq!(text.contains(line), is_tls, "{line}: {text}");
        }
        for program in [Program::Nginx, Program::Envoy] {
            let authorities =
                recipe(program, url).placeholders().into_iter().map(|placeholder| placeholder.text);
            let is_named = authorities.into_iter().any(|text| text == "/etc/ssl/certs/ca-certificates.crt");
            assert_eq!(is_named, is_tls, "{program:?}");
        }
    }
}

#[test]
fn an_address_in_brackets_is_written_as_each_program_takes_it() {
    let of = |program| text(program, "http://[::1]:8080");
    assert!(of(Program::Nginx).contains("server [::1]:8080;"));
    assert!(of(Program::Caddy).contains("forward_auth [::1]:8080 {"));
    assert!(of(Program::Envoy).contains(r#"address: "::1", port_value: 8080"#));
}

#[tokio::test]
async fn the_request_to_try_goes_to_where_the_configuration_listens() {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    let browser = app.log_in_as(&lumen.owner).await;
    for (program, listens, url) in [
        (Program::Nginx, "listen 80;", "http://api.example.com/"),
        (Program::Caddy, "api.example.com {", "https://api.example.com/"),
        (Program::Traefik, "address: \":80\"", "http://api.example.com/"),
        (Program::HaProxy, "bind :80", "http://api.example.com/"),
        (Program::Envoy, "address: 0.0.0.0, port_value: 8000", "http://api.example.com:8000/"),
    ] {
        assert!(text(program, "http://localhost:8080").contains(listens), "{program:?}");
        let trial = page_of(&browser, &lumen, program.id()).await.text("#trial").replace(' ', "");
        assert!(trial.contains(&format!("-i{url}-H")), "{program:?}: {trial}");
    }
}

//! What cookies are called and carry, and what whoever keeps none is told.

use tessera::web::routes::ROUTES;

use super::{
    exchange::as_pairs,
    fixture::{self, Fixture},
};
use crate::support::{Client, PASSWORD, Response, TestApp, address_of};

const NEXT: &str = "/account";

async fn log_in(browser: &Client) -> Response {
    let email = address_of("Dana Whitfield");
    browser.post("/login", &[("email", &email), ("password", PASSWORD), ("next", NEXT)]).await.must_be(303)
}

fn cookies(answer: &Response) -> Vec<&str> {
    let headers = answer.headers.get_all("set-cookie").iter();
    headers.map(|value| value.to_str().expect("a cookie in ASCII")).collect()
}

#[tokio::test]
async fn cookies_are_secure_over_tls_alone_and_bear_port_and_path() {
    for (public_url, [session, device], [path, path_of_theme], is_secure) in [
        ("http://127.0.0.1:8080", ["tessera-8080", "tessera-device-8080"], ["/", "/"], false),
        ("http://localhost:9090", ["tessera-9090", "tessera-device-9090"], ["/", "/"], false),
        ("http://keys.internal", ["tessera", "tessera-device"], ["/", "/"], false),
        ("http://keys.internal/a", ["tessera.a", "tessera-device.a"], ["/a", "/a"], false),
        ("https://keys.example.com", ["__Host-tessera", "__Host-tessera-device"], ["/", "/"], true),
        ("https://127.0.0.1:8443", ["__Host-tessera-8443", "__Host-tessera-device-8443"], ["/", "/"], true),
        // Browsers keep one with that prefix only for all paths.
        (
            "https://example.com:8443/team/keys",
            ["__Host-tessera-8443.team.keys", "__Host-tessera-device-8443.team.keys"],
            ["/", "/team/keys"],
            true,
        ),
    ] {
        let app = TestApp::builder().flag("--public-url", public_url).spawn().await;
        app.user("Dana Whitfield").await;
        let answer = log_in(&app.client()).await;
        let theme = app.client().post("/preferences/theme", &[("theme", "dark")]).await.must_be(303);
        let given = [cookies(&answer), cookies(&theme)].concat();
        for name in [session, device, "theme"] {
            let cookie = given.iter().find(|cookie| cookie.starts_with(&format!("{name}=")));
            let cookie = cookie.unwrap_or_else(|| panic!("{public_url}: no {name} in {given:?}"));
            assert_eq!(cookie.contains("; Secure"), is_secure, "{public_url}: {cookie}");
            let path = if name == "theme" { path_of_theme } else { path };
            for part in ["; HttpOnly", "; SameSite=Lax", "; Max-Age=", &format!("; Path={path};")] {
                assert!(format!("{cookie};").contains(part), "{public_url}: {cookie}");
            }
            assert!(!cookie.contains("Domain="), "{public_url}: {cookie}");
        }
        assert_eq!(given.len(), 3, "{public_url}: {given:?}");
        let secret_page = app.client().get("/i/unknown").await;
        let policy = if is_secure { "no-referrer" } else { "strict-origin" };
        assert_eq!(secret_page.header("referrer-policy"), policy, "{public_url}");
    }
}

#[tokio::test]
async fn whoever_keeps_no_cookie_is_told_so_and_where_to_go() {
    const LOST: &str = "Your browser didn’t save the session cookie";
    let app = TestApp::builder().flag("--public-url", "https://keys.example.com").spawn().await;
    app.user("Dana Whitfield").await;
    let check = log_in(&app.client()).await.location().to_owned();
    for (host, button, address) in [
        ("keys.example.com", "Log in", "/login?next=%2Faccount"),
        ("KEYS.example.com:443", "Log in", "/login?next=%2Faccount"),
        ("10.0.0.7:8080", "Open https://keys.example.com", "https://keys.example.com/login?next=%2Faccount"),
        (
            "keys.example.com:8080",
            "Open https://keys.example.com",
            "https://keys.example.com/login?next=%2Faccount",
        ),
    ] {
        let page = app.client().request("GET", &check).header("host", host).send().await.must_be(200).html();
        assert_eq!(page.heading(), LOST, "{host}");
        assert_eq!(page.link(button), address, "{host}");
    }

    // One that keeps it goes on, also when it has been kept for long.
    let browser = app.client();
    let first = log_in(&browser).await;
    assert_eq!(browser.destination(&first).await, NEXT);
    browser.post("/logout", &[]).await.must_be(303);
    assert_eq!(log_in(&browser).await.location(), NEXT, "the device is known");
    let next = [("email", &*address_of("Dana Whitfield")), ("password", PASSWORD), ("next", "/account?é")];
    let first = app.client().post("/login", &next).await.must_be(303).location().to_owned();
    assert_eq!(first, "/cookie-check?next=%2Faccount%3F%C3%A9");
    let foreign = browser.get("/cookie-check?next=https%3A%2F%2Fevil.example").await.must_be(303);
    assert_eq!(foreign.location(), "/orgs");
}

/// Whatever form leaves something in a session looks whether the browser keeps it.
#[tokio::test]
async fn no_form_leaves_something_with_a_browser_that_keeps_nothing() {
    let fixture = Fixture::new().await;
    let mut checked = Vec::new();
    for route in ROUTES.iter().filter(|route| route.method == "POST") {
        let email = fixture.lumen.owner.email.as_str();
        let fields: Vec<(&str, String)> = match route.pattern {
            "/login" => vec![("email", email.into()), ("password", PASSWORD.into())],
            "/forgot-password" | "/verify-email/resend" => vec![("email", email.into())],
            "/signup" => {
                vec![
                    ("name", "Mara".into()),
                    ("email", "m@alder.example".into()),
                    ("password", PASSWORD.into()),
                ]
            }
            "/i/{token}/signup" => vec![("name", "Mara".into()), ("password", PASSWORD.into())],
            _ => fixture::fields(route),
        };
        let path = fixture.path(route, &fixture.lumen_ids);
        let form = || fixture.app.client().request("POST", &path).form(&as_pairs(&fields));
        for answer in [form().send().await, form().htmx("panel").send().await] {
            if !cookies(&answer).iter().any(|cookie| cookie.starts_with("tessera-8080=")) {
                continue;
            }
            let next = [answer.header("location"), answer.header("hx-redirect")].concat();
            assert!(next.starts_with("/cookie-check?next="), "{route:?} leads to “{next}”");
            let page = fixture.app.client().get(&next).await.must_be(200).html();
            assert_eq!(page.heading(), "Your browser didn’t save the session cookie", "{route:?}");
            checked.push(route.pattern);
        }
    }
    for form in ["/login", "/signup", "/forgot-password", "/verify-email/resend", "/i/{token}/decline"] {
        assert!(checked.contains(&form), "{form}: {checked:?}");
    }
}

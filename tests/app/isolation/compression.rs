//! Pages are compressed, and never one that holds a secret.

use std::io::Read;

use flate2::read::GzDecoder;
use tessera::web::{access::Access, routes::ROUTES};

use super::{
    exchange::{as_pairs, method},
    fixture::{self, Fixture},
};

/// The beginnings of secrets and of links that hold one, as they stand in pages.
const SECRETS: [&str; 6] = ["tess_", "whsec_", "/i/", "/verify-email/", "/reset-password/", ".ics"];

/// A secret is longer than what tells it from the others, such as a masked key.
fn holds_secret(page: &str) -> bool {
    let is_part = |sign: char| sign.is_ascii_alphanumeric() || "_-".contains(sign);
    SECRETS.iter().any(|beginning| {
        page.split(beginning).skip(1).any(|rest| rest.chars().take_while(|sign| is_part(*sign)).count() >= 20)
    })
}

#[tokio::test]
async fn no_page_that_holds_a_secret_is_compressed() {
    let fixture = Fixture::new().await;
    let owner = fixture.app.log_in_as(&fixture.lumen.owner).await;
    let (mut compressed, mut secret) = (Vec::new(), 0);
    for route in ROUTES {
        if matches!(route.access, Access::Token(_) | Access::Key | Access::Reporter)
            || route.pattern.starts_with("/static/")
            || ["/logout", "remove", "leave", "/switch", "password"]
                .iter()
                .any(|end| route.pattern.ends_with(end))
        {
            continue;
        }
        for target in [None, Some("dialog-slot"), Some("panel")] {
            let path = fixture.path(route, &fixture.lumen_ids);
            let request = owner.request(method(route), &path).header("accept-encoding", "br, gzip");
            let request = target.into_iter().fold(request, |request, target| request.htmx(target));
            let request = match method(route) {
                "GET" => request,
                _ => request.form(&as_pairs(&fixture::fields(route))),
            };
            let answer = request.send().await;
            if answer.header("content-encoding").is_empty() {
                secret += usize::from(holds_secret(&answer.text()));
                continue;
            }
            assert_eq!(answer.header("content-encoding"), "gzip", "{route:?}");
            assert!(answer.header("vary").contains("Accept-Encoding"), "{route:?}: {:?}", answer.headers);
            let mut page = String::new();
            GzDecoder::new(answer.body.as_slice()).read_to_string(&mut page).expect("gzip");
            assert!(page.contains('<') && !holds_secret(&page), "{route:?}: {page}");
            compressed.push(route.pattern);
        }
    }
    for page in [
        "/api/docs",
        "/orgs",
        "/orgs/{organization}/api",
        "/orgs/{organization}/users",
        "/orgs/{organization}/activity",
    ] {
        assert!(compressed.contains(&page), "{page} is not among {compressed:?}");
    }
    assert!(secret > 3, "only {secret} pages with a secret were met");
}

#[tokio::test]
async fn who_does_not_ask_for_it_gets_a_page_as_it_is() {
    let fixture = Fixture::new().await;
    let owner = fixture.app.log_in_as(&fixture.lumen.owner).await;
    for accepted in ["", "br", "gzip;q=0", "identity"] {
        let request = owner.request("GET", &fixture.lumen.url("api")).header("accept-encoding", accepted);
        let answer = request.send().await.must_be(200);
        assert!(answer.header("content-encoding").is_empty(), "{accepted}");
        assert!(answer.text().contains("<h2"), "{accepted}");
    }
}

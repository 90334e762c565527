//! The files of `static/`, embedded by `build.rs` under names that change with their content.
//!
//! Templates name a file by its constant (`assets::CSS_CONSOLE`), so that a file that does not
//! exist is a compile error.

use actix_web::{
    HttpResponse,
    http::header::{ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, VARY},
};

use super::{api::gate::Open, compression::weight};

include!(concat!(env!("OUT_DIR"), "/assets.rs"));

/// One file in each coding that makes it smaller.
struct Asset {
    name: &'static str,
    identity: &'static [u8],
    brotli: Option<&'static [u8]>,
    gzip: Option<&'static [u8]>,
}

/// `GET /static/{file:.*}`: one embedded file, in the best coding that the client takes.
pub async fn serve(Open(request): Open) -> HttpResponse {
    let file = request.match_info().get("file").unwrap_or_default();
    let Some(asset) = ASSETS.iter().find(|asset| asset.name == file) else {
        return HttpResponse::NotFound().finish();
    };
    let accepted: Vec<&str> =
        request.headers().get_all(ACCEPT_ENCODING).filter_map(|value| value.to_str().ok()).collect();
    let (coding, body) = asset.best(&accepted.join(","));

    let mut response = HttpResponse::Ok();
    response
        .content_type(content_type(asset.name))
        .insert_header((CACHE_CONTROL, "public, max-age=31536000, immutable"))
        .insert_header((VARY, "Accept-Encoding"));
    if let Some(coding) = coding {
        response.insert_header((CONTENT_ENCODING, coding));
    }
    response.body(body)
}

impl Asset {
    /// The twin with the greatest weight; among equals the smallest. A client that refuses
    /// everything gets the plain file, since a 406 would help nobody.
    fn best(&self, accepted: &str) -> (Option<&'static str>, &'static [u8]) {
        let plain = weight(accepted, "identity").unwrap_or(0.001);
        [("br", self.brotli), ("gzip", self.gzip)]
            .into_iter()
            .filter_map(|(coding, body)| Some((coding, body?, weight(accepted, coding)?)))
            .filter(|(_, _, weight)| *weight > 0.0 && *weight >= plain)
            .reduce(|best, next| if next.2 > best.2 { next } else { best })
            .map_or((None, self.identity), |(coding, body, _)| (Some(coding), body))
    }
}

fn content_type(name: &str) -> &'static str {
    match name.rsplit_once('.').map_or("", |(_, extension)| extension) {
        "css" => "text/css; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "svg" => "image/svg+xml; charset=utf-8",
        "woff2" => "font/woff2",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use actix_web::{App, test, web};

    use super::*;

    async fn get(url: &str, accepted: &str) -> actix_web::dev::ServiceResponse {
        let app = App::new().route("/static/{file:.*}", web::get().to(serve));
        let request =
            test::TestRequest::get().uri(url).insert_header((ACCEPT_ENCODING, accepted)).to_request();
        test::call_service(&test::init_service(app).await, request).await
    }

    #[actix_web::test]
    async fn the_coding_follows_the_clients_weights() {
        for (accepted, coding) in [
            ("gzip, deflate, br, zstd", Some("br")),
            ("br;q=0, gzip", Some("gzip")),
            ("br;q=0.2, gzip;q=0.8", Some("gzip")),
            ("*;q=0", None),
            ("*", Some("br")),
            ("identity, br;q=0.5", None),
            ("", None),
            ("br;q=nonsense", None),
        ] {
            let response = get(CSS_CONSOLE, accepted).await;
            let sent = response.headers().get(CONTENT_ENCODING);
            assert_eq!(sent.map(|value| value.to_str().unwrap()), coding, "{accepted:?}");
            let header = |name| response.headers().get(name).unwrap().to_str().unwrap();
            assert_eq!(header(VARY), "Accept-Encoding");
            assert!(header(CACHE_CONTROL).contains("immutable"));
        }
    }

    #[actix_web::test]
    async fn a_name_that_is_not_embedded_is_not_found() {
        for url in ["/static/css/console.css", "/static/../Cargo.toml", "/static/"] {
            assert_eq!(get(url, "br").await.status(), 404, "{url}");
        }
    }

    #[actix_web::test]
    async fn the_style_sheet_names_the_fonts_as_they_are_stored() {
        let body = test::read_body(get(CSS_TOKENS, "identity").await).await;
        let css = std::str::from_utf8(&body).unwrap();
        for font in [FONTS_GEIST_LATIN, FONTS_GEIST_LATIN_EXT, FONTS_GEIST_MONO_LATIN] {
            assert!(css.contains(&font.replace("/static", "..")), "{font}");
        }
    }
}

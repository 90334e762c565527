//! A browser without a window: keeps cookies, follows no redirect by itself.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use reqwest::{Method, header::HeaderMap};

use super::Html;

/// Keeps its cookies itself, since `Secure` ones do not travel over plain http elsewhere; what
/// browsers think of loopback is for the browser tests. Clones share the cookies, as tabs do.
#[derive(Clone)]
pub(crate) struct Client {
    http: reqwest::Client,
    base: Arc<Mutex<String>>,
    cookies: Arc<Mutex<BTreeMap<String, String>>>,
}

/// A request that is being put together.
#[must_use = "a request does nothing until it is sent"]
pub(crate) struct Request {
    client: Client,
    builder: reqwest::RequestBuilder,
    site: Option<&'static str>,
}

/// An answer that has arrived whole.
#[derive(Clone)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Client {
    pub(crate) fn new(base: &str) -> Self {
        let http = tessera::http_client::builder().no_proxy().build().expect("an HTTP client");
        Self { http, base: Arc::new(Mutex::new(base.to_owned())), cookies: Arc::default() }
    }

    /// Opens a page.
    pub(crate) async fn get(&self, path: &str) -> Response {
        self.request("GET", path).send().await
    }

    /// Sends a form.
    pub(crate) async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Response {
        self.request("POST", path).form(fields).send().await
    }

    /// Asks as htmx does for what stands in the element with the id `target`.
    pub(crate) async fn htmx_get(&self, path: &str, target: &str) -> Response {
        self.request("GET", path).htmx(target).send().await
    }

    /// Sends a form as htmx does.
    pub(crate) async fn htmx_post(&self, path: &str, target: &str, fields: &[(&str, &str)]) -> Response {
        self.request("POST", path).htmx(target).form(fields).send().await
    }

    /// Opens the page that a redirect leads to.
    pub(crate) async fn follow(&self, response: &Response) -> Response {
        self.get(&self.destination(response).await).await
    }

    /// Where a redirect leads, past the look for a first cookie.
    pub(crate) async fn destination(&self, response: &Response) -> String {
        let location = response.location().to_owned();
        if !location.starts_with("/cookie-check?") {
            return location;
        }
        self.get(&location).await.must_be(303).location().to_owned()
    }

    /// The menus of the rows of `page`, which stands at `path`, as the script fetches them.
    pub(crate) async fn menus(&self, path: &str, page: &Html) -> Html {
        let mut menus = String::new();
        for row in page.attributes("td.act > form", "action") {
            let request = self.request("GET", &format!("{row}/menu")).htmx("menu");
            let request = request.header("HX-Current-URL", &format!("http://localhost:8080{path}"));
            menus += &request.send().await.must_be(200).text();
        }
        Html::parse(&menus)
    }

    /// A request with headers or a body of one's own. Comes from the site itself unless told
    /// otherwise, as a browser would say.
    pub(crate) fn request(&self, method: &str, path: &str) -> Request {
        let method = Method::from_bytes(method.as_bytes()).expect("a method");
        // Links in mails and redirects may be whole addresses.
        let path = match path.split_once("://") {
            Some((_, rest)) => rest.find('/').map_or("/", |slash| &rest[slash..]),
            None => path,
        };
        let mut builder =
            self.http.request(method, format!("{}{path}", self.base.lock().expect("the address")));
        let cookies: Vec<String> =
            self.cookies().iter().map(|(name, value)| format!("{name}={value}")).collect();
        if !cookies.is_empty() {
            builder = builder.header("cookie", cookies.join("; "));
        }
        Request { client: self.clone(), builder, site: Some("same-origin") }
    }

    /// From now on asks the server at `base`, cookies and all.
    pub(crate) fn move_to(&self, base: &str) {
        *self.base.lock().expect("the address") = base.to_owned();
    }

    pub(crate) fn cookie(&self, name: &str) -> Option<String> {
        self.cookies().get(name).cloned()
    }

    pub(crate) fn set_cookie(&self, name: &str, value: &str) {
        self.cookies().insert(name.to_owned(), value.to_owned());
    }

    fn cookies(&self) -> MutexGuard<'_, BTreeMap<String, String>> {
        self.cookies.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn keep_cookies(&self, headers: &HeaderMap) {
        for header in headers.get_all("set-cookie") {
            let header = header.to_str().expect("a cookie in ASCII");
            let (pair, attributes) = header.split_once(';').unwrap_or((header, ""));
            let (name, value) = pair.split_once('=').expect("name=value");
            let is_over = attributes.to_ascii_lowercase().contains("max-age=0");
            if is_over || value.is_empty() {
                self.cookies().remove(name);
            } else {
                self.set_cookie(name, value);
            }
        }
    }
}

impl Request {
    pub(crate) fn header(self, name: &str, value: &str) -> Self {
        Self { builder: self.builder.header(name, value), ..self }
    }

    /// The headers that htmx sends with a request whose answer replaces `#target`.
    pub(crate) fn htmx(self, target: &str) -> Self {
        self.header("HX-Request", "true").header("HX-Target", &format!("div#{target}"))
    }

    pub(crate) fn form(self, fields: &[(&str, &str)]) -> Self {
        let mut body = url::form_urlencoded::Serializer::new(String::new());
        body.extend_pairs(fields);
        self.body("application/x-www-form-urlencoded", body.finish())
    }

    pub(crate) fn body(self, content_type: &str, body: impl Into<reqwest::Body>) -> Self {
        let request = self.header("content-type", content_type);
        Self { builder: request.builder.body(body), ..request }
    }

    /// The `Sec-Fetch-Site` to claim: `cross-site`, `same-site`, `none`.
    pub(crate) fn site(self, site: &'static str) -> Self {
        Self { site: Some(site), ..self }
    }

    /// As a client that is no browser, or an old one.
    pub(crate) fn without_site(self) -> Self {
        Self { site: None, ..self }
    }

    pub(crate) async fn send(self) -> Response {
        self.try_send().await.expect("the server answers")
    }

    /// `None` when the server is gone before its answer has arrived whole.
    pub(crate) async fn try_send(self) -> Option<Response> {
        let builder = match self.site {
            Some(site) => self.builder.header("sec-fetch-site", site),
            None => self.builder,
        };
        let response = builder.send().await.ok()?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let body = response.bytes().await.ok()?.to_vec();
        self.client.keep_cookies(&headers);
        Some(Response { status, headers, body })
    }
}

impl Response {
    /// Goes on only with an answer of this status.
    #[track_caller]
    pub(crate) fn must_be(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{self:?}");
        self
    }

    /// The value of a header; empty when there is none.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// Where a redirect leads.
    #[track_caller]
    pub(crate) fn location(&self) -> &str {
        let location = self.header("location");
        assert!(!location.is_empty(), "no redirect but {self:?}");
        location
    }

    /// Its status and its words, for the message of a test that failed.
    pub(crate) fn summary(&self) -> String {
        let is_html = self.header("content-type").starts_with("text/html");
        let words = if is_html { self.html().main_text() } else { self.text() };
        format!("{} {words}", self.status)
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    #[track_caller]
    pub(crate) fn html(&self) -> Html {
        assert!(self.header("content-type").starts_with("text/html"), "not HTML: {self:?}");
        Html::parse(&self.text())
    }

    #[track_caller]
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("not JSON: {self:?}"))
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.summary())
    }
}

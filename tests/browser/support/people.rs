//! People with accounts, made over plain HTTP where the journey is about something else, each with cookies of
//! their own, so that one browser can play several people.

use super::page::Page;
use super::server::Server;
use serde_json::json;
use std::collections::BTreeMap;

/// Long enough, and unlike any name or address in the tests.
pub(crate) const PASSWORD: &str = "seven quiet lanterns drift north";

/// Someone with a verified account who is logged in.
#[derive(Clone, Debug)]
pub(crate) struct Person {
    pub(crate) name: String,
    pub(crate) email: String,
    cookies: BTreeMap<String, String>,
}

impl Server {
    /// Signs someone up, and confirms the address, which logs in. "Dana Whitfield" is dana.whitfield@example.org.
    pub(crate) async fn person(&self, name: &str) -> Person {
        let email = format!("{}@example.org", name.to_lowercase().replace(' ', "."));
        let mut person = Person { name: name.to_owned(), email: email.clone(), cookies: BTreeMap::new() };
        let account = [("name", name), ("email", &email), ("password", PASSWORD)];
        person.post(self, "/signup", &account).await;
        let mail = self.inbox.expect(&email, "").await;
        person.post(self, &mail.link("/verify-email/"), &[("password", PASSWORD)]).await;
        assert_eq!(person.get(self, "/orgs").await, 200, "{name} is logged in:\n{}", self.log());
        person
    }

    /// Creates an organization; the answer is its path, "/orgs/…".
    pub(crate) async fn organization(&self, founder: &mut Person, name: &str) -> String {
        let form_id = founder.form_id(self, "/orgs/new").await;
        let target = founder.post(self, "/orgs", &[("name", name), ("form_id", &form_id)]).await;
        let target = target.strip_prefix(self.path).unwrap_or(&target).to_owned();
        target.split('/').take(3).collect::<Vec<_>>().join("/")
    }

    /// Lets `newcomer` join the organization at `path` in a role ("user", "developer", "supervisor" or "administrator").
    pub(crate) async fn join(
        &self,
        path: &str,
        administrator: &mut Person,
        newcomer: &mut Person,
        role: &str,
    ) {
        administrator.invite(self, path, &newcomer.email, role).await;
        let mail = self.inbox.expect(&newcomer.email, "invited you to join").await;
        newcomer.post(self, &format!("{}/accept", mail.link_labelled("Accept Invite")), &[]).await;
        assert_eq!(newcomer.get(self, &format!("{path}/users")).await, 200, "{} has joined", newcomer.name);
    }
}

impl Person {
    /// The status of a page for this person.
    pub(crate) async fn get(&self, server: &Server, path: &str) -> u16 {
        let request = server.http.get(format!("{}{path}", server.url)).header("cookie", self.cookie_header());
        request.send().await.expect("the server answers").status().as_u16()
    }

    /// Invites to the organization at `path`.
    pub(crate) async fn invite(&mut self, server: &Server, path: &str, email: &str, role: &str) {
        let form_id = self.form_id(server, &format!("{path}/users/invite?role={role}")).await;
        let form = [("emails", email), ("role", role), ("form_id", &form_id)];
        self.post(server, &format!("{path}/users/invite"), &form).await;
    }

    /// The hidden id by which the server knows a form that was sent before.
    async fn form_id(&self, server: &Server, path: &str) -> String {
        let request = server.http.get(format!("{}{path}", server.url)).header("cookie", self.cookie_header());
        let page = request.send().await.expect("the server answers").text().await.expect("a page");
        let field = scraper::Selector::parse("input[name=form_id]").expect("a selector");
        let html = scraper::Html::parse_document(&page);
        let field = html.select(&field).next().unwrap_or_else(|| panic!("{path} has no form:\n{page}"));
        field.attr("value").expect("an id").to_owned()
    }

    /// Creates an API key in the organization at `path` and answers its secret; `duration` is as in the form: "90",
    /// "none".
    pub(crate) async fn create_key(
        &mut self,
        server: &Server,
        path: &str,
        name: &str,
        duration: &str,
    ) -> String {
        let form_id = self.form_id(server, &format!("{path}/api/keys/new")).await;
        let form = [("name", name), ("duration", duration), ("form_id", &form_id)];
        let (_, page) = self.submit(server, &format!("{path}/api/keys"), &form).await;
        let secret = scraper::Selector::parse("#secret").expect("a selector");
        let html = scraper::Html::parse_document(&page);
        html.select(&secret).next().expect("the secret").text().collect()
    }

    /// Sends a form as the browser would; the answer is where it leads to.
    pub(crate) async fn post(&mut self, server: &Server, path: &str, form: &[(&str, &str)]) -> String {
        self.submit(server, path, form).await.0
    }

    /// Sends a form as the browser would; the answer is where it leads to, and the page.
    async fn submit(&mut self, server: &Server, path: &str, form: &[(&str, &str)]) -> (String, String) {
        let address =
            if path.starts_with("http") { path.to_owned() } else { format!("{}{path}", server.url) };
        let request = server
            .http
            .post(&address)
            .header("cookie", self.cookie_header())
            .header("sec-fetch-site", "same-origin")
            .header("origin", &server.origin)
            .form(form);
        let answer = request.send().await.expect("the server answers");
        let status = answer.status().as_u16();
        for cookie in answer.headers().get_all("set-cookie") {
            let pair = cookie.to_str().expect("a cookie").split(';').next().unwrap_or_default();
            let (name, value) = pair.split_once('=').expect("a cookie");
            self.cookies.insert(name.to_owned(), value.to_owned());
        }
        let target =
            answer.headers().get("location").map(|target| target.to_str().expect("a path").to_owned());
        let body = answer.text().await.unwrap_or_default();
        assert!(status < 400, "POST {address} answers {status}:\n{body}\n{}", server.log());
        (target.unwrap_or_default(), body)
    }

    fn cookie_header(&self) -> String {
        self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ")
    }
}

impl Page {
    /// Continues as somebody else, as if in that person's own browser.
    #[track_caller]
    pub(crate) fn become_person(&self, person: &Person) -> impl Future<Output = ()> {
        self.note(&format!("become {}", person.name));
        async move {
            let cdp = self.browser().cdp();
            cdp.network().clear_browser_cookies().await.expect("cookies can be cleared");
            let base = url::Url::parse(self.base()).expect("a URL");
            for (name, value) in &person.cookies {
                let cookie = json!({ "name": name, "value": value, "url": self.base(), "path": base.path(),
                    "secure": name.starts_with("__"), "httpOnly": true, "sameSite": "Lax" });
                cdp.send_raw("Network.setCookie", cookie).await.expect("a cookie can be set");
            }
        }
    }

    /// Continues in another time zone, such as "Asia/Tokyo".
    #[track_caller]
    pub(crate) fn move_to(&self, time_zone: &'static str) -> impl Future<Output = ()> {
        self.note(&format!("move to {time_zone}"));
        async move {
            let zone = json!({ "timezoneId": time_zone });
            let moved = self.browser().cdp().send_raw("Emulation.setTimezoneOverride", zone).await;
            moved.expect("the time zone can be set");
        }
    }

    /// Continues as nobody, as if in a new browser.
    #[track_caller]
    pub(crate) fn become_nobody(&self) -> impl Future<Output = ()> {
        self.note("become nobody");
        async move {
            self.browser().cdp().network().clear_browser_cookies().await.expect("cookies can be cleared")
        }
    }
}

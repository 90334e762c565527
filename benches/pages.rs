//! The API tab with 25 keys, signed in, beside a bare actix page of the same size.
//!
//! Run it with `cargo bench --bench api_tab`. Both servers run in this process, each with two
//! workers, and are asked in turn, so that a slow moment of the machine strikes both.

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a measurement ends where its ground is not as it should be, and prints what it found"
)]

use std::{net::SocketAddr, sync::Arc, sync::mpsc, thread, time::Duration};

use actix_web::{App, HttpResponse, HttpServer, web};
use tessera::bench::{
    self,
    load::{self, Measured},
};

const KEYS: usize = 25;
const CONNECTIONS: usize = 32;
const ROUNDS: usize = 5;
const ROUND: Duration = Duration::from_secs(3);
const PASSWORD: &str = "the heron waits for rain";

fn main() {
    let directory = tempfile::tempdir().expect("a directory");
    let database = directory.path().join("bench.db");
    let config = bench::configuration(database.to_str().expect("a path")).expect("a configuration");
    let tessera = bench::start(config).expect("a server");
    let page = prepare::signed_in_page(tessera, KEYS);
    let bare = start_bare(page.body.clone());

    println!("API tab with {KEYS} keys, signed in: {} bytes, {CONNECTIONS} connections", page.body.len());
    println!("{:<10} {:>12} {:>10} {:>10}", "", "requests/s", "p50", "p99");
    let request = Arc::new(vec![page.request.into_bytes()]);
    let (mut tab, mut reference) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        tab.push(load::run(tessera, &request, CONNECTIONS, ROUND).expect("answers"));
        if std::env::var_os("TAB_ONLY").is_none() {
            reference.push(load::run(bare, &request, CONNECTIONS, ROUND).expect("answers"));
        }
    }
    print("API tab", &mut tab);
    if !reference.is_empty() {
        print("bare actix", &mut reference);
    }
}

/// Prints the round of median throughput.
fn print(name: &str, rounds: &mut [Measured]) {
    rounds.sort_by(|a, b| a.requests_per_second.total_cmp(&b.requests_per_second));
    let median = &rounds[rounds.len() / 2];
    println!(
        "{name:<10} {:>12.0} {:>10.2?} {:>10.2?} {:?}",
        median.requests_per_second, median.p50, median.p99, median.cpu_per_request
    );
}

fn start_bare(body: String) -> SocketAddr {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        actix_web::rt::System::new().block_on(async move {
            let server = HttpServer::new(move || {
                let body = web::Bytes::from(body.clone());
                App::new().default_service(web::to(move || {
                    let body = body.clone();
                    async move { HttpResponse::Ok().content_type("text/html; charset=utf-8").body(body) }
                }))
            })
            .bind("127.0.0.1:0")
            .expect("an address");
            sender.send(server.addrs()[0]).expect("somebody waits");
            server.run().await.expect("it runs");
        });
    });
    receiver.recv().expect("an address")
}

/// Signs up, confirms, logs in, creates an organization and its keys, all by the pages' forms.
mod prepare {
    use std::{collections::HashMap, net::SocketAddr};

    use reqwest::{Client, StatusCode, header, redirect::Policy};

    use super::PASSWORD;

    pub struct Page {
        pub request: String,
        pub body: String,
    }

    struct Person {
        client: Client,
        base: String,
        cookie: String,
    }

    pub fn signed_in_page(address: SocketAddr, keys: usize) -> Page {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(prepare(address, keys))
    }

    async fn prepare(address: SocketAddr, keys: usize) -> Page {
        let client = Client::builder().redirect(Policy::none()).build().expect("a client");
        let mut person = Person { client, base: format!("http://{address}"), cookie: String::new() };
        let email = "dana@lumen.example";
        person.post("/signup", &[("name", "Dana Whitfield"), ("email", email), ("password", PASSWORD)]).await;
        let mailbox = person.get("/mailbox").await;
        let mail = between(&mailbox, "href=\"/mailbox/", "\"");
        let link = person.get(&format!("/mailbox/{mail}")).await;
        let token = between(&link, "/verify-email/", "\"");
        person.post(&format!("/verify-email/{token}"), &[("password", PASSWORD)]).await;
        person.post("/login", &[("email", email), ("password", PASSWORD)]).await;
        let dialog = person.get("/orgs/new").await;
        let organization =
            person.post("/orgs", &[("name", "Lumen Logistics"), ("form_id", &form_id(&dialog))]).await;
        let tab = organization.replace("/users", "/api");
        for number in 1..=keys {
            let dialog = person.get(&format!("{tab}/keys/new")).await;
            let name = format!("Service {number}");
            let fields = [("name", name.as_str()), ("duration", "90"), ("form_id", &form_id(&dialog))];
            person.post(&format!("{tab}/keys"), &fields).await;
        }
        let body = person.get(&tab).await;
        assert_eq!(body.matches("id=\"key-").count(), keys);
        let request = format!("GET {tab} HTTP/1.1\r\nHost: {address}\r\nCookie: {}\r\n\r\n", person.cookie);
        Page { request, body }
    }

    fn form_id(page: &str) -> String {
        between(page, "name=\"form_id\" value=\"", "\"").to_owned()
    }

    fn between<'a>(text: &'a str, before: &str, after: &str) -> &'a str {
        let rest = text.split_once(before).unwrap_or_else(|| panic!("{before} is not in {text}")).1;
        rest.split_once(after).expect("an end").0
    }

    impl Person {
        async fn get(&mut self, path: &str) -> String {
            let request =
                self.client.get(format!("{}{path}", self.base)).header(header::COOKIE, &self.cookie);
            let response = request.send().await.expect("an answer");
            assert_eq!(response.status(), StatusCode::OK, "{path}");
            self.keep_cookies(&response);
            response.text().await.expect("a page")
        }

        /// Posts a form; the answer is where it leads to.
        async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> String {
            let request =
                self.client.post(format!("{}{path}", self.base)).header(header::COOKIE, &self.cookie);
            let response = request.form(fields).send().await.expect("an answer");
            assert!(
                matches!(response.status(), StatusCode::OK | StatusCode::SEE_OTHER),
                "{path}: {}",
                response.status()
            );
            self.keep_cookies(&response);
            let location = response.headers().get(header::LOCATION);
            location.and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned()
        }

        fn keep_cookies(&mut self, response: &reqwest::Response) {
            let mut jar: HashMap<String, String> = self
                .cookie
                .split("; ")
                .filter_map(|pair| pair.split_once('='))
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect();
            for value in response.headers().get_all(header::SET_COOKIE) {
                let pair = value.to_str().expect("a cookie").split(';').next().unwrap_or_default();
                if let Some((name, value)) = pair.split_once('=') {
                    jar.insert(name.to_owned(), value.to_owned());
                }
            }
            self.cookie =
                jar.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ");
        }
    }
}

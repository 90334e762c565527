//! The API tab with 25 keys, signed in, beside a bare actix page of the same size; and every list, at 100
//! rows and at 100,000.
//!
//! Run it with `cargo bench --bench pages`; `-- tab` and `-- lists` run one half. Both servers run in this
//! process, each with as many workers as there are cores, and are asked in turn, so that a slow moment of
//! the machine strikes both.

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a measurement ends where its ground is not as it should be, and prints what it found"
)]

mod rows;

use std::{env, net::SocketAddr, sync::Arc, sync::mpsc, thread, time::Duration};

use actix_web::{App, HttpResponse, HttpServer, web};
use tessera::bench::{
    self,
    load::{self, Measured},
};

use prepare::Person;

const KEYS: usize = 25;
const CONNECTIONS: usize = 64;
const ROUNDS: usize = 5;
const ROUND: Duration = Duration::from_secs(3);
const PASSWORD: &str = "the heron waits for rain";

/// Rows of a short list and of a long one.
const SHORT: usize = 100;
const LONG: usize = 100_000;
/// How long one page of a list is asked for in a round.
const LIST_ROUND: Duration = Duration::from_millis(500);

fn main() {
    let directory = tempfile::tempdir().expect("a directory");
    let database = directory.path().join("bench.db");
    let database = database.to_str().expect("a path");
    let tessera = bench::start(bench::configuration(database).expect("a configuration")).expect("a server");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let mut person = runtime.block_on(Person::sign_up(tessera));
    let halves: Vec<String> = env::args().filter(|half| half == "tab" || half == "lists").collect();
    let is_wanted = |half: &str| halves.is_empty() || halves.iter().any(|wanted| wanted == half);
    if is_wanted("tab") {
        let tab = runtime.block_on(person.organization_with_keys("Lumen Logistics", KEYS));
        let body = runtime.block_on(person.get(&tab));
        assert_eq!(body.matches("data-menu").count(), KEYS);
        compare_tab(tessera, &person.request(&tab), body);
    }
    if is_wanted("lists") {
        compare_lists(&runtime, &mut person, database);
    }
}

/// The tab and the bare page, in turn.
fn compare_tab(tessera: SocketAddr, request: &str, body: String) {
    println!("API tab with {KEYS} keys, signed in: {} bytes, {CONNECTIONS} connections", body.len());
    println!("{:<10} {:>12} {:>10} {:>10} {:>14}", "", "requests/s", "p50", "p99", "CPU/request");
    let bare = start_bare(body);
    let request = Arc::new(vec![request.as_bytes().to_vec()]);
    let (mut tab, mut reference) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        tab.push(load::run(tessera, &request, CONNECTIONS, ROUND).expect("answers"));
        reference.push(load::run(bare, &request, CONNECTIONS, ROUND).expect("answers"));
    }
    print("API tab", &mut tab);
    print("bare actix", &mut reference);
}

/// Prints the round of median throughput.
fn print(name: &str, rounds: &mut [Measured]) {
    rounds.sort_by(|a, b| a.requests_per_second.total_cmp(&b.requests_per_second));
    let median = &rounds[rounds.len() / 2];
    let spent = median.cpu_per_request.map_or_else(|| "-".to_owned(), |spent| format!("{spent:.2?}"));
    println!(
        "{name:<10} {:>12.0} {:>10.2?} {:>10.2?} {spent:>14}",
        median.requests_per_second, median.p50, median.p99
    );
}

/// Each list short and long: one connection, which waits for each page.
fn compare_lists(runtime: &tokio::runtime::Runtime, person: &mut Person, database: &str) {
    let short = runtime.block_on(person.organization("Alder"));
    let long = runtime.block_on(person.organization("Birch"));
    let mut crowd = runtime.block_on(Person::sign_up(person.address));
    let mut few = runtime.block_on(Person::sign_up(person.address));
    rows::fill(database, &short, SHORT);
    rows::fill(database, &long, LONG);
    rows::fill_organizations(database, &few.email, SHORT);
    rows::fill_organizations(database, &crowd.email, LONG);
    rows::make_searchable(database);
    println!("\nLists of {SHORT} and of {LONG} rows, one connection");
    println!("{:<26} {:>12} {:>12} {:>8}", "", "p50 short", "p50 long", "ratio");
    for list in rows::LISTS {
        let pages = |person: &mut Person, base: &str| {
            let first = list.address(base);
            let body = runtime.block_on(person.get(&first));
            let next = list.next(&body);
            let [search, search_for_all] = list.searches(base);
            [
                ("first", first.clone()),
                ("next", next),
                ("last", list.last(base)),
                ("search", search),
                ("search all", search_for_all),
            ]
        };
        let (a, b) = if list.is_of_a_person {
            (pages(&mut few, ""), pages(&mut crowd, ""))
        } else {
            (pages(person, &short), pages(person, &long))
        };
        for ((name, one), (_, other)) in a.into_iter().zip(b).filter(|((_, one), _)| !one.is_empty()) {
            let (of_short, of_long) = if list.is_of_a_person { (&few, &crowd) } else { (&*person, &*person) };
            let mut times = [(of_short, one), (of_long, other)].map(|(person, path)| {
                let request = Arc::new(vec![person.request(&path).into_bytes()]);
                (request, Vec::new())
            });
            for _ in 0..ROUNDS {
                for (request, times) in &mut times {
                    times.push(load::run(person.address, request, 1, LIST_ROUND).expect("answers").p50);
                }
            }
            let [short, long] = times.map(|(_, mut times)| {
                times.sort();
                times[times.len() / 2]
            });
            let ratio = long.as_secs_f64() / short.as_secs_f64();
            println!("{:<26} {short:>12.2?} {long:>12.2?} {ratio:>8.2}", format!("{}, {name}", list.name));
        }
    }
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

/// People who sign up and make organizations and keys, all by the pages' forms.
mod prepare {
    use std::{collections::HashMap, net::SocketAddr};

    use reqwest::{Client, StatusCode, header, redirect::Policy};

    use super::PASSWORD;

    pub struct Person {
        pub address: SocketAddr,
        pub email: String,
        client: Client,
        cookie: String,
    }

    fn form_id(page: &str) -> String {
        between(page, "name=\"form_id\" value=\"", "\"").to_owned()
    }

    fn between<'a>(text: &'a str, before: &str, after: &str) -> &'a str {
        let rest = text.split_once(before).unwrap_or_else(|| panic!("{before} is not in {text}")).1;
        rest.split_once(after).expect("an end").0
    }

    impl Person {
        /// Somebody new, logged in.
        pub async fn sign_up(address: SocketAddr) -> Self {
            // No connection is kept: the server closes it while rows are prepared.
            let client = Client::builder().redirect(Policy::none()).pool_max_idle_per_host(0);
            let client = client.build().expect("a client");
            let email = format!("{}@lumen.example", uuid::Uuid::new_v4().simple());
            let mut person = Self { address, email: email.clone(), client, cookie: String::new() };
            let new = [("name", "Dana Whitfield"), ("email", email.as_str()), ("password", PASSWORD)];
            person.post("/signup", &new).await;
            let mailbox = person.get("/mailbox").await;
            let mail = between(&mailbox, "href=\"/mailbox/", "\"");
            let link = person.get(&format!("/mailbox/{mail}")).await;
            let token = between(&link, "/verify-email/", "\"");
            person.post(&format!("/verify-email/{token}"), &[("password", PASSWORD)]).await;
            person.post("/login", &[("email", email.as_str()), ("password", PASSWORD)]).await;
            person
        }

        /// The id of a new organization.
        pub async fn organization(&mut self, name: &str) -> String {
            let dialog = self.get("/orgs/new").await;
            let address = self.post("/orgs", &[("name", name), ("form_id", &form_id(&dialog))]).await;
            between(&address, "/orgs/", "/").to_owned()
        }

        /// The address of the API tab of a new organization with so many keys.
        pub async fn organization_with_keys(&mut self, name: &str, keys: usize) -> String {
            let tab = format!("/orgs/{}/api", self.organization(name).await);
            for number in 1..=keys {
                let dialog = self.get(&format!("{tab}/keys/new")).await;
                let name = format!("Service {number}");
                let fields = [("name", name.as_str()), ("duration", "90"), ("form_id", &form_id(&dialog))];
                self.post(&format!("{tab}/keys"), &fields).await;
            }
            tab
        }

        /// A request for a page, as it goes over the wire.
        pub fn request(&self, path: &str) -> String {
            format!("GET {path} HTTP/1.1\r\nHost: {}\r\nCookie: {}\r\n\r\n", self.address, self.cookie)
        }

        pub async fn get(&mut self, path: &str) -> String {
            let request = self.client.get(format!("http://{}{path}", self.address));
            let response = request.header(header::COOKIE, &self.cookie).send().await.expect("an answer");
            assert_eq!(response.status(), StatusCode::OK, "{path}");
            self.keep_cookies(&response);
            response.text().await.expect("a page")
        }

        /// Posts a form; the answer is where it leads to.
        async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> String {
            let request = self.client.post(format!("http://{}{path}", self.address));
            let request = request.header(header::COOKIE, &self.cookie).form(fields);
            let response = request.send().await.expect("an answer");
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

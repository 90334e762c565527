//! Real gateways in front of a small backend, and backends that check keys themselves, with the texts that
//! "Gateway setup" shows, and callers who want more than they may.

mod answer;
mod backends;
pub(crate) mod ground;
mod texts;
mod tls;

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use tokio::net::{TcpListener, TcpStream};

use answer::Answer;
use ground::{GATEWAYS, Ground, KEEPS_KEY, Key, PREFLIGHTS, WANTED_STATUS, settings};
use tessera::web::pages::gateway_setup::Program;

/// What a caller writes where only Tessera may.
const FORGED: &str = "forged-by-the-caller";

/// What tells the backend who calls.
const IDENTITY: [&str; 4] =
    ["x-tessera-organization", "x-tessera-key-id", "x-tessera-key-name", "x-tessera-scopes"];

/// Where a caller is that no key is for.
const ELSEWHERE: &str = "127.0.0.3";

#[tokio::test]
async fn every_gateway_lets_through_whom_tessera_lets_through() {
    let ground = Ground::new().await;
    let key = ground.key("Billing worker", settings("", "", None)).await;
    let bearer = format!("Bearer {}", key.secret);
    let basic = format!("Basic {}", BASE64.encode(format!("Billing worker:{}", key.secret)));
    let mut other = key.secret.clone();
    other.replace_range(other.len() - 1.., if other.ends_with('x') { "y" } else { "x" });
    for kind in &GATEWAYS {
        let gateway = ground.run(kind, &[]).await;
        for credential in
            [("Authorization", bearer.as_str()), ("X-API-Key", &key.secret), ("Authorization", &basic)]
        {
            for method in ["GET", "POST"] {
                let answer = gateway.ask(method, &[credential]).await;
                answer.must_reach_the_backend();
                assert_eq!(answer.passed_on("x-tessera-key-name"), ["Billing worker"], "{answer:?}");
            }
        }
        for credential in [("Accept", "*/*"), ("X-API-Key", &other), ("Authorization", "Bearer nonsense")] {
            let answer = gateway.ask("GET", &[credential]).await;
            answer.must_be_refused(401);
            assert_eq!(answer.header("www-authenticate").len(), 1, "{answer:?}");
            // By this number "Troubleshoot a request" finds it.
            let [id] = answer.header("x-request-id")[..] else { panic!("{answer:?}") };
            assert!(id.starts_with("req_"), "{answer:?}");
        }
    }
}

#[tokio::test]
async fn nothing_that_a_caller_wrote_passes_for_what_tessera_says() {
    let ground = Ground::new().await;
    let keys = [
        ground.key("With scopes", settings("invoices:read invoices:write", "", None)).await,
        ground.key("Without scopes", settings("", "", None)).await,
    ];
    for kind in &GATEWAYS {
        for options in [&[][..], &[PREFLIGHTS, KEEPS_KEY]] {
            let gateway = ground.run(kind, options).await;
            for names in forged_names() {
                let mut headers: Vec<(&str, &str)> =
                    names.iter().map(|name| (name.as_str(), FORGED)).collect();
                for key in &keys {
                    headers.push(("X-API-Key", &key.secret));
                    let answer = gateway.ask("GET", &headers).await;
                    answer.must_reach_the_backend();
                    check_identity(&answer, &ground.identity(key));
                    headers.pop();
                }
                let nobody = gateway.ask("OPTIONS", &headers).await;
                if options.is_empty() {
                    nobody.must_be_refused(401);
                } else {
                    nobody.must_reach_the_backend();
                    check_identity(&nobody, &[const { String::new() }; 4]);
                }
            }
        }
    }
}

/// A request names the headers that belong to its connection, which a gateway drops (RFC 9110, 7.6.1).
#[tokio::test]
async fn a_caller_cannot_have_the_headers_dropped() {
    let ground = Ground::new().await;
    let key = ground.key("Billing worker", settings("invoices:read", "127.0.0.2", None)).await;
    let names = IDENTITY.join(", ");
    for kind in &GATEWAYS {
        let gateway = ground.run(kind, &[]).await;
        for names in [names.clone(), names.to_uppercase()] {
            let headers = [("X-API-Key", key.secret.as_str()), ("Connection", &names)];
            let answer = gateway.ask_from("127.0.0.2", "GET", &headers).await;
            answer.must_reach_the_backend();
            check_identity(&answer, &ground.identity(&key));
        }
        let headers = [("X-API-Key", key.secret.as_str()), ("Connection", "x-forwarded-for")];
        // Envoy takes such a request for none.
        let status = if kind.program == Program::Envoy { 400 } else { 403 };
        gateway.ask_from(ELSEWHERE, "GET", &headers).await.must_be_stopped(status);
    }
}

#[tokio::test]
async fn a_key_for_one_address_opens_nothing_to_a_caller_from_another() {
    let ground = Ground::new().await;
    let key = ground.key("Billing worker", settings("", "127.0.0.2", None)).await;
    for kind in &GATEWAYS {
        let gateway = ground.run(kind, &[]).await;
        let credential = ("X-API-Key", key.secret.as_str());
        gateway.ask_from("127.0.0.2", "GET", &[credential]).await.must_reach_the_backend();
        gateway.ask_from(ELSEWHERE, "GET", &[credential]).await.must_be_refused(403);
        for forged in ["X-Forwarded-For", "x-forwarded-for", "X_Forwarded_For", "Forwarded", "X-Real-IP"] {
            let headers = [credential, (forged, "127.0.0.2"), ("Forwarded", "for=127.0.0.2")];
            gateway.ask_from(ELSEWHERE, "GET", &headers).await.must_be_refused(403);
        }
    }
}

#[tokio::test]
async fn a_caller_hears_what_its_limits_leave() {
    let ground = Ground::new().await;
    for kind in &GATEWAYS {
        let gateway = ground.run(kind, &[]).await;
        let key = ground.key(kind.program.title(), settings("", "", Some("1/hour"))).await;
        let credential = [("X-API-Key", key.secret.as_str())];
        gateway.ask("GET", &credential).await.must_reach_the_backend();
        let limited = gateway.ask("GET", &credential).await;
        limited.must_be_refused(429);
        assert_eq!(limited.header("retry-after"), ["3600"], "{limited:?}");
        assert_eq!(limited.header("ratelimit"), [r#""rate";r=0;t=3600"#], "{limited:?}");
        assert_eq!(limited.header("ratelimit-policy"), [r#""rate";q=1;w=3600"#], "{limited:?}");
    }
}

#[tokio::test]
async fn two_credentials_in_one_header_never_reach_the_backend() {
    let ground = Ground::new().await;
    let key = ground.key("Billing worker", settings("", "", None)).await;
    let (good, bearer) = (key.secret.as_str(), format!("Bearer {}", key.secret));
    for kind in &GATEWAYS {
        let gateway = ground.run(kind, &[]).await;
        for (name, first, second) in [
            ("X-API-Key", good, "other"),
            ("X-API-Key", "other", good),
            ("X-API-Key", good, good),
            ("X-API-Key", good, ""),
            ("Authorization", bearer.as_str(), "Bearer other"),
            ("Authorization", "Bearer other", bearer.as_str()),
        ] {
            // Envoy makes one of two, which is no key. nginx refuses them itself.
            let is_one = kind.program == Program::Envoy && name == "Authorization";
            let status = if is_one { 401 } else { 400 };
            gateway.ask("GET", &[(name, first), (name, second)]).await.must_be_stopped(status);
        }
    }
}

#[tokio::test]
async fn authorization_for_the_backend_goes_beside_a_key_unless_that_is_kept() {
    let ground = Ground::new().await;
    let key = ground.key("Billing worker", settings("", "", None)).await;
    let upstream = format!("Basic {}", BASE64.encode("upstream:password"));
    let headers = [("X-API-Key", key.secret.as_str()), ("Authorization", upstream.as_str())];
    for kind in &GATEWAYS {
        let answer = ground.run(kind, &[]).await.ask("GET", &headers).await;
        answer.must_reach_the_backend();
        assert_eq!(answer.passed_on("authorization"), [upstream.as_str()], "{:?}", kind.program);
        assert_eq!(answer.passed_on("x-api-key"), [key.secret.as_str()], "{:?}", kind.program);
        let answer = ground.run(kind, &[KEEPS_KEY]).await.ask("GET", &headers).await;
        answer.must_reach_the_backend();
        assert!(answer.passed_on("authorization").is_empty(), "{:?}: {answer:?}", kind.program);
        assert!(answer.passed_on("x-api-key").is_empty(), "{:?}: {answer:?}", kind.program);
    }
}

/// What a gateway returns for Tessera does not take the place of what the API itself returns.
#[tokio::test]
async fn the_rejections_and_errors_of_the_backend_reach_the_caller_as_they_are() {
    let ground = Ground::new().await;
    let key = ground.key("Billing worker", settings("", "", None)).await;
    for kind in &GATEWAYS {
        let gateway = ground.run(kind, &[]).await;
        for status in [401, 403, 429, 500, 503] {
            let wanted = status.to_string();
            let answer = gateway.ask("GET", &[("X-API-Key", &key.secret), (WANTED_STATUS, &wanted)]).await;
            assert_eq!((answer.status(), answer.is_from_backend()), (status, true), "{answer:?}");
        }
    }
}

#[tokio::test]
async fn without_tessera_nobody_gets_through() {
    let ground = Ground::new().await;
    let key = ground.key("Billing worker", settings("", "", None)).await;
    for kind in &GATEWAYS {
        let gateway = ground.run_without_tessera(kind).await;
        for headers in [&[("X-API-Key", key.secret.as_str())][..], &[]] {
            let status = if kind.program == Program::Caddy { 502 } else { 503 };
            gateway.ask("GET", headers).await.must_be_refused(status);
        }
    }
}

/// A connection for each request would cost more than the verification.
#[tokio::test]
async fn gateways_keep_their_connection_to_tessera() {
    let ground = Ground::new().await;
    let key = ground.key("Billing worker", settings("", "", None)).await;
    // HAProxy's client for scripts opens one for each request.
    for kind in GATEWAYS.iter().filter(|kind| kind.program != Program::HaProxy) {
        let (url, connections) = count_connections(ground.app.address()).await;
        let gateway = ground.run_at(kind, &url, &[]).await;
        for _ in 0..5 {
            gateway.ask("GET", &[("X-API-Key", &key.secret)]).await.must_reach_the_backend();
        }
        assert_eq!(connections.load(Ordering::Relaxed), 1, "{:?}", kind.program);
    }
}

/// A way to `target` on which connections are counted.
async fn count_connections(target: std::net::SocketAddr) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let count = Arc::new(AtomicUsize::new(0));
    let counted = count.clone();
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            counted.fetch_add(1, Ordering::Relaxed);
            tokio::spawn(async move {
                let mut server = TcpStream::connect(target).await.expect("a connection");
                let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
            });
        }
    });
    (url, count)
}

/// The spellings of each of the headers: all that backends may read alike, in several capitals.
fn forged_names() -> Vec<Vec<String>> {
    let mut lists = Vec::new();
    for name in IDENTITY {
        let mut spellings = vec![String::new()];
        for word in name.split('-') {
            let glued = |start: &String| match start.as_str() {
                "" => vec![word.to_owned()],
                start => ["-", "_", ".", "~"].map(|sign| format!("{start}{sign}{word}")).to_vec(),
            };
            spellings = spellings.iter().flat_map(glued).collect();
        }
        // The name itself comes twice.
        spellings.push(name.to_owned());
        lists.push(spellings.iter().map(|name| name.to_uppercase()).collect());
        lists.push(spellings.iter().map(|name| capitalized(name)).collect());
        lists.push(spellings);
    }
    lists
}

/// `X-Tessera_Key-Id`, as clients write it.
fn capitalized(name: &str) -> String {
    let mut starts_word = true;
    let letter = |letter: char| {
        let written = if starts_word { letter.to_ascii_uppercase() } else { letter };
        starts_word = !letter.is_alphanumeric();
        written
    };
    name.chars().map(letter).collect()
}

/// The backend got what Tessera says, an empty one as such or not at all, and nothing of the caller's.
#[track_caller]
fn check_identity(answer: &Answer, expected: &[String; 4]) {
    for (name, expected) in IDENTITY.iter().zip(expected) {
        let got = answer.passed_on(name);
        let is_right = got == [expected.as_str()] || (expected.is_empty() && got.is_empty());
        assert!(is_right, "{name} is {got:?} for {expected:?}: {answer:?}");
    }
    assert!(!answer.text().contains(FORGED), "{answer:?}");
}

impl Ground {
    /// What the backend must hear of a key.
    fn identity(&self, key: &Key) -> [String; 4] {
        [self.company.id.clone(), key.id.clone(), key.name.clone(), key.scopes.clone()]
    }
}

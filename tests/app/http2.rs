//! HTTP/2 over TLS of the server's own: what it must answer as HTTP/1.1 does, and what it must not let anybody do.

mod caller;

use std::{
    net::{SocketAddr, TcpListener},
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use h2::{Reason, client::Builder};
use hyper::body::Bytes;
use serde_json::{Value, json};
use tessera::domain::token_access::TokenAccess;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    task::JoinSet,
    time::{sleep, timeout},
};

use self::caller::{
    Answer, CONTINUATION, Caller, DATA, END_HEADERS, END_STREAM, Frames, GO_AWAY, HEADERS, PING, RESET,
    SETTINGS, ask, code, connect, frame, request, request_fields, whole, with_fields,
};
use crate::{
    command_line::{service::start_on, tls},
    support::{PASSWORD, TestApp, until},
    verification::{Ground, settings},
};

/// A server that is reached over TLS alone.
async fn server() -> TestApp {
    let app = TestApp::builder().flag("--tls-certificate", &tls::file("first.pem"));
    let app = app.flag("--tls-key", &tls::file("first.key"));
    app.flag("--public-url", "https://localhost:8443").spawn().await
}

/// That somebody else is served.
async fn must_be_served(address: SocketAddr) {
    Caller::connect(address).await.get("/livez").await.must_be(200);
}

#[tokio::test]
async fn a_client_chooses_the_form_of_http_and_who_chooses_none_speaks_the_first() {
    let app = server().await;
    for (forms, chosen) in [
        (&["h2", "http/1.1"][..], Some("h2")),
        (&["http/1.1", "h2"], Some("h2")),
        (&["http/1.1"], Some("http/1.1")),
        (&[], None),
    ] {
        let mut stream = connect(app.address(), forms).await;
        let agreed = stream.get_ref().1.alpn_protocol();
        assert_eq!(agreed, chosen.map(str::as_bytes), "{forms:?}");
        if chosen != Some("h2") {
            let request = b"GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
            stream.write_all(request).await.expect("it is taken");
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await.expect("an answer");
            assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
        }
    }
    must_be_served(app.address()).await;
}

#[tokio::test]
async fn a_person_logs_in_fills_in_a_form_and_reads_a_page() {
    let app = server().await;
    let lumen = app.lumen().await;
    let mut browser = Caller::connect(app.address()).await;
    let page = browser.get("/login").await.must_be(200);
    assert!(page.text().contains("</html>"), "{}", page.text());
    for name in ["content-security-policy", "strict-transport-security", "x-request-id", "date"] {
        assert!(!page.header(name).is_empty(), "{name}: {:?}", page.headers);
    }
    let fields = [("email", lumen.owner.email.as_str()), ("password", PASSWORD)];
    let answer = browser.post("/login", &fields).await.must_be(303);
    let cookies: Vec<_> = answer.headers.get_all("set-cookie").iter().collect();
    let are_secure = cookies.iter().all(|cookie| cookie.to_str().is_ok_and(|text| text.contains("Secure")));
    assert!(!cookies.is_empty() && are_secure, "{cookies:?}");
    // The session is not the first of the cookies, and each has a field of its own.
    browser.cookies.insert("a".to_owned(), "1".to_owned());
    browser.cookies.insert("z".to_owned(), "2".to_owned());
    let page = browser.get(&lumen.url("api")).await.must_be(200);
    assert!(page.text().contains("New API Key"), "{}", page.text());
    browser.post("/account/name", &[("name", " ")]).await.must_be(422);
    browser.post("/account/name", &[("name", "Dana Heron")]).await.must_be(303);
    assert!(browser.get("/account").await.must_be(200).text().contains("Dana Heron"));

    let form = "name=Mallory";
    // Beside the own site; one that is foreign is enough.
    let foreign = request("POST", "/account/name").header("sec-fetch-site", "cross-site");
    let foreign = foreign.header("content-type", "application/x-www-form-urlencoded");
    browser.ask(foreign, form).await.must_be(403);
    let mut stranger = Caller::connect(app.address()).await;
    stranger.get(&lumen.url("api")).await.must_be(303);
}

#[tokio::test]
async fn gateways_and_backends_verify_keys_one_after_the_other_on_one_connection() {
    let ground = Ground::on(server().await, settings("read", "", None, None)).await;
    let mut gateway = Caller::connect(ground.app.address()).await;
    let bearer = |method, path, credential: &str| {
        request(method, path).header("authorization", format!("Bearer {credential}"))
    };
    for _ in 0..20 {
        let answer = gateway.ask(bearer("GET", "/auth?scope=read", &ground.secret), "").await.must_be(204);
        assert_eq!(answer.header("x-tessera-scopes"), "read");
    }
    let number = ground.app.state.connections.number();
    assert_eq!(number, 2, "the connection, and its one line that is used again");
    gateway.get("/auth").await.must_be(401);
    let head = bearer("POST", "/api/v2/keys/verify", ground.token());
    let head = head.header("content-type", "application/json");
    let answer = gateway.ask(head, &json!({ "key": ground.secret }).to_string()).await.must_be(200);
    let verified: Value = serde_json::from_str(&answer.text()).expect("JSON");
    assert_eq!(verified["code"], "valid", "{verified}");
}

#[tokio::test]
async fn a_key_that_is_bound_to_networks_knows_where_a_client_is() {
    for (networks, status) in [("127.0.0.0/8", 204), ("10.0.0.0/8", 403)] {
        let ground = Ground::on(server().await, settings("", networks, None, None)).await;
        let mut gateway = Caller::connect(ground.app.address()).await;
        let head = request("GET", "/auth").header("authorization", format!("Bearer {}", ground.secret));
        // Nobody said that whoever sends this is a proxy.
        gateway.ask(head.header("x-forwarded-for", "10.1.1.1"), "").await.must_be(status);
    }
}

#[tokio::test]
async fn an_answer_without_a_body_has_none_and_says_what_it_would_have() {
    let app = server().await;
    let machine = app.machine(&app.lumen().await, TokenAccess::Read).await;
    let mut client = Caller::connect(app.address()).await;
    let (path, credential) = (machine.url(""), format!("Bearer {}", machine.credential));
    let organization = |method| request(method, &path).header("authorization", &credential);
    let whole = client.ask(organization("GET"), "").await.must_be(200);
    let head = client.ask(organization("HEAD"), "").await.must_be(200);
    assert_eq!((head.body.len(), head.header("content-length")), (0, &*whole.body.len().to_string()));
    let known = organization("GET").header("if-none-match", whole.header("etag"));
    let same = client.ask(known, "").await.must_be(304);
    assert_eq!(same.body.len(), 0);
    for name in ["connection", "keep-alive", "transfer-encoding", "upgrade"] {
        assert!(!whole.headers.contains_key(name) && !same.headers.contains_key(name), "{name}");
    }
    let expecting = request("POST", "/login").header("expect", "100-continue");
    let expecting = expecting.header("content-type", "application/x-www-form-urlencoded");
    client.ask(expecting.header("te", "trailers"), "email=&password=").await.must_be(422);
    client.get("/livez").await.must_be(200);
}

#[tokio::test]
async fn two_hundred_requests_at_once_are_all_answered_and_no_more_at_a_time_than_a_hundred() {
    let app = server().await;
    let mut client = Caller::connect(app.address()).await;
    client.get("/livez").await.must_be(200);
    assert_eq!(client.requests.current_max_send_streams(), 100);
    let mut asking = JoinSet::new();
    for number in 0..200 {
        let (requests, path) = (client.requests.clone(), ["/login", "/docs", "/auth", "/livez"][number % 4]);
        asking.spawn(async move { (path, ask(requests, request("GET", path), "").await) });
    }
    let mut most = 0;
    while let Some(answered) = asking.join_next().await {
        let (path, answer) = answered.expect("an answer");
        let status = answer.expect("an answer").status;
        assert_eq!(status, if path == "/auth" { 401 } else { 200 }, "{path}");
        most = most.max(app.state.connections.number());
    }
    assert!((2..=129).contains(&most), "{most} places");
    until(async || app.state.connections.number() <= 5).await;

    // Whoever opens more is refused, and may come again.
    let mut frames = Frames::connect(app.address()).await;
    frames.next(&[SETTINGS]).await.expect("the settings");
    let waiting = request_fields("POST", "/login", &[("content-length", b"5")]);
    for number in 0..101 {
        frames.send(&frame(HEADERS, END_HEADERS, 1 + 2 * number, &waiting)).await;
    }
    let mut refused = 0;
    while refused == 0 {
        let reset = frames.next(&[RESET]).await.expect("a reset");
        refused += u32::from(code(&reset.payload) == u32::from(Reason::REFUSED_STREAM));
    }
}

#[tokio::test]
async fn requests_of_one_origin_take_no_more_places_than_its_connections_may() {
    let ground = Ground::on(server().await, settings("", "", None, None)).await;
    let app = &ground.app;
    let mut callers = Vec::new();
    for _ in 0..7 {
        let mut caller = Caller::connect(app.address()).await;
        caller.get("/livez").await.must_be(200);
        callers.push(caller);
    }
    let mut waiting = Vec::new();
    for caller in &callers {
        for _ in 0..100 {
            let head = request("POST", "/api/v2/keys/verify").header("content-length", "9000");
            let head = head.header("content-type", "application/json");
            let head = head.header("authorization", format!("Bearer {}", ground.token()));
            // One that waits may be closed for others.
            let Ok(mut ready) = caller.requests.clone().ready().await else { break };
            let Ok(sent) = ready.send_request(head.body(()).expect("a request"), false) else { break };
            waiting.push(sent);
        }
    }
    sleep(Duration::from_secs(1)).await;
    let number = app.state.connections.number();
    assert!((300..=512).contains(&number), "{number} of {}", waiting.len());
    let mut person = Caller::connect(app.address()).await;
    let fields = [("email", ground.lumen.owner.email.as_str()), ("password", PASSWORD)];
    person.post("/login", &fields).await.must_be(303);
}

#[tokio::test]
async fn a_head_that_is_too_large_is_refused_and_one_without_an_end_ends_the_connection() {
    let app = server().await;
    let mut client = Caller::connect(app.address()).await;
    client.ask(with_fields(request("GET", "/livez"), 20, 1000), "").await.must_be(200);
    // As many fields as HTTP/1.1 does not take either, with the headers of every answer.
    let many = client.ask(with_fields(request("GET", "/livez"), 120, 5), "").await;
    assert!(
        (400..500).contains(&many.status) && !many.header("content-security-policy").is_empty(),
        "{many:?}"
    );
    client.ask(with_fields(request("GET", "/livez"), 40, 1000), "").await.must_be(431);
    client.get("/livez").await.must_be(200);

    let mut frames = Frames::connect(app.address()).await;
    frames.send(&frame(HEADERS, END_STREAM, 1, &request_fields("GET", "/livez", &[]))).await;
    let piece = frame(CONTINUATION, 0, 1, &caller::fields(&[("x-flood", &[b'v'; 100])]));
    for _ in 0..40 {
        frames.send(&piece.repeat(100)).await;
    }
    assert!(matches!(frames.farewell().await, None | Some(11)), "it is told to be calm, or cut off");
    must_be_served(app.address()).await;
}

#[tokio::test]
async fn requests_that_are_taken_back_by_the_thousand_end_the_connection_alone() {
    let app = server().await;
    let mut other = Caller::connect(app.address()).await;
    other.get("/livez").await.must_be(200);
    let mut frames = Frames::connect(app.address()).await;
    let head = request_fields("GET", "/livez", &[]);
    let cancel = u32::from(Reason::CANCEL).to_be_bytes();
    let flood: Vec<u8> = (0..5000)
        .flat_map(|number| {
            let stream = 1 + 2 * number;
            [frame(HEADERS, END_HEADERS | END_STREAM, stream, &head), frame(RESET, 0, stream, &cancel)]
                .concat()
        })
        .collect();
    frames.send(&flood).await;
    assert!(matches!(frames.farewell().await, None | Some(11)), "it is told to be calm, or cut off");
    other.get("/livez").await.must_be(200);
    must_be_served(app.address()).await;
    until(async || app.state.connections.number() <= 3).await;
}

#[tokio::test]
async fn pings_and_settings_without_an_end_cost_nobody_else_anything() {
    let app = server().await;
    let mut frames = Frames::connect(app.address()).await;
    let flood = [frame(PING, 0, 0, &[7; 8]), frame(SETTINGS, 0, 0, b"")].concat().repeat(2000);
    for _ in 0..5 {
        frames.send(&flood).await;
        must_be_served(app.address()).await;
        frames.next(&[PING]).await.expect("each is answered");
    }
}

#[tokio::test]
async fn a_request_that_is_taken_back_gives_its_place_back() {
    let app = server().await;
    let client = Caller::connect(app.address()).await;
    let mut waiting = Vec::new();
    for _ in 0..30 {
        let head = request("POST", "/login").header("content-length", "100");
        let head = head.header("content-type", "application/x-www-form-urlencoded");
        let mut ready = client.requests.clone().ready().await.expect("a connection");
        waiting.push(ready.send_request(head.body(()).expect("a request"), false).expect("it is sent"));
    }
    until(async || app.state.connections.number() >= 31).await;
    drop(waiting);
    until(async || app.state.connections.number() <= 5).await;
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused_and_the_refusal_arrives() {
    let app = server().await;
    let mut client = Caller::connect(app.address()).await;
    let form = || request("POST", "/login").header("content-type", "application/x-www-form-urlencoded");
    for length in [17_000, 200_000, 3_000_000] {
        let body = format!("email={}", "x".repeat(length));
        let answer = client.ask(form(), &body).await.must_be(413);
        assert!(answer.text().contains("</html>"), "{}", answer.text());
        let declared = form().header("content-length", body.len().to_string());
        client.ask(declared, &body).await.must_be(413);
    }
    // Nobody reads this one at all.
    client.ask(request("POST", "/livez"), &"x".repeat(300_000)).await;
    client.get("/livez").await.must_be(200);
}

#[tokio::test]
async fn a_slow_body_is_given_up_while_others_go_on_beside_it() {
    let app = server().await;
    let mut client = Caller::connect(app.address()).await;
    let head = request("POST", "/login").header("content-type", "application/x-www-form-urlencoded");
    let head = head.header("content-length", "9000").body(()).expect("a request");
    let mut ready = client.requests.clone().ready().await.expect("a connection");
    let (answer, mut sending) = ready.send_request(head, false).expect("it is sent");
    let dripping = tokio::spawn(async move {
        while sending.send_data(Bytes::from_static(b"x"), false).is_ok() {
            sleep(Duration::from_millis(200)).await;
        }
    });
    let slow = tokio::spawn(whole(answer));
    while !slow.is_finished() {
        client.get("/livez").await.must_be(200);
        sleep(Duration::from_millis(300)).await;
    }
    let answer = slow.await.expect("an answer").expect("an answer").must_be(408);
    assert!(!answer.header("content-security-policy").is_empty(), "{answer:?}");
    timeout(Duration::from_secs(10), dripping).await.expect("nothing more is taken").expect("an end");
    client.get("/livez").await.must_be(200);
}

/// How the server answers one request in frames: with a status, or by a reset with this code.
async fn outcome(address: SocketAddr, sent: &[u8]) -> (u8, u32) {
    let mut frames = Frames::connect(address).await;
    frames.send(sent).await;
    match frames.next(&[HEADERS, RESET, GO_AWAY]).await {
        Some(received) if received.kind == RESET => (RESET, code(&received.payload)),
        Some(received) if received.kind == GO_AWAY => (GO_AWAY, code(&received.payload[4..])),
        Some(received) => (received.kind, received.stream),
        None => (0, 0),
    }
}

#[tokio::test]
async fn what_could_be_read_as_another_request_is_refused() {
    let app = server().await;
    let address = app.address();
    let bad = u32::from(Reason::PROTOCOL_ERROR);
    let head = |method, others: &[(&str, &[u8])], flags| {
        frame(HEADERS, END_HEADERS | flags, 1, &request_fields(method, "/livez", others))
    };
    assert_eq!(outcome(address, &head("GET", &[("x-fine", b"yes")], END_STREAM)).await, (HEADERS, 1));
    let others: [(&str, &[u8]); 12] = [
        ("x-bad", b"a\r\nx-forged: 1"),
        ("x-bad", b"a\n"),
        ("x-bad", b"a\0"),
        ("X-Upper", b"a"),
        ("x bad", b"a"),
        ("x-bad\r\nx-forged", b"a"),
        ("connection", b"close"),
        ("transfer-encoding", b"chunked"),
        ("te", b"gzip"),
        ("host", b"evil.example.com"),
        (":path", b"/login"),
        ("content-length", b"5"),
    ];
    for other in others {
        let (kind, reason) = outcome(address, &head("GET", &[other], END_STREAM)).await;
        assert!(kind != HEADERS && reason == bad, "{other:?}: {kind} {reason}");
    }
    for (length, body) in [("5", "abc"), ("3", "abcde"), ("3", ""), ("3, 3", "abc"), ("-1", "abc")] {
        let head = head("POST", &[("content-length", length.as_bytes())], 0);
        let sent = [head, frame(DATA, END_STREAM, 1, body.as_bytes())].concat();
        let (kind, reason) = outcome(address, &sent).await;
        assert!(kind != HEADERS && reason == bad, "{length} {body}: {kind} {reason}");
    }
    let twice = head("POST", &[("content-length", b"3"), ("content-length", b"4")], 0);
    let (kind, _) = outcome(address, &[twice, frame(DATA, END_STREAM, 1, b"abc")].concat()).await;
    assert_ne!(kind, HEADERS);

    for path in ["http://evil.example.com/", "livez", "*", "/a b", "/a\r\nx: y"] {
        let pseudo: [(&str, &[u8]); 4] = [
            (":method", b"GET"),
            (":scheme", b"https"),
            (":authority", b"localhost"),
            (":path", path.as_bytes()),
        ];
        let head = frame(HEADERS, END_HEADERS | END_STREAM, 1, &caller::fields(&pseudo));
        assert_ne!(outcome(address, &head).await.0, HEADERS, "{path:?}");
    }
    let tunnel: [(&str, &[u8]); 2] = [(":method", b"CONNECT"), (":authority", b"localhost:443")];
    let tunnel = frame(HEADERS, END_HEADERS, 1, &caller::fields(&tunnel));
    assert_eq!(outcome(address, &tunnel).await, (RESET, Reason::CONNECT_ERROR.into()));
    let socket = request_fields("CONNECT", "/livez", &[(":protocol", b"websocket")]);
    assert_ne!(outcome(address, &frame(HEADERS, END_HEADERS, 1, &socket)).await.0, HEADERS);
    must_be_served(address).await;
}

#[tokio::test]
async fn who_takes_nothing_of_an_answer_does_not_hold_it_for_long() {
    let app = server().await;
    let mut settings = Builder::new();
    settings.initial_window_size(1000);
    let client = Caller::with(app.address(), &settings).await;
    let mut held = Vec::new();
    for _ in 0..20 {
        let mut ready = client.requests.clone().ready().await.expect("a connection");
        let head = request("GET", "/api/v2/openapi.json").body(()).expect("a request");
        let (answer, _) = ready.send_request(head, true).expect("it is sent");
        held.push(answer.await.expect("a head").into_body());
    }
    assert!(app.state.connections.number() > 20);
    must_be_served(app.address()).await;
    for body in &mut held {
        let mut end = None;
        while end.is_none() {
            // Nothing of what arrives is given back as a window.
            let next = timeout(Duration::from_secs(60), body.data()).await.expect("an end");
            end = next.expect("a reset").err();
        }
        assert_eq!(end.and_then(|error| error.reason()), Some(Reason::CANCEL));
    }
    until(async || app.state.connections.number() <= 5).await;
}

#[tokio::test]
async fn a_large_answer_arrives_whole_through_a_small_window() {
    let app = server().await;
    let description = Caller::connect(app.address()).await.get("/api/v2/openapi.json").await.must_be(200);
    assert!(description.body.len() > 150_000, "{}", description.body.len());
    let mut settings = Builder::new();
    settings.initial_window_size(777);
    let client = Caller::with(app.address(), &settings).await;
    let mut asking = JoinSet::new();
    for _ in 0..5 {
        asking.spawn(ask(client.requests.clone(), request("GET", "/api/v2/openapi.json"), ""));
    }
    while let Some(answer) = asking.join_next().await {
        let answer: Answer = answer.expect("an answer").expect("an answer");
        assert!(answer.body == description.body, "{} bytes", answer.body.len());
    }
}

#[tokio::test]
async fn a_connection_on_which_nobody_asks_for_anything_ends() {
    let app = server().await;
    let mut frames = Frames::connect(app.address()).await;
    // Not even who has a lot to say.
    let farewell = async {
        loop {
            frames.send(&frame(PING, 0, 0, &[7; 8])).await;
            match timeout(Duration::from_secs(1), frames.next(&[GO_AWAY])).await {
                Ok(received) => break received,
                Err(_) => continue,
            }
        }
    };
    let received = timeout(Duration::from_secs(25), farewell).await.expect("a farewell").expect("a farewell");
    assert_eq!(code(&received.payload[4..]), u32::from(Reason::NO_ERROR));
    let end = timeout(Duration::from_secs(25), frames.farewell()).await;
    end.expect("the connection is over");
    until(async || app.state.connections.number() == 0).await;
}

#[tokio::test]
async fn a_stop_answers_what_is_under_way_and_takes_no_more() {
    let (mut instance, ..) = tls::start();
    let address: SocketAddr = instance.address.parse().expect("an address");
    let mut client = Caller::connect(address).await;
    client.get("/livez").await.must_be(200);
    let mut under_way = Vec::new();
    // No more than may fail to log in.
    for _ in 0..9 {
        let head = request("POST", "/login").header("content-type", "application/x-www-form-urlencoded");
        let head = head.header("content-length", "16").body(()).expect("a request");
        let mut ready = client.requests.clone().ready().await.expect("a connection");
        let (answer, mut sending) = ready.send_request(head, false).expect("it is sent");
        sending.send_data(Bytes::from_static(b"email=&p"), false).expect("it is sent");
        under_way.push((answer, sending));
    }
    client.get("/livez").await.must_be(200);
    instance.send("TERM");
    let told = async {
        while ask(client.requests.clone(), request("GET", "/livez"), "").await.is_ok() {
            sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(Duration::from_secs(8), told).await.expect("no more requests are taken");
    for (answer, mut sending) in under_way {
        sending.send_data(Bytes::from_static(b"assword="), true).expect("it is sent");
        whole(answer).await.expect("an answer").must_be(422);
    }
    assert_eq!(instance.wait(), Some(0));
    timeout(Duration::from_secs(5), client.ending).await.expect("an end").expect("an end").expect("in peace");
}

/// What is under way when a server stops is answered by it, and what comes later by the next one.
#[tokio::test]
async fn no_request_is_lost_while_one_server_follows_another_on_an_inherited_socket() {
    let folder = tempfile::tempdir().expect("a folder");
    let socket = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = socket.local_addr().expect("its address");
    let [certificate, key] = ["first.pem", "first.key"].map(tls::file);
    let variables = [("TESSERA_TLS_CERTIFICATE", certificate.as_str()), ("TESSERA_TLS_KEY", &key)];
    let start = || start_on(&[&socket], folder.path(), &variables);
    let mut server = start();
    must_be_served(address).await;

    let is_over = Arc::new(AtomicBool::new(false));
    let asking: Vec<_> = (0..3).map(|_| tokio::spawn(ask_on_and_on(address, is_over.clone()))).collect();
    for _ in 0..3 {
        // One that has just begun would not heed the signal yet.
        must_be_served(address).await;
        sleep(Duration::from_millis(400)).await;
        let stopped = Command::new("kill").arg(server.id().to_string()).status().expect("kill");
        assert!(stopped.success());
        let ended = tokio::task::spawn_blocking(move || server.wait()).await.expect("an end");
        assert!(ended.expect("an end").success());
        server = start();
    }
    must_be_served(address).await;
    is_over.store(true, Ordering::Relaxed);
    for task in asking {
        let (answers, connections) = task.await.expect("the answers");
        let failed: Vec<_> = answers.iter().filter(|answer| !matches!(answer, Ok(200))).collect();
        assert!(answers.len() > 30 && failed.is_empty(), "{} of {}: {failed:?}", failed.len(), answers.len());
        assert!(connections >= 4, "one with each server: {connections}");
    }
    server.kill().expect("an end");
    server.wait().expect("an end");
}

/// What requests get that were sent, and over how many connections. One that the server wants no more of is left.
async fn ask_on_and_on(address: SocketAddr, is_over: Arc<AtomicBool>) -> (Vec<Result<u16, String>>, usize) {
    let (mut answers, mut connections) = (Vec::new(), 0);
    while !is_over.load(Ordering::Relaxed) {
        let caller = Caller::connect(address).await;
        connections += 1;
        while !is_over.load(Ordering::Relaxed) {
            let Ok(mut ready) = caller.requests.clone().ready().await else { break };
            let head = request("GET", "/livez").body(()).expect("a request");
            let Ok((answer, _)) = ready.send_request(head, true) else { break };
            let answer = timeout(Duration::from_secs(60), whole(answer)).await.expect("an answer in time");
            answers.push(answer.map(|answer| answer.status).map_err(|error| error.to_string()));
        }
    }
    (answers, connections)
}

#[tokio::test]
async fn frames_that_break_the_rules_leave_nothing_in_the_log() {
    let (mut instance, ..) = tls::start();
    let address: SocketAddr = instance.address.parse().expect("an address");
    let flood = |one: Vec<u8>| one.repeat(500);
    let (head, cancel) = (request_fields("GET", "/livez", &[]), u32::from(Reason::CANCEL).to_be_bytes());
    let bad = request_fields("GET", "/livez", &[("connection", b"close")]);
    let resets: Vec<u8> = (0..500)
        .flat_map(|number| {
            let stream = 1 + 2 * number;
            [frame(HEADERS, END_HEADERS | END_STREAM, stream, &head), frame(RESET, 0, stream, &cancel)]
                .concat()
        })
        .collect();
    let faults: Vec<u8> =
        (0..500).flat_map(|number| frame(HEADERS, END_HEADERS | END_STREAM, 1 + 2 * number, &bad)).collect();
    // An answer to a ping that nobody sent.
    for sent in [flood(frame(PING, 1, 0, &[7; 8])), resets, faults, flood(frame(DATA, 0, 9, b"x"))] {
        let mut frames = Frames::connect(address).await;
        frames.send(&sent).await;
        let _ = timeout(Duration::from_secs(1), frames.farewell()).await;
    }
    must_be_served(address).await;
    assert_eq!(instance.stop(), Some(0));
    let log = instance.log();
    assert!(log.contains("listening on") && !log.contains("ERROR"), "{log}");
    let warnings: Vec<&str> = log.lines().filter(|line| line.contains("WARN")).collect();
    assert!(!warnings.iter().any(|line| line.contains("h2::")), "{warnings:?}");
}

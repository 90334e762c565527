//! Where messages do not go.

use std::{
    net::IpAddr,
    sync::{Arc, Mutex},
};

use tessera::{
    domain::{
        secret::Secret,
        webhooks::{AllowedNetworks, Attempt, AttemptOutcome, Outgoing},
    },
    webhooks::sender::{LookUp, Sender},
};

use super::loopback;
use crate::{hooks::HookReceiver, support::START};

/// What a name means, changed while a test goes on.
#[derive(Clone, Default)]
struct Names(Arc<Mutex<Vec<IpAddr>>>);

impl Names {
    fn mean(&self, addresses: &[&str]) {
        let addresses = addresses.iter().map(|address| address.parse().expect("an address")).collect();
        *self.0.lock().expect("the names") = addresses;
    }

    fn look_up(&self) -> LookUp {
        let names = self.clone();
        Arc::new(move |_| {
            let addresses = names.0.lock().expect("the names").clone();
            Box::pin(async move { Ok(addresses) })
        })
    }
}

fn message(url: &str) -> Outgoing {
    Outgoing {
        id: "msg_1".into(),
        webhook_id: "webhook".into(),
        url: url.into(),
        payload: "{}".into(),
        secrets: vec![Secret::generate_signing().expect("a secret")],
    }
}

#[track_caller]
fn assert_inside(attempt: &Attempt) {
    let inside = AttemptOutcome::Failed("The URL points to a private network.".into());
    assert_eq!((&attempt.outcome, attempt.status), (&inside, None));
}

#[tokio::test]
async fn no_address_of_the_operators_own_is_reached_unless_it_is_allowed() {
    let receiver = HookReceiver::start().await;
    let port = receiver.port();
    let strict = Sender::new(AllowedNetworks::default()).expect("a sender");
    for host in
        ["127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "localhost", "2130706433", "10.0.0.1", "[fd00::1]"]
    {
        assert_inside(&strict.send(&message(&format!("https://{host}:{port}/")), START).await);
    }
    let plain = strict.send(&message(&receiver.url()), START).await;
    assert_inside(&plain);
    assert_eq!(receiver.received().len(), 0);
    let open = Sender::new(loopback()).expect("a sender");
    assert_eq!(open.send(&message(&receiver.url()), START).await.outcome, AttemptOutcome::Delivered);
    let named = format!("http://localhost:{port}/");
    assert_eq!(open.send(&message(&named), START).await.outcome, AttemptOutcome::Delivered);
    assert_inside(&open.send(&message(&format!("https://10.0.0.1:{port}/")), START).await);
}

#[tokio::test]
async fn a_name_is_judged_by_what_it_means_at_each_delivery() {
    let receiver = HookReceiver::start().await;
    let names = Names::default();
    let sender = Sender::with_look_up(loopback(), names.look_up()).expect("a sender");
    let hook = message(&format!("http://hooks.example.com:{}/", receiver.port()));
    names.mean(&["127.0.0.1"]);
    assert_eq!(sender.send(&hook, START).await.outcome, AttemptOutcome::Delivered);
    for rebound in
        [&["10.0.0.1"][..], &["169.254.169.254", "::1"], &["::ffff:192.168.0.1"], &["64:ff9b::a00:1"]]
    {
        names.mean(rebound);
        assert_inside(&sender.send(&hook, START).await);
    }
    // Of several addresses, only those that may be reached are tried.
    names.mean(&["10.0.0.1", "127.0.0.1"]);
    assert_eq!(sender.send(&hook, START).await.outcome, AttemptOutcome::Delivered);
    assert_eq!(receiver.received().len(), 2);
}

#[tokio::test]
async fn a_name_that_means_loopback_opens_no_connection_to_it() {
    let receiver = HookReceiver::start().await;
    let names = Names::default();
    names.mean(&["127.0.0.1", "::1"]);
    let sender = Sender::with_look_up(AllowedNetworks::default(), names.look_up()).expect("a sender");
    let attempt =
        sender.send(&message(&format!("https://rebound.example.com:{}/", receiver.port())), START).await;
    assert_inside(&attempt);
    assert_eq!(receiver.received().len(), 0);
}

#[tokio::test]
async fn without_tls_only_what_is_allowed_is_reached() {
    let names = Names::default();
    names.mean(&["1.1.1.1"]);
    let sender = Sender::with_look_up(loopback(), names.look_up()).expect("a sender");
    assert_inside(&sender.send(&message("http://hooks.example.com/"), START).await);
}

#[tokio::test]
async fn a_receiver_that_cannot_be_reached_is_told_without_its_address() {
    let receiver = HookReceiver::start().await;
    let url = format!("https://127.0.0.1:{}/?token=s3cret", receiver.port());
    // It speaks no TLS.
    let attempt = Sender::new(loopback()).expect("a sender").send(&message(&url), START).await;
    let AttemptOutcome::Failed(reason) = attempt.outcome else { panic!("{attempt:?}") };
    assert!(reason.starts_with("No connection: ") && !reason.contains("s3cret"), "{reason}");
}

//! Who may sign up, as the start, `tessera check` and `tessera users` have it.

use std::net::TcpListener;

use super::{
    instance::{Instance, run},
    service::start_on,
};
use crate::support::Client;

const PASSWORD: &str = "a violet umbrella in the rain";

#[tokio::test]
async fn the_start_says_who_can_sign_up_and_why() {
    for (variables, said) in [
        (&[][..], "sign-up: open (the default on a loopback listener)"),
        (&[("TESSERA_SIGN_UP", "")], "sign-up: open (the default on a loopback listener)"),
        (
            &[("TESSERA_LISTEN", "0.0.0.0:0")],
            "sign-up: invited (the default where others can reach the listener)",
        ),
        (&[("TESSERA_SIGN_UP", "closed")], "sign-up: closed (set by TESSERA_SIGN_UP in the environment)"),
        (
            &[("TESSERA_SIGN_UP", "Lumen.example")],
            "sign-up: lumen.example (set by TESSERA_SIGN_UP in the environment)",
        ),
    ] {
        let mut instance = Instance::prepare();
        instance.start_with(variables);
        instance.wait_for_log(said).await;
        assert!(!instance.log().contains("can sign up;"), "{}", instance.log());
    }
}

/// A proxy on the same machine makes a loopback listener one that strangers reach.
#[test]
fn a_sign_up_that_is_open_to_strangers_by_default_is_pointed_out() {
    let folder = tempfile::tempdir().expect("a folder");
    let url = ("TESSERA_PUBLIC_URL", "https://keys.invalid");
    let line = |variables: &[(&str, &str)]| {
        let output = run(folder.path(), &["check"], variables);
        let line = output.stdout.lines().find(|line| line.contains("Sign-up:"));
        line.expect("a line about it").split_whitespace().collect::<Vec<_>>().join(" ")
    };
    assert_eq!(
        line(&[url]),
        "look Sign-up: open (the default on a loopback listener) to everyone who opens https://keys.invalid; \
         set TESSERA_SIGN_UP"
    );
    assert_eq!(
        line(&[url, ("TESSERA_SIGN_UP", "open")]),
        "ok Sign-up: open (set by TESSERA_SIGN_UP in the environment)"
    );
    assert_eq!(line(&[]), "ok Sign-up: open (the default on a loopback listener)");
}

/// The setting says loopback, and the socket that is inherited is not.
#[tokio::test]
async fn an_inherited_socket_counts_by_its_own_address() {
    for (address, has_form) in [("127.0.0.1:0", true), ("0.0.0.0:0", false)] {
        let folder = tempfile::tempdir().expect("a folder");
        let socket = TcpListener::bind(address).expect("a port");
        let port = socket.local_addr().expect("its address").port();
        let mut server = start_on(&[&socket], folder.path(), &[]);
        let client = Client::new(&format!("http://127.0.0.1:{port}"));
        let page = client.get("/signup").await.must_be(200).html();
        server.kill().expect("an end");
        server.wait().expect("an end");
        assert_eq!(page.has_button("Sign up"), has_form, "{address}");
    }
}

#[tokio::test]
async fn the_operator_makes_accounts_in_each_mode() {
    for mode in ["invited", "closed", "fern.example"] {
        let mut instance = Instance::prepare();
        instance.start_with(&[("TESSERA_SIGN_UP", mode)]);
        let base = instance.url();
        let made = run(
            instance.folder(),
            &["users", "create", "dana@lumen.example", "--name", "Dana Whitfield"],
            &[("TESSERA_DATABASE_URL", "tessera.db"), ("TESSERA_PUBLIC_URL", base.as_str())],
        );
        let link = made.stdout.trim_end().strip_prefix(base.as_str()).expect("a link").to_owned();
        let dana = Client::new(&base);
        dana.post(&link, &[("password", PASSWORD)]).await.must_be(303);
        dana.post("/login", &[("email", "dana@lumen.example"), ("password", PASSWORD)]).await.must_be(303);
        dana.get("/orgs").await.must_be(200);
    }
}

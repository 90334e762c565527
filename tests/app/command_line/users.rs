//! `tessera users`: accounts and links by the hand of the operator.

use super::instance::{Instance, run};
use crate::support::Client;

const PASSWORD: &str = "a violet umbrella in the rain";

#[tokio::test]
async fn the_operator_makes_an_account_and_links_while_the_server_runs() {
    let instance = Instance::start();
    let folder = instance.folder().to_owned();
    let base = instance.url();
    let environment = [("TESSERA_DATABASE_URL", "tessera.db"), ("TESSERA_PUBLIC_URL", base.as_str())];
    let users = |arguments: &[&str]| run(&folder, &[&["users"], arguments].concat(), &environment);

    let made = users(&["create", "dana@lumen.example", "--name", "Dana Whitfield"]);
    assert_eq!(made.status, Some(0), "{made:?}");
    assert!(made.stderr.contains("For dana@lumen.example, works once until"), "{made:?}");
    let link = made.stdout.trim_end().strip_prefix(base.as_str()).expect("the public URL").to_owned();

    let dana = Client::new(&base);
    let page = dana.get(&link).await.must_be(200).html();
    dana.post(&page.action("Save"), &[("password", PASSWORD)]).await.must_be(303);
    dana.post("/login", &[("email", "dana@lumen.example"), ("password", PASSWORD)]).await.must_be(303);
    dana.get("/orgs").await.must_be(200);
    dana.get(&link).await.must_be(404);

    let again = users(&["link", "Dana@Lumen.Example"]);
    assert_eq!((again.status, again.stdout.lines().count()), (Some(0), 1), "{again:?}");
    for (arguments, told) in [
        (
            &["create", "dana@lumen.example", "--name", "Dana"][..],
            "there is an account with this email already",
        ),
        (&["link", "nobody@lumen.example"], "there is no account with this email"),
        (&["link", "nowhere"], "email"),
        (&["create", "x@lumen.example", "--name", ""], "name"),
    ] {
        let refused = users(arguments);
        assert_eq!((refused.status, refused.stdout.as_str()), (Some(1), ""), "{refused:?}");
        assert!(refused.stderr.contains(told), "{refused:?}");
        assert_eq!(refused.stderr.lines().count(), 1, "{refused:?}");
    }
}

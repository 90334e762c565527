//! `tessera maintenance`, beside a server.

use super::instance::{Instance, run};
use crate::support::{Client, until};

#[tokio::test]
async fn the_operator_switches_it_beside_the_server_and_the_server_follows() {
    let instance = Instance::start();
    let folder = instance.folder().to_owned();
    let environment = [("TESSERA_DATABASE_URL", "tessera.db")];
    let maintenance =
        |arguments: &[&str]| run(&folder, &[&["maintenance"], arguments].concat(), &environment);
    let said = |arguments: &[&str]| {
        let output = maintenance(arguments);
        assert_eq!((output.status, output.stderr.as_str()), (Some(0), ""), "{output:?}");
        output.stdout
    };
    let client = Client::new(&instance.url());
    let status = async || client.post("/signup", &[]).await.status;

    assert_eq!(said(&["show"]), "Maintenance is off.\n");
    assert_eq!(status().await, 422);
    let on = said(&["on", "--message", "We move to a larger server.", "--until", "2h"]);
    assert!(
        on.starts_with("Maintenance is on until ") && on.ends_with("\n\n  We move to a larger server.\n"),
        "{on}"
    );
    assert_eq!(said(&["show"]), on);
    until(async || status().await == 503).await;
    assert_eq!(said(&["on"]), "Maintenance is on.\n", "what was said before is forgotten");
    assert_eq!(said(&["off"]), "Maintenance is off.\n");
    until(async || status().await == 422).await;

    for (arguments, status, told) in [
        (&["on", "--until", "soon"][..], 2, "--until must be a number followed by m, h or d"),
        (&["on", "--message", ""], 2, "--message must be 1 to 300 characters on one line"),
        (&["on", "--until", "2020-01-01T00:00:00Z"], 1, "must be in the future"),
    ] {
        let refused = maintenance(arguments);
        assert_eq!((refused.status, refused.stdout.as_str()), (Some(status), ""), "{refused:?}");
        assert!(refused.stderr.contains(told) && refused.stderr.lines().count() == 1, "{refused:?}");
    }
    let nowhere = run(&folder, &["maintenance", "on"], &[("TESSERA_DATABASE_URL", "none.db")]);
    assert_eq!(nowhere.status, Some(2), "{nowhere:?}");
}

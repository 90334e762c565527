//! Backends that check keys themselves, and curl, with the programs that the page shows.

use std::process::{Command, Output};

use tessera::{domain::token_access::TokenAccess, web::pages::gateway_setup::Program};

use super::{
    ELSEWHERE,
    ground::{Ground, Place, Running, free_address, replace_one, settings},
};
use crate::support::mistyped;

const BACKENDS: [Program; 3] = [Program::JavaScript, Program::Python, Program::Go];

#[tokio::test]
async fn a_backend_lets_in_whom_tessera_lets_in() {
    let ground = Ground::new().await;
    let key = ground.key("Billing worker", settings("", "", None)).await;
    let restricted = ground.key("Restricted", settings("", "127.0.0.2", None)).await;
    let token = ground.app.machine(&ground.company, TokenAccess::Verify).await.credential;
    let bearer = format!("Bearer {}", key.secret);
    for program in BACKENDS {
        let backend = ground.serve(program, &ground.url(), &token).await;
        for credential in [("X-API-Key", key.secret.as_str()), ("Authorization", &bearer)] {
            let answer = backend.ask("GET", &[credential]).await;
            assert_eq!(answer.status(), 200, "{program:?}: {answer:?}");
            assert_eq!(answer.json()["hello"], "Billing worker", "{program:?}: {answer:?}");
        }
        let wrong = mistyped(&key.secret);
        for credential in [("X-API-Key", wrong.as_str()), ("Authorization", "Basic Og=="), ("Accept", "*/*")]
        {
            backend.ask("GET", &[credential]).await.must_be_refused(401);
        }

        let credential = [("X-API-Key", restricted.secret.as_str())];
        assert_eq!(backend.ask_from("127.0.0.2", "GET", &credential).await.status(), 200, "{program:?}");
        backend.ask_from(ELSEWHERE, "GET", &credential).await.must_be_refused(403);

        let limited = ground.key(program.title(), settings("", "", Some("1/hour"))).await;
        let credential = [("X-API-Key", limited.secret.as_str())];
        assert_eq!(backend.ask("GET", &credential).await.status(), 200, "{program:?}");
        let answer = backend.ask("GET", &credential).await;
        answer.must_be_refused(429);
        assert_eq!(answer.header("retry-after"), ["3600"], "{program:?}: {answer:?}");
    }
}

#[tokio::test]
async fn a_backend_that_cannot_ask_lets_nobody_in() {
    let ground = Ground::new().await;
    let key = ground.key("Billing worker", settings("", "", None)).await;
    let token = ground.app.machine(&ground.company, TokenAccess::Verify).await.credential;
    let credential = [("X-API-Key", key.secret.as_str())];
    for program in BACKENDS {
        let backend = ground.serve(program, &format!("http://{}", free_address()), &token).await;
        backend.ask("GET", &credential).await.must_be_refused(503);
        let backend = ground.serve(program, &ground.url(), &mistyped(&token)).await;
        backend.ask("GET", &credential).await.must_be_refused(503);
    }
}

#[tokio::test]
async fn curl_tells_of_a_key_and_fails_when_it_cannot() {
    let ground = Ground::new().await;
    let key = ground.key("Billing worker", settings("", "", None)).await;
    let token = ground.app.machine(&ground.company, TokenAccess::Verify).await.credential;
    let nowhere = format!("http://{}", free_address());
    for (url, token, key, valid) in [
        (&ground.url(), &token, &key.secret, Some(true)),
        (&ground.url(), &token, &mistyped(&key.secret), Some(false)),
        (&ground.url(), &mistyped(&token), &key.secret, None),
        (&nowhere, &token, &key.secret, None),
    ] {
        let ran = ground.curl(url, token, key);
        assert_eq!(ran.status.success(), valid.is_some(), "{ran:?}");
        let answer = serde_json::from_slice::<serde_json::Value>(&ran.stdout).unwrap_or_default();
        assert_eq!(answer["valid"].as_bool(), valid, "{ran:?}");
    }
}

impl Ground {
    /// Starts a backend with the text of the page.
    async fn serve(&self, program: Program, url: &str, token: &str) -> Running {
        let place = Place::new(self.app.address());
        let port = place.address.port();
        let text = self.texts(program, url).remove(0);
        let mut command = match program {
            Program::JavaScript => {
                let text = replace_one(&text, "listen(3000", &format!("listen({port}"));
                let file = place.write("api.mjs", &text);
                let mut command = Command::new("node");
                command.arg(file);
                command
            }
            Program::Python => {
                let text = replace_one(&text, "\", 3000)", &format!("\", {port})"));
                let file = place.write("api.py", &text);
                let mut command = Command::new("python3");
                command.arg(file);
                command
            }
            _ => {
                let text = replace_one(&text, "127.0.0.1:3000", &place.address.to_string());
                let file = place.write("api.go", &text);
                // `go run` would leave its child behind.
                let built = Command::new("go").args(["build", &file]).current_dir(place.folder()).output();
                let built = built.expect("tests/run installs Go");
                assert!(built.status.success(), "{built:?}");
                Command::new(format!("{}/api", place.folder()))
            }
        };
        command.env("TESSERA_TOKEN", token);
        place.run(command).await
    }

    fn curl(&self, url: &str, token: &str, key: &str) -> Output {
        let text = self.texts(Program::Curl, url).remove(0);
        let text = replace_one(&replace_one(&text, "tess_m_…", token), "tess_…", key);
        Command::new("sh").args(["-c", &text]).output().expect("tests/run installs curl")
    }
}

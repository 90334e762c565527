//! Pulls the plug again and again while keys are created, deactivated, removed and used.
//!
//! `TESSERA_TEST_KILLS=200 cargo test --test app crash_loop` does it for longer than CI has time for.

use std::collections::BTreeMap;

use tokio::{
    sync::mpsc::{self, UnboundedSender},
    task::JoinSet,
};

use super::{create_key, instance::Instance, log_in};
use crate::support::{Client, Company, World};

/// Changes that were answered before the plug is pulled.
const CHANGES: usize = 25;

/// What is known of a key: the statuses that `/auth` may answer.
type Fate = (String, &'static [u16]);

const ACCEPTED: &[u16] = &[204];
const REJECTED: &[u16] = &[401];
/// A change was sent whose answer never came.
const EITHER: &[u16] = &[204, 401];

#[tokio::test]
async fn a_crash_loop_loses_no_acknowledged_change() {
    let kills = std::env::var("TESSERA_TEST_KILLS").map_or(3, |kills| kills.parse().expect("a number"));
    let mut instance = Instance::start();
    let lumen = instance.world().lumen().await;
    let dana = log_in(&instance, &lumen).await;
    let (mut fates, mut all) = (BTreeMap::new(), BTreeMap::new());
    for kill in 0..kills {
        let (tell, mut told) = mpsc::unbounded_channel();
        let mut writers = JoinSet::new();
        for number in 0..4 {
            let writer = Writer {
                round: kill,
                name: format!("{kill} {number}"),
                server: instance.url(),
                browser: dana.clone(),
                company: lumen.clone(),
                world: instance.world(),
                tell: tell.clone(),
            };
            writers.spawn(async move {
                for number in 0.. {
                    if writer.change(number).await.is_none() {
                        return;
                    }
                }
            });
        }
        drop(tell);
        for _ in 0..CHANGES {
            let (secret, fate): Fate = told.recv().await.expect("the writers go on");
            fates.insert(secret, fate);
        }
        instance.pull_the_plug();
        while let Some((secret, fate)) = told.recv().await {
            fates.insert(secret, fate);
        }
        writers.join_all().await;

        instance.start_again();
        dana.move_to(&instance.url());
        dana.get(&lumen.url("api")).await.must_be(200);
        check(&instance, &fates).await;
        all.append(&mut fates);
        let check =
            instance.world().query("SELECT integrity_check AS text FROM pragma_integrity_check").await;
        assert_eq!(check, ["ok"]);
    }
    // What was so after one kill is so after all of them.
    check(&instance, &all).await;
    assert!(all.len() >= kills * CHANGES / 3, "{} keys", all.len());
}

async fn check(instance: &Instance, fates: &BTreeMap<String, &[u16]>) {
    for (secret, fate) in fates {
        let status = auth(&instance.url(), secret).await.expect("the server answers");
        assert!(fate.contains(&status), "{status} instead of {fate:?}");
    }
}

struct Writer {
    round: usize,
    name: String,
    server: String,
    browser: Client,
    company: Company,
    world: World,
    tell: UnboundedSender<Fate>,
}

impl Writer {
    /// Creates a key, uses it, and deactivates or removes it, but for some; `None` when the server is
    /// gone.
    async fn change(&self, number: usize) -> Option<()> {
        let name = format!("{} {number}", self.name);
        let secret = create_key(&self.browser, &self.company, &name).await?;
        self.tell(&secret, ACCEPTED);
        assert_eq!(auth(&self.server, &secret).await?, 204);
        let verb = match (self.round + number) % 16 {
            0 => return Some(()),
            1 => "deactivate",
            // An organization takes no more than a thousand.
            _ => "remove",
        };
        let id = self.world.query(&format!("SELECT id AS text FROM api_keys WHERE name = '{name}'")).await;
        let path = self.company.url(&format!("api/keys/{}/{verb}", id[0]));
        self.tell(&secret, EITHER);
        self.browser.request("POST", &path).form(&[("name", &name)]).try_send().await?.must_be(303);
        self.tell(&secret, REJECTED);
        assert_eq!(auth(&self.server, &secret).await?, 401);
        Some(())
    }

    fn tell(&self, secret: &str, fate: &'static [u16]) {
        self.tell.send((secret.to_owned(), fate)).expect("the test goes on");
    }
}

async fn auth(server: &str, secret: &str) -> Option<u16> {
    let request = Client::new(server).request("GET", "/auth").header("x-api-key", secret);
    Some(request.try_send().await?.status)
}

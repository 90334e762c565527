//! What an address says to methods that it does not take.

use std::collections::BTreeSet;

use tessera::web::{access::Route, routes::ROUTES};

use super::{exchange::check_headers, fixture::Fixture};

const METHODS: [&str; 9] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"];

#[tokio::test]
async fn every_address_names_its_methods_to_whoever_asks_by_another() {
    let fixture = Fixture::new().await;
    let before = fixture.app.ledger().await;
    let (member, nobody) = (fixture.app.log_in_as(&fixture.lumen.owner).await, fixture.app.client());
    let mut refused = 0;
    for route in ROUTES {
        let path = fixture.path(route, &fixture.lumen_ids);
        let there: Vec<&Route> = ROUTES.iter().filter(|route| leads_to(route.pattern, &path)).collect();
        for method in METHODS.into_iter().filter(|method| !there.iter().any(|route| takes(route, method))) {
            for client in [&member, &nobody] {
                let answer = client.request(method, &path).send().await;
                assert_eq!(answer.status, 405, "{method} {path}: {}", answer.summary());
                let told: BTreeSet<&str> = answer.header("allow").split(", ").collect();
                let taken = METHODS.into_iter().filter(|method| {
                    there.iter().any(|other| other.pattern == there[0].pattern && takes(other, method))
                });
                assert_eq!(told, taken.collect(), "{method} {path}");
                if !route.pattern.starts_with("/static/") {
                    check_headers(route, &answer);
                }
                refused += 1;
            }
        }
    }
    let nowhere = member.request("TRACE", "/no/such/page").send().await;
    assert_eq!(nowhere.status, 404, "{}", nowhere.summary());
    assert!(refused > 500, "only {refused}");
    assert_eq!(fixture.app.ledger().await, before);
}

fn takes(route: &Route, method: &str) -> bool {
    match route.method {
        "ANY" => true,
        "GET" => matches!(method, "GET" | "HEAD"),
        taken => taken == method,
    }
}

fn leads_to(pattern: &str, path: &str) -> bool {
    if let Some((start, _)) = pattern.split_once("{file:.*}") {
        return path.starts_with(start);
    }
    let (pattern, path): (Vec<_>, Vec<_>) = (pattern.split('/').collect(), path.split('/').collect());
    pattern.len() == path.len()
        && pattern.iter().zip(path).all(|(part, word)| match part.split_once('}') {
            Some((_, end)) => word.ends_with(end),
            None => *part == word,
        })
}

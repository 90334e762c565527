//! A removed organization, tried at every address: it is as if there were none.

use tessera::{domain::token_access::TokenAccess, web::access::Access};

use super::{exchange::send, fixture::Fixture, machines, routes};

#[tokio::test]
async fn nobody_finds_anything_of_it_anywhere() {
    let fixture = Fixture::new().await;
    let machine = fixture.app.machine(&fixture.lumen, TokenAccess::Full).await;
    let browser = fixture.app.log_in_as(&fixture.lumen.owner).await;
    browser.post(&fixture.lumen.url("settings/remove"), &[("name", "Lumen")]).await.must_be(303);
    let before = fixture.app.ledger().await;
    let mut tried = 0;
    for person in [&fixture.lumen.owner, &fixture.supervisor, &fixture.developer, &fixture.user] {
        let browser = fixture.app.log_in_as(person).await;
        for route in routes(|access| matches!(access, Access::Member(_))) {
            let answer = send(&browser, route, &fixture.path(route, &fixture.lumen_ids)).await;
            assert_eq!(answer.status, 404, "{route:?}: {}", answer.summary());
            tried += 1;
        }
    }
    for route in machines::of_tokens() {
        let answer = machines::send(&machine, route, &fixture.path(route, &fixture.lumen_ids)).await;
        assert_eq!(answer.status, 401, "{route:?}: {}", answer.summary());
        tried += 1;
    }
    let link = format!("/i/{}", fixture.lumen_ids.link);
    for address in [link, format!("/orgs/{}/api/calendar/{}.ics", fixture.lumen.id, fixture.lumen_ids.link)] {
        let answer = fixture.app.client().get(&address).await;
        assert!([404, 410].contains(&answer.status), "{address}: {}", answer.summary());
        assert!(!answer.text().contains("Lumen"), "{address}");
    }
    assert!(tried > 150, "only {tried}");
    assert_eq!(fixture.app.ledger().await, before);
}

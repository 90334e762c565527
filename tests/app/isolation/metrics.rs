//! That nothing which a client makes up becomes a metric.

use tessera::web::routes::ROUTES;

use super::{
    exchange::{method, send},
    fixture::{Fixture, Ids},
};

#[tokio::test]
async fn there_are_as_many_metrics_whatever_addresses_are_asked_for() {
    let fixture = Fixture::new().await;
    let at_first = fixture.app.scrape().await;
    let member = fixture.app.log_in_as(&fixture.lumen.owner).await;
    let walk = async |ids: &Ids| {
        for route in ROUTES.iter().filter(|route| method(route) == "GET") {
            send(&member, route, &fixture.path(route, ids)).await;
        }
        for odd in
            ["/no/such/page", "/static/none", "/api/v2/none", "/metrics", "/%00", "/auth?organization=x"]
        {
            member.get(odd).await;
        }
        member.request("BREW", "/login").send().await;
        fixture.app.scrape().await
    };
    let (once, twice) = (walk(&fixture.lumen_ids).await, walk(&fixture.nothing()).await);
    assert_eq!(at_first.series(), once.series());
    assert_eq!(once.series(), twice.series());
    let pages = r#"tessera_requests_total{kind="page",status="4xx"}"#;
    assert!(twice.value(pages) > once.value(pages), "the second walk found what is not there");
    assert!(once.series().len() < 400, "{} series", once.series().len());
}

//! What nodes tell their watchers, with a network that fails.

use std::time::{Duration, Instant};

use crate::{
    cluster::{Cluster, free_port},
    proxy::Proxy,
    support::{Scrape, until},
};

async fn scrape(cluster: &Cluster, port: u16) -> Scrape {
    let answer =
        cluster.http.get(format!("http://127.0.0.1:{port}/metrics")).send().await.expect("an answer");
    Scrape::parse(&answer.text().await.expect("a text"))
}

#[tokio::test]
async fn a_node_that_is_cut_off_tells_so_and_how_long_it_has_heard_nothing() {
    let cluster = Cluster::new().await;
    let url: url::Url = cluster.database_url().parse().expect("a URL");
    let target = format!("{}:{}", url.host_str().expect("a host"), url.port().unwrap_or(5432));
    let proxy = Proxy::to(target).await;
    let mut through = url.clone();
    through.set_host(Some("127.0.0.1")).expect("a host");
    through.set_port(Some(proxy.address.port())).expect("a port");
    let port = free_port();
    let address = format!("127.0.0.1:{port}");
    let _near = cluster.node().await;
    let _far = cluster.node_with(&["--database-url", through.as_str(), "--metrics-listen", &address]).await;
    until(async || scrape(&cluster, port).await.value("tessera_nodes") == 2.0).await;
    let before = scrape(&cluster, port).await;
    assert_eq!(before.value("tessera_database_up"), 1.0);
    assert!(before.value("tessera_change_log_lag_seconds") < 2.0);

    proxy.cut();
    // What was read a moment ago is told for five seconds.
    tokio::time::sleep(Duration::from_secs(6)).await;
    for _ in 0..2 {
        let began = Instant::now();
        let cut_off = scrape(&cluster, port).await;
        assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
        assert_eq!(cut_off.value("tessera_database_up"), 0.0);
        assert!(cut_off.value("tessera_change_log_lag_seconds") > 4.0);
        assert!(cut_off.find("tessera_sessions").is_none());
    }

    proxy.mend();
    until(async || scrape(&cluster, port).await.value("tessera_database_up") == 1.0).await;
    until(async || scrape(&cluster, port).await.value("tessera_change_log_lag_seconds") < 2.0).await;
}

//! Asks the server on this machine whether it can do its work, as a load balancer does.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    time::Duration,
};

use super::{Failure, explain::explain};
use crate::{
    config::{Listen, ListenAddress},
    http_client,
};

/// How long the server may take. What asks for its health gives up sooner or later by itself.
const PATIENCE: Duration = Duration::from_secs(10);

/// Fails with the reason that `/healthz` gives, at whichever address.
pub(super) async fn ask(listen: &Listen, has_tls: bool) -> Result<(), Failure> {
    for address in listen.iter() {
        ask_at(address, has_tls).await?;
    }
    Ok(())
}

async fn ask_at(address: &ListenAddress, has_tls: bool) -> Result<(), Failure> {
    // A proxy of the environment leads away from this machine.
    let client = http_client::builder().no_proxy().timeout(PATIENCE);
    let (client, asked, url) = match address {
        ListenAddress::Tcp(address) => {
            let scheme = if has_tls { "https" } else { "http" };
            let url = format!("{scheme}://{}/healthz", reached_at(*address));
            // A certificate is for the name that people use. Nothing is told to whoever answers.
            (client.tls_danger_accept_invalid_certs(has_tls), url.clone(), url)
        }
        ListenAddress::Unix(path) => (
            client.unix_socket(path.as_path()),
            "http://localhost/healthz".to_owned(),
            format!("{address}, /healthz"),
        ),
    };
    let no_server = |error: reqwest::Error| Failure::NoServer(format!("{url}: {}", explain(&error)));
    let response = client.build().map_err(no_server)?.get(asked).send().await.map_err(no_server)?;
    let status = response.status();
    if status.is_success() {
        return Ok(());
    }
    let told = response.text().await.unwrap_or_default();
    Err(Failure::Refused(format!("{url} returned {status}: {}", told.trim())))
}

/// Whoever listens on all addresses is found on this machine's own.
fn reached_at(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, listen.port())
}

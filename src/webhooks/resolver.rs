//! Turns names into addresses, leaving out those that webhooks must not reach. It decides about
//! the very addresses that are connected to, so a name that means another one a moment later
//! (DNS rebinding) gains nothing.

use std::{fmt, net::IpAddr, net::SocketAddr, sync::Arc};

use futures_util::future::BoxFuture;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::domain::webhooks::AllowedNetworks;

/// What asks for the addresses of a name.
pub type LookUp = Arc<dyn Fn(String) -> BoxFuture<'static, std::io::Result<Vec<IpAddr>>> + Send + Sync>;

/// Asks the operating system, as every other program does.
pub(super) fn system() -> LookUp {
    Arc::new(|name| {
        Box::pin(async move {
            let addresses = tokio::net::lookup_host((name, 0)).await?;
            Ok(addresses.map(|address| address.ip()).collect())
        })
    })
}

/// Every address of a name is one that webhooks must not reach.
#[derive(Debug)]
pub(super) struct NotPublic;

impl fmt::Display for NotPublic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name leads into a network that webhooks do not reach")
    }
}

impl std::error::Error for NotPublic {}

/// Finds the addresses that may be connected to.
pub(super) struct Guard {
    pub(super) look_up: LookUp,
    pub(super) allowed: AllowedNetworks,
    /// Without TLS, only what the operator allows may be reached.
    pub(super) allowed_only: bool,
}

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let found = (self.look_up)(name.as_str().to_owned());
        let (allowed, allowed_only) = (self.allowed.clone(), self.allowed_only);
        Box::pin(async move {
            let mut addresses = found.await?;
            addresses.retain(
                |address| {
                    if allowed_only { allowed.contain(*address) } else { allowed.permit(*address) }
                },
            );
            if addresses.is_empty() {
                return Err(Box::from(NotPublic));
            }
            let addresses: Addrs = Box::new(addresses.into_iter().map(|address| SocketAddr::new(address, 0)));
            Ok(addresses)
        })
    }
}

//! The client with which Tessera itself asks other servers. A leaf that every floor may use.

use reqwest::{ClientBuilder, redirect::Policy};

/// The name in `User-Agent`.
const USER_AGENT: &str = concat!("Tessera/", env!("CARGO_PKG_VERSION"));

/// A client that follows no redirect: what answers is what was asked.
pub fn builder() -> ClientBuilder {
    use_ring();
    reqwest::Client::builder().user_agent(USER_AGENT).redirect(Policy::none())
}

/// Has every TLS connection of this process use ring, which the mail floor uses too.
pub fn use_ring() {
    // Another call was first: then it is in use already.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

#![no_main]
//! `X-Forwarded-For`, one value to a line, behind proxies of 10.0.0.0/8.

use std::net::IpAddr;

use libfuzzer_sys::fuzz_target;
use tessera::web::forwarded::client;

const PROXY: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 1));
const STRANGER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 7));

fn is_proxy(ip: &IpAddr) -> bool {
    matches!(ip, IpAddr::V4(v4) if v4.octets()[0] == 10)
}

fuzz_target!(|text: &[u8]| {
    let values = || text.split(|byte| *byte == b'\n');
    let found = client(Some(PROXY), values(), is_proxy);
    assert_eq!(found, found.map(|ip| ip.to_canonical()));
    assert!(found.is_some(), "whoever has an address is told apart by it");
    assert_eq!(client(Some(STRANGER), values(), is_proxy), Some(STRANGER), "a stranger is not believed");
    // What a client sends before the proxy's own entry changes nothing.
    let behind = || values().chain([&b"198.51.100.9"[..]]).collect::<Vec<_>>().into_iter();
    let client_of = IpAddr::V4(std::net::Ipv4Addr::new(198, 51, 100, 9));
    assert_eq!(client(Some(PROXY), behind(), is_proxy), Some(client_of));
    // Of a proxy on a unix socket, which has none, its own entry is read alike.
    assert_eq!(client(None, behind(), is_proxy), Some(client_of));
});

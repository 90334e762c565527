//! Where a request comes from when it came through proxies.

use std::net::{IpAddr, SocketAddr};

/// The address of the client behind `peer`, which is none for a trusted proxy on a unix socket. The values of `X-Forwarded-For` count only behind a
/// trusted proxy, read from the right up to the first address that is not one (ASVS 4.1.3). What
/// cannot be read ends the reading: whoever sent it could have written all that stands before it.
pub fn client<'a>(
    peer: Option<IpAddr>,
    values: impl DoubleEndedIterator<Item = &'a [u8]>,
    is_proxy: impl Fn(&IpAddr) -> bool,
) -> Option<IpAddr> {
    let mut hops = values.rev().flat_map(|value| value.rsplit(|byte| *byte == b','));
    let mut client = match peer {
        Some(ip) => ip.to_canonical(),
        None => hops.next().and_then(parse_hop)?,
    };
    while is_proxy(&client) {
        let Some(ip) = hops.next().and_then(parse_hop) else { break };
        client = ip;
    }
    Some(client)
}

/// Some proxies write a port, and brackets around IPv6.
fn parse_hop(hop: &[u8]) -> Option<IpAddr> {
    let hop = str::from_utf8(hop).ok()?.trim();
    let ip = hop.parse::<IpAddr>().or_else(|_| hop.parse::<SocketAddr>().map(|address| address.ip()));
    ip.or_else(|_| hop.trim_matches(['[', ']']).parse()).ok().map(|ip| ip.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_proxy(ip: &IpAddr) -> bool {
        matches!(ip, IpAddr::V4(v4) if v4.octets()[0] == 10)
    }

    fn client_of(values: &[&[u8]]) -> String {
        let peer = "::ffff:10.0.0.1".parse().unwrap();
        client(Some(peer), values.iter().copied(), is_proxy).unwrap().to_string()
    }

    #[test]
    fn behind_a_unix_socket_the_last_hop_is_what_its_proxy_wrote() {
        let client_of = |values: &[&[u8]]| client(None, values.iter().copied(), is_proxy);
        assert_eq!(client_of(&[b"6.6.6.6, 192.0.2.7"]), Some("192.0.2.7".parse().unwrap()));
        assert_eq!(client_of(&[b"6.6.6.6, 192.0.2.7, 10.0.0.2"]), Some("192.0.2.7".parse().unwrap()));
        // nginx writes this of a client that came by a unix socket itself.
        assert_eq!(client_of(&[b"192.0.2.7, unix:"]), None);
        assert_eq!(client_of(&[]), None);
    }

    #[test]
    fn the_first_stranger_from_the_right_is_the_client() {
        assert_eq!(client_of(&[]), "10.0.0.1");
        assert_eq!(client_of(&[b"6.6.6.6, 192.0.2.7, 10.0.0.2"]), "192.0.2.7");
        assert_eq!(client_of(&[b"6.6.6.6", b"192.0.2.7:4711 ,10.0.0.2"]), "192.0.2.7");
        assert_eq!(client_of(&[b"[2001:db8::1]:80"]), "2001:db8::1");
        assert_eq!(client_of(&[b"[2001:db8::1]"]), "2001:db8::1");
        assert_eq!(client_of(&[b"10.0.0.3, 10.0.0.2"]), "10.0.0.3");
    }

    #[test]
    fn nothing_before_what_cannot_be_read_counts() {
        assert_eq!(client_of(&[b"6.6.6.6, unknown, 10.0.0.2"]), "10.0.0.2");
        assert_eq!(client_of(&[b"6.6.6.6", b"\xff"]), "10.0.0.1");
        assert_eq!(client_of(&[b"6.6.6.6", b""]), "10.0.0.1");
        assert_eq!(client_of(&[b"\xff, 192.0.2.7"]), "192.0.2.7");
    }
}

//! Where a request comes from when it came through proxies.

use std::net::{IpAddr, SocketAddr};

/// The address of the client behind `peer`. The values of `X-Forwarded-For` count only behind a
/// trusted proxy, read from the right up to the first address that is not one (ASVS 4.1.3). What
/// cannot be read ends the reading: whoever sent it could have written all that stands before it.
pub fn client<'a>(
    peer: IpAddr,
    values: impl DoubleEndedIterator<Item = &'a [u8]>,
    is_proxy: impl Fn(&IpAddr) -> bool,
) -> IpAddr {
    let mut client = peer.to_canonical();
    let mut hops = values.rev().flat_map(|value| value.rsplit(|byte| *byte == b','));
    while is_proxy(&client) {
        let Some(ip) = hops.next().and_then(parse_hop) else { break };
        client = ip;
    }
    client
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

    fn client_of(values: &[&[u8]]) -> String {
        let is_proxy = |ip: &IpAddr| matches!(ip, IpAddr::V4(v4) if v4.octets()[0] == 10);
        client("::ffff:10.0.0.1".parse().unwrap(), values.iter().copied(), is_proxy).to_string()
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

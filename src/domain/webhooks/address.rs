//! Where a webhook may go: addresses that the internet can reach, and what the operator allows.
//!
//! A webhook makes the server ask an address that somebody else chose. It must not become a way
//! into the operator's own network (OWASP, Server-Side Request Forgery Prevention).

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    sync::Arc,
};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use url::{Host, Url};

/// Longest address of a webhook, in bytes.
pub const MAX_URL_LENGTH: usize = 2000;

/// IPv4 addresses that are not globally reachable: IANA IPv4 Special-Purpose Address Registry
/// (RFC 6890 and its updates), multicast (RFC 5771), and 6to4 relays (RFC 7526).
const NOT_PUBLIC_V4: [Ipv4Net; 16] = [
    v4([0, 0, 0, 0], 8),
    v4([10, 0, 0, 0], 8),
    v4([100, 64, 0, 0], 10),
    v4([127, 0, 0, 0], 8),
    // Link-local, where clouds keep their metadata: 169.254.169.254.
    v4([169, 254, 0, 0], 16),
    v4([172, 16, 0, 0], 12),
    v4([192, 0, 0, 0], 24),
    v4([192, 0, 2, 0], 24),
    v4([192, 31, 196, 0], 24),
    v4([192, 88, 99, 0], 24),
    v4([192, 168, 0, 0], 16),
    v4([198, 18, 0, 0], 15),
    v4([198, 51, 100, 0], 24),
    v4([203, 0, 113, 0], 24),
    v4([224, 0, 0, 0], 4),
    v4([240, 0, 0, 0], 4),
];

/// Global unicast, RFC 4291. Loopback, unique local, link-local, site-local, multicast, NAT64 and
/// IPv4-compatible addresses lie outside of it.
const PUBLIC_V6: Ipv6Net = v6([0x2000, 0], 3);

/// What is not globally reachable within [`PUBLIC_V6`]: IANA IPv6 Special-Purpose Address Registry.
const NOT_PUBLIC_V6: [Ipv6Net; 4] = [
    // Teredo, benchmarking, ORCHID and other protocol assignments.
    v6([0x2001, 0], 23),
    v6([0x2001, 0xdb8], 32),
    // 6to4 carries any IPv4 address.
    v6([0x2002, 0], 16),
    v6([0x3fff, 0], 20),
];

const fn v4(octets: [u8; 4], length: u8) -> Ipv4Net {
    let [a, b, c, d] = octets;
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), length)
}

const fn v6(start: [u16; 2], length: u8) -> Ipv6Net {
    let [a, b] = start;
    Ipv6Net::new_assert(Ipv6Addr::new(a, b, 0, 0, 0, 0, 0, 0), length)
}

/// Whether everybody on the internet could reach `address`. An IPv4 address in IPv6 clothes is
/// judged as what it is.
fn is_public(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => !NOT_PUBLIC_V4.iter().any(|network| network.contains(&address)),
        IpAddr::V6(address) => {
            PUBLIC_V6.contains(&address) && !NOT_PUBLIC_V6.iter().any(|network| network.contains(&address))
        }
    }
}

/// The networks of the operator's own that webhooks may reach.
#[derive(Clone, Debug, Default)]
pub struct AllowedNetworks(Arc<[IpNet]>);

impl AllowedNetworks {
    /// The networks of the settings.
    pub fn new(networks: &[IpNet]) -> Self {
        Self(networks.into())
    }

    /// Whether `address` lies in one of them.
    pub fn contain(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }

    /// Whether a webhook may connect to `address`.
    pub fn permit(&self, address: IpAddr) -> bool {
        self.contain(address) || is_public(address)
    }

    fn contain_loopback(&self) -> bool {
        self.contain(Ipv4Addr::LOCALHOST.into()) || self.contain(Ipv6Addr::LOCALHOST.into())
    }
}

/// The address of a webhook. What its name means shows at each delivery, and is judged again then.
#[derive(Clone, PartialEq, Eq)]
pub struct WebhookUrl(Url);

/// The query may hold a secret.
impl fmt::Debug for WebhookUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WebhookUrl({}…)", self.0.origin().ascii_serialization())
    }
}

/// Why a text is no address for a webhook.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    /// Nothing was typed.
    #[error("Enter a URL.")]
    Empty,
    /// It is longer than [`MAX_URL_LENGTH`].
    #[error("Use at most {MAX_URL_LENGTH} characters.")]
    TooLong,
    /// It is no whole address.
    #[error("Enter a full URL, such as https://example.com/webhooks.")]
    NotAUrl,
    /// It is neither https nor, to an allowed network, http.
    #[error("Use a URL that starts with https://.")]
    NotHttps,
    /// It holds a name or a password.
    #[error("Remove the user name and password. The receiver can verify the sender by the signature.")]
    Credentials,
    /// It leads into the operator's own network.
    #[error(
        "This URL points to a private network. Use a public URL, or ask your operator to allow it (TESSERA_WEBHOOK_NETWORKS)."
    )]
    NotPublic,
}

impl WebhookUrl {
    /// Parses an address as it was typed.
    pub fn parse(text: &str, allowed: &AllowedNetworks) -> Result<Self, UrlError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(UrlError::Empty);
        }
        let mut url = Url::parse(text).map_err(|_| UrlError::NotAUrl)?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(UrlError::Credentials);
        }
        let is_https = match url.scheme() {
            "https" => true,
            "http" => false,
            _ => return Err(UrlError::NotHttps),
        };
        let literal = match url.host().ok_or(UrlError::NotAUrl)? {
            Host::Ipv4(address) => Some(IpAddr::from(address)),
            Host::Ipv6(address) => Some(IpAddr::from(address)),
            Host::Domain(name) if is_localhost(name) && !allowed.contain_loopback() => {
                return Err(UrlError::NotPublic);
            }
            Host::Domain(_) => None,
        };
        match literal {
            Some(address) if !allowed.permit(address) => return Err(UrlError::NotPublic),
            // Without TLS anybody on the way could read it; inside a network that may be fine.
            Some(address) if !is_https && !allowed.contain(address) => return Err(UrlError::NotHttps),
            None if !is_https && allowed.0.is_empty() => return Err(UrlError::NotHttps),
            _ => {}
        }
        url.set_fragment(None);
        if url.as_str().len() > MAX_URL_LENGTH { Err(UrlError::TooLong) } else { Ok(Self(url)) }
    }

    /// The address as text.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// Whether only what the operator allows may be reached: without TLS, nothing else is.
    pub fn is_for_allowed_networks_only(&self) -> bool {
        self.0.scheme() != "https"
    }
}

/// RFC 6761, 6.3: localhost and all below it.
fn is_localhost(name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name);
    name == "localhost" || name.ends_with(".localhost")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn allowing(networks: &str) -> AllowedNetworks {
        let networks: Vec<IpNet> =
            networks.split_whitespace().map(|network| network.parse().unwrap()).collect();
        AllowedNetworks::new(&networks)
    }

    fn error(text: &str, networks: &str) -> Option<UrlError> {
        WebhookUrl::parse(text, &allowing(networks)).err()
    }

    #[test]
    fn no_address_inside_a_network_is_public() {
        for inside in [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "100.64.0.1",
            "100.127.255.255",
            "127.0.0.1",
            "127.255.255.254",
            "169.254.169.254",
            "169.254.0.1",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.170",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.7",
            "203.0.113.9",
            "224.0.0.1",
            "239.255.255.250",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::7f00:1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::ffff:169.254.169.254",
            "64:ff9b::7f00:1",
            "64:ff9b::808:808",
            "64:ff9b:1::1",
            "100::1",
            "2001::1",
            "2001:2::1",
            "2001:db8::1",
            "2002:7f00:1::",
            "3fff::1",
            "5f00::1",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "fec0::1",
            "ff02::1",
        ] {
            let address: IpAddr = inside.parse().unwrap();
            assert!(!is_public(address), "{inside}");
            assert!(!allowing("").permit(address), "{inside}");
            assert!(allowing("0.0.0.0/0 ::/0").permit(address), "{inside}");
        }
        for outside in [
            "1.1.1.1",
            "9.255.255.255",
            "100.63.255.255",
            "100.128.0.0",
            "172.15.0.1",
            "172.32.0.1",
            "192.0.1.1",
            "198.17.0.1",
            "223.255.255.255",
            "2606:4700::1111",
            "2a00:1450::1",
            "::ffff:8.8.8.8",
        ] {
            assert!(is_public(outside.parse().unwrap()), "{outside}");
        }
    }

    #[test]
    fn an_address_that_cannot_be_says_why() {
        for (text, expected) in [
            (" ", UrlError::Empty),
            ("example.com/hook", UrlError::NotAUrl),
            ("https://", UrlError::NotAUrl),
            ("ftp://example.com/", UrlError::NotHttps),
            ("http://example.com/", UrlError::NotHttps),
            ("http://1.1.1.1/", UrlError::NotHttps),
            ("file:///etc/passwd", UrlError::NotHttps),
            ("https://dana:secret@example.com/", UrlError::Credentials),
            ("https://dana@example.com/", UrlError::Credentials),
            ("https://localhost/", UrlError::NotPublic),
            ("https://LOCALHOST.:8443/", UrlError::NotPublic),
            ("https://api.localhost/", UrlError::NotPublic),
            ("https://127.0.0.1/", UrlError::NotPublic),
            ("https://127.1/", UrlError::NotPublic),
            ("https://0x7f000001/", UrlError::NotPublic),
            ("https://2130706433/", UrlError::NotPublic),
            ("https://0177.0.0.1/", UrlError::NotPublic),
            ("https://[::1]:8443/", UrlError::NotPublic),
            ("https://[::ffff:169.254.169.254]/", UrlError::NotPublic),
            ("https://169.254.169.254/latest/meta-data/", UrlError::NotPublic),
        ] {
            assert_eq!(error(text, ""), Some(expected), "{text}");
        }
        assert_eq!(error(&format!("https://example.com/{}", "x".repeat(2000)), ""), Some(UrlError::TooLong));
    }

    #[test]
    fn what_the_internet_can_reach_is_kept_without_its_fragment() {
        let url = WebhookUrl::parse(" https://Example.com:8443/a?token=s3cret#top ", &allowing("")).unwrap();
        assert_eq!(url.as_str(), "https://example.com:8443/a?token=s3cret");
        assert!(!format!("{url:?}").contains("s3cret"));
        assert!(!url.is_for_allowed_networks_only());
        assert_eq!(error("https://1.1.1.1/", ""), None);
    }

    #[test]
    fn the_operator_can_allow_a_network_of_his_own() {
        for (text, networks) in [
            ("https://10.1.2.3/", "10.0.0.0/8"),
            ("http://10.1.2.3:8080/", "10.0.0.0/8"),
            ("http://[::ffff:10.1.2.3]/", "10.0.0.0/8"),
            ("http://erp.internal/", "10.0.0.0/8"),
            ("http://localhost:9000/", "127.0.0.0/8"),
            ("http://[::1]:9000/", "::1/128"),
        ] {
            assert_eq!(error(text, networks), None, "{text}");
        }
        assert_eq!(error("https://127.0.0.1/", "10.0.0.0/8"), Some(UrlError::NotPublic));
        assert_eq!(error("http://localhost/", "10.0.0.0/8"), Some(UrlError::NotPublic));
        assert_eq!(error("http://1.1.1.1/", "10.0.0.0/8"), Some(UrlError::NotHttps));
    }

    proptest! {
        /// The standard library's own judgement, where it has one.
        #[test]
        fn what_the_standard_library_calls_special_is_not_public(bits in any::<u32>(), clothes in 0u8..2) {
            let address = Ipv4Addr::from(bits);
            let is_special = address.is_private() || address.is_loopback() || address.is_link_local()
                || address.is_broadcast() || address.is_documentation() || address.is_unspecified()
                || address.is_multicast();
            let dressed = if clothes == 0 { IpAddr::V4(address) } else { IpAddr::V6(address.to_ipv6_mapped()) };
            prop_assert!(!(is_special && is_public(dressed)));
            prop_assert_eq!(is_public(dressed), is_public(IpAddr::V4(address)));
        }

        #[test]
        fn only_global_unicast_is_public(bits in any::<u128>()) {
            let address = Ipv6Addr::from(bits);
            prop_assume!(address.to_ipv4_mapped().is_none());
            prop_assert!(!is_public(address.into()) || bits >> 125 == 1);
        }

        /// However an IPv4 address is carried by IPv6, it does not become public by that.
        #[test]
        fn an_address_inside_a_network_stays_there_in_other_clothes(last in any::<u32>()) {
            let inside = u128::from((10 << 24) | (last & 0x00ff_ffff));
            for carried in [inside, (0xffff << 32) | inside, (0x0064_ff9b_u128 << 96) | inside, (0x2002_u128 << 112) | (inside << 80)] {
                prop_assert!(!is_public(Ipv6Addr::from(carried).into()));
            }
        }

        #[test]
        fn no_text_makes_the_reading_fail_over(text in ".*") {
            let _ = WebhookUrl::parse(&text, &allowing("10.0.0.0/8"));
            let _ = WebhookUrl::parse(&format!("https://{text}"), &allowing(""));
        }
    }
}

//! Where a server is reached, with or without a path.

use std::{
    borrow::Cow,
    fmt,
    net::{IpAddr, Ipv4Addr, SocketAddr},
};

use url::{Host, Url};

/// The first parts of the server's own paths. A URL has none of these in front: of a request for `/api/v2/token`
/// nobody could say whether a proxy has taken the path of the public URL away or not.
const OWN: [&str; 23] = [
    "account",
    "api",
    "auth",
    "cookie-check",
    "docs",
    "forgot-password",
    "healthz",
    "i",
    "instance",
    "invitations",
    "livez",
    "login",
    "logout",
    "mailbox",
    "orgs",
    "preferences",
    "readyz",
    "removed-organizations",
    "reset-password",
    "setup",
    "signup",
    "static",
    "verify-email",
];

/// An address under which the server is reached, by people or by gateways: scheme, host and port, and a path where it
/// shares them with others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerUrl {
    url: Url,
    base_path: BasePath,
}

impl ServerUrl {
    /// # Errors
    /// What such an address has to look like.
    pub fn parse(text: &str) -> Result<Self, String> {
        let expected = "must be an http:// or https:// URL without query, fragment or credentials, for example \
                        https://tessera.example.com, or https://example.com/keys with letters, digits, - and _ in \
                        its path";
        let url = Url::parse(text).map_err(|_| expected)?;
        let bare = url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
            && url.fragment().is_none();
        let web = matches!(url.scheme(), "http" | "https") && url.host().is_some();
        let base_path = BasePath::parse(url.path()).filter(|_| web && bare).ok_or(expected)?;
        match base_path.first().filter(|first| OWN.contains(first)) {
            Some(own) => {
                Err(format!("must be a URL whose path doesn't begin with /{own}, one of Tessera itself"))
            }
            None => Ok(Self { url, base_path }),
        }
    }

    /// The address of a server that nobody gave a public one.
    pub(super) fn of_listener(listen: SocketAddr, has_tls: bool) -> Result<Self, String> {
        let ip = match listen.ip() {
            ip if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
            ip => ip,
        };
        let scheme = if has_tls { "https" } else { "http" };
        Self::parse(&format!("{scheme}://{}", SocketAddr::new(ip, listen.port())))
    }

    /// The whole address of a `path` that begins with `/`.
    pub fn join(&self, path: &str) -> String {
        format!("{self}{path}")
    }

    /// The path in front of all others.
    pub fn base_path(&self) -> &BasePath {
        &self.base_path
    }

    /// Scheme, host and port as a browser writes them in `Origin`.
    pub fn origin(&self) -> String {
        self.url.origin().ascii_serialization()
    }

    /// The host without the port; an IPv6 address stands in brackets.
    pub fn host(&self) -> &str {
        self.url.host_str().unwrap_or_default()
    }

    /// The host, and whether it is an address.
    pub(super) fn parsed_host(&self) -> Option<Host<&str>> {
        self.url.host()
    }

    /// The port, unless it is the one that the scheme implies.
    pub fn port(&self) -> Option<u16> {
        self.url.port()
    }

    /// The port, also where the scheme implies it.
    pub fn known_port(&self) -> u16 {
        self.url.port_or_known_default().unwrap_or_default()
    }

    /// Whether a request that names `host` in its header `Host` was sent to this address.
    pub fn is_at(&self, host: &str) -> bool {
        let named = Url::parse(&format!("{}://{host}", self.url.scheme()));
        named.is_ok_and(|url| url.origin() == self.url.origin())
    }

    /// Whether browsers reach the server over TLS.
    pub fn is_https(&self) -> bool {
        self.url.scheme() == "https"
    }

    /// Whether only this machine can reach the address.
    pub fn is_loopback(&self) -> bool {
        match self.url.host() {
            Some(Host::Ipv4(ip)) => ip.is_loopback(),
            Some(Host::Ipv6(ip)) => ip.is_loopback(),
            Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
            None => false,
        }
    }
}

impl fmt::Display for ServerUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}{}", self.origin(), self.base_path)
    }
}

/// The path that all addresses of a server have in front: `/keys` of `https://example.com/keys`, mostly none.
///
/// Nothing inside knows it. It is taken off a request as it comes in, and put on where an address goes out: on links of
/// templates, on headers, and by [`ServerUrl::join`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct BasePath(String);

impl BasePath {
    /// So that the names of cookies stay short.
    const MAX_LENGTH: usize = 100;

    /// Letters that mean the same in paths, cookies, headers and the configuration of gateways.
    fn parse(path: &str) -> Option<Self> {
        let path = path.strip_suffix('/').unwrap_or(path);
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        let mut parts = path.split('/').skip(1);
        let is_path = path.len() <= Self::MAX_LENGTH
            && parts.all(|part| !part.is_empty() && part.bytes().all(is_plain));
        is_path.then(|| Self(path.to_owned()))
    }

    /// As it stands in front of others: `/keys`, or nothing.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn first(&self) -> Option<&str> {
        self.0.split('/').nth(1)
    }

    /// `path` without this in front, and maybe with a query behind; `None` where it is not there, or nothing is to be
    /// taken off.
    pub fn strip<'a>(&self, path: &'a str) -> Option<Cow<'a, str>> {
        if self.is_empty() {
            return None;
        }
        match path.strip_prefix(self.as_str())? {
            rest if rest.starts_with('/') => Some(Cow::Borrowed(rest)),
            rest if rest.is_empty() || rest.starts_with('?') => Some(Cow::Owned(format!("/{rest}"))),
            _ => None,
        }
    }
}

impl fmt::Display for BasePath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_stands_in_front_of_all_others() {
        for text in ["https://example.com/team/keys_2", "https://example.com/team/keys_2/"] {
            let url = ServerUrl::parse(text).expect(text);
            assert_eq!(url.to_string(), "https://example.com/team/keys_2");
            assert_eq!(url.join("/orgs?q=a"), "https://example.com/team/keys_2/orgs?q=a");
            assert_eq!(url.origin(), "https://example.com");
            assert_eq!(url.base_path().as_str(), "/team/keys_2");
        }
        let url = ServerUrl::parse("https://example.com/").expect("no path");
        assert!(url.base_path().is_empty());
        assert_eq!(url.join("/"), "https://example.com/");
    }

    #[test]
    fn what_means_something_elsewhere_is_no_path() {
        let long = format!("https://example.com/{}", "a".repeat(100));
        for text in [
            "https://example.com//keys",
            "https://example.com/keys//",
            "https://example.com/ke ys",
            "https://example.com/k%65ys",
            "https://example.com/keys;a",
            "https://example.com/schlüssel",
            "https://example.com/v1.2",
            "https://example.com/keys?",
            "https://example.com/keys#",
            long.as_str(),
        ] {
            assert!(ServerUrl::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_path_of_the_server_itself_stands_in_front_of_none() {
        for own in OWN {
            let refused = ServerUrl::parse(&format!("https://example.com/{own}/keys"));
            assert!(refused.is_err_and(|refused| refused.contains(&format!("/{own},"))), "{own}");
        }
        assert!(ServerUrl::parse("https://example.com/keys/api").is_ok());
        assert!(ServerUrl::parse("https://example.com/apis").is_ok());
    }

    #[test]
    fn it_is_taken_off_where_it_is_a_whole_part() {
        let base = BasePath("/keys".to_owned());
        let stripped = |path| base.strip(path).map(Cow::into_owned);
        assert_eq!(stripped("/keys/orgs?q=a").as_deref(), Some("/orgs?q=a"));
        assert_eq!(stripped("/keys").as_deref(), Some("/"));
        assert_eq!(stripped("/keys/").as_deref(), Some("/"));
        assert_eq!(stripped("/keys?q=a").as_deref(), Some("/?q=a"));
        assert_eq!(stripped("/keys//evil.example").as_deref(), Some("//evil.example"));
        for other in ["/keyset", "/orgs", "/", "", "keys/"] {
            assert_eq!(stripped(other), None, "{other}");
        }
        assert_eq!(BasePath::default().strip("/orgs"), None);
    }
}

//! Where the server listens, and whom it believes.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
};

use ipnet::IpNet;

use super::{Exit, Sources, setting, values};

/// What a unix socket begins with in a list of addresses.
const UNIX: &str = "unix:";

const CERTIFICATE: &str = "TESSERA_TLS_CERTIFICATE";
const KEY: &str = "TESSERA_TLS_KEY";

/// One place at which the server takes connections.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListenAddress {
    /// An IP address and a port.
    Tcp(SocketAddr),
    /// A socket in the file system.
    Unix(PathBuf),
}

impl ListenAddress {
    fn parse(text: &str) -> Option<Self> {
        match text.strip_prefix(UNIX) {
            // An absolute path, so that it is the same for whoever asks, wherever that was started.
            Some(path) => Path::new(path).is_absolute().then(|| Self::Unix(path.into())),
            None => text.parse().ok().map(Self::Tcp),
        }
    }

    /// The IP address and the port, unless it is a unix socket.
    pub fn tcp(&self) -> Option<SocketAddr> {
        match self {
            Self::Tcp(address) => Some(*address),
            Self::Unix(_) => None,
        }
    }
}

impl fmt::Display for ListenAddress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(formatter),
            Self::Unix(path) => write!(formatter, "{UNIX}{}", path.display()),
        }
    }
}

/// All places at which the server takes connections.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listen(Vec<ListenAddress>);

impl Default for Listen {
    fn default() -> Self {
        Self(vec![ListenAddress::Tcp(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8080))])
    }
}

impl Listen {
    /// The places of sockets that are open.
    pub fn new(addresses: Vec<ListenAddress>) -> Self {
        Self(addresses)
    }

    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let addresses: Option<Vec<_>> =
            text.split(',').map(|address| ListenAddress::parse(address.trim())).collect();
        addresses.map(Self).ok_or_else(|| {
            "must be IP addresses with a port, or unix: and an absolute path, separated by commas, for example \
             127.0.0.1:8080, [::1]:8080, unix:/run/tessera/tessera.sock"
                .to_owned()
        })
    }

    /// Each of them, as they were named.
    pub fn iter(&self) -> impl Iterator<Item = &ListenAddress> {
        self.0.iter()
    }

    /// The first that has an IP address.
    pub fn first_tcp(&self) -> Option<SocketAddr> {
        self.iter().find_map(ListenAddress::tcp)
    }

    /// Whether only this machine reaches them. A unix socket is there for a proxy, and whoever reaches that reaches
    /// the server.
    pub fn is_loopback(&self) -> bool {
        self.iter().all(|address| address.tcp().is_some_and(|tcp| tcp.ip().to_canonical().is_loopback()))
    }
}

impl fmt::Display for Listen {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let addresses: Vec<String> = self.iter().map(ToString::to_string).collect();
        formatter.write_str(&addresses.join(", "))
    }
}

/// The files of a certificate and its key (PEM).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate, followed by those that lead to its root.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

impl TlsFiles {
    pub(super) fn read(
        certificate: Option<String>,
        key: Option<String>,
        sources: &Sources<'_>,
    ) -> Result<Option<Self>, Exit> {
        let path = |text: &str| Ok(PathBuf::from(text));
        let certificate = setting(CERTIFICATE, certificate, sources, path)?;
        match (certificate, setting(KEY, key, sources, path)?) {
            (None, None) => Ok(None),
            (Some(certificate), Some(key)) => Ok(Some(Self { certificate, key })),
            (Some(_), None) => Err(Exit::mistake(format_args!("{KEY} must be set where {CERTIFICATE} is"))),
            (None, Some(_)) => Err(Exit::mistake(format_args!("{CERTIFICATE} must be set where {KEY} is"))),
        }
    }
}

/// The proxies whose `X-Forwarded-*` headers are believed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrustedProxies {
    /// Where they connect from.
    pub networks: Vec<IpNet>,
    /// Whether whoever connects to a unix socket is one.
    pub on_unix_sockets: bool,
}

impl TrustedProxies {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let (unix, networks): (Vec<_>, Vec<_>) = text.split(',').partition(|one| one.trim() == "unix");
        let on_unix_sockets = !unix.is_empty();
        if networks.is_empty() {
            return Ok(Self { networks: Vec::new(), on_unix_sockets });
        }
        let networks = values::networks(&networks.join(",")).map_err(|_| {
            "must be IP addresses, CIDR ranges or unix (for unix sockets), separated by commas, for example \
             10.0.0.0/8, 192.0.2.7"
                .to_owned()
        })?;
        Ok(Self { networks, on_unix_sockets })
    }

    /// Whether one of them has this address.
    pub fn include(&self, ip: &IpAddr) -> bool {
        self.networks.iter().any(|network| network.contains(ip))
    }
}

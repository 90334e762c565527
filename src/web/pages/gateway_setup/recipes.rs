//! The texts themselves. `tests/servers` runs what stands here.

use std::borrow::Cow;

use askama::Template;

use crate::{
    config::{KeyPrefix, ServerUrl},
    web::shell::Markup,
};

/// What can check keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Program {
    /// The gateway of this name.
    Nginx,
    /// The gateway of this name.
    Caddy,
    /// The gateway of this name.
    Traefik,
    /// The gateway of this name.
    HaProxy,
    /// The gateway of this name.
    Envoy,
    /// The command of this name.
    Curl,
    /// A backend in this language.
    JavaScript,
    /// A backend in this language.
    Python,
    /// A backend in this language.
    Go,
}

/// Where a program checks keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// In front of an API, by forward auth.
    Gateway,
    /// In the API itself, with a master token.
    Backend,
}

/// How one program asks for verification.
pub struct Recipe {
    /// The program.
    pub program: Program,
    /// What to know before.
    pub about: &'static str,
    /// What there is to copy.
    pub texts: Vec<Text>,
    key_prefix: KeyPrefix,
}

/// A configuration or a program.
pub struct Text {
    /// The file that it is for.
    pub file: &'static str,
    /// Where the file goes.
    pub place: &'static str,
    /// The text.
    pub text: String,
}

/// What the reader replaces in the texts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placeholder {
    /// As it stands in the texts.
    pub text: Cow<'static, str>,
    /// What takes its place.
    pub meaning: &'static str,
}

const YOUR_API: &str = "127.0.0.1:3000";
const ABOUT_YOUR_API: &str = "The host and port that your API listens on.";
const HOST: &str = "api.example.com";
const APP: &str = "https://app.example.com";
const CERTIFICATES: &str = "/etc/ssl/certs/ca-certificates.crt";
// Examples are written with the default prefix.
const KEY: &str = "tess_…";
const TOKEN: &str = "tess_m_…";

impl Program {
    /// All of them, in the order of the page.
    pub const ALL: [Self; 9] = [
        Self::Nginx,
        Self::Caddy,
        Self::Traefik,
        Self::HaProxy,
        Self::Envoy,
        Self::Curl,
        Self::JavaScript,
        Self::Python,
        Self::Go,
    ];

    /// Its word in the address.
    pub fn id(self) -> &'static str {
        match self {
            Self::Nginx => "nginx",
            Self::Caddy => "caddy",
            Self::Traefik => "traefik",
            Self::HaProxy => "haproxy",
            Self::Envoy => "envoy",
            Self::Curl => "curl",
            Self::JavaScript => "javascript",
            Self::Python => "python",
            Self::Go => "go",
        }
    }

    /// The program with this word; anything else means the first one.
    pub fn parse(id: &str) -> Self {
        Self::ALL.into_iter().find(|program| program.id() == id).unwrap_or(Self::Nginx)
    }

    /// Its name.
    pub fn title(self) -> &'static str {
        match self {
            Self::Nginx => "nginx",
            Self::Caddy => "Caddy",
            Self::Traefik => "Traefik",
            Self::HaProxy => "HAProxy",
            Self::Envoy => "Envoy",
            Self::Curl => "curl",
            Self::JavaScript => "JavaScript",
            Self::Python => "Python",
            Self::Go => "Go",
        }
    }

    /// Where it checks keys.
    pub fn kind(self) -> Kind {
        match self {
            Self::Nginx | Self::Caddy | Self::Traefik | Self::HaProxy | Self::Envoy => Kind::Gateway,
            Self::Curl | Self::JavaScript | Self::Python | Self::Go => Kind::Backend,
        }
    }

    /// The programs of one kind.
    pub fn of(kind: &Kind) -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().filter(move |program| program.kind() == *kind)
    }

    fn about(self) -> &'static str {
        match self {
            Self::Nginx => {
                "With the module auth_request, which the packages of Debian, Ubuntu and nginx.org have."
            }
            Self::Caddy => "Version 2.6 or newer. Caddy gets the certificate of your API itself.",
            Self::Traefik => {
                "Version 2.11.56, 3.7.12 or newer. By default, Traefik passes on headers with underscores or dots \
                 in their names, and WSGI, CGI and PHP read X_Tessera_Scopes and X.Tessera.Scopes as \
                 X-Tessera-Scopes: clients could give themselves scopes (GHSA-vjrc-mh2v-45x6). That’s why \
                 aliasHeadersStrategy is “delete” below. Unlike the others, this configuration isn’t tested with \
                 a real gateway."
            }
            Self::HaProxy => {
                "Version 2.6 or newer with Lua, which the packages of Debian and Ubuntu have. HAProxy finds Tessera’s \
                 host name by DNS, not in /etc/hosts."
            }
            Self::Envoy => "Version 1.38 or newer, with the filter ext_authz over HTTP.",
            Self::Curl => {
                "The request that a backend sends. Accepted and rejected keys alike return 200; check “valid”."
            }
            Self::JavaScript => {
                "Node.js 18 or newer, without packages. Run it, then put your API where the comment says."
            }
            Self::Python => {
                "Python 3.8 or newer, without packages. Run it, then put your API where the comment says."
            }
            Self::Go => {
                "Go 1.18 or newer, without modules. Run it, then put your API where the comment says."
            }
        }
    }

    /// Its files, where each goes, and what it is made of.
    fn files(self, at: &Endpoint) -> Vec<(&'static str, &'static str, Source<'_>)> {
        const SMALL_API: &str = "A small API that checks the key of each request.";
        match self {
            Self::Nginx => vec![(
                "/etc/nginx/conf.d/api.conf",
                "A site of its own. Check it with “nginx -t”, then reload nginx.",
                Source::Nginx { at },
            )],
            Self::Caddy => vec![(
                "/etc/caddy/Caddyfile",
                "A site block of its own. Check it with “caddy validate”, then reload Caddy.",
                Source::Caddy { at },
            )],
            Self::Traefik => vec![
                (
                    "/etc/traefik/dynamic.yml",
                    "The dynamic configuration: your API, behind the middleware “tessera”.",
                    Source::TraefikDynamic { at },
                ),
                (
                    "/etc/traefik/traefik.yml",
                    "The static configuration. Set aliasHeadersStrategy for each entry point of your API.",
                    Source::TraefikStatic {},
                ),
            ],
            Self::HaProxy => vec![
                (
                    "/etc/haproxy/haproxy.cfg",
                    "Add it to the end. Check it with “haproxy -c -f”, then reload HAProxy.",
                    Source::HaProxy {},
                ),
                (
                    "/etc/haproxy/tessera.lua",
                    "The script that the configuration loads. Anything but 204 is rejected.",
                    Source::HaProxyScript { at },
                ),
            ],
            Self::Envoy => vec![(
                "envoy.yaml",
                "A whole configuration. Check it with “envoy --mode validate -c envoy.yaml”.",
                Source::Envoy { at },
            )],
            Self::Curl => vec![("Shell command", "Paste it into a terminal.", Source::Curl { at })],
            Self::JavaScript => vec![("api.mjs", SMALL_API, Source::JavaScript { at })],
            Self::Python => vec![("api.py", SMALL_API, Source::Python { at })],
            Self::Go => vec![("api.go", SMALL_API, Source::Go { at })],
        }
    }

    /// What the reader replaces in its texts, and by what.
    fn placeholders(self) -> &'static [(&'static str, &'static str)] {
        const LISTEN: &str = "The port that clients send requests to.";
        const OF_HOST: (&str, &str) = (HOST, "The host name that clients send requests to.");
        const OF_YOUR_API: (&str, &str) = (YOUR_API, ABOUT_YOUR_API);
        const OF_CERTIFICATES: (&str, &str) = (
            CERTIFICATES,
            "The certificate authorities that are trusted. This is where Debian and Ubuntu keep them.",
        );
        const OF_TOKEN: (&str, &str) = (TOKEN, "An active master token with the access “Verify only”.");
        match self {
            Self::Nginx => &[
                OF_HOST,
                ("listen 80", "Where clients connect: for HTTPS “listen 443 ssl”, with your certificate."),
                OF_YOUR_API,
                OF_CERTIFICATES,
            ],
            Self::Caddy => &[OF_HOST, OF_YOUR_API],
            Self::Traefik => {
                &[OF_HOST, OF_YOUR_API, (APP, "The origin of your web pages, if you use these lines.")]
            }
            Self::HaProxy => &[
                ("bind :80", "Where clients connect: for HTTPS “bind :443 ssl crt” with your certificate."),
                OF_YOUR_API,
            ],
            Self::Envoy => &[
                ("port_value: 8000", LISTEN),
                ("address: 127.0.0.1, port_value: 3000", ABOUT_YOUR_API),
                OF_CERTIFICATES,
            ],
            Self::Curl => &[OF_TOKEN, (KEY, "An API key of this organization.")],
            Self::JavaScript | Self::Python | Self::Go => &[OF_TOKEN],
        }
    }
}

impl Recipe {
    /// The recipe for one organization of the installation that gateways reach at `url`.
    ///
    /// # Errors
    /// When a template fails to render.
    pub fn new(program: Program, url: &ServerUrl, organization_id: &str) -> askama::Result<Self> {
        let at = Endpoint::new(url, organization_id);
        let texts = program.files(&at).into_iter();
        let texts = texts.map(|(file, place, source)| Ok(Text { file, place, text: source.render()? }));
        let (texts, key_prefix) = (texts.collect::<askama::Result<_>>()?, KeyPrefix::default());
        Ok(Self { program, about: program.about(), texts, key_prefix })
    }

    /// The same, of an installation whose keys have another prefix.
    #[must_use]
    pub fn with_prefix(mut self, key_prefix: KeyPrefix) -> Self {
        for text in &mut self.texts {
            text.text = key_prefix.in_example(&text.text).into_owned();
        }
        Self { key_prefix, ..self }
    }

    /// A request that shows whether it works.
    pub fn trial(&self) -> Option<Markup> {
        // As the configuration above listens.
        let url = match self.program {
            Program::Caddy => "https://api.example.com/",
            Program::Nginx | Program::Traefik | Program::HaProxy => "http://api.example.com/",
            Program::Envoy => "http://api.example.com:8000/",
            Program::Curl => return None,
            Program::JavaScript | Program::Python | Program::Go => "http://127.0.0.1:3000/",
        };
        let key = self.key_prefix.in_example(KEY);
        let command = format!("curl -i {url} -H \"X-API-Key: {key}\"");
        Some(Markup::with_marks(&command, [HOST, &key].into_iter()))
    }

    /// Whether the configuration listens without TLS, which the reader is to change.
    pub fn listens_in_the_clear(&self) -> bool {
        matches!(self.program, Program::Nginx | Program::Traefik | Program::HaProxy | Program::Envoy)
    }

    /// What the reader replaces: what stands in these texts.
    pub fn placeholders(&self) -> Vec<Placeholder> {
        let is_there =
            |placeholder: &Placeholder| self.texts.iter().any(|text| text.text.contains(&*placeholder.text));
        let own = |&(text, meaning): &(&'static str, &'static str)| Placeholder {
            text: self.key_prefix.in_example(text),
            meaning,
        };
        self.program.placeholders().iter().map(own).filter(is_there).collect()
    }
}

impl Text {
    /// The text, with what the reader replaces marked.
    pub fn marked(&self, placeholders: &[Placeholder]) -> Markup {
        Markup::with_marks(&self.text, placeholders.iter().map(|placeholder| &*placeholder.text))
    }
}

/// Where Tessera is, in the parts that configurations are made of.
struct Endpoint {
    /// `https://keys.example.com`.
    origin: String,
    /// `http` or `https`.
    scheme: &'static str,
    /// `keys.example.com` or `[::1]`.
    host: String,
    /// `::1` for `[::1]`.
    bare_host: String,
    /// 443 too where the address does not say it.
    port: u16,
    /// As it stands in the header `Host`.
    host_and_port: String,
    is_tls: bool,
    /// The path of verification for gateways, with the organization.
    auth: String,
    /// The whole address of verification for backends.
    verify: String,
}

impl Endpoint {
    fn new(url: &ServerUrl, organization_id: &str) -> Self {
        let origin = url.origin();
        let host_and_port = origin.split_once("://").map_or("", |(_, rest)| rest).to_owned();
        Self {
            scheme: if url.is_https() { "https" } else { "http" },
            host: url.host().to_owned(),
            bare_host: url.host().trim_matches(['[', ']']).to_owned(),
            port: url.known_port(),
            host_and_port,
            is_tls: url.is_https(),
            auth: format!("{}/auth?organization={organization_id}", url.base_path()),
            verify: url.join("/api/v2/keys/verify"),
            origin,
        }
    }

    /// As Caddy names an upstream.
    fn upstream(&self) -> &str {
        if self.is_tls { &self.origin } else { &self.host_and_port }
    }
}

/// The one source of each text.
#[derive(Template)]
enum Source<'a> {
    #[template(path = "gateway_setup/nginx.conf", escape = "none")]
    Nginx { at: &'a Endpoint },
    #[template(path = "gateway_setup/Caddyfile", escape = "none")]
    Caddy { at: &'a Endpoint },
    #[template(path = "gateway_setup/dynamic.yml", escape = "none")]
    TraefikDynamic { at: &'a Endpoint },
    #[template(path = "gateway_setup/traefik.yml", escape = "none")]
    TraefikStatic {},
    #[template(path = "gateway_setup/haproxy.cfg", escape = "none")]
    HaProxy {},
    #[template(path = "gateway_setup/tessera.lua", escape = "none")]
    HaProxyScript { at: &'a Endpoint },
    #[template(path = "gateway_setup/envoy.yaml", escape = "none")]
    Envoy { at: &'a Endpoint },
    #[template(path = "gateway_setup/verify.sh", escape = "none")]
    Curl { at: &'a Endpoint },
    #[template(path = "gateway_setup/api.mjs", escape = "none")]
    JavaScript { at: &'a Endpoint },
    #[template(path = "gateway_setup/api.py", escape = "none")]
    Python { at: &'a Endpoint },
    #[template(path = "gateway_setup/api.go", escape = "none")]
    Go { at: &'a Endpoint },
}

//! "Gateway setup": configuration for gateways and backends, ready to be copied.

use actix_web::HttpResponse;
use askama::Template;

use super::organization::{Frame, Tab};
use crate::{
    domain::access::{Grant, SeeKeys},
    page,
    web::{error::AppError, shell::Shell, view, visit::Visit},
};

/// `GET /orgs/{organization}/api/gateway-setup`.
#[derive(Template)]
#[template(path = "gateway_setup/index.html", blocks = ["title", "content", "tabs", "panel"])]
pub struct GatewaySetupPage {
    shell: Shell,
    frame: Frame,
    recipes: Vec<Recipe>,
}

page!(GatewaySetupPage);

/// How one program asks for verification.
pub struct Recipe {
    /// The id of its section.
    id: &'static str,
    /// The program.
    title: &'static str,
    /// Where the text goes, and what to know before.
    place: &'static str,
    /// The configuration.
    text: String,
}

/// Shows the page.
pub async fn show(visit: Visit<Grant<SeeKeys>>) -> Result<HttpResponse, AppError> {
    let recipes = recipes(&visit.state.config.public_url.origin(), &visit.proof.id)?;
    let frame = visit.read(|connection, grant| Frame::load(connection, grant, Tab::Api)).await?;
    view::show(&GatewaySetupPage { shell: visit.shell(), frame, recipes })
}

#[derive(Template)]
#[template(path = "gateway_setup/nginx.conf", escape = "none")]
struct Nginx<'a> {
    origin: &'a str,
    auth: &'a str,
    is_tls: bool,
}

#[derive(Template)]
#[template(path = "gateway_setup/Caddyfile", escape = "none")]
struct Caddy<'a> {
    upstream: &'a str,
    auth: &'a str,
    is_tls: bool,
}

#[derive(Template)]
#[template(path = "gateway_setup/traefik.yml", escape = "none")]
struct Traefik<'a> {
    origin: &'a str,
    auth: &'a str,
}

#[derive(Template)]
#[template(path = "gateway_setup/haproxy.cfg", escape = "none")]
struct HaProxy;

#[derive(Template)]
#[template(path = "gateway_setup/tessera.lua", escape = "none")]
struct HaProxyScript<'a> {
    origin: &'a str,
    auth: &'a str,
}

#[derive(Template)]
#[template(path = "gateway_setup/backend.sh", escape = "none")]
struct Backend<'a> {
    origin: &'a str,
}

/// The recipes for an installation at `origin` and one organization. Tests run nginx, Caddy, HAProxy
/// and curl on these very texts.
pub fn recipes(origin: &str, organization_id: &str) -> askama::Result<Vec<Recipe>> {
    let auth = &format!("/auth?organization={organization_id}");
    let (scheme, host) = origin.split_once("://").unwrap_or(("http", origin));
    let is_tls = scheme == "https";
    let upstream = if is_tls { origin } else { host };
    Ok(vec![
        Recipe {
            id: "nginx",
            title: "nginx",
            place: "In the server block of your API.",
            text: Nginx { origin, auth, is_tls }.render()?,
        },
        Recipe {
            id: "caddy",
            title: "Caddy",
            place: "In the site block of your API.",
            text: Caddy { upstream, auth, is_tls }.render()?,
        },
        Recipe {
            id: "traefik",
            title: "Traefik",
            place: "Version 2.11.56, 3.7.12 or newer. By default, Traefik passes on headers with underscores or dots \
                    in their names, and WSGI, CGI and PHP read X_Tessera_Scopes and X.Tessera.Scopes as \
                    X-Tessera-Scopes: clients could give themselves scopes (GHSA-vjrc-mh2v-45x6). Set \
                    aliasHeadersStrategy to “delete” as below. Unlike the others, this configuration isn’t tested \
                    with a real gateway.",
            text: Traefik { origin, auth }.render()?,
        },
        Recipe {
            id: "haproxy",
            title: "HAProxy",
            place: "Version 2.6 or newer with Lua. Load the script below with “lua-load /etc/haproxy/tessera.lua” in the \
                    section “global”. Put these lines in the frontend of your API, before anything that reads headers.",
            text: HaProxy.render()?,
        },
        Recipe {
            id: "haproxy-lua",
            title: "HAProxy: tessera.lua",
            place: "The script. Anything but 204 is rejected.",
            text: HaProxyScript { origin, auth }.render()?,
        },
        Recipe {
            id: "backend",
            title: "Call the API directly",
            place: "Set TOKEN to an active master token. Accepted and rejected keys alike return 200; check “valid”.",
            text: Backend { origin }.render()?,
        },
    ])
}

impl Recipe {
    /// The id of its section.
    pub fn id(&self) -> &'static str {
        self.id
    }

    /// The configuration.
    pub fn text(&self) -> &str {
        &self.text
    }
}

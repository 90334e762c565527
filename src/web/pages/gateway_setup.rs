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
    /// One sentence on where the text goes.
    place: &'static str,
    /// The configuration.
    text: String,
}

/// Shows the page.
pub async fn show(visit: Visit<Grant<SeeKeys>>) -> Result<HttpResponse, AppError> {
    let recipes = recipes(&visit.state.config.public_url.origin(), &visit.proof.id);
    let frame = visit.read(|connection, grant| Frame::load(connection, grant, Tab::Api)).await?;
    view::show(&GatewaySetupPage { shell: visit.shell().await?, frame, recipes })
}

/// The recipes for an installation at `origin` and one organization. Tests run nginx and Caddy on
/// these very texts.
pub fn recipes(origin: &str, organization_id: &str) -> Vec<Recipe> {
    let auth = format!("/auth?organization={organization_id}");
    let (scheme, host) = origin.split_once("://").unwrap_or(("http", origin));
    let upstream = if scheme == "https" { origin } else { host };
    vec![
        Recipe {
            id: "nginx",
            title: "nginx",
            place: "In the server block of your API. nginx asks before each request and passes the key’s name on.",
            text: format!(
                "location / {{\n    auth_request /_tessera;\n    auth_request_set $key_name $upstream_http_x_tessera_key_name;\n    \
                 auth_request_set $key_scopes $upstream_http_x_tessera_scopes;\n    \
                 auth_request_set $key_status $upstream_status;\n    error_page 500 = @tessera_refused;\n    \
                 proxy_set_header X-Tessera-Key-Name $key_name;\n    \
                 proxy_set_header X-Tessera-Scopes $key_scopes;\n    proxy_pass http://127.0.0.1:3000;\n}}\n\n\
                 # nginx knows 401 and 403 only; this passes 429 on.\n\
                 location @tessera_refused {{\n    if ($key_status = 429) {{ return 429; }}\n    return 500;\n}}\n\n\
                 location = /_tessera {{\n    internal;\n    proxy_pass {origin}{auth};\n    \
                 proxy_pass_request_body off;\n    proxy_set_header Content-Length \"\";\n    \
                 proxy_set_header X-Forwarded-For $remote_addr;\n}}\n"
            ),
        },
        Recipe {
            id: "caddy",
            title: "Caddy",
            place: "In the site block of your API.",
            text: format!(
                "forward_auth {upstream} {{\n    uri {auth}\n    \
                 copy_headers X-Tessera-Organization X-Tessera-Key-Id X-Tessera-Key-Name X-Tessera-Scopes\n}}\nreverse_proxy 127.0.0.1:3000\n"
            ),
        },
        Recipe {
            id: "traefik",
            title: "Traefik",
            place: "As a middleware in the dynamic configuration.",
            text: format!(
                "http:\n  middlewares:\n    tessera:\n      forwardAuth:\n        address: \"{origin}{auth}\"\n        \
                 authResponseHeaders:\n          - X-Tessera-Organization\n          - X-Tessera-Key-Id\n          - X-Tessera-Key-Name\n          - X-Tessera-Scopes\n"
            ),
        },
        Recipe {
            id: "haproxy",
            title: "HAProxy",
            place: "Version 2.6 or newer with Lua. Load the script with “lua-load /etc/haproxy/tessera.lua” in the section “global”, and call it in the frontend of your API:",
            text: "http-request lua.tessera\nhttp-request deny status 401 if { var(txn.tessera_status) -m int 401 }\n\
                 http-request deny status 403 unless { var(txn.tessera_status) -m int 204 }\n"
                .to_owned(),
        },
        Recipe {
            id: "haproxy-lua",
            title: "HAProxy: tessera.lua",
            place: "The script itself. Anything but a clear yes is rejected.",
            text: format!(
                "core.register_action(\"tessera\", {{ \"http-req\" }}, function(txn)\n  \
                 local sent, asked = txn.http:req_get_headers(), {{}}\n  \
                 for _, name in ipairs({{ \"authorization\", \"x-api-key\" }}) do\n    \
                 if sent[name] then asked[name] = {{ sent[name][0] }} end\n  end\n  \
                 local answer = core.httpclient():get{{ url = \"{origin}{auth}\", headers = asked }}\n  \
                 txn:set_var(\"txn.tessera_status\", answer and answer.status or 503)\nend)\n"
            ),
        },
        Recipe {
            id: "backend",
            title: "Any backend",
            place: "With an active master token. The answer is always 200, with “valid” and a code in it.",
            text: format!(
                "curl {origin}/api/v2/keys/verify \\\n  -H \"Authorization: Bearer $MASTER_TOKEN\" \\\n  \
                 -H \"Content-Type: application/json\" \\\n  -d '{{\"key\": \"tess_…\", \"scopes\": [\"invoices:read\"], \"client_ip\": \"203.0.113.7\"}}'\n"
            ),
        },
    ]
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

//! Two organizations with everything in them, and people who may see this or that.

use serde_json::json;
use tessera::{
    config::KeyPrefix,
    domain::{access::Role, id::new_id, instance_access::InstanceAccess, secret::Secret, user::User},
    web::{access::Route, form_id::FormId},
};

use crate::support::{Company, PASSWORD, START, TestApp};

/// What stands for the `{names}` in an address.
#[derive(Clone, Default)]
pub(super) struct Ids {
    pub(super) organization: String,
    pub(super) user: String,
    pub(super) key: String,
    /// One that was removed.
    pub(super) removed_key: String,
    /// An organization that was removed.
    pub(super) removed: String,
    pub(super) token: String,
    pub(super) invitation: String,
    pub(super) session: String,
    pub(super) mail: String,
    pub(super) webhook: String,
    pub(super) delivery: String,
    /// One plan for all: it belongs to no organization.
    pub(super) plan: String,
    /// None at first: whoever makes one is the first instance administrator.
    pub(super) instance_token: String,
    /// The secret in a mailed link.
    pub(super) link: String,
}

impl Ids {
    /// The same ids as another program may write them (RFC 9562, 4). A secret is no id.
    pub(super) fn in_capitals(self) -> Self {
        let delivery = self.delivery.to_uppercase().replace("MSG_", "msg_");
        let [
            organization,
            user,
            key,
            removed_key,
            removed,
            token,
            invitation,
            session,
            mail,
            webhook,
            plan,
            instance_token,
        ] = [
            self.organization,
            self.user,
            self.key,
            self.removed_key,
            self.removed,
            self.token,
            self.invitation,
            self.session,
            self.mail,
            self.webhook,
            self.plan,
            self.instance_token,
        ]
        .map(|id| id.to_uppercase());
        let link = self.link;
        Self {
            organization,
            user,
            key,
            removed_key,
            removed,
            token,
            invitation,
            session,
            mail,
            webhook,
            delivery,
            plan,
            instance_token,
            link,
        }
    }
}

pub(super) struct Fixture {
    pub(super) app: TestApp,
    /// An organization with keys, tokens, members and invitations.
    pub(super) lumen: Company,
    pub(super) lumen_ids: Ids,
    /// Another one; its administrator is the outsider.
    pub(super) fern: Company,
    pub(super) supervisor: User,
    pub(super) developer: User,
    pub(super) user: User,
    pub(super) unproven: User,
}

impl Fixture {
    pub(super) async fn new() -> Self {
        Self::at("http://localhost:8080").await
    }

    /// The same at another public URL.
    pub(super) async fn at(public_url: &str) -> Self {
        // Without a reporter the address for leaks does not exist.
        // A machine is to ask at every address, again and again.
        let app = TestApp::builder().flag("--leak-secret", &"x".repeat(32)).with_metrics();
        let app = app.flag("--requests-per-minute", "100000").flag("--public-url", public_url);
        let app = app.without_housekeeping().spawn().await;
        let lumen = app.lumen().await;
        let supervisor = app.member(&lumen, Role::Supervisor, "Sam Supervisor").await;
        let developer = app.member(&lumen, Role::Developer, "Dev Developer").await;
        let user = app.member(&lumen, Role::User, "Uli User").await;
        let unproven = app.unverified_user("Una Unproven").await;
        let fern_owner = app.user("Frida Fern").await;
        let fern = app.organization("Fern", &fern_owner).await;
        let plan = app.plan("Plan").await;
        let lumen_ids = Ids {
            plan,
            instance_token: new_id(app.now()),
            ..ids(&app, &lumen, &user, "mara@lumen.example").await
        };
        ids(&app, &fern, &fern_owner, "mara@fern.example").await;
        // The first request of an account notes that it was seen; that is no news later on.
        for person in [&lumen.owner, &supervisor, &developer, &user, &unproven, &fern_owner] {
            app.log_in_as(person).await.get("/").await.must_be(200);
        }
        Self { app, lumen, lumen_ids, fern, supervisor, developer, user, unproven }
    }

    /// The address of a route with `ids` in it.
    pub(super) fn path(&self, route: &Route, ids: &Ids) -> String {
        let pattern = route.pattern;
        let parts = pattern.split('/').map(|part| match part {
            "{organization}" => ids.organization.clone(),
            "{user}" => ids.user.clone(),
            "{key}" if pattern.contains("/removed") => ids.removed_key.clone(),
            "{key}" => ids.key.clone(),
            "{removed}" => ids.removed.clone(),
            "{token}" if pattern.contains("/api/tokens/") => ids.token.clone(),
            "{token}" if pattern.starts_with("/instance/") => ids.instance_token.clone(),
            "{token}.ics" => format!("{}.ics", ids.link),
            "{token}" => ids.link.clone(),
            "{invitation}" => ids.invitation.clone(),
            "{session}" => ids.session.clone(),
            "{mail}" | "{undelivered}" => ids.mail.clone(),
            "{webhook}" => ids.webhook.clone(),
            "{delivery}" => ids.delivery.clone(),
            "{plan}" => ids.plan.clone(),
            "{file:.*}" => "css/none.css".to_owned(),
            part if part.contains('{') => panic!("the fixture has nothing for {part} in {pattern}"),
            part => part.to_owned(),
        });
        parts.collect::<Vec<_>>().join("/")
    }

    /// An organization that no other test of a route has touched, a member of it in this role, and
    /// what the member may name there.
    pub(super) async fn company_for(&self, route: &Route, role: Role, number: usize) -> (Company, User, Ids) {
        let app = &self.app;
        let owner = app.user(&format!("Owner {number}")).await;
        let company = app.organization("Alder", &owner).await;
        let target = app.member(&company, Role::User, &format!("Target {number}")).await;
        let member = app.member(&company, role, &format!("Member {number}")).await;
        let mut ids = ids(app, &company, &target, &format!("mara{number}@alder.example")).await;
        if !route.pattern.contains("{organization}") {
            // What such a route names is the account's own.
            let (invitation, link) = app.invitation(&self.fern, Role::User, &member.email).await;
            app.log_in_as(&member).await;
            ids = Ids { invitation: invitation.id, link, session: session_of(app, &member).await, ..ids };
        }
        if route.pattern.starts_with("/instance/") && route.pattern.contains("{invitation}") {
            let boss = format!("boss{number}@alder.example");
            ids.invitation = app.invitation(&company, Role::Administrator, &boss).await.0.id;
        }
        if route.pattern.contains("{undelivered}") {
            let queued = "SELECT id AS text FROM outbox WHERE state = 'queued' ORDER BY id DESC LIMIT 1";
            ids.mail = app.query(queued).await.remove(0);
        }
        if route.pattern.contains("{removed}") {
            let theirs = app.organization("Birch", &member).await;
            app.remove(&theirs).await;
            ids.removed = theirs.id.clone();
        }
        if route.pattern.contains("{plan}") {
            ids.plan = app.plan(&format!("Plan {number}")).await;
        }
        if route.pattern.starts_with("/instance/tokens/{token}") {
            ids.instance_token = app.instance_machine(InstanceAccess::Verify).await.token_id;
        }
        if route.pattern.starts_with("/instance") {
            app.appoint(&member).await;
        }
        // Of this start, until the first instance administrator is there.
        if let Some(link) = app.state.setup_link.as_ref().filter(|_| route.pattern.starts_with("/setup/")) {
            ids.link = link.expose().to_owned();
        }
        (company, member, ids)
    }

    /// An id that is nobody's.
    pub(super) fn no_id(&self) -> String {
        new_id(self.app.now())
    }

    /// Ids and a link that lead nowhere.
    pub(super) fn nothing(&self) -> Ids {
        Ids {
            organization: self.no_id(),
            user: self.no_id(),
            key: self.no_id(),
            removed_key: self.no_id(),
            removed: self.no_id(),
            token: self.no_id(),
            invitation: self.no_id(),
            session: self.no_id(),
            mail: self.no_id(),
            webhook: self.no_id(),
            delivery: format!("msg_{}", self.no_id()),
            plan: self.no_id(),
            instance_token: self.no_id(),
            link: Secret::generate_key(KeyPrefix::default(), None).expect("randomness").expose().to_owned(),
        }
    }
}

async fn ids(app: &TestApp, company: &Company, user: &User, invited: &str) -> Ids {
    let (invitation, link) = app.invitation(company, Role::User, invited).await;
    app.log_in_as(user).await;
    let (webhook, delivery) = app.webhook(company, "https://receiver.invalid/hook").await;
    Ids {
        organization: company.id.clone(),
        user: user.id.clone(),
        key: app.api_key(company, "Billing worker").await.0.id,
        removed_key: app.removed_key(company, "Old worker").await,
        removed: new_id(app.now()),
        token: app.master_token(company, "Deployment").await.0.id,
        invitation: invitation.id,
        session: session_of(app, user).await,
        mail: app.mails().await.remove(0).id,
        webhook: webhook.id,
        delivery: delivery.id,
        plan: String::new(),
        instance_token: String::new(),
        link,
    }
}

async fn session_of(app: &TestApp, user: &User) -> String {
    let sql = format!("SELECT id AS text FROM sessions WHERE user_id = '{}' LIMIT 1", user.id);
    app.query(&sql).await.remove(0)
}

/// A form that the route carries out, so that a rejection is not the form's fault.
pub(super) fn fields(route: &Route) -> Vec<(&'static str, String)> {
    let form = ("form_id", FormId::new(START).as_str().to_owned());
    let name = ("name", "Alder".to_owned());
    match route.pattern {
        "/orgs/{organization}/api/keys" => vec![name, ("duration", "90".into()), form],
        "/orgs" => vec![name, form],
        "/orgs/{organization}/api/tokens" => {
            vec![name, ("access", "keys".into()), ("duration", "none".into()), form]
        }
        "/orgs/{organization}/api/tokens/{token}/replace" => vec![form],
        "/orgs/{organization}/api/keys/{key}/rotate" => {
            vec![("grace_period", "24h".into()), ("starts", "on_first_use".into()), form]
        }
        "/orgs/{organization}/api/keys/{key}/settings" => vec![name, ("scopes", "invoices:read".into())],
        "/orgs/{organization}/api/troubleshoot" => vec![("key", "tess_none".into())],
        "/orgs/{organization}/api/troubleshoot/try" => {
            vec![("key", "tess_none".into()), ("cost", "1".into())]
        }
        "/orgs/{organization}/api/keys/{key}/pause" => vec![("hours", "4".into())],
        "/orgs/{organization}/webhooks" | "/orgs/{organization}/webhooks/{webhook}/settings" => {
            vec![("url", "https://example.com/".into()), ("events", "api_key.created".into()), form]
        }
        "/orgs/{organization}/webhooks/{webhook}/rotate" => vec![form],
        "/orgs/{organization}/settings" => vec![("name", "Birch".into())],
        "/orgs/{organization}/settings/leaks" => vec![("policy", "deactivate".into())],
        "/orgs/{organization}/settings/remove" | "/account/name" => vec![name],
        "/account/password" => {
            vec![("current_password", PASSWORD.into()), ("new_password", "a violet umbrella".into())]
        }
        "/instance/plans" | "/instance/plans/{plan}/edit" => {
            vec![name, ("rate_count", "60".into()), ("rate_period", "minute".into())]
        }
        "/instance/import" => vec![
            ("format", "csv".into()),
            ("organization", String::new()),
            ("keys", "name,key\nAlder,secret".into()),
            ("step", "import".into()),
        ],
        "/instance/tokens" => vec![name, ("access", "verify".into()), ("duration", "none".into()), form],
        "/instance/tokens/{token}/replace" => vec![form],
        "/instance/organizations" => vec![name, ("plan", String::new()), form],
        "/instance/organizations/{organization}/name" | "/instance/organizations/{organization}/notes" => {
            vec![("text", "Renews in May".into())]
        }
        "/instance/organizations/{organization}/administrators" => {
            vec![("text", "new@alder.example".into())]
        }
        "/instance/organizations/{organization}/plan" => {
            vec![("plan", String::new()), ("rate_period", "minute".into())]
        }
        "/instance/organizations/{organization}/suspend" => vec![("reason", "Payment is overdue.".into())],
        "/orgs/{organization}/users/{user}/role" => vec![("role", "supervisor".into())],
        "/orgs/{organization}/users/invite" => {
            vec![("emails", "new@alder.example".into()), ("role", "user".into()), form]
        }
        _ => Vec::new(),
    }
}

/// JSON that a route of the API carries out.
pub(super) fn body(route: &Route) -> serde_json::Value {
    match (route.method, route.pattern) {
        ("POST", "/api/v2/keys/verify") => json!({ "key": "tess_none" }),
        ("POST", "/api/v2/instance/organizations") => json!({ "name": "Alder" }),
        ("PATCH", "/api/v2/instance/organizations/{organization}") => json!({ "name": "Birch" }),
        ("PUT", "/api/v2/instance/organizations/{organization}/plan-exceptions") => {
            json!({})
        }
        ("POST", "/api/v2/instance/organizations/{organization}/suspend") => {
            json!({ "reason": "Payment is overdue." })
        }
        ("POST", "/api/v2/instance/organizations/{organization}/administrators") => {
            json!({ "email": "new@alder.example" })
        }
        ("POST", "/api/v2/keys/verify/batch") => json!({ "keys": [] }),
        ("POST", "/api/v2/organizations/{organization}/keys") => json!({ "name": "Alder" }),
        ("POST", "/api/v2/organizations/{organization}/keys/{key}/rotate") => {
            json!({ "grace_period": "24h", "starts": "on_first_use" })
        }
        ("POST", "/api/v2/organizations/{organization}/keys/{key}/pause") => json!({ "hours": 4 }),
        ("PATCH", "/api/v2/organizations/{organization}/members/{user}") => json!({ "role": "supervisor" }),
        ("POST", "/api/v2/organizations/{organization}/invitations") => {
            json!({ "emails": ["new@alder.example"], "role": "user" })
        }
        ("PUT", "/api/v2/organizations/{organization}/leak-policy") => json!({ "policy": "deactivate" }),
        ("POST", "/api/v2/organizations/{organization}/webhooks") => json!({ "url": "https://example.com/" }),
        _ => json!({}),
    }
}

/// A key is active at first and a token is not, so these find what they would do already done; others do it
/// to what is named in their form, which names nothing.
pub(super) fn changes_something(route: &Route) -> bool {
    let done_already = [
        "/api/troubleshoot",
        "/api/troubleshoot/try",
        "/api/keys/selected",
        "/api/calendar/revoke",
        "/api/keys/{key}/activate",
        "/api/keys/{key}/revoke-previous",
        "/api/tokens/{token}/deactivate",
        "/webhooks/{webhook}/activate",
    ];
    route.pattern.starts_with("/orgs") && !done_already.iter().any(|end| route.pattern.ends_with(end))
}

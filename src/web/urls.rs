//! One function per address, so that a change of an address is one change.
//!
//! None of them has the path of the public URL in front: nothing inside knows it (see [`super::base_path`]).

use actix_web::{HttpRequest, http::header::REFERER};
use url::form_urlencoded;

use crate::{config::BasePath, domain::page::PageRef};

/// The page for those whose address is not proven.
pub const VERIFY_EMAIL: &str = "/verify-email";
/// "My Organizations".
pub const ORGANIZATIONS: &str = "/orgs";
/// Account settings.
pub const ACCOUNT: &str = "/account";
/// The local mailbox.
pub const MAILBOX: &str = "/mailbox";
/// The log-in.
pub const LOG_IN: &str = "/login";

/// Where the sign-up begins.
pub const SIGN_UP: &str = "/signup";
/// A link for a new password.
pub const FORGOT_PASSWORD: &str = "/forgot-password";

/// The log-in, with where to go afterwards.
pub fn log_in(next: &str) -> String {
    if next.is_empty() || next == "/" {
        LOG_IN.to_owned()
    } else {
        format!("{LOG_IN}?{}", query("next", next))
    }
}

/// Looks whether the browser keeps cookies, and goes on to `next`.
pub fn cookie_check(next: &str) -> String {
    format!("/cookie-check?{}", query("next", next))
}

/// The sign-up, with where to go afterwards.
pub fn sign_up(next: &str) -> String {
    if next.is_empty() { SIGN_UP.to_owned() } else { format!("{SIGN_UP}?{}", query("next", next)) }
}

/// `name=value`, encoded.
pub fn query(name: &str, value: &str) -> String {
    form_urlencoded::Serializer::new(String::new()).append_pair(name, value).finish()
}

/// `path` with those of the `pairs` that say something.
pub fn with_query(path: &str, pairs: &[(&str, &str)]) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(pairs.iter().filter(|(_, value)| !value.is_empty()));
    joined(path, &query.finish())
}

/// A page of a list as it stands in an address; empty for the first one.
pub fn page(page: &PageRef) -> String {
    if page.is_first() { String::new() } else { page.to_string() }
}

/// What stands behind the question mark of an address of ours, for the hidden fields of a form.
pub fn fields(address: &str) -> Vec<(String, String)> {
    let (_, query) = address.split_once('?').unwrap_or((address, ""));
    form_urlencoded::parse(query.as_bytes()).into_owned().collect()
}

fn joined(path: &str, query: &str) -> String {
    match query {
        "" => path.to_owned(),
        query => format!("{path}{}{query}", if path.contains('?') { '&' } else { '?' }),
    }
}

/// A tab of an organization, such as `users`.
pub fn organization(id: &str, tab: &str) -> String {
    format!("/orgs/{id}/{tab}")
}

/// The page "Gateway setup".
pub fn gateway_setup(organization_id: &str) -> String {
    format!("{}/gateway-setup", organization(organization_id, "api"))
}

/// Something done with a member: `member(id, user_id, "role")`.
pub fn member(organization_id: &str, user_id: &str, verb: &str) -> String {
    format!("/orgs/{organization_id}/users/{user_id}/{verb}")
}

/// The dialog that invites, and where its form goes.
pub fn invite(organization_id: &str) -> String {
    format!("/orgs/{organization_id}/users/invite")
}

/// Something done with a pending invitation: `invitation(id, invitation_id, "cancel")`.
pub fn invitation(organization_id: &str, invitation_id: &str, verb: &str) -> String {
    format!("/orgs/{organization_id}/invitations/{invitation_id}/{verb}")
}

/// The page on which a new password is chosen; `token` is the secret.
pub fn reset_password(token: &str) -> String {
    format!("/reset-password/{token}")
}

/// The page that logs in by a link of the operator; `token` is the secret.
pub fn log_in_link(token: &str) -> String {
    format!("{LOG_IN}/{token}")
}

/// The page on which somebody becomes the first instance administrator; `token` is the secret.
pub fn setup(token: &str) -> String {
    format!("/setup/{token}")
}

/// The secret in the address of the page [`setup`].
pub fn setup_token(url: &str) -> Option<&str> {
    url.strip_prefix("/setup/").filter(|token| !token.contains(['/', '?', '#']))
}

/// A tab of the instance, such as `people`.
pub fn instance(tab: &str) -> String {
    format!("/instance/{tab}")
}

/// The page of an organization for those who operate the instance.
pub fn instance_organization(organization_id: &str) -> String {
    format!("/instance/organizations/{organization_id}")
}

/// All organizations, for those who operate the instance.
pub const ALL_ORGANIZATIONS: &str = "/instance/organizations";

/// Something done with an organization by those who operate the instance: `suspend`.
pub fn with_instance_organization(organization_id: &str, verb: &str) -> String {
    format!("{}/{verb}", instance_organization(organization_id))
}

/// A plan, and what is done with it: `instance_plan(plan_id, "edit")`.
pub fn instance_plan(plan_id: &str, verb: &str) -> String {
    format!("{PLANS}/{plan_id}/{verb}")
}

/// The plans.
pub const PLANS: &str = "/instance/plans";

/// The usage of all organizations in a month, as a file.
pub const INSTANCE_USAGE_FILE: &str = "/instance/usage.csv";

/// Where keys of other systems are imported.
pub const INSTANCE_IMPORT: &str = "/instance/import";

/// The instance tokens.
pub const INSTANCE_TOKENS: &str = "/instance/tokens";

/// Something done with an instance token: `instance_token(token_id, "replace")`.
pub fn instance_token(token_id: &str, verb: &str) -> String {
    format!("{INSTANCE_TOKENS}/{token_id}/{verb}")
}

/// Something done with a person: `instance_person(user_id, "deactivate")`.
pub fn instance_person(user_id: &str, verb: &str) -> String {
    format!("/instance/people/{user_id}/{verb}")
}

/// The page to which an invitation's link leads; `token` is the secret.
pub fn invitation_link(token: &str) -> String {
    format!("/i/{token}")
}

/// Something in the API tab: `api_item(id, "keys", key_id, "remove")`.
pub fn api_item(organization_id: &str, kind: &str, item_id: &str, verb: &str) -> String {
    format!("/orgs/{organization_id}/api/{kind}/{item_id}/{verb}")
}

/// The page of an API key.
pub fn api_key(organization_id: &str, key_id: &str) -> String {
    format!("/orgs/{organization_id}/api/keys/{key_id}")
}

/// The page of a webhook.
pub fn webhook(organization_id: &str, webhook_id: &str) -> String {
    format!("/orgs/{organization_id}/webhooks/{webhook_id}")
}

/// Something done with a webhook: `webhook_verb(id, webhook_id, "rotate")`.
pub fn webhook_verb(organization_id: &str, webhook_id: &str, verb: &str) -> String {
    format!("/orgs/{organization_id}/webhooks/{webhook_id}/{verb}")
}

/// A message of a webhook.
pub fn webhook_delivery(organization_id: &str, webhook_id: &str, delivery_id: &str) -> String {
    format!("/orgs/{organization_id}/webhooks/{webhook_id}/deliveries/{delivery_id}")
}

/// An API key in the management API.
pub fn api_of_key(organization_id: &str, key_id: &str) -> String {
    format!("/api/v2/organizations/{organization_id}/keys/{key_id}")
}

/// A webhook in the management API.
pub fn api_of_webhook(organization_id: &str, webhook_id: &str) -> String {
    format!("/api/v2/organizations/{organization_id}/webhooks/{webhook_id}")
}

/// The page of a master token.
pub fn master_token(organization_id: &str, token_id: &str) -> String {
    format!("/orgs/{organization_id}/api/tokens/{token_id}")
}

/// The expiration calendar; `token` is the secret.
pub fn calendar_feed(organization_id: &str, token: &str) -> String {
    format!("/orgs/{organization_id}/api/calendar/{token}.ics")
}

/// `next` if it leads to a page of ours (ASVS 3.7.2), otherwise "My Organizations".
///
/// A path that begins with two slashes, or with a slash and a backslash, names another host.
pub fn safe_next(next: &str) -> &str {
    let is_local = next.starts_with('/')
        && !next.starts_with("//")
        && !next.contains('\\')
        && !next.chars().any(|c| c.is_control() || c.is_whitespace());
    if is_local { next } else { ORGANIZATIONS }
}

/// Whether a path holds a secret that opens something.
pub fn holds_secret(path: &str) -> bool {
    const PLACES: [&str; 5] = ["/i/", "/verify-email/", "/reset-password/", "/login/", "/setup/"];
    PLACES.iter().any(|place| path.starts_with(place))
}

/// `path`, or nothing where it holds a secret that no other page may repeat.
pub fn without_secret(path: String) -> String {
    if holds_secret(&path) { String::new() } else { path }
}

/// `path` with the filter, search and page number that stand in `address`.
pub fn with_query_of(path: &str, address: &str) -> String {
    joined(path, address.split_once('?').map_or("", |(_, query)| query))
}

/// The organization that a path of the pages is about.
pub fn organization_in(path: &str) -> Option<&str> {
    path.strip_prefix("/orgs/")?.split('/').next()
}

/// The path of the page that a request acts on: htmx names it, and a browser that sends a plain form
/// names the page with the form.
pub fn current_page(request: &HttpRequest, base_path: &BasePath) -> Option<String> {
    let headers = request.headers();
    let address = headers.get("HX-Current-URL").or_else(|| headers.get(REFERER))?.to_str().ok()?;
    let address = url::Url::parse(address).ok()?;
    let path = &address[url::Position::BeforePath..url::Position::AfterQuery];
    Some(base_path.strip(path).unwrap_or(path.into()).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn next_never_leads_elsewhere() {
        assert_eq!(safe_next("/orgs/1/api?page=2"), "/orgs/1/api?page=2");
        for foreign in
            ["", "https://evil.example", "//evil.example", "/\\evil.example", "/\t/evil.example", "orgs"]
        {
            assert_eq!(safe_next(foreign), ORGANIZATIONS, "{foreign}");
        }
    }

    #[test]
    fn a_path_with_a_secret_is_not_repeated() {
        assert_eq!(without_secret("/orgs?q=a".into()), "/orgs?q=a");
        assert_eq!(without_secret("/reset-password/9fQ2".into()), "");
        assert_eq!(without_secret("/login?next=%2Forgs".into()), "/login?next=%2Forgs");
        assert!(holds_secret("/setup/9fQ2") && holds_secret("/login/9fQ2"));
    }

    #[test]
    fn a_query_is_carried_on_behind_what_is_there() {
        assert_eq!(with_query_of("/a", "/b?q=x&page=2"), "/a?q=x&page=2");
        assert_eq!(with_query_of("/a?role=user", "/b?q=x"), "/a?role=user&q=x");
        assert_eq!((with_query_of("/a", "/b?"), with_query_of("/a", "")), ("/a".into(), "/a".into()));
        assert_eq!(with_query("/a", &[("q", "x & y"), ("show", "")]), "/a?q=x+%26+y");
        assert_eq!(with_query("/a", &[("q", "")]), "/a");
    }

    #[test]
    fn the_log_in_keeps_where_one_was_going() {
        assert_eq!(log_in("/orgs?q=a&b"), "/login?next=%2Forgs%3Fq%3Da%26b");
        assert_eq!(log_in("/"), "/login");
    }
}

//! The one table of addresses. Tests walk it: a route that is not covered fails them.
//!
//! Who may use a route stands in the type of what its handler takes, and nowhere else.

use actix_web::{
    HttpRequest, HttpResponse, Resource, Scope,
    guard::{self, Guard},
    web::{self, ServiceConfig},
};

use super::{
    access::{Access, MAX_BODY_OF_STRANGERS, Route},
    api, assets,
    error::AppError,
    pages,
    visit::Door,
};

const KIB: usize = 1024;

/// What people and machines may send that we know: all settings of a key.
const MAX_BODY: usize = 64 * KIB;

const fn usual_body(access: Access) -> usize {
    match access {
        Access::Public => MAX_BODY_OF_STRANGERS,
        _ => MAX_BODY,
    }
}

/// How large the body of a request may be.
pub fn max_body(request: &HttpRequest) -> usize {
    let (pattern, method) = (request.match_pattern(), request.method().as_str());
    let is_this = |route: &&Route| {
        Some(route.pattern) == pattern.as_deref() && (route.method == method || route.method == "ANY")
    };
    ROUTES.iter().find(is_this).map_or(MAX_BODY_OF_STRANGERS, |route| route.max_body)
}

/// Who may use the route of a handler.
const fn access_of<H, D, R>(_: &H) -> Access
where
    H: Fn(D) -> R,
    D: Door,
{
    D::ACCESS
}

/// What the table says of a route's body, or else what is usual.
macro_rules! body {
    ($handler:path) => {
        usual_body(access_of(&$handler))
    };
    ($handler:path, $kib:literal) => {
        $kib * KIB
    };
}

macro_rules! routes {
    (
        machines { $($m_method:ident $m_pattern:literal => $m_handler:path $([$m_kib:literal KiB])?;)* }
        people { $($p_method:ident $p_pattern:literal => $p_handler:path $([$p_kib:literal KiB])?;)* }
    ) => {
        /// Every route.
        pub const ROUTES: &[Route] = &[
            $(Route {
                method: stringify!($m_method),
                pattern: $m_pattern,
                access: access_of(&$m_handler),
                max_body: body!($m_handler $(, $m_kib)?),
            },)*
            $(Route {
                method: stringify!($p_method),
                pattern: $p_pattern,
                access: access_of(&$p_handler),
                max_body: body!($p_handler $(, $p_kib)?),
            },)*
        ];

        /// Registers what needs no session: verification comes first, since it is asked most.
        pub fn machines(config: &mut ServiceConfig) {
            register(config, &OF_MACHINES, vec![
                $(($m_pattern, method(stringify!($m_method)).to($m_handler)),)*
            ]);
        }

        /// Registers the pages, and the answer to every address that is nowhere in the table.
        pub fn people(config: &mut ServiceConfig) {
            register(config, &OF_PEOPLE, vec![
                $(($p_pattern, method(stringify!($p_method)).to($p_handler)),)*
            ]);
            config.default_service(web::to(not_found));
        }
    };
}

/// The beginnings that many addresses share, each before those that it begins with. actix tries one
/// address after the other, and those behind a beginning only where that fits.
const OF_MACHINES: [&str; 3] = [
    "/api/v2/organizations/{organization}/webhooks",
    "/api/v2/organizations/{organization}",
    "/api/v2/instance",
];
const OF_PEOPLE: [&str; 4] = [
    "/orgs/{organization}/api/tokens",
    "/orgs/{organization}/api",
    "/orgs/{organization}/webhooks",
    "/orgs/{organization}",
];

/// Registers each address once, with all its methods; those with a beginning of their own come last.
fn register(
    config: &mut ServiceConfig,
    beginnings: &[&'static str],
    routes: Vec<(&'static str, actix_web::Route)>,
) {
    let mut resources: Vec<(&'static str, Vec<actix_web::Route>)> = Vec::new();
    for (pattern, route) in routes {
        match resources.iter_mut().find(|(known, _)| *known == pattern) {
            Some((_, of_pattern)) => of_pattern.push(route),
            None => resources.push((pattern, vec![route])),
        }
    }
    let mut scopes = Vec::new();
    for beginning in beginnings {
        let begins = |(pattern, _): &mut (&'static str, _)| {
            let rest = pattern.strip_prefix(*beginning);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let mut behind = resources.extract_if(.., begins).peekable();
        if behind.peek().is_some() {
            let scope = web::scope(beginning).default_service(web::to(not_found));
            let add = |scope: Scope, (pattern, routes): (&'static str, _)| {
                scope.service(resource(pattern.strip_prefix(*beginning).unwrap_or(pattern), routes))
            };
            scopes.push(behind.fold(scope, add));
        }
    }
    for (pattern, routes) in resources {
        config.service(resource(pattern, routes));
    }
    for scope in scopes {
        config.service(scope);
    }
}

fn resource(pattern: &str, routes: Vec<actix_web::Route>) -> Resource {
    let resource = web::resource(pattern).default_service(web::to(other_method));
    routes.into_iter().fold(resource, Resource::route)
}

fn method(name: &'static str) -> actix_web::Route {
    web::route().guard(of_method(name))
}

/// HEAD is answered wherever GET is; actix leaves the body out. `ANY` takes every method.
fn of_method(name: &'static str) -> impl Guard {
    guard::fn_guard(move |context| match (name, context.head().method.as_str()) {
        ("ANY", _) | ("GET", "HEAD") => true,
        (name, method) => name == method,
    })
}

/// What is asked for by a method that the address does not take.
async fn other_method(request: HttpRequest) -> Result<HttpResponse, AppError> {
    let pattern = request.match_pattern().unwrap_or_default();
    Err(AppError::MethodNotAllowed(allowed(&pattern).join(", ")))
}

/// The methods that an address takes. HEAD goes with GET.
pub fn allowed(pattern: &str) -> Vec<&'static str> {
    let routes = ROUTES.iter().filter(|route| route.pattern == pattern);
    let methods = routes.flat_map(|route| match route.method {
        "GET" => vec!["GET", "HEAD"],
        method => vec![method],
    });
    methods.collect()
}

async fn not_found() -> Result<HttpResponse, AppError> {
    Err(AppError::NotFound)
}

// In brackets: the size of a body, where it is larger than usual. 500 addresses of 254 characters need
// 256 KiB as JSON and twice that in a form; a report of 1,000 leaks a kilobyte for each.
routes! {
    machines {
        ANY "/auth" => api::forward_auth::answer;
        POST "/api/v2/keys/verify" => api::verification::verify;
        POST "/api/v2/keys/verify/batch" => api::verification::verify_batch [256 KiB];
        GET "/api/v2/organization" => api::organization::show;
        POST "/api/v2/leaks" => api::leaks::receive [1024 KiB];
        GET "/api/v2/openapi.json" => api::openapi::show;
        GET "/api/v2/sessionToken" => api::session_tokens::issue;
        GET "/api/v2/token" => api::presented_token::show;
        GET "/api/v2/organizations/{organization}" => api::organizations::show;
        PATCH "/api/v2/organizations/{organization}" => api::organizations::change;
        GET "/api/v2/organizations/{organization}/keys" => api::api_keys::list;
        POST "/api/v2/organizations/{organization}/keys" => api::api_keys::create;
        GET "/api/v2/organizations/{organization}/keys/{key}" => api::api_keys::show;
        PATCH "/api/v2/organizations/{organization}/keys/{key}" => api::api_keys::change;
        DELETE "/api/v2/organizations/{organization}/keys/{key}" => api::api_keys::remove;
        POST "/api/v2/organizations/{organization}/keys/{key}/activate" => api::api_keys::activate;
        POST "/api/v2/organizations/{organization}/keys/{key}/deactivate" => api::api_keys::deactivate;
        POST "/api/v2/organizations/{organization}/keys/{key}/rotate" => api::key_rotation::rotate;
        POST "/api/v2/organizations/{organization}/keys/{key}/revoke-previous" => api::key_rotation::revoke_previous;
        POST "/api/v2/organizations/{organization}/keys/{key}/pause" => api::pauses::pause;
        GET "/api/v2/organizations/{organization}/keys/{key}/usage" => api::usage::of_key;
        GET "/api/v2/organizations/{organization}/keys/{key}/clients" => api::usage::clients;
        GET "/api/v2/organizations/{organization}/usage" => api::usage::of_organization;
        GET "/api/v2/organizations/{organization}/removed-keys" => api::removed_keys::list;
        POST "/api/v2/organizations/{organization}/removed-keys/{key}/restore" => api::removed_keys::restore;
        GET "/api/v2/organizations/{organization}/scopes" => api::scopes::list;
        POST "/api/v2/organizations/{organization}/calendar-link" => api::calendar::replace;
        DELETE "/api/v2/organizations/{organization}/calendar-link" => api::calendar::revoke;
        GET "/api/v2/organizations/{organization}/members" => api::members::list;
        GET "/api/v2/organizations/{organization}/members/{user}" => api::members::show;
        PATCH "/api/v2/organizations/{organization}/members/{user}" => api::members::change;
        DELETE "/api/v2/organizations/{organization}/members/{user}" => api::members::remove;
        GET "/api/v2/organizations/{organization}/invitations" => api::invitations::list;
        POST "/api/v2/organizations/{organization}/invitations" => api::invitations::send [256 KiB];
        GET "/api/v2/organizations/{organization}/invitations/{invitation}" => api::invitations::show;
        DELETE "/api/v2/organizations/{organization}/invitations/{invitation}" => api::invitations::cancel;
        POST "/api/v2/organizations/{organization}/invitations/{invitation}/resend" => api::invitations::resend;
        POST "/api/v2/organizations/{organization}/invitations/{invitation}/link" => api::invitations::copy_link;
        GET "/api/v2/organizations/{organization}/activity" => api::activity::list;
        GET "/api/v2/organizations/{organization}/activity/export" => api::activity::export;
        GET "/api/v2/organizations/{organization}/leak-policy" => api::leak_policy::show_policy;
        PUT "/api/v2/organizations/{organization}/leak-policy" => api::leak_policy::change_policy;
        GET "/api/v2/organizations/{organization}/webhooks" => api::webhooks::list;
        POST "/api/v2/organizations/{organization}/webhooks" => api::webhooks::create;
        GET "/api/v2/organizations/{organization}/webhooks/{webhook}" => api::webhooks::show;
        PATCH "/api/v2/organizations/{organization}/webhooks/{webhook}" => api::webhooks::change;
        DELETE "/api/v2/organizations/{organization}/webhooks/{webhook}" => api::webhooks::remove;
        POST "/api/v2/organizations/{organization}/webhooks/{webhook}/activate" => api::webhooks::activate;
        POST "/api/v2/organizations/{organization}/webhooks/{webhook}/deactivate" => api::webhooks::deactivate;
        POST "/api/v2/organizations/{organization}/webhooks/{webhook}/test" => api::webhooks::send_test;
        POST "/api/v2/organizations/{organization}/webhooks/{webhook}/rotate" => api::webhooks::rotate;
        GET "/api/v2/organizations/{organization}/webhooks/{webhook}/deliveries" => api::webhooks::deliveries::list;
        GET "/api/v2/organizations/{organization}/webhooks/{webhook}/deliveries/{delivery}" => api::webhooks::deliveries::show;
        POST "/api/v2/organizations/{organization}/webhooks/{webhook}/deliveries/{delivery}/resend" => api::webhooks::deliveries::resend;
        GET "/api/v2/instance/organizations" => api::instance::organizations::list;
        POST "/api/v2/instance/organizations" => api::instance::organizations::create;
        GET "/api/v2/instance/organizations/{organization}" => api::instance::organizations::show;
        PATCH "/api/v2/instance/organizations/{organization}" => api::instance::organizations::change;
        POST "/api/v2/instance/organizations/{organization}/suspend" => api::instance::organizations::suspend;
        POST "/api/v2/instance/organizations/{organization}/resume" => api::instance::organizations::resume;
        DELETE "/api/v2/instance/organizations/{organization}" => api::instance::organizations::remove;
        POST "/api/v2/instance/organizations/{organization}/restore" => api::instance::organizations::restore;
        POST "/api/v2/instance/organizations/{organization}/administrators" => api::instance::organizations::invite_administrator;
        GET "/api/v2/instance/organizations/{organization}/plan-exceptions" => api::instance::plan_exceptions::show;
        PUT "/api/v2/instance/organizations/{organization}/plan-exceptions" => api::instance::plan_exceptions::change;
        GET "/api/v2/instance/organizations/{organization}/usage" => api::instance::usage::of_organization;
        GET "/api/v2/instance/usage" => api::instance::usage::list;
        GET "/api/v2/instance/plans" => api::instance::plans::list;
        GET "/orgs/{organization}/api/calendar/{token}.ics" => pages::calendar::feed;
        GET "/healthz" => api::health::show;
        GET "/livez" => api::health::alive;
        GET "/readyz" => api::health::ready;
        GET "/static/{file:.*}" => assets::serve;
    }
    people {
        GET "/" => pages::landing::show;
        GET "/docs" => pages::docs::show;
        GET "/api/docs" => pages::api_docs::show;

        GET "/login" => pages::accounts::log_in::show;
        POST "/login" => pages::accounts::log_in::log_in;
        GET "/login/{token}" => pages::accounts::log_in_link::show;
        POST "/login/{token}" => pages::accounts::log_in_link::log_in;
        GET "/cookie-check" => pages::accounts::cookie_check::show;
        POST "/logout" => pages::accounts::log_in::log_out;
        GET "/signup" => pages::accounts::sign_up::show;
        POST "/signup" => pages::accounts::sign_up::sign_up;
        GET "/verify-email" => pages::accounts::verification::pending;
        POST "/verify-email/resend" => pages::accounts::verification::resend;
        GET "/verify-email/{token}" => pages::accounts::verification::show;
        POST "/verify-email/{token}" => pages::accounts::verification::confirm;
        GET "/forgot-password" => pages::accounts::reset::show;
        POST "/forgot-password" => pages::accounts::reset::send;
        GET "/reset-password/{token}" => pages::accounts::reset::choose;
        POST "/reset-password/{token}" => pages::accounts::reset::reset;

        GET "/account" => pages::account_settings::show;
        POST "/account/name" => pages::account_settings::rename;
        POST "/account/password" => pages::account_settings::change_password;
        POST "/account/sessions/end-others" => pages::account_settings::browser_sessions::end_others;
        POST "/account/sessions/{session}/end" => pages::account_settings::browser_sessions::end;
        POST "/preferences/theme" => pages::preferences::set_theme;
        POST "/preferences/mailbox-banner" => pages::preferences::hide_mailbox_banner;

        GET "/orgs" => pages::my_organizations::index;
        GET "/orgs/new" => pages::my_organizations::new;
        POST "/orgs" => pages::my_organizations::create;
        POST "/invitations/{invitation}/accept" => pages::my_organizations::accept;
        POST "/removed-organizations/{removed}/restore" => pages::my_organizations::restore;
        POST "/invitations/{invitation}/decline" => pages::my_organizations::decline;

        GET "/i/{token}" => pages::invitation_answers::show;
        POST "/i/{token}/accept" => pages::invitation_answers::accept;
        POST "/i/{token}/decline" => pages::invitation_answers::decline;
        POST "/i/{token}/signup" => pages::invitation_answers::sign_up;
        POST "/i/{token}/renew" => pages::invitation_answers::renew;
        POST "/i/{token}/switch" => pages::invitation_answers::switch;

        GET "/setup/{token}" => pages::setup::show;
        POST "/setup/{token}" => pages::setup::become_administrator;

        GET "/instance" => pages::instance::redirect;
        GET "/instance/organizations" => pages::instance::organizations::index;
        POST "/instance/organizations" => pages::instance::new_organization::create;
        GET "/instance/organizations/new" => pages::instance::new_organization::new;
        GET "/instance/usage.csv" => pages::instance::usage_file::csv;
        GET "/instance/organizations/{organization}" => pages::instance::organization::show;
        GET "/instance/organizations/{organization}/name" => pages::instance::organization_changes::ask_for_name;
        POST "/instance/organizations/{organization}/name" => pages::instance::organization_changes::rename;
        GET "/instance/organizations/{organization}/notes" => pages::instance::organization_changes::ask_for_notes;
        POST "/instance/organizations/{organization}/notes" => pages::instance::organization_changes::save_notes;
        GET "/instance/organizations/{organization}/administrators" => pages::instance::organization_changes::ask_for_administrator;
        POST "/instance/organizations/{organization}/administrators" => pages::instance::organization_changes::invite_administrator;
        POST "/instance/organizations/{organization}/invitations/{invitation}/link" => pages::instance::invited::copy_link;
        POST "/instance/organizations/{organization}/invitations/{invitation}/cancel" => pages::instance::invited::cancel;
        GET "/instance/organizations/{organization}/suspend" => pages::instance::organization::confirm_suspension;
        POST "/instance/organizations/{organization}/suspend" => pages::instance::organization::suspend;
        POST "/instance/organizations/{organization}/resume" => pages::instance::organization::resume;
        GET "/instance/organizations/{organization}/remove" => pages::instance::organization::confirm_removal;
        POST "/instance/organizations/{organization}/remove" => pages::instance::organization::remove;
        POST "/instance/organizations/{organization}/restore" => pages::instance::organization::restore;
        GET "/instance/organizations/{organization}/plan" => pages::instance::organization::choose_plan;
        POST "/instance/organizations/{organization}/plan" => pages::instance::organization::change_plan;
        GET "/instance/plans" => pages::instance::plans::index;
        POST "/instance/plans" => pages::instance::plans::create;
        GET "/instance/plans/new" => pages::instance::plans::new;
        GET "/instance/plans/{plan}/edit" => pages::instance::plans::edit;
        POST "/instance/plans/{plan}/edit" => pages::instance::plans::save;
        POST "/instance/plans/{plan}/default" => pages::instance::plans::make_default;
        GET "/instance/plans/{plan}/assign" => pages::instance::plans::confirm_assignment;
        POST "/instance/plans/{plan}/assign" => pages::instance::plans::assign;
        GET "/instance/plans/{plan}/remove" => pages::instance::plans::confirm_removal;
        POST "/instance/plans/{plan}/remove" => pages::instance::plans::remove;
        GET "/instance/people" => pages::instance::people::index;
        POST "/instance/people/{user}/log-out" => pages::instance::people::log_out;
        POST "/instance/people/{user}/deactivate" => pages::instance::people::deactivate;
        POST "/instance/people/{user}/activate" => pages::instance::people::activate;
        POST "/instance/people/{user}/promote" => pages::instance::people::promote;
        POST "/instance/people/{user}/demote" => pages::instance::people::demote;
        GET "/instance/sign-up" => pages::instance::sign_up::index;
        GET "/instance/import" => pages::instance::import::index;
        POST "/instance/import" => pages::instance::import::submit [3072 KiB];
        GET "/instance/tokens" => pages::instance::tokens::index;
        POST "/instance/tokens" => pages::instance::tokens::generate;
        GET "/instance/tokens/new" => pages::instance::tokens::new;
        POST "/instance/tokens/{token}/activate" => pages::instance::tokens::activate;
        POST "/instance/tokens/{token}/deactivate" => pages::instance::tokens::deactivate;
        GET "/instance/tokens/{token}/replace" => pages::instance::tokens::confirm_replacement;
        POST "/instance/tokens/{token}/replace" => pages::instance::tokens::replace;
        GET "/instance/tokens/{token}/remove" => pages::instance::tokens::confirm_removal;
        POST "/instance/tokens/{token}/remove" => pages::instance::tokens::remove;
        GET "/instance/email" => pages::instance::mails::index;
        POST "/instance/email/{undelivered}/send" => pages::instance::mails::send_again;
        GET "/instance/webhooks" => pages::instance::webhooks::index;
        GET "/instance/nodes" => pages::instance::nodes::index;
        GET "/instance/activity" => pages::instance::activity::index;

        GET "/mailbox" => pages::mailbox::index;
        GET "/mailbox/{mail}" => pages::mailbox::show;
        GET "/mailbox/{mail}/html" => pages::mailbox::html;

        GET "/orgs/{organization}" => pages::members::redirect;
        GET "/orgs/{organization}/users" => pages::members::index;
        GET "/orgs/{organization}/users/invite" => pages::invitations::new;
        POST "/orgs/{organization}/users/invite" => pages::invitations::send [512 KiB];
        GET "/orgs/{organization}/users/{user}/role" => pages::members::choose_role;
        POST "/orgs/{organization}/users/{user}/role" => pages::members::change_role;
        GET "/orgs/{organization}/users/{user}/remove" => pages::members::confirm_removal;
        POST "/orgs/{organization}/users/{user}/remove" => pages::members::remove;
        GET "/orgs/{organization}/invitations/select" => pages::invitations::select;
        POST "/orgs/{organization}/invitations/cancel" => pages::invitations::cancel_several;
        POST "/orgs/{organization}/invitations/{invitation}/resend" => pages::invitations::resend;
        POST "/orgs/{organization}/invitations/{invitation}/link" => pages::invitations::copy_link;
        POST "/orgs/{organization}/invitations/{invitation}/cancel" => pages::invitations::cancel;

        GET "/orgs/{organization}/api" => pages::api_tab::index;
        GET "/orgs/{organization}/api/gateway-setup" => pages::gateway_setup::show;
        GET "/orgs/{organization}/api/troubleshoot" => pages::troubleshoot::ask;
        POST "/orgs/{organization}/api/troubleshoot" => pages::troubleshoot::answer;
        GET "/orgs/{organization}/api/troubleshoot/try" => pages::troubleshoot::ask;
        POST "/orgs/{organization}/api/troubleshoot/try" => pages::troubleshoot::attempt::try_request;
        GET "/orgs/{organization}/api/calendar" => pages::calendar::ask;
        POST "/orgs/{organization}/api/calendar" => pages::calendar::replace;
        POST "/orgs/{organization}/api/calendar/revoke" => pages::calendar::revoke;
        GET "/orgs/{organization}/api/keys/new" => pages::api_keys::new;
        POST "/orgs/{organization}/api/keys" => pages::api_keys::create;
        GET "/orgs/{organization}/api/keys/select" => pages::api_keys::select;
        GET "/orgs/{organization}/api/keys/selected" => pages::api_keys::confirm;
        POST "/orgs/{organization}/api/keys/selected" => pages::api_keys::carry_out;
        GET "/orgs/{organization}/api/keys/{key}" => pages::key_page::show;
        GET "/orgs/{organization}/api/keys/{key}/menu" => pages::key_menu::show;
        POST "/orgs/{organization}/api/keys/{key}/deactivate" => pages::api_keys::deactivate;
        POST "/orgs/{organization}/api/keys/{key}/activate" => pages::api_keys::activate;
        GET "/orgs/{organization}/api/keys/{key}/settings" => pages::key_settings::edit;
        POST "/orgs/{organization}/api/keys/{key}/settings" => pages::key_settings::save;
        GET "/orgs/{organization}/api/keys/{key}/rotate" => pages::key_rotation::ask;
        POST "/orgs/{organization}/api/keys/{key}/rotate" => pages::key_rotation::rotate;
        POST "/orgs/{organization}/api/keys/{key}/revoke-previous" => pages::key_rotation::revoke_previous;
        GET "/orgs/{organization}/api/keys/{key}/pause" => pages::pauses::ask;
        POST "/orgs/{organization}/api/keys/{key}/pause" => pages::pauses::pause;
        GET "/orgs/{organization}/api/keys/{key}/remove" => pages::api_keys::confirm_removal;
        POST "/orgs/{organization}/api/keys/{key}/remove" => pages::api_keys::remove;
        GET "/orgs/{organization}/api/removed" => pages::removed_keys::index;
        POST "/orgs/{organization}/api/removed/{key}/restore" => pages::removed_keys::restore;
        GET "/orgs/{organization}/api/tokens/new" => pages::master_tokens::new;
        POST "/orgs/{organization}/api/tokens" => pages::master_tokens::generate;
        GET "/orgs/{organization}/api/tokens/{token}" => pages::token_page::show;
        GET "/orgs/{organization}/api/tokens/{token}/menu" => pages::token_menu::show;
        POST "/orgs/{organization}/api/tokens/{token}/deactivate" => pages::master_tokens::deactivate;
        POST "/orgs/{organization}/api/tokens/{token}/activate" => pages::master_tokens::activate;
        GET "/orgs/{organization}/api/tokens/{token}/replace" => pages::master_tokens::confirm_replacement;
        POST "/orgs/{organization}/api/tokens/{token}/replace" => pages::master_tokens::replace;
        GET "/orgs/{organization}/api/tokens/{token}/remove" => pages::master_tokens::confirm_removal;
        POST "/orgs/{organization}/api/tokens/{token}/remove" => pages::master_tokens::remove;

        GET "/orgs/{organization}/webhooks" => pages::webhooks::index;
        GET "/orgs/{organization}/webhooks/new" => pages::webhooks::new;
        POST "/orgs/{organization}/webhooks" => pages::webhooks::create;
        GET "/orgs/{organization}/webhooks/{webhook}" => pages::webhooks::show;
        GET "/orgs/{organization}/webhooks/{webhook}/settings" => pages::webhooks::edit;
        POST "/orgs/{organization}/webhooks/{webhook}/settings" => pages::webhooks::save;
        POST "/orgs/{organization}/webhooks/{webhook}/activate" => pages::webhooks::activate;
        POST "/orgs/{organization}/webhooks/{webhook}/deactivate" => pages::webhooks::deactivate;
        POST "/orgs/{organization}/webhooks/{webhook}/test" => pages::webhooks::send_test;
        GET "/orgs/{organization}/webhooks/{webhook}/rotate" => pages::webhooks::confirm_rotation;
        POST "/orgs/{organization}/webhooks/{webhook}/rotate" => pages::webhooks::rotate;
        GET "/orgs/{organization}/webhooks/{webhook}/remove" => pages::webhooks::confirm_removal;
        POST "/orgs/{organization}/webhooks/{webhook}/remove" => pages::webhooks::remove;
        GET "/orgs/{organization}/webhooks/{webhook}/deliveries/{delivery}" => pages::webhooks::show_delivery;
        POST "/orgs/{organization}/webhooks/{webhook}/deliveries/{delivery}/resend" => pages::webhooks::resend;

        GET "/orgs/{organization}/activity" => pages::activity::index;
        GET "/orgs/{organization}/activity.csv" => pages::activity::csv;

        GET "/orgs/{organization}/settings" => pages::settings::index;
        POST "/orgs/{organization}/settings" => pages::settings::rename;
        POST "/orgs/{organization}/settings/leaks" => pages::leaks::change_policy;
        GET "/orgs/{organization}/settings/leave" => pages::settings::confirm_leaving;
        POST "/orgs/{organization}/settings/leave" => pages::settings::leave;
        GET "/orgs/{organization}/settings/remove" => pages::settings::confirm_removal;
        POST "/orgs/{organization}/settings/remove" => pages::settings::remove;
    }
}

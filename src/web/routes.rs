//! The one table of addresses. Tests walk it: a route that is not covered fails them.

use actix_web::{
    HttpRequest, HttpResponse,
    guard::{self, Guard},
    web::{self, ServiceConfig},
};

use super::{api, assets, error::AppError, pages};
use crate::domain::token_access::TokenAccess;

/// Who may use a route. A visitor below it is turned away before the handler runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Access {
    /// Anybody.
    Public,
    /// Whoever presents an API key.
    Key,
    /// Whoever presents an active master token, of whatever access.
    Token,
    /// Whoever may report leaked keys.
    Reporter,
    /// A master token that may read.
    TokenToRead,
    /// A master token for API keys.
    TokenForKeys,
    /// A master token for members.
    TokenForMembers,
    /// A master token for everything.
    TokenForAll,
    /// Whoever is logged in, their address proven or not.
    LoggedIn,
    /// Whoever is logged in with a proven address.
    Account,
    /// Members of the organization in the path.
    Member,
    /// Its supervisors and administrators.
    Supervisor,
    /// Its administrators.
    Administrator,
}

impl Access {
    /// What a master token must be permitted; `None` where none is asked for.
    pub fn access(self) -> Option<TokenAccess> {
        match self {
            Self::Token => Some(TokenAccess::Verify),
            Self::TokenToRead => Some(TokenAccess::Read),
            Self::TokenForKeys => Some(TokenAccess::Keys),
            Self::TokenForMembers => Some(TokenAccess::Members),
            Self::TokenForAll => Some(TokenAccess::Full),
            _ => None,
        }
    }
}

/// One line of the table.
#[derive(Clone, Copy, Debug)]
pub struct Route {
    /// The method in capitals, or `ANY`.
    pub method: &'static str,
    /// The address, with `{names}` for what varies.
    pub pattern: &'static str,
    /// Who may use it.
    pub access: Access,
}

macro_rules! routes {
    (
        machines { $($m_method:ident $m_pattern:literal $m_access:ident => $m_handler:path;)* }
        people { $($p_method:ident $p_pattern:literal $p_access:ident => $p_handler:path;)* }
    ) => {
        /// Every route.
        pub const ROUTES: &[Route] = &[
            $(Route { method: stringify!($m_method), pattern: $m_pattern, access: Access::$m_access },)*
            $(Route { method: stringify!($p_method), pattern: $p_pattern, access: Access::$p_access },)*
        ];

        /// Registers what needs no session: verification comes first, since it is asked most.
        pub fn machines(config: &mut ServiceConfig) {
            $(config.service(
                web::resource($m_pattern)
                    .guard(of_method(stringify!($m_method)))
                    .app_data(Access::$m_access)
                    .to($m_handler),
            );)*
            $(config.route($m_pattern, web::to(other_method));)*
        }

        /// Registers the pages, and the answer to every address that is nowhere in the table.
        pub fn people(config: &mut ServiceConfig) {
            $(config.route($p_pattern, method(stringify!($p_method)).to($p_handler));)*
            config.default_service(web::to(not_found));
        }
    };
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

/// What machines ask for by a method that the address does not take.
async fn other_method(request: HttpRequest) -> Result<HttpResponse, AppError> {
    let pattern = request.match_pattern().unwrap_or_default();
    let methods: Vec<&str> =
        ROUTES.iter().filter(|route| route.pattern == pattern).map(|route| route.method).collect();
    Err(AppError::MethodNotAllowed(methods.join(", ")))
}

async fn not_found() -> Result<HttpResponse, AppError> {
    Err(AppError::NotFound)
}

routes! {
    machines {
        ANY "/auth" Key => api::forward_auth::answer;
        POST "/api/v2/keys/verify" Token => api::verification::verify;
        POST "/api/v2/keys/verify/batch" Token => api::verification::verify_batch;
        GET "/api/v2/organization" Key => api::organization::show;
        POST "/api/v2/leaks" Reporter => api::leaks::receive;
        GET "/api/v2/openapi.json" Public => api::openapi::show;
        GET "/api/v2/sessionToken" Token => api::session_tokens::issue;
        GET "/api/v2/token" Token => api::presented_token::show;
        GET "/api/v2/organizations/{organization}" TokenToRead => api::organizations::show;
        PATCH "/api/v2/organizations/{organization}" TokenForAll => api::organizations::change;
        GET "/api/v2/organizations/{organization}/keys" TokenToRead => api::api_keys::list;
        POST "/api/v2/organizations/{organization}/keys" TokenForKeys => api::api_keys::create;
        GET "/api/v2/organizations/{organization}/keys/{key}" TokenToRead => api::api_keys::show;
        PATCH "/api/v2/organizations/{organization}/keys/{key}" TokenForKeys => api::api_keys::change;
        DELETE "/api/v2/organizations/{organization}/keys/{key}" TokenForKeys => api::api_keys::remove;
        POST "/api/v2/organizations/{organization}/keys/{key}/activate" TokenForKeys => api::api_keys::activate;
        POST "/api/v2/organizations/{organization}/keys/{key}/deactivate" TokenForKeys => api::api_keys::deactivate;
        POST "/api/v2/organizations/{organization}/keys/{key}/rotate" TokenForKeys => api::key_rotation::rotate;
        POST "/api/v2/organizations/{organization}/keys/{key}/revoke-previous" TokenForKeys => api::key_rotation::revoke_previous;
        POST "/api/v2/organizations/{organization}/keys/{key}/pause" TokenForKeys => api::pauses::begin;
        GET "/api/v2/organizations/{organization}/keys/{key}/usage" TokenToRead => api::usage::of_key;
        GET "/api/v2/organizations/{organization}/keys/{key}/clients" TokenToRead => api::usage::clients;
        GET "/api/v2/organizations/{organization}/usage" TokenToRead => api::usage::of_organization;
        GET "/api/v2/organizations/{organization}/scopes" TokenToRead => api::scopes::list;
        POST "/api/v2/organizations/{organization}/calendar-link" TokenForAll => api::calendar::replace;
        GET "/api/v2/organizations/{organization}/members" TokenToRead => api::members::list;
        GET "/api/v2/organizations/{organization}/members/{user}" TokenToRead => api::members::show;
        PATCH "/api/v2/organizations/{organization}/members/{user}" TokenForMembers => api::members::change;
        DELETE "/api/v2/organizations/{organization}/members/{user}" TokenForMembers => api::members::remove;
        GET "/api/v2/organizations/{organization}/invitations" TokenToRead => api::invitations::list;
        POST "/api/v2/organizations/{organization}/invitations" TokenForMembers => api::invitations::send;
        GET "/api/v2/organizations/{organization}/invitations/{invitation}" TokenToRead => api::invitations::show;
        DELETE "/api/v2/organizations/{organization}/invitations/{invitation}" TokenForMembers => api::invitations::cancel;
        POST "/api/v2/organizations/{organization}/invitations/{invitation}/resend" TokenForMembers => api::invitations::resend;
        POST "/api/v2/organizations/{organization}/invitations/{invitation}/link" TokenForMembers => api::invitations::copy_link;
        GET "/api/v2/organizations/{organization}/activity" TokenToRead => api::activity::list;
        GET "/api/v2/organizations/{organization}/activity/export" TokenToRead => api::activity::export;
        GET "/api/v2/organizations/{organization}/leak-policy" TokenToRead => api::leak_policy::show_policy;
        PUT "/api/v2/organizations/{organization}/leak-policy" TokenForAll => api::leak_policy::change_policy;
        GET "/api/v2/organizations/{organization}/webhooks" TokenForAll => api::webhooks::list;
        POST "/api/v2/organizations/{organization}/webhooks" TokenForAll => api::webhooks::create;
        GET "/api/v2/organizations/{organization}/webhooks/{webhook}" TokenForAll => api::webhooks::show;
        PATCH "/api/v2/organizations/{organization}/webhooks/{webhook}" TokenForAll => api::webhooks::change;
        DELETE "/api/v2/organizations/{organization}/webhooks/{webhook}" TokenForAll => api::webhooks::remove;
        POST "/api/v2/organizations/{organization}/webhooks/{webhook}/activate" TokenForAll => api::webhooks::activate;
        POST "/api/v2/organizations/{organization}/webhooks/{webhook}/deactivate" TokenForAll => api::webhooks::deactivate;
        POST "/api/v2/organizations/{organization}/webhooks/{webhook}/test" TokenForAll => api::webhooks::send_test;
        POST "/api/v2/organizations/{organization}/webhooks/{webhook}/rotate" TokenForAll => api::webhooks::rotate;
        GET "/api/v2/organizations/{organization}/webhooks/{webhook}/deliveries" TokenForAll => api::webhooks::deliveries::list;
        GET "/api/v2/organizations/{organization}/webhooks/{webhook}/deliveries/{delivery}" TokenForAll => api::webhooks::deliveries::show;
        POST "/api/v2/organizations/{organization}/webhooks/{webhook}/deliveries/{delivery}/resend" TokenForAll => api::webhooks::deliveries::resend;
        GET "/orgs/{organization}/api/calendar/{token}.ics" Public => pages::calendar::feed;
        GET "/healthz" Public => api::health::show;
        GET "/static/{file:.*}" Public => assets::serve;
    }
    people {
        GET "/" Public => pages::landing::show;
        GET "/docs" Public => pages::docs::show;
        GET "/api/docs" Public => pages::api_docs::show;

        GET "/login" Public => pages::accounts::log_in::show;
        POST "/login" Public => pages::accounts::log_in::log_in;
        POST "/logout" Public => pages::accounts::log_in::log_out;
        GET "/signup" Public => pages::accounts::sign_up::show;
        POST "/signup" Public => pages::accounts::sign_up::sign_up;
        GET "/verify-email" Public => pages::accounts::verification::pending;
        POST "/verify-email/resend" Public => pages::accounts::verification::resend;
        GET "/verify-email/{token}" Public => pages::accounts::verification::show;
        POST "/verify-email/{token}" Public => pages::accounts::verification::confirm;
        GET "/forgot-password" Public => pages::accounts::reset::show;
        POST "/forgot-password" Public => pages::accounts::reset::send;
        GET "/reset-password/{token}" Public => pages::accounts::reset::choose;
        POST "/reset-password/{token}" Public => pages::accounts::reset::reset;

        GET "/account" Account => pages::account_settings::show;
        POST "/account/name" Account => pages::account_settings::rename;
        POST "/account/password" Account => pages::account_settings::change_password;
        POST "/account/sessions/end-others" Account => pages::account_settings::browser_sessions::end_others;
        POST "/account/sessions/{session}/end" Account => pages::account_settings::browser_sessions::end;
        POST "/preferences/theme" Public => pages::preferences::set_theme;

        GET "/orgs" Account => pages::my_organizations::index;
        GET "/orgs/new" Account => pages::my_organizations::new;
        POST "/orgs" Account => pages::my_organizations::create;
        POST "/invitations/{invitation}/accept" Account => pages::my_organizations::accept;
        POST "/invitations/{invitation}/decline" Account => pages::my_organizations::decline;

        GET "/i/{token}" Public => pages::invitation_answers::show;
        POST "/i/{token}/accept" Public => pages::invitation_answers::accept;
        POST "/i/{token}/decline" Public => pages::invitation_answers::decline;
        POST "/i/{token}/signup" Public => pages::invitation_answers::sign_up;
        POST "/i/{token}/renew" Public => pages::invitation_answers::renew;
        POST "/i/{token}/switch" Public => pages::invitation_answers::switch;

        GET "/mailbox" Public => pages::mailbox::index;
        GET "/mailbox/{mail}" Public => pages::mailbox::show;
        GET "/mailbox/{mail}/html" Public => pages::mailbox::html;

        GET "/orgs/{organization}" Member => pages::members::redirect;
        GET "/orgs/{organization}/users" Member => pages::members::index;
        GET "/orgs/{organization}/users/invite" Supervisor => pages::invitations::new;
        POST "/orgs/{organization}/users/invite" Supervisor => pages::invitations::send;
        GET "/orgs/{organization}/users/{user}/role" Supervisor => pages::members::choose_role;
        POST "/orgs/{organization}/users/{user}/role" Supervisor => pages::members::change_role;
        GET "/orgs/{organization}/users/{user}/remove" Supervisor => pages::members::confirm_removal;
        POST "/orgs/{organization}/users/{user}/remove" Supervisor => pages::members::remove;
        POST "/orgs/{organization}/invitations/{invitation}/resend" Supervisor => pages::invitations::resend;
        POST "/orgs/{organization}/invitations/{invitation}/link" Supervisor => pages::invitations::copy_link;
        POST "/orgs/{organization}/invitations/{invitation}/cancel" Supervisor => pages::invitations::cancel;

        GET "/orgs/{organization}/api" Administrator => pages::api_tab::index;
        GET "/orgs/{organization}/api/gateway-setup" Administrator => pages::gateway_setup::show;
        GET "/orgs/{organization}/api/troubleshoot" Administrator => pages::troubleshoot::ask;
        POST "/orgs/{organization}/api/troubleshoot" Administrator => pages::troubleshoot::answer;
        GET "/orgs/{organization}/api/troubleshoot/try" Administrator => pages::troubleshoot::ask;
        POST "/orgs/{organization}/api/troubleshoot/try" Administrator => pages::troubleshoot::attempt::try_request;
        GET "/orgs/{organization}/api/calendar" Administrator => pages::calendar::ask;
        POST "/orgs/{organization}/api/calendar" Administrator => pages::calendar::replace;
        GET "/orgs/{organization}/api/keys/new" Administrator => pages::api_keys::new;
        POST "/orgs/{organization}/api/keys" Administrator => pages::api_keys::create;
        GET "/orgs/{organization}/api/keys/{key}" Administrator => pages::key_page::show;
        POST "/orgs/{organization}/api/keys/{key}/deactivate" Administrator => pages::api_keys::deactivate;
        POST "/orgs/{organization}/api/keys/{key}/activate" Administrator => pages::api_keys::activate;
        GET "/orgs/{organization}/api/keys/{key}/settings" Administrator => pages::key_settings::edit;
        POST "/orgs/{organization}/api/keys/{key}/settings" Administrator => pages::key_settings::save;
        GET "/orgs/{organization}/api/keys/{key}/rotate" Administrator => pages::key_rotation::ask;
        POST "/orgs/{organization}/api/keys/{key}/rotate" Administrator => pages::key_rotation::rotate;
        POST "/orgs/{organization}/api/keys/{key}/revoke-previous" Administrator => pages::key_rotation::revoke_previous;
        GET "/orgs/{organization}/api/keys/{key}/pause" Administrator => pages::pauses::ask;
        POST "/orgs/{organization}/api/keys/{key}/pause" Administrator => pages::pauses::begin;
        GET "/orgs/{organization}/api/keys/{key}/remove" Administrator => pages::api_keys::confirm_removal;
        POST "/orgs/{organization}/api/keys/{key}/remove" Administrator => pages::api_keys::remove;
        GET "/orgs/{organization}/api/tokens/new" Administrator => pages::master_tokens::new;
        POST "/orgs/{organization}/api/tokens" Administrator => pages::master_tokens::generate;
        GET "/orgs/{organization}/api/tokens/{token}" Administrator => pages::token_page::show;
        POST "/orgs/{organization}/api/tokens/{token}/deactivate" Administrator => pages::master_tokens::deactivate;
        POST "/orgs/{organization}/api/tokens/{token}/activate" Administrator => pages::master_tokens::activate;
        GET "/orgs/{organization}/api/tokens/{token}/replace" Administrator => pages::master_tokens::confirm_replacement;
        POST "/orgs/{organization}/api/tokens/{token}/replace" Administrator => pages::master_tokens::replace;
        GET "/orgs/{organization}/api/tokens/{token}/remove" Administrator => pages::master_tokens::confirm_removal;
        POST "/orgs/{organization}/api/tokens/{token}/remove" Administrator => pages::master_tokens::remove;

        GET "/orgs/{organization}/webhooks" Administrator => pages::webhooks::index;
        GET "/orgs/{organization}/webhooks/new" Administrator => pages::webhooks::new;
        POST "/orgs/{organization}/webhooks" Administrator => pages::webhooks::create;
        GET "/orgs/{organization}/webhooks/{webhook}" Administrator => pages::webhooks::show;
        GET "/orgs/{organization}/webhooks/{webhook}/settings" Administrator => pages::webhooks::edit;
        POST "/orgs/{organization}/webhooks/{webhook}/settings" Administrator => pages::webhooks::save;
        POST "/orgs/{organization}/webhooks/{webhook}/activate" Administrator => pages::webhooks::activate;
        POST "/orgs/{organization}/webhooks/{webhook}/deactivate" Administrator => pages::webhooks::deactivate;
        POST "/orgs/{organization}/webhooks/{webhook}/test" Administrator => pages::webhooks::send_test;
        GET "/orgs/{organization}/webhooks/{webhook}/rotate" Administrator => pages::webhooks::confirm_rotation;
        POST "/orgs/{organization}/webhooks/{webhook}/rotate" Administrator => pages::webhooks::rotate;
        GET "/orgs/{organization}/webhooks/{webhook}/remove" Administrator => pages::webhooks::confirm_removal;
        POST "/orgs/{organization}/webhooks/{webhook}/remove" Administrator => pages::webhooks::remove;
        GET "/orgs/{organization}/webhooks/{webhook}/deliveries/{delivery}" Administrator => pages::webhooks::show_delivery;
        POST "/orgs/{organization}/webhooks/{webhook}/deliveries/{delivery}/resend" Administrator => pages::webhooks::resend;

        GET "/orgs/{organization}/activity" Supervisor => pages::activity::index;
        GET "/orgs/{organization}/activity.csv" Supervisor => pages::activity::csv;

        GET "/orgs/{organization}/settings" Member => pages::settings::index;
        POST "/orgs/{organization}/settings" Administrator => pages::settings::rename;
        POST "/orgs/{organization}/settings/leaks" Administrator => pages::leaks::change_policy;
        GET "/orgs/{organization}/settings/leave" Member => pages::settings::confirm_leaving;
        POST "/orgs/{organization}/settings/leave" Member => pages::settings::leave;
        GET "/orgs/{organization}/settings/remove" Administrator => pages::settings::confirm_removal;
        POST "/orgs/{organization}/settings/remove" Administrator => pages::settings::remove;
    }
}

//! The cookies that a browser is given: their names, what they carry, and what happens where a
//! browser keeps none.

use actix_web::{
    HttpRequest, HttpResponse,
    body::MessageBody,
    cookie::{Cookie, SameSite, time::Duration},
    dev::ServiceRequest,
    http::{
        Method,
        header::{HeaderValue, LOCATION},
    },
};

use super::{base_path::HX_REDIRECT, urls};
use crate::config::{BasePath, ServerUrl};

/// What browsers keep only from the host itself, over TLS, and for all of its paths.
const HOST_PREFIX: &str = "__Host-";

/// Names and makes the cookies of one instance.
#[derive(Clone, Debug)]
pub struct Cookies {
    is_secure: bool,
    base_path: BasePath,
    /// The session's.
    pub session: String,
    /// That of a browser which logged in before.
    pub device: String,
    /// That of a browser in which the banner about the local mailbox is hidden.
    pub mailbox_banner: String,
}

impl Cookies {
    /// ASVS 3.3.1 to 3.3.4: `__Host-` and `Secure` where browsers reach the server over TLS. On plain
    /// http some keep no such cookie, loopback included. Port and path are part of the names, since
    /// cookies do not see ports and those with `__Host-` no paths: instances on one host would end each
    /// other's sessions.
    pub fn of(public_url: &ServerUrl) -> Self {
        let (is_secure, base_path) = (public_url.is_https(), public_url.base_path());
        let prefix = if is_secure { HOST_PREFIX } else { "" };
        let port = public_url.port().map(|port| format!("-{port}")).unwrap_or_default();
        let place = port + base_path.as_str().replace('/', ".").as_str();
        Self {
            is_secure,
            base_path: base_path.clone(),
            session: format!("{prefix}tessera{place}"),
            device: format!("{prefix}tessera-device{place}"),
            mailbox_banner: format!("mailbox-banner{place}"),
        }
    }

    /// Where a browser sends a cookie of this name along.
    pub fn path_of(&self, name: &str) -> &str {
        if name.starts_with(HOST_PREFIX) || self.base_path.is_empty() { "/" } else { self.base_path.as_str() }
    }

    /// Whether cookies travel over TLS only.
    pub fn are_secure(&self) -> bool {
        self.is_secure
    }

    /// A cookie that no script reads and that no other site's form carries along.
    pub fn make<'a>(&self, name: &'a str, value: String, max_age: Duration) -> Cookie<'a> {
        Cookie::build(name, value)
            .path(self.path_of(name).to_owned())
            .secure(self.is_secure)
            .http_only(true)
            .same_site(SameSite::Lax)
            .max_age(max_age)
            .finish()
    }

    /// Whether the browser has kept a cookie of this instance.
    pub fn are_kept(&self, request: &HttpRequest) -> bool {
        [&self.session, &self.device].iter().any(|name| request.cookie(name).is_some())
    }

    /// Whether a request may be the first that is given a cookie to keep.
    pub fn may_begin(&self, request: &ServiceRequest) -> bool {
        *request.method() == Method::POST && !self.are_kept(request.request())
    }

    /// What a form leaves in the session is lost on a browser that keeps no cookie, and it would be
    /// asked to log in again without a word. So a browser that is given its first is led past a page
    /// that looks for it.
    pub fn check_first(&self, response: &mut HttpResponse<impl MessageBody>) {
        if !response.cookies().any(|cookie| cookie.name() == self.session) {
            return;
        }
        let headers = response.headers_mut();
        for name in [LOCATION, HX_REDIRECT] {
            // What somebody typed into an address need not be ASCII.
            let next = headers.get(&name).map(|next| String::from_utf8_lossy(next.as_bytes()).into_owned());
            let checked = next.map(|next| urls::cookie_check(&next));
            if let Some(checked) = checked.and_then(|path| HeaderValue::try_from(path).ok()) {
                headers.insert(name, checked);
            }
        }
    }
}

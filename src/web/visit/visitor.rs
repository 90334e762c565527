//! Whoever asks for a page: their browser, their session, and what is drawn around the page.

use std::{net::IpAddr, sync::atomic::Ordering};

use actix_session::{Session, SessionExt};
use actix_web::{
    HttpMessage, HttpRequest, HttpResponse,
    http::{Method, StatusCode},
    web::{Data, Query},
};
use askama::Template;
use serde::de::DeserializeOwned;

use crate::{
    clock::Timestamp,
    config::BasePath,
    domain::{
        access::Actor,
        accounts,
        id::{self, new_id},
        secret::SecretDigest,
        sessions::LoggedIn,
        user::User,
    },
    web::{
        error::AppError,
        fragment::Fragment,
        request_id::RequestId,
        session_store::{self, Found, IP, PASSWORD, SESSION_ID, USER_AGENT, USER_ID},
        shell::{Shell, ShellUser, Theme, Toast},
        state::State,
        urls, view,
    },
};

/// Results of an action, kept over the redirect that follows it.
const FLASH: &str = "flash";

/// Results that wait for a page at most, the newest; somebody who opens none sees no more of them.
const MAX_TOASTS: usize = 5;
/// Letters of one of them.
const MAX_TOAST_LENGTH: usize = 300;
/// Letters of a text that is kept in a session.
const MAX_REMEMBERED_LENGTH: usize = 2000;

/// Letters of the browser's description of itself that are kept.
const MAX_USER_AGENT_LENGTH: usize = 200;

/// The request's number and origin, set by the outermost middleware.
#[derive(Clone, Copy, Debug)]
pub struct RequestContext {
    /// Shown on error pages and in the log.
    pub id: RequestId,
    /// The client's address, behind trusted proxies the one that they name.
    pub ip: Option<IpAddr>,
}

/// Anybody who asks for a page.
#[derive(Clone)]
pub struct Visitor {
    /// The application's parts.
    pub state: Data<State>,
    /// The instant at which the request arrived. A change takes its own.
    pub now: Timestamp,
    /// Where the request came from.
    pub ip: Option<IpAddr>,
    /// The part of a page that htmx asks for, if any.
    pub fragment: Fragment,
    pub(super) found: Found,
    request: HttpRequest,
    session: Session,
    theme: Theme,
    page_path: String,
}

impl Visitor {
    pub(super) fn of(request: &HttpRequest) -> Result<Self, AppError> {
        let state = State::of(request)?;
        let ip = request.extensions().get::<RequestContext>().and_then(|context| context.ip);
        let found = session_store::found();
        let page = page_of(request, found.fragment, state.config.public_url.base_path());
        Ok(Self {
            now: state.clock.now(),
            ip,
            fragment: found.fragment,
            theme: Theme::of(request),
            page_path: urls::without_secret(page.clone()),
            found: Found { ip, next: page, founders: state.config.founders.value, ..found },
            session: request.get_session(),
            request: request.clone(),
            state,
        })
    }

    /// The request itself.
    pub fn request(&self) -> &HttpRequest {
        &self.request
    }

    /// The part of the path that the route table calls `name`.
    pub fn path(&self, name: &str) -> String {
        id::as_stored(self.request.match_info().get(name).unwrap_or_default())
    }

    /// Who is logged in.
    pub fn logged_in(&self) -> Option<&LoggedIn> {
        self.found.logged_in.as_ref()
    }

    /// What links begin with.
    pub fn base_path(&self) -> &BasePath {
        self.state.config.public_url.base_path()
    }

    /// Answers with a page that has no fragments.
    ///
    /// # Errors
    /// When its template fails.
    pub fn plain(&self, page: &impl Template, status: StatusCode) -> Result<HttpResponse, AppError> {
        view::plain(page, self.base_path(), status)
    }

    /// Whether they may create organizations.
    pub fn may_create_organizations(&self) -> bool {
        self.found.may_create_organizations()
    }

    /// What was found, without a session that has ended although its row is still there.
    pub(super) fn found_alive(&self) -> Found {
        let mut found = self.found.clone();
        found.session = found.session.filter(|digest| !self.state.ended_sessions.contains(digest));
        found
    }

    /// Looks once more who asks and what they are in the organization.
    pub(super) async fn look_again(&mut self) -> Result<(), AppError> {
        let (found, now) = (self.found_alive(), self.state.clock.now());
        self.found = self.state.db.read(move |connection| found.again(connection, now)).await?;
        Ok(())
    }

    /// Counts a form, before it is read.
    pub(super) fn count_write(&self) -> Result<(), AppError> {
        if self.request.method().is_safe() {
            return Ok(());
        }
        let user_id = self.logged_in().map(|logged_in| logged_in.user.id.as_str());
        Ok(self.state.limits.write(user_id, self.ip)?)
    }

    /// Notes now and then that the person is active.
    pub(super) async fn touch(&self) {
        let due = self.found.logged_in.clone().filter(|logged_in| logged_in.is_due_for_touch);
        let Some(logged_in) = due.filter(|_| self.state.maintenance_at(self.now).is_none()) else { return };
        let now = self.now;
        let noted = self.state.db.write(move |tx| accounts::note_activity(tx, &logged_in, now));
        self.state.db.beside("it could not be noted that a session was used", noted).await;
    }

    /// Writes what was counted of the organization's keys, so that what is read next is all there is.
    pub async fn count_usage(&self) {
        if let Some(organization_id) = self.found.organization_id.as_deref() {
            self.state.count_usage(organization_id).await;
        }
    }

    /// What the layouts show around a page. Takes the results kept for it out of the session.
    pub fn shell(&self) -> Shell {
        let toasts = match self.session.get::<Vec<Toast>>(FLASH) {
            Ok(Some(toasts)) => {
                self.session.remove(FLASH);
                toasts
            }
            _ => Vec::new(),
        };
        let user = self.logged_in().map(|LoggedIn { user, is_operator, .. }| ShellUser {
            name: user.name.clone(),
            email: user.email.clone(),
            pending_invitations: self.found.pending_invitations,
            is_operator: *is_operator,
        });
        Shell {
            brand: self.state.config.brand.as_str().to_owned(),
            version: env!("CARGO_PKG_VERSION"),
            public_host: self.state.config.public_url.host().to_owned(),
            base_path: self.base_path().clone(),
            path: self.page_path.clone(),
            theme: self.theme,
            user,
            mailbox: self.state.has_mailbox(),
            mailbox_banner: self.state.has_mailbox() && !self.has_hidden_mailbox_banner(),
            sends_no_mail: self.state.sends_no_mail(),
            maintenance: self.state.maintenance_at(self.now),
            fragment: self.fragment,
            toasts,
            dialog: None,
        }
    }

    /// Whether the banner is hidden in this browser, and nothing has come into the mailbox since.
    fn has_hidden_mailbox_banner(&self) -> bool {
        let cookie = self.request.cookie(&self.state.cookies.mailbox_banner);
        let hidden_at = cookie.and_then(|cookie| cookie.value().parse().ok());
        hidden_at.is_some_and(|hidden_at: i64| self.state.newest_mail.load(Ordering::Relaxed) <= hidden_at)
    }

    /// The address of the page that is asked for or, for htmx, acted on.
    pub fn page_path(&self) -> &str {
        &self.page_path
    }

    /// The filter, the search and the page number of the page on the screen.
    pub fn on_screen<S: DeserializeOwned + Default>(&self) -> S {
        let query = self.page_path.split_once('?').map(|(_, query)| query).unwrap_or_default();
        Query::from_query(query).map(Query::into_inner).unwrap_or_default()
    }

    /// Keeps a result for the page after the redirect.
    ///
    /// # Errors
    /// When it cannot be written as JSON.
    pub fn keep(&self, toast: Toast) -> Result<(), AppError> {
        let mut toasts = self.session.get::<Vec<Toast>>(FLASH).unwrap_or_default().unwrap_or_default();
        toasts.push(toast.cut(MAX_TOAST_LENGTH));
        let too_many = toasts.len().saturating_sub(MAX_TOASTS);
        toasts.drain(..too_many);
        Ok(self.session.insert(FLASH, toasts)?)
    }

    /// Starts a session of `user`, whom the password behind `password_hash` let in, under a new id; the one
    /// before is ended.
    ///
    /// # Errors
    /// When it cannot be written as JSON.
    pub fn log_in(&self, user: &User, password_hash: &str) -> Result<(), AppError> {
        let user_agent: Option<String> = self
            .request
            .headers()
            .get("user-agent")
            .and_then(|value| value.to_str().ok())
            .map(|text| text.chars().take(MAX_USER_AGENT_LENGTH).collect());
        self.start_anew();
        self.session.insert(SESSION_ID, new_id(self.now))?;
        self.session.insert(USER_ID, &user.id)?;
        self.session.insert(PASSWORD, SecretDigest::of(password_hash).as_bytes())?;
        self.session.insert(IP, self.ip.map(|ip| ip.to_string()))?;
        self.session.insert(USER_AGENT, user_agent)?;
        Ok(())
    }

    /// Ends the session; what is kept from here on waits in a new one, of nobody.
    pub fn start_anew(&self) {
        self.session.clear();
        self.session.renew();
    }

    /// Keeps a text in the session until it ends or somebody logs in. One that no page of ours would
    /// send is not kept.
    ///
    /// # Errors
    /// When it cannot be written as JSON.
    pub fn remember(&self, name: &'static str, text: &str) -> Result<(), AppError> {
        if text.len() > MAX_REMEMBERED_LENGTH {
            self.session.remove(name);
            return Ok(());
        }
        Ok(self.session.insert(name, text)?)
    }

    /// A text that was kept.
    pub fn recall(&self, name: &'static str) -> Option<String> {
        self.session.get(name).unwrap_or_default()
    }

    /// Takes a text that was kept out of the session.
    pub fn take(&self, name: &'static str) -> Option<String> {
        let text = self.recall(name)?;
        self.session.remove(name);
        Some(text)
    }

    /// Ends the session, here and in the browser, also when the database takes no note of it.
    pub async fn log_out(&self) {
        if let Some(logged_in) = self.logged_in().cloned() {
            let (db, ip, now) = (self.state.db.clone(), self.ip, self.now);
            // Goes on by itself, so that it is noted however long it stands in line.
            let noted = actix_web::rt::spawn(async move {
                let user = &logged_in.user.clone();
                db.write(move |tx| accounts::record_sessions_ended(tx, &logged_in.user, true, ip, now))
                    .await
                    .inspect_err(|error| tracing::error!(%error, user = user.id, "a log-out was not noted"))
            });
            self.state.db.beside("a log-out is not noted yet", async { noted.await? }).await;
        }
        self.session.purge();
    }

    /// Whoever acts, for the audit log.
    pub fn actor(&self) -> Actor {
        match self.logged_in() {
            Some(logged_in) => Actor::user(&logged_in.user, self.ip),
            None => Actor::System { ip: self.ip },
        }
    }
}

/// The page to come back to. A form that was sent cannot be sent again by itself, so it is none.
fn page_of(request: &HttpRequest, fragment: Fragment, base_path: &BasePath) -> String {
    let is_page = request.method() == Method::GET && !fragment.is_fragment();
    if is_page {
        request.uri().path_and_query().map(ToString::to_string).unwrap_or_default()
    } else {
        urls::current_page(request, base_path).unwrap_or_default()
    }
}

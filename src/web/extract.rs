//! What handlers ask for: the visitor, the logged-in person, the proof of what they may do.

use std::{future::Future, net::IpAddr, pin::Pin};

use actix_session::{Session, SessionExt};
use actix_web::{FromRequest, HttpMessage, HttpRequest, dev::Payload, http::Method, web::Data};

use super::{
    error::AppError,
    request_id::RequestId,
    session_store::{IP, SESSION_ID, USER_AGENT, USER_ID},
    shell::{Shell, ShellUser, Theme, Toast},
    state::State,
    urls,
    view::Fragment,
};
use crate::{
    clock::Timestamp,
    domain::{
        access::{self, Actor, Admin, Member, Supervisor},
        accounts::User,
        id::new_id,
        organizations::Organization,
        sessions::{self, LoggedIn},
    },
};

/// Results of an action, kept over the redirect that follows it.
const FLASH: &str = "flash";

type Extracted<T> = Pin<Box<dyn Future<Output = Result<T, AppError>>>>;

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
    pub state: State,
    /// The present instant; the same throughout one request.
    pub now: Timestamp,
    /// Where the request came from.
    pub ip: Option<IpAddr>,
    /// The part of a page that htmx asks for, if any.
    pub fragment: Fragment,
    /// Who is logged in.
    pub logged_in: Option<LoggedIn>,
    session: Session,
    theme: Theme,
    path: String,
    user_agent: Option<String>,
}

impl Visitor {
    /// What the layouts show around a page. Takes the results kept for it out of the session.
    pub fn shell(&self) -> Shell {
        let toasts = match self.session.get::<Vec<Toast>>(FLASH) {
            Ok(Some(toasts)) => {
                self.session.remove(FLASH);
                toasts
            }
            _ => Vec::new(),
        };
        Shell {
            brand: self.state.config.brand.as_str().to_owned(),
            version: env!("CARGO_PKG_VERSION"),
            public_host: self.state.config.public_url.host().to_owned(),
            path: self.path.clone(),
            theme: self.theme,
            user: self.logged_in.as_ref().map(|logged_in| ShellUser {
                name: logged_in.user.name.clone(),
                email: logged_in.user.email.clone(),
                pending_invitations: logged_in.pending_invitations,
            }),
            mailbox: self.state.has_mailbox(),
            fragment: self.fragment,
            toasts,
            dialog: None,
        }
    }

    /// The address of the page that is asked for or, for htmx, acted on.
    pub fn page_path(&self) -> &str {
        &self.path
    }

    /// Keeps a result for the page after the redirect.
    ///
    /// # Errors
    /// When it cannot be written as JSON.
    pub fn keep(&self, toast: Toast) -> Result<(), AppError> {
        let mut toasts = self.session.get::<Vec<Toast>>(FLASH).unwrap_or_default().unwrap_or_default();
        toasts.push(toast);
        Ok(self.session.insert(FLASH, toasts)?)
    }

    /// Starts a session of `user` under a new id; the one before is ended.
    ///
    /// # Errors
    /// When it cannot be written as JSON.
    pub fn log_in(&self, user: &User) -> Result<(), AppError> {
        self.start_anew();
        self.session.insert(SESSION_ID, new_id(self.now))?;
        self.session.insert(USER_ID, &user.id)?;
        self.session.insert(IP, self.ip.map(|ip| ip.to_string()))?;
        self.session.insert(USER_AGENT, &self.user_agent)?;
        Ok(())
    }

    /// Ends the session; what is kept from here on waits in a new one, of nobody.
    pub fn start_anew(&self) {
        self.session.clear();
        self.session.renew();
    }

    /// Keeps a text in the session until it ends or somebody logs in.
    ///
    /// # Errors
    /// When it cannot be written as JSON.
    pub fn remember(&self, name: &'static str, text: &str) -> Result<(), AppError> {
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

    /// Ends the session, here and in the browser.
    pub fn log_out(&self) {
        self.session.purge();
    }

    /// Whoever acts, for the audit log.
    pub fn actor(&self) -> Actor {
        match &self.logged_in {
            Some(logged_in) => Actor::user(&logged_in.user, self.ip),
            None => Actor::System { ip: self.ip },
        }
    }

    async fn from_parts(request: HttpRequest) -> Result<Self, AppError> {
        let state = request
            .app_data::<Data<State>>()
            .map(|state| State::clone(state))
            .ok_or_else(|| AppError::internal("the application's state is missing"))?;
        let session = request.get_session();
        let now = state.clock.now();
        let context = request.extensions().get::<RequestContext>().copied();
        let logged_in = logged_in(&state, &session, now).await?;
        let user_agent = request
            .headers()
            .get("user-agent")
            .and_then(|value| value.to_str().ok())
            .map(|text| text.chars().take(200).collect());
        Ok(Self {
            theme: Theme::of(&request),
            path: urls::without_secret(page_of(&request)),
            fragment: Fragment::of(request.headers()),
            ip: context.and_then(|context| context.ip),
            state,
            now,
            logged_in,
            session,
            user_agent,
        })
    }
}

async fn logged_in(state: &State, session: &Session, now: Timestamp) -> Result<Option<LoggedIn>, AppError> {
    let Some(session_id) = session.get::<String>(SESSION_ID).unwrap_or_default() else { return Ok(None) };
    let found = state.db.read(move |connection| sessions::logged_in(connection, &session_id, now)).await?;
    if let Some(logged_in) = found.clone().filter(|logged_in| logged_in.is_due_for_touch) {
        state.db.write(move |tx| sessions::touch(tx, &logged_in, now)).await?;
    }
    Ok(found)
}

impl FromRequest for Visitor {
    type Error = AppError;
    type Future = Extracted<Self>;

    /// Looked up once per request, however many extractors want it.
    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            if let Some(visitor) = request.extensions().get::<Self>() {
                return Ok(visitor.clone());
            }
            let visitor = Self::from_parts(request.clone()).await?;
            request.extensions_mut().insert(visitor.clone());
            Ok(visitor)
        })
    }
}

/// Somebody who is logged in, their address proven or not.
#[derive(Clone)]
pub struct LoggedInUser {
    /// The request's visitor.
    pub visitor: Visitor,
    /// The account.
    pub user: User,
    /// The browser session.
    pub session_id: String,
}

impl FromRequest for LoggedInUser {
    type Error = AppError;
    type Future = Extracted<Self>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let visitor = Visitor::from_request(request, payload);
        let next = page_of(request);
        Box::pin(async move {
            let visitor = visitor.await?;
            let logged_in = visitor.logged_in.clone().ok_or(AppError::LogInFirst(next))?;
            Ok(Self { visitor, user: logged_in.user, session_id: logged_in.session_id })
        })
    }
}

/// The page to come back to. A form that was sent cannot be sent again by itself, so it is none.
fn page_of(request: &HttpRequest) -> String {
    let is_page = request.method() == Method::GET && !Fragment::of(request.headers()).is_fragment();
    if is_page {
        request.uri().path_and_query().map(ToString::to_string).unwrap_or_default()
    } else {
        urls::current_page(request).unwrap_or_default()
    }
}

/// Somebody who is logged in and whose address is proven.
#[derive(Clone)]
pub struct CurrentUser {
    /// The request's visitor.
    pub visitor: Visitor,
    /// The account.
    pub user: User,
    /// The browser session.
    pub session_id: String,
}

impl FromRequest for CurrentUser {
    type Error = AppError;
    type Future = Extracted<Self>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let logged_in = LoggedInUser::from_request(request, payload);
        Box::pin(async move {
            let LoggedInUser { visitor, user, session_id } = logged_in.await?;
            if !user.is_verified() {
                return Err(AppError::VerifyFirst);
            }
            Ok(Self { visitor, user, session_id })
        })
    }
}

impl FromRequest for Member<Organization> {
    type Error = AppError;
    type Future = Extracted<Self>;

    /// The organization is the path's `{organization}`.
    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let current = CurrentUser::from_request(request, payload);
        let organization_id = request.match_info().get("organization").unwrap_or_default().to_owned();
        Box::pin(async move {
            let CurrentUser { visitor, user, .. } = current.await?;
            let ip = visitor.ip;
            let proof = visitor
                .state
                .db
                .read(move |connection| access::member(connection, &user, ip, &organization_id))
                .await?;
            Ok(proof)
        })
    }
}

impl FromRequest for Supervisor<Organization> {
    type Error = AppError;
    type Future = Extracted<Self>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let member = Member::from_request(request, payload);
        Box::pin(async move { Ok(member.await?.supervisor()?) })
    }
}

impl FromRequest for Admin<Organization> {
    type Error = AppError;
    type Future = Extracted<Self>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let member = Member::from_request(request, payload);
        Box::pin(async move { Ok(member.await?.admin()?) })
    }
}

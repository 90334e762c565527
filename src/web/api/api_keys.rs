//! API keys: list, read, create, remove.

use actix_web::HttpResponse;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    answer::{Answer, Listing},
    call::Call,
    instants,
    json::Json,
    key_settings::{Given, RateLimitFields, SettingsChange, SettingsFields, body_with_settings, given},
    paging::{self, Paging},
    params::Params,
};
use crate::{
    clock::Timestamp,
    domain::{
        access::Admin,
        api_keys::{self, ApiKey as StoredKey, CreateError, LONGEST_DURATION, NewApiKey, Part, Sort, Status},
        forms::FormId,
        key_settings::KeySettings,
        names::{LONGEST_KEY_NAME, Name},
        organizations::Organization,
    },
    web::{
        display,
        error::{AppError, FieldProblem},
        urls,
    },
};

/// An API key without its secret.
#[derive(Debug, Serialize, ToSchema)]
pub struct ApiKey {
    /// The id.
    pub id: String,
    /// The name, unique in the organization.
    #[schema(example = "Billing worker")]
    pub name: String,
    /// The key with its middle left out.
    #[schema(example = "tess_9fQ2…xA7c")]
    pub masked: String,
    /// Whether it is accepted.
    pub status: KeyStatus,
    /// Who created it, by name at that time.
    pub created_by: String,
    /// When it was created.
    #[schema(format = DateTime)]
    pub created_at: String,
    /// When it ends; null for never.
    #[schema(format = DateTime)]
    pub expires_at: Option<String>,
    /// Since when it is switched off; null while it is on.
    #[schema(format = DateTime)]
    pub deactivated_at: Option<String>,
    /// When it was last accepted; null for never.
    #[schema(format = DateTime)]
    pub last_used_at: Option<String>,
    /// What it may do and how much.
    #[serde(flatten)]
    pub settings: SettingsFields,
}

/// Whether a key is accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum KeyStatus {
    /// It is.
    Active,
    /// Its end has passed.
    Expired,
    /// It is switched off.
    Deactivated,
}

impl ApiKey {
    /// A stored key, as it is at `now`.
    pub fn of(key: StoredKey, now: Timestamp) -> Self {
        let status = match key.status(now) {
            Status::Active => KeyStatus::Active,
            Status::Expired => KeyStatus::Expired,
            Status::Deactivated => KeyStatus::Deactivated,
        };
        let instant = |at: Option<Timestamp>| at.map(|at| display::iso(&at));
        Self {
            id: key.id,
            name: key.name,
            masked: key.masked,
            status,
            created_by: key.created_by,
            created_at: display::iso(&key.created_at),
            expires_at: instant(key.expires_at),
            deactivated_at: instant(key.deactivated_at),
            last_used_at: instant(key.last_used_at),
            settings: SettingsFields::of(&key.settings),
        }
    }
}

/// A key with its secret, which is told this once.
#[derive(Debug, Serialize, ToSchema)]
pub struct CreatedKey {
    /// The key.
    #[serde(flatten)]
    pub key: ApiKey,
    /// The secret. It is not kept and cannot be told again.
    #[schema(example = "tess_9fQ2…")]
    pub secret: String,
}

body_with_settings! {
    /// A key to create.
    pub struct NewKey {
        /// The name, unique in the organization.
        #[schema(min_length = 1, max_length = 60, example = "Billing worker")]
        name: String,
        /// When it ends, ten years ahead at most; left out or null for never.
        #[serde(default)]
        #[schema(format = DateTime)]
        expires_at: Option<String>,
    }
}

impl NewKey {
    fn parse(&self, now: Timestamp) -> Result<NewApiKey, AppError> {
        let mut wrong = Vec::new();
        let name = Name::parse(&self.name, LONGEST_KEY_NAME)
            .map_err(|error| wrong.push(FieldProblem::new("/name", error)));
        let expires_at = self.expires_at.as_deref().map(|text| parse_end(text, now)).transpose();
        let expires_at = expires_at.map_err(|error| wrong.push(FieldProblem::new("/expires_at", error)));
        let settings = self.settings().apply(&KeySettings::default(), &mut wrong);
        match (name, expires_at) {
            (Ok(name), Ok(expires_at)) if wrong.is_empty() => Ok(NewApiKey { name, expires_at, settings }),
            _ => Err(AppError::Fields(wrong)),
        }
    }
}

/// An end, which lies ahead.
fn parse_end(text: &str, now: Timestamp) -> Result<Timestamp, &'static str> {
    let at = instants::parse(text)?;
    if at <= now {
        Err("Choose an instant that lies ahead.")
    } else if at > now + LONGEST_DURATION {
        Err("Keys with an end last 10 years at most.")
    } else {
        Ok(at)
    }
}

/// Which keys to list, and how.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct KeyFilter {
    /// Text in the name or in the masked key.
    q: String,
    /// Only keys in this state.
    show: Shown,
    /// The order.
    sort: KeySort,
    /// Where to go on: `next_cursor` of the part before.
    cursor: Option<String>,
    /// Items in one part.
    #[param(minimum = 1, maximum = 100, default = 50)]
    limit: Option<u32>,
}

/// A part of the keys.
#[derive(Clone, Copy, Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Shown {
    /// All of them.
    #[default]
    All,
    /// Those that end within 14 days.
    ExpiresSoon,
    /// Those that nobody has called with.
    NeverUsed,
    /// Those that are switched off.
    Deactivated,
}

/// An order of keys.
#[derive(Clone, Copy, Debug, Default, Deserialize, ToSchema)]
pub enum KeySort {
    /// The newest first.
    #[default]
    #[serde(rename = "-created_at")]
    Newest,
    /// The oldest first.
    #[serde(rename = "created_at")]
    Oldest,
    /// By name.
    #[serde(rename = "name")]
    Name,
    /// By name, backwards.
    #[serde(rename = "-name")]
    NameBackwards,
}

/// Lists the organization's keys.
///
/// # Errors
/// 400 for a filter that cannot be read.
#[utoipa::path(
    get,
    path = "/api/v2/organizations/{organization}/keys",
    tag = "API keys",
    params(KeyFilter),
    responses((status = 200, description = "A part of the keys.", body = Listing<ApiKey>))
)]
pub async fn list(call: Call<Admin<Organization>, Params<KeyFilter>>) -> Result<HttpResponse, AppError> {
    let Params(filter) = call.input.clone();
    let slice = Paging::new(filter.cursor, filter.limit).slice()?;
    let part = match filter.show {
        Shown::All => Part::All,
        Shown::ExpiresSoon => Part::ExpiresSoon,
        Shown::NeverUsed => Part::NeverUsed,
        Shown::Deactivated => Part::Deactivated,
    };
    let sort = match filter.sort {
        KeySort::Newest => Sort::Newest,
        KeySort::Oldest => Sort::Oldest,
        KeySort::Name => Sort::Name,
        KeySort::NameBackwards => Sort::NameBackwards,
    };
    let (now, wanted) = (call.now, slice.clone());
    let keys = call
        .read(move |connection, admin| {
            api_keys::slice(connection, admin, filter.q.trim(), part, (sort, &wanted), now)
        })
        .await?;
    let listing = paging::listing(keys, &slice, |key| sort.cursor(key), |key| ApiKey::of(key, now));
    Ok(Answer::ok(&listing)?.send())
}

/// Creates a key. Its secret is in the answer, this once.
///
/// # Errors
/// 422 for fields that need a change, 409 where there are too many keys.
#[utoipa::path(
    post,
    path = "/api/v2/organizations/{organization}/keys",
    tag = "API keys",
    request_body = NewKey,
    responses((status = 201, description = "The key with its secret.", body = CreatedKey))
)]
pub async fn create(call: Call<Admin<Organization>, Json<NewKey>>) -> Result<HttpResponse, AppError> {
    let new = call.input.0.parse(call.now)?;
    call.change(move |tx, admin, now| {
        // Whether a call is carried out twice is the affair of its idempotency key.
        let (key, secret) = api_keys::create(tx, admin, &new, &FormId::new(now), now)?;
        let location = urls::api_of_key(&admin.id, &key.id);
        Answer::created(
            &CreatedKey { key: ApiKey::of(key, now), secret: secret.expose().to_owned() },
            location,
        )
    })
    .await
}

/// One key.
///
/// # Errors
/// 404 for a key of another organization.
#[utoipa::path(
    get,
    path = "/api/v2/organizations/{organization}/keys/{key}",
    tag = "API keys",
    responses((status = 200, description = "The key.", body = ApiKey))
)]
pub async fn show(call: Call<Admin<Organization>>) -> Result<HttpResponse, AppError> {
    let (key_id, now) = (call.path("key"), call.now);
    let key = call.read(move |connection, admin| api_keys::find(connection, admin, &key_id)).await?;
    call.show(&ApiKey::of(key, now))
}

/// Removes a key for good.
///
/// # Errors
/// 404 for a key of another organization, 412 for another version of it.
#[utoipa::path(
    delete,
    path = "/api/v2/organizations/{organization}/keys/{key}",
    tag = "API keys",
    responses((status = 204, description = "It is removed and refused from now on."))
)]
pub async fn remove(call: Call<Admin<Organization>>) -> Result<HttpResponse, AppError> {
    let (key_id, precondition) = (call.path("key"), call.precondition());
    call.change(move |tx, admin, now| {
        let present = api_keys::find(tx.connection(), admin, &key_id)?;
        precondition.check(&ApiKey::of(present, now))?;
        api_keys::remove(tx, admin, &key_id, now)?;
        Ok(Answer::done())
    })
    .await
}

impl From<CreateError> for AppError {
    fn from(error: CreateError) -> Self {
        match error {
            CreateError::NameTaken => Self::field("/name", error),
            CreateError::TooMany => Self::Refused(error.to_string()),
            CreateError::Form(error) => Self::Refused(error.to_string()),
            CreateError::NoRandomness(error) => error.into(),
            CreateError::Db(error) => error.into(),
        }
    }
}

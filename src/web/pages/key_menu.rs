//! The cogwheel menu of a key: what is done with it, and how it was used recently, since Deactivate
//! asks nothing.
//!
//! A row of the list fetches it when it is opened, so that a list of keys stays light. Without
//! JavaScript the row's button leads to the key's page, which has it open.

use std::slice;

use actix_web::{HttpResponse, http::StatusCode};
use askama::Template;

use super::{key_words, recent_usage::UsageSummary};
use crate::{
    clock::Timestamp,
    db::{Connection, DbError},
    domain::{
        access::{Grant, SeeKeys},
        api_keys::{self, ActiveRotation, ApiKey},
        managed::ManageError,
        usage::{self, KeyClient},
    },
    vocabulary::KeyStatus,
    web::{error::AppError, filters, shell::Shell, urls, view, visit::Visit},
};

/// The menu of one key.
#[derive(Template)]
#[template(path = "api_keys/menu.html")]
pub struct KeyMenu {
    shell: Shell,
    organization_id: String,
    now: Timestamp,
    key: ApiKey,
    rotation: Option<ActiveRotation>,
    summary: Option<UsageSummary>,
}

impl KeyMenu {
    /// Reads how the key was used; `clients` are those who called with it.
    pub(super) fn load(
        connection: &mut Connection,
        grant: &Grant<SeeKeys>,
        (key, rotation): (&ApiKey, Option<ActiveRotation>),
        clients: Vec<KeyClient>,
        shell: Shell,
        now: Timestamp,
    ) -> Result<Self, DbError> {
        let daily = usage::daily_requests(connection, grant, slice::from_ref(key), now)?;
        Ok(Self {
            shell,
            organization_id: grant.id.clone(),
            now,
            key: key.clone(),
            rotation,
            summary: daily.first().map(|daily| UsageSummary::of(daily, clients)),
        })
    }

    fn is_expired(&self) -> bool {
        self.key.status(self.now) == KeyStatus::Expired
    }

    fn is_rotating(&self) -> bool {
        self.rotation.is_some_and(|rotation| key_words::rotation(&self.key, &rotation, &self.now).is_some())
    }

    fn url(&self, verb: &str) -> String {
        self.shell.over(urls::api_item(&self.organization_id, "keys", &self.key.id, verb))
    }
}

/// The menu alone, for a row that opens it; whoever has no script gets the key's page.
pub async fn show(visit: Visit<Grant<SeeKeys>>) -> Result<HttpResponse, AppError> {
    let key_id = visit.path("key");
    let page = urls::api_key(&visit.proof.id, &key_id);
    let shell = visit.shell();
    let is_fragment = shell.fragment.is_fragment();
    visit.count_usage().await;
    let (grant, now) = (visit.proof.clone(), visit.now);
    let read = visit.state.db.read(move |connection| {
        let key = api_keys::find(connection, &grant, &key_id)?;
        let rotations = api_keys::rotations(connection, &grant, slice::from_ref(&key), now)?;
        let rotation = rotations.get(&key.id).copied();
        let clients = usage::clients(connection, &grant, &key)?;
        Ok::<_, ManageError>(KeyMenu::load(connection, &grant, (&key, rotation), clients, shell, now)?)
    });
    let menu = read.await?;
    if is_fragment { visit.plain(&menu, StatusCode::OK) } else { Ok(view::see_other(&page)) }
}

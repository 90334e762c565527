//! Several keys at one time: chosen among those on the screen, and changed after one question that shows
//! how much each is used.

use actix_web::HttpResponse;
use askama::Template;
use serde::Deserialize;

use crate::{
    clock::Timestamp,
    db::DbError,
    domain::{
        access::{Grant, ManageKeys},
        api_keys::{self, ApiKey, BulkChange},
        organizations,
        usage::{self, DailyRequests},
    },
    web::{
        display,
        error::AppError,
        filters,
        form::Submitted,
        pages::{
            api_screen::ApiScreen,
            api_tab::KeysQuery,
            key_words,
            recent_usage::DAYS,
            selection::{self, Selection},
            stops::with_receipt,
        },
        shell::Toast,
        urls,
        visit::{Over, Visit},
    },
};

/// Which keys are chosen, and what becomes of them.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct SeveralKeys {
    keys: Vec<String>,
    change: Word,
}

/// A [`BulkChange`] in a form.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Word {
    #[default]
    Deactivate,
    Remove,
}

impl From<Word> for BulkChange {
    fn from(word: Word) -> Self {
        match word {
            Word::Deactivate => Self::Deactivate,
            Word::Remove => Self::Remove,
        }
    }
}

/// The dialog in which keys are chosen.
#[derive(Template)]
#[template(path = "api_keys/select.html")]
struct SelectDialog {
    selection: Selection<ApiKey>,
    now: Timestamp,
}

impl SelectDialog {
    fn url(&self, path: &str) -> String {
        urls::organization(&self.selection.over.organization_id, path)
    }

    /// The selection of the tab behind, for a form that is sent by GET.
    fn beside(&self) -> Vec<(String, String)> {
        urls::fields(&self.selection.over.close)
    }

    fn badge(&self, key: &ApiKey) -> (&'static str, String) {
        key_words::badge(key, self.now)
    }
}

/// The dialog that asks before they are changed.
#[derive(Template)]
#[template(path = "api_keys/several.html")]
struct ConfirmDialog {
    over: Over,
    removes: bool,
    keys: Vec<(ApiKey, DailyRequests)>,
    now: Timestamp,
}

impl ConfirmDialog {
    /// "Remove 3 API keys".
    fn action_words(&self) -> String {
        format!("{} {}", if self.removes { "Remove" } else { "Deactivate" }, number_of(self.keys.len()))
    }

    fn action(&self) -> String {
        let path = urls::organization(&self.over.organization_id, "api/keys/selected");
        urls::with_query_of(&path, &self.over.close)
    }

    fn word(&self) -> &'static str {
        if self.removes { "remove" } else { "deactivate" }
    }

    /// Requests of the last days, in digits.
    fn requests(&self, daily: &DailyRequests) -> String {
        display::thousands(&daily.of_last(DAYS.into()))
    }
}

fn number_of(keys: usize) -> String {
    display::count(&i64::try_from(keys).unwrap_or(i64::MAX), "API key", "API keys")
}

/// Opens the dialog in which keys of the page on the screen are chosen.
pub async fn select(visit: Visit<Grant<ManageKeys>>) -> Result<HttpResponse, AppError> {
    let dialog = select_dialog(&visit, selection::is_of_all(&visit)?, None).await?;
    visit.dialog::<ApiScreen>(&dialog).await
}

async fn select_dialog(
    visit: &Visit<Grant<ManageKeys>>,
    all: bool,
    error: Option<&'static str>,
) -> Result<SelectDialog, AppError> {
    let (shown, now) = (visit.on_screen::<KeysQuery>(), visit.now);
    let keys = visit.read(move |connection, grant| {
        let figures = organizations::figures(connection, grant.as_ref())?;
        Ok::<_, DbError>(shown.page_of_keys(connection, grant.as_ref(), &figures, now)?.0.rows)
    });
    let selection = Selection { over: visit.over::<ApiScreen>(), rows: keys.await?, all, error };
    Ok(SelectDialog { selection, now })
}

async fn none_selected(visit: &Visit<Grant<ManageKeys>>) -> Result<HttpResponse, AppError> {
    let error = Some("Select at least one key.");
    visit.invalid::<ApiScreen>(&select_dialog(visit, false, error).await?).await
}

/// Asks before the chosen keys are changed.
pub async fn confirm(visit: Visit<Grant<ManageKeys>>) -> Result<HttpResponse, AppError> {
    let chosen: SeveralKeys = serde_html_form::from_str(visit.request().query_string())
        .map_err(|error| AppError::Unreadable(format!("The URL couldn’t be read: {error}.")))?;
    if chosen.keys.is_empty() {
        return none_selected(&visit).await;
    }
    let (change, now) = (BulkChange::from(chosen.change), visit.now);
    visit.count_usage().await;
    let keys = visit.read(move |connection, grant| {
        let mut keys = api_keys::find_several(connection, grant.as_ref(), &chosen.keys)?;
        keys.retain(|key| change.concerns(key));
        let daily = usage::daily_requests(connection, grant.as_ref(), &keys, now)?;
        Ok::<_, DbError>(keys.into_iter().zip(daily).collect::<Vec<_>>())
    });
    let keys = keys.await?;
    if keys.is_empty() {
        let error = Some("These keys are already deactivated or removed.");
        return visit.invalid::<ApiScreen>(&select_dialog(&visit, false, error).await?).await;
    }
    let removes = change == BulkChange::Remove;
    let over = visit.over::<ApiScreen>();
    visit.dialog::<ApiScreen>(&ConfirmDialog { over, removes, keys, now }).await
}

/// Deactivates or removes the chosen keys, all of them or, where one fails, none.
pub async fn carry_out(
    visit: Visit<Grant<ManageKeys>, Submitted<SeveralKeys>>,
) -> Result<HttpResponse, AppError> {
    let (visit, Submitted(chosen)) = visit.split();
    if chosen.keys.is_empty() {
        return none_selected(&visit).await;
    }
    let change = BulkChange::from(chosen.change);
    let changed = visit
        .change(move |tx, grant, now| api_keys::change_several(tx, grant, change, &chosen.keys, now))
        .await??;
    let done = match change {
        BulkChange::Deactivate => "deactivated",
        BulkChange::Remove => "removed",
    };
    let toast = match changed.as_slice() {
        [] => Toast::bad(format!("Nothing to do. These keys were already {done}.")),
        [key] => Toast::ok(with_receipt(&visit, format!("“{}” {done}", key.name)).await),
        keys => Toast::ok(with_receipt(&visit, format!("{} {done}", number_of(keys.len()))).await),
    };
    visit.changed::<ApiScreen>(toast).await
}

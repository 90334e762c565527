//! The expiration calendar: its secret address, and the feed behind it.

use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header::CACHE_CONTROL},
    web::{Data, Path},
};
use askama::Template;

use super::api_tab::{ApiTab, Selection};
use crate::{
    domain::{
        access::Admin,
        calendar_links::{self, CalendarLink, Expiries},
        organizations::Organization,
    },
    web::{
        display,
        error::AppError,
        extract::Visitor,
        icalendar::{Calendar, CalendarEvent},
        state::State,
        urls, view,
    },
};

/// The dialog that explains the calendar and makes its address.
#[derive(Template)]
#[template(path = "calendar/link.html")]
struct LinkDialog {
    organization_id: String,
    link: Option<CalendarLink>,
}

/// The dialog that shows a new address once.
#[derive(Template)]
#[template(path = "calendar/created.html")]
struct CreatedDialog {
    organization_id: String,
    address: String,
}

/// Opens the dialog.
///
/// # Errors
/// When the database fails.
pub async fn ask(visitor: Visitor, admin: Admin<Organization>) -> Result<HttpResponse, AppError> {
    let proof = admin.clone();
    let link = visitor.state.db.read(move |connection| calendar_links::find(connection, &proof)).await?;
    let dialog = LinkDialog { organization_id: admin.id.clone(), link };
    let tab = async |shell| ApiTab::load(&visitor, &admin, Selection::default(), shell).await;
    view::dialog(&visitor, StatusCode::OK, &dialog, tab).await
}

/// Makes a new address and shows it, this once.
///
/// # Errors
/// When the database fails.
pub async fn replace(visitor: Visitor, admin: Admin<Organization>) -> Result<HttpResponse, AppError> {
    let (proof, now) = (admin.clone(), visitor.now);
    let secret = visitor.state.db.write(move |tx| calendar_links::replace(tx, &proof, now)).await?;
    let path = urls::calendar_feed(&admin.id, secret.expose());
    let dialog = CreatedDialog {
        organization_id: admin.id.clone(),
        address: visitor.state.config.public_url.join(&path),
    };
    let tab = async |shell| ApiTab::load(&visitor, &admin, Selection::default(), shell).await;
    view::reveal(&visitor, &dialog, tab).await
}

/// The feed. Whoever has the URL may read it.
///
/// # Errors
/// 404 for an address that is not, or no longer, one.
pub async fn feed(
    request: HttpRequest,
    state: Data<State>,
    path: Path<(String, String)>,
) -> Result<HttpResponse, AppError> {
    let (organization_id, secret) = path.into_inner();
    let now = state.clock.now();
    let look_up =
        move |connection: &mut _| calendar_links::expiries(connection, &organization_id, &secret, now);
    let Some(expiries) = state.db.read(look_up).await? else {
        state.limits.guess(crate::web::api::clients::of(&request).ip)?;
        return Err(AppError::NotFound);
    };
    Ok(HttpResponse::Ok()
        .content_type("text/calendar; charset=utf-8")
        .insert_header((CACHE_CONTROL, "no-store"))
        .body(calendar(&state, &expiries)))
}

fn calendar(state: &State, Expiries { organization, keys }: &Expiries) -> String {
    let public_url = &state.config.public_url;
    let mut calendar = Calendar::new(&format!("API keys of {}", organization.name));
    for (key, end) in keys {
        calendar.add(CalendarEvent {
            uid: &format!("{}@{}", key.id, public_url.host()),
            stamp: key.created_at,
            at: *end,
            summary: &format!("API key “{}” expires", key.name),
            description: &format!(
                "The API key {} of {} works until {}.",
                key.masked,
                organization.name,
                display::date_time_utc(end)
            ),
            url: &public_url.join(&urls::api_key(&organization.id, &key.id)),
        });
    }
    calendar.finish()
}

//! The expiration calendar: its secret address, and the feed behind it.

use actix_web::{HttpResponse, http::header::CACHE_CONTROL};
use askama::Template;

use super::api_screen::ApiScreen;
use crate::{
    domain::{
        access::{Grant, ManageCalendar},
        calendar_links::{self, CalendarLink, Expiries, Expiry},
        id,
    },
    web::{
        api::gate::{Anyone, Gate},
        display,
        error::AppError,
        filters,
        icalendar::{Calendar, CalendarEvent},
        shell::Toast,
        state::State,
        urls,
        visit::{Over, Visit},
    },
};

/// The dialog that explains the calendar and makes its address.
#[derive(Template)]
#[template(path = "calendar/link.html")]
struct LinkDialog {
    over: Over,
    link: Option<CalendarLink>,
}

/// The dialog that shows a new address once.
#[derive(Template)]
#[template(path = "calendar/created.html")]
struct CreatedDialog {
    over: Over,
    address: String,
}

/// Opens the dialog.
pub async fn ask(visit: Visit<Grant<ManageCalendar>>) -> Result<HttpResponse, AppError> {
    let link = visit.read(|connection, grant| calendar_links::find(connection, grant)).await?;
    visit.dialog::<ApiScreen>(&LinkDialog { over: visit.over::<ApiScreen>(), link }).await
}

/// Creates a new URL and shows it, this once.
pub async fn replace(visit: Visit<Grant<ManageCalendar>>) -> Result<HttpResponse, AppError> {
    let secret = visit.change(calendar_links::replace).await??;
    let over = visit.over::<ApiScreen>();
    let address = visit.state.config.public_url.join(&urls::calendar_feed(&visit.proof.id, secret.expose()));
    visit.reveal::<ApiScreen>(&CreatedDialog { over, address }).await
}

/// Lets the URL stop working.
pub async fn revoke(visit: Visit<Grant<ManageCalendar>>) -> Result<HttpResponse, AppError> {
    let toast = match visit.change(calendar_links::revoke).await?? {
        true => Toast::ok("Calendar URL revoked"),
        false => Toast::bad("There was no calendar URL to revoke."),
    };
    visit.changed::<ApiScreen>(toast).await
}

/// The feed. Whoever has the URL may read it.
pub async fn feed(gate: Gate<Anyone>) -> Result<HttpResponse, AppError> {
    let Gate { request, state, now, .. } = &gate;
    let part = |name| id::as_stored(request.match_info().get(name).unwrap_or_default());
    let (organization_id, secret, now) = (part("organization"), part("token"), *now);
    let look_up =
        move |connection: &mut _| calendar_links::expiries(connection, &organization_id, &secret, now);
    let Some(expiries) = state.db.read(look_up).await? else {
        state.limits.guess(gate.client().ip)?;
        return Err(AppError::NotFound);
    };
    Ok(HttpResponse::Ok()
        .content_type("text/calendar; charset=utf-8")
        .insert_header((CACHE_CONTROL, "no-store"))
        .body(calendar(state, &expiries)))
}

fn calendar(state: &State, Expiries { organization, expiries }: &Expiries) -> String {
    let public_url = &state.config.public_url;
    let mut calendar = Calendar::new(&format!("API keys of {}", organization.name));
    for Expiry { key, at, changed, changes } in expiries {
        calendar.add(CalendarEvent {
            uid: &key.id,
            changed: *changed,
            sequence: *changes,
            at: *at,
            summary: &format!("API key “{}” expires", key.name),
            description: &format!(
                "The API key {} of {} expires on {}.",
                key.masked,
                organization.name,
                display::date_time_utc(at)
            ),
            url: &public_url.join(&urls::api_key(&organization.id, &key.id)),
        });
    }
    calendar.finish()
}

//! The audit log: list and export.

use actix_web::{HttpResponse, web::Bytes};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    call::Call,
    instants,
    pagination::{self, Pagination},
    params::Params,
    receipts,
    response::{List, Response},
};
use crate::{
    api_types::Receipt,
    domain::{
        access::{Grant, SeeActivity},
        audit::{self, Action, Area, Detail, Entry, Filter},
        id,
    },
    vocabulary::ExportFormat,
    web::{
        activity_file::{self, FileKind},
        details,
        error::{AppError, FieldProblem},
        search,
    },
};

/// An event.
#[derive(Debug, Serialize, ToSchema)]
pub struct Event {
    /// The ID. IDs sort by time.
    pub id: String,
    /// When it happened, to the microsecond.
    #[schema(format = DateTime, example = "2026-11-23T10:00:00.000250Z")]
    pub at: String,
    /// Who did it.
    pub actor: EventActor,
    /// The action.
    #[schema(example = "member.role_changed")]
    pub action: String,
    /// What it was done to.
    pub subject: EventSubject,
    /// The details; null if there are none. Webhooks send the same.
    #[schema(required = true)]
    pub details: Option<Detail>,
    /// The details as text for people. The wording may change at any time; use `details` in programs.
    #[schema(required = true, example = "from User to Supervisor")]
    pub details_text: Option<String>,
    /// The IP address of the request; null if there was none.
    #[schema(required = true, example = "192.0.2.7")]
    pub ip: Option<String>,
    /// The nodes, with the time from which each no longer accepts the key or token that the event deactivated,
    /// paused, rotated or removed. Null for other events, and until all nodes have applied the change.
    #[schema(required = true)]
    pub receipts: Option<Vec<Receipt>>,
}

/// The person, master token or system behind an event.
#[derive(Debug, Serialize, ToSchema)]
pub struct EventActor {
    /// `user`, `master_token` or `system`.
    #[schema(example = "user")]
    pub kind: String,
    /// The ID of the user or master token; null for the system.
    #[schema(required = true, example = "019a8f3e-7b1c-7d2e-9f40-5a6b7c8d9e0f")]
    pub id: Option<String>,
    /// The name at that time.
    #[schema(example = "Dana Whitfield")]
    pub name: String,
}

/// The subject of an event.
#[derive(Debug, Serialize, ToSchema)]
pub struct EventSubject {
    /// The ID; null if it has none.
    #[schema(required = true, example = "019a8f3e-7b1c-7d2e-9f40-5a6b7c8d9e0f")]
    pub id: Option<String>,
    /// The name at that time.
    #[schema(example = "Jonas Brandt")]
    pub name: String,
}

impl From<Entry> for Event {
    fn from(entry: Entry) -> Self {
        Self {
            at: instants::exact(&entry.created_at),
            id: entry.id,
            actor: EventActor { kind: entry.actor_kind, id: entry.actor_id, name: entry.actor_name },
            action: entry.action,
            subject: EventSubject { id: entry.subject_id, name: entry.subject_name },
            details_text: entry.detail.as_ref().map(details::text),
            details: entry.detail,
            ip: entry.ip,
            receipts: entry.stopped.map(|spread| receipts::of(spread.receipts)),
        }
    }
}

/// Declares parameters that select events beside some of their own: serde can refuse unknown
/// parameters only where all known ones stand in one type.
macro_rules! selection {
    ($(#[$meta:meta])* pub struct $name:ident { $($own:tt)* }) => {
        $(#[$meta])*
        #[derive(Clone, Debug, Default, Deserialize, IntoParams)]
        #[serde(deny_unknown_fields, default)]
        #[into_params(parameter_in = Query)]
        pub struct $name {
            /// Search in the actor, the subject, the details and the IP address. Finds words that start with
            /// this text.
            #[serde(deserialize_with = "search::strict")]
            #[param(max_length = 200)]
            q: String,
            /// Only events of the user or master token with this ID.
            actor: Option<String>,
            /// Filter by area.
            #[param(example = "members")]
            area: Option<String>,
            /// Filter by action.
            #[param(example = "member.role_changed")]
            action: Option<String>,
            /// Only events at or after this time.
            #[param(format = DateTime)]
            from: Option<String>,
            /// Only events before this time.
            #[param(format = DateTime)]
            to: Option<String>,
            $($own)*
        }

        impl $name {
            fn filter(&self) -> Result<Filter, AppError> {
                let instant = |name: &str, text: &Option<String>| {
                    let instant = text.as_deref().map(instants::parse).transpose();
                    instant.map_err(|error| AppError::BadParameter(FieldProblem::new(name, error)))
                };
                Ok(Filter {
                    text: self.q.clone(),
                    actor_id: self.actor.as_deref().map(id::as_stored),
                    area: self.area.as_deref().map(area).transpose()?,
                    action: self.action.as_deref().map(action).transpose()?,
                    from: instant("from", &self.from)?,
                    until: instant("to", &self.to)?,
                })
            }
        }
    };
}

selection! {
    /// Which events to list.
    pub struct EventFilter {
        /// The `next_cursor` of the previous page.
        cursor: Option<String>,
        /// Items per page.
        #[param(minimum = 1, maximum = 100, default = 50)]
        limit: Option<u32>,
    }
}

selection! {
    /// Which events to download, and as what.
    pub struct EventExport {
        /// The file format.
        #[param(inline)]
        format: ExportFormat,
    }
}

fn area(text: &str) -> Result<Area, AppError> {
    let areas = Area::OF_ORGANIZATION;
    text.parse().ok().filter(|area| areas.contains(area)).ok_or_else(|| {
        let known = areas.map(Area::as_str).join(", ");
        AppError::field("area", format!("Choose one of {known}."))
    })
}

fn action(text: &str) -> Result<Action, AppError> {
    let of_organization = |action: &Action| Area::OF_ORGANIZATION.contains(&action.area());
    text.parse().ok().filter(of_organization).ok_or_else(|| {
        let detail = "Unknown action. Use one from the list, for example member.joined.";
        AppError::field("action", detail)
    })
}

/// List activity, newest first.
///
/// # Errors
/// 400 invalid parameters.
#[utoipa::path(
    get,
    path = "/api/v2/organizations/{organization}/activity",
    tag = "Activity",
    params(EventFilter),
    responses((status = 200, description = "A page of events.", body = List<Event>))
)]
pub async fn list(call: Call<Grant<SeeActivity>, Params<EventFilter>>) -> Result<HttpResponse, AppError> {
    let Params(selection) = call.input.clone();
    let filter = selection.filter()?;
    let slice = Pagination::new(selection.cursor, selection.limit).list_request()?;
    let wanted = slice.clone();
    let entries =
        call.read(move |connection, grant| audit::list_after(connection, grant, &filter, &wanted)).await?;
    Ok(Response::ok(&pagination::list(entries, &slice, Entry::cursor, Event::from))?.send())
}

/// Export activity, oldest first.
///
/// Returns all matching events as a file.
///
/// # Errors
/// 400 invalid parameters.
#[utoipa::path(
    get,
    path = "/api/v2/organizations/{organization}/activity/export",
    tag = "Activity",
    params(EventExport),
    responses((
        status = 200,
        description = "The events, one per line.",
        content((Event = "application/jsonl"), (String = "text/csv"))
    ))
)]
pub async fn export(call: Call<Grant<SeeActivity>, Params<EventExport>>) -> Result<HttpResponse, AppError> {
    let Params(selection) = &call.input;
    let filter = selection.filter()?;
    let kind = match selection.format {
        ExportFormat::Jsonl => JSON_LINES,
        ExportFormat::Csv => activity_file::CSV,
    };
    activity_file::download(kind, call.state.db.clone(), call.prove_again()?, filter).await
}

const JSON_LINES: FileKind = FileKind {
    content_type: "application/jsonl",
    name: "activity.jsonl",
    head: || Ok(None),
    part: |entries| {
        let mut lines = Vec::new();
        for entry in entries {
            serde_json::to_writer(&mut lines, &Event::from(entry)).map_err(AppError::internal)?;
            lines.push(b'\n');
        }
        Ok(Bytes::from(lines))
    },
};

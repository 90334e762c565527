//! The audit log, read: who did what, when and from where, in an organization, with one thing in it,
//! with an account. [`events`] writes it; nothing alters it.

use diesel::{
    dsl::sql,
    prelude::*,
    query_builder::{AstPass, Query, QueryFragment, QueryId},
    sql_types::{BigInt, Bool, Text},
};

pub use super::events::{Action, Area, Detail, WebhookFailure, WebhookSetting};
use super::{
    access::{Grant, ManageTokens, Operator, SeeActivity, SeeAllActivity, SeeInvitations, SeeKeys},
    events,
    nodes::Spread,
    page::{
        Cursor, CursorError, ListRequest, MAX_COUNTED, Page, PageRequest, Reach, Total, by_age,
        contains_pattern, in_order,
    },
    schema::{audit_events, stops},
    search::{self, Matches, matching},
};
use crate::{
    clock::Timestamp,
    db::{Backend, Connection, DbError, OneOf, count_of, one_of},
    folding::{
        self,
        terms::{List, Sought},
    },
};

#[derive(Queryable, Selectable)]
#[diesel(table_name = audit_events)]
struct Row {
    id: String,
    actor_kind: String,
    actor_id: Option<String>,
    actor_name: String,
    action: String,
    subject_id: Option<String>,
    subject_name: String,
    details: Option<String>,
    search_text: Option<String>,
    ip: Option<String>,
    created_at: Timestamp,
    #[diesel(select_expression = spread_of_event())]
    spread: Option<String>,
}

/// Where what the event ended has got, kept beside it.
#[diesel::dsl::auto_type]
fn spread_of_event() -> _ {
    stops::table.filter(stops::event_id.eq(audit_events::id)).select(stops::spread).single_value()
}

/// An event as it was noted.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The event's id; ids sort by age.
    pub id: String,
    /// `user`, `master_token` or `system`.
    pub actor_kind: String,
    /// The account or token that acted.
    pub actor_id: Option<String>,
    /// Its name at that time.
    pub actor_name: String,
    /// An [`Action`]'s stable name.
    pub action: String,
    /// What was changed, where it has an id.
    pub subject_id: Option<String>,
    /// Its name at that time.
    pub subject_name: String,
    /// What there is to tell beside that.
    pub detail: Option<Detail>,
    /// The address that the request came from.
    pub ip: Option<String>,
    /// When.
    pub created_at: Timestamp,
    /// Of an event that ended a secret: when which node heard of that, once all had.
    pub stopped: Option<Spread>,
}

impl From<Row> for Entry {
    fn from(row: Row) -> Self {
        Self {
            detail: Detail::of_row(&row.id, row.details.as_deref(), row.search_text),
            stopped: events::stops::spread_of_row(&row.id, row.spread.as_deref()),
            id: row.id,
            actor_kind: row.actor_kind,
            actor_id: row.actor_id,
            actor_name: row.actor_name,
            action: row.action,
            subject_id: row.subject_id,
            subject_name: row.subject_name,
            ip: row.ip,
            created_at: row.created_at,
        }
    }
}

fn entries(rows: Vec<Row>) -> Vec<Entry> {
    rows.into_iter().map(Entry::from).collect()
}

impl Entry {
    /// The action, unless a later version wrote one that is unknown here.
    pub fn action(&self) -> Option<Action> {
        self.action.parse().ok()
    }

    /// The place behind it in a list.
    pub fn cursor(&self) -> Cursor {
        Cursor::at(&self.id, self.created_at)
    }
}

/// Which events to show.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// The beginning of a word in the actor's name, the subject's name, the details or the address.
    pub text: String,
    /// Only what this account or token did.
    pub actor_id: Option<String>,
    /// Only this part of the product.
    pub area: Option<Area>,
    /// Only this.
    pub action: Option<Action>,
    /// Only what happened then or later.
    pub from: Option<Timestamp>,
    /// Only what happened before.
    pub until: Option<Timestamp>,
}

/// What the grant lets one see, and filter by: a supervisor has no business with keys, a developer
/// none with members.
pub fn areas(grant: &Grant<SeeActivity>) -> Vec<Area> {
    let is_seen = |area: &Area| match area {
        Area::Members => grant.may::<SeeInvitations>(),
        Area::ApiKeys => grant.may::<SeeKeys>(),
        Area::Account | Area::Instance | Area::Organization | Area::MasterTokens | Area::Webhooks => {
            grant.may::<SeeAllActivity>()
        }
    };
    Area::OF_ORGANIZATION.into_iter().filter(is_seen).collect()
}

macro_rules! filtered {
    ($grant:expr, $filter:expr, $matches:expr) => {{
        let areas: Vec<Area> = areas($grant)
            .into_iter()
            .filter(|area| $filter.area.is_none_or(|wanted| wanted == *area))
            .collect();
        let mut query = matching!(
            audit_events::table.filter(one_of(audit_events::action, Area::actions(&areas))).into_boxed(),
            $matches,
            (audit_events::organization_id, $grant.id.as_str()),
            // With the bare column SQLite might take another index than that of the ids.
            (audit_events::organization_id.concat(""), audit_events::id),
            |sought: &Sought| {
                let pattern = contains_pattern(&sought.in_event_key());
                audit_events::search_key.like(pattern).escape('\\').nullable()
            }
        );
        // All but administrators see one area, too.
        if let [area] = areas.as_slice() {
            query = query.filter(audit_events::area.eq(area.as_str()));
        }
        if let Some(actor) = &$filter.actor_id {
            query = query.filter(audit_events::actor_id.eq(actor.clone()));
        }
        if let Some(action) = $filter.action {
            query = query.filter(audit_events::action.eq(action.as_str()));
        }
        if let Some(from) = $filter.from {
            query = query.filter(audit_events::created_at.ge(from));
        }
        if let Some(until) = $filter.until {
            query = query.filter(audit_events::created_at.lt(until));
        }
        query
    }};
}

/// One page of the organization's audit log, newest first.
pub fn page(
    connection: &mut Connection,
    grant: &Grant<SeeActivity>,
    filter: &Filter,
    request: &PageRequest,
) -> Result<Page<Entry>, DbError> {
    let matches = find(connection, grant, filter)?;
    let chooses_by_text_alone = *filter == Filter { text: filter.text.clone(), ..Filter::default() }
        && areas(grant).len() == Area::OF_ORGANIZATION.len();
    let total = match &matches {
        Matches::Many(_) if chooses_by_text_alone => Total::MoreThan(MAX_COUNTED),
        matches => Total::count(|most| {
            count_of(connection, filtered!(grant, filter, matches).select(audit_events::id).limit(most))
        })?,
    };
    request.load(total, Entry::cursor, |reach| read(connection, grant, (filter, &matches), reach))
}

/// A part of the organization's audit log behind a cursor, and one more where there is more, newest
/// first.
///
/// # Errors
/// [`CursorError`]; a cursor of a list without dates does not fit one with them.
pub fn list_after(
    connection: &mut Connection,
    grant: &Grant<SeeActivity>,
    filter: &Filter,
    slice: &ListRequest,
) -> Result<Vec<Entry>, CursorError> {
    let matches = find(connection, grant, filter)?;
    read(connection, grant, (filter, &matches), &slice.reach())
}

fn find(
    connection: &mut Connection,
    grant: &Grant<SeeActivity>,
    filter: &Filter,
) -> Result<Matches, DbError> {
    search::find(connection, List::Events, &grant.id, &filter.text)
}

/// The audit log, newest first, as far as `reach` says.
fn read(
    connection: &mut Connection,
    grant: &Grant<SeeActivity>,
    (filter, matches): (&Filter, &Matches),
    reach: &Reach,
) -> Result<Vec<Entry>, CursorError> {
    let log = filtered!(grant, filter, matches);
    // Of certain days by their instants; in general by the ids, which sort by age even when the clock was
    // set back.
    let query = if filter.from.is_some() || filter.until.is_some() {
        let at = reach.instant()?;
        in_order!(log, reach, true, (audit_events::created_at, audit_events::id), |_| at)
    } else {
        by_age!(log, reach, true, audit_events::id)
    };
    Ok(entries(query.select(Row::as_select()).load(connection).map_err(DbError::from)?))
}

/// The next part of an export, oldest first, after the event `after`.
pub fn export(
    connection: &mut Connection,
    grant: &Grant<SeeActivity>,
    filter: &Filter,
    after: Option<&str>,
    limit: i64,
) -> Result<Vec<Entry>, DbError> {
    let matches = find(connection, grant, filter)?;
    Ok(entries(
        filtered!(grant, filter, &matches)
            .filter(audit_events::id.gt(after.unwrap_or_default().to_owned()))
            .order(audit_events::id)
            .select(Row::as_select())
            .limit(limit)
            .load(connection)?,
    ))
}

/// Those who did something in the organization, for the filter: `(id, name)`, under the name of last.
pub fn actors(
    connection: &mut Connection,
    grant: &Grant<SeeActivity>,
) -> Result<Vec<(String, String)>, DbError> {
    let actions = one_of(audit_events::action, Area::actions(&areas(grant)));
    let mut actors: Vec<(String, String)> =
        Actors { organization_id: grant.id.clone(), actions }.load(connection)?;
    actors.sort_by_cached_key(|(_, name)| folding::search_key(name));
    Ok(actors)
}

/// Entries of the filter by who did something.
const MAX_ACTORS: i64 = 200;

/// Those who did something, with the name that each had last. Goes from one to the next in the index, so that it
/// does not matter how much each of them did; a `GROUP BY` would read all of it.
#[derive(QueryId)]
struct Actors {
    organization_id: String,
    actions: OneOf<audit_events::action>,
}

impl Query for Actors {
    type SqlType = (Text, Text);
}

impl RunQueryDsl<Connection> for Actors {}

impl Actors {
    /// From where the actors are read; further conditions may follow.
    fn push_events<'b>(&'b self, out: &mut AstPass<'_, 'b, Backend>) -> QueryResult<()> {
        out.push_sql(" FROM audit_events WHERE audit_events.organization_id = ");
        out.push_bind_param::<Text, _>(&self.organization_id)?;
        out.push_sql(" AND audit_events.actor_id IS NOT NULL AND ");
        self.actions.walk_ast(out.reborrow())
    }
}

impl QueryFragment<Backend> for Actors {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Backend>) -> QueryResult<()> {
        const LAST: &str = " ORDER BY audit_events.actor_id DESC LIMIT 1)";
        out.push_sql("WITH RECURSIVE actors (id) AS (SELECT (SELECT audit_events.actor_id");
        self.push_events(&mut out)?;
        out.push_sql(LAST);
        out.push_sql(" UNION ALL SELECT (SELECT audit_events.actor_id");
        self.push_events(&mut out)?;
        out.push_sql(" AND audit_events.actor_id < actors.id");
        out.push_sql(LAST);
        out.push_sql(
            " FROM actors WHERE actors.id IS NOT NULL) SELECT actors.id, (SELECT audit_events.actor_name",
        );
        self.push_events(&mut out)?;
        out.push_sql(
            " AND audit_events.actor_id = actors.id ORDER BY audit_events.id DESC LIMIT 1) FROM actors \
             WHERE actors.id IS NOT NULL LIMIT ",
        );
        out.push_bind_param::<BigInt, _>(&MAX_ACTORS)
    }
}

/// The newest events of one thing in the organization, such as a key.
pub fn of_subject(
    connection: &mut Connection,
    grant: &Grant<SeeKeys>,
    subject_id: &str,
    limit: i64,
) -> Result<Vec<Entry>, DbError> {
    Ok(entries(
        audit_events::table
            .filter(audit_events::subject_id.eq(subject_id).and(audit_events::organization_id.eq(&grant.id)))
            .order(audit_events::id.desc())
            .select(Row::as_select())
            .limit(limit)
            .load(connection)?,
    ))
}

/// What one account or token did.
#[derive(Clone, Debug, Default)]
pub struct ActorActivity {
    /// How often, by the action's stable name, the most frequent first.
    pub counts: Vec<(String, i64)>,
    /// The newest events.
    pub newest: Vec<Entry>,
}

/// What one account or token did in the organization since an instant.
pub fn of_actor(
    connection: &mut Connection,
    grant: &Grant<ManageTokens>,
    actor_id: &str,
    since: Timestamp,
    limit: i64,
) -> Result<ActorActivity, DbError> {
    let did = audit_events::actor_id.eq(actor_id).and(audit_events::organization_id.eq(&grant.id));
    let mut counts: Vec<(String, i64)> = audit_events::table
        .filter(did)
        .filter(audit_events::created_at.ge(since))
        .group_by(audit_events::action)
        .select((audit_events::action, diesel::dsl::count_star()))
        .load(connection)?;
    counts.sort_by(|(action, count), (other, others)| others.cmp(count).then(action.cmp(other)));
    let mut newest: Vec<Row> = audit_events::table
        .filter(did)
        .order(audit_events::id.desc())
        .select(Row::as_select())
        .limit(limit)
        .load(connection)?;
    newest.retain(|event| event.created_at >= since);
    Ok(ActorActivity { counts, newest: entries(newest) })
}

/// The organization's newest events of one kind.
pub(super) fn of_action(
    connection: &mut Connection,
    grant: &Grant<SeeKeys>,
    action: Action,
) -> Result<Vec<Entry>, DbError> {
    Ok(entries(
        audit_events::table
            .filter(audit_events::organization_id.eq(&grant.id).and(audit_events::action.eq(action.as_str())))
            .order(audit_events::id.desc())
            .select(Row::as_select())
            .limit(1000)
            .load(connection)?,
    ))
}

/// One page of what was done to the instance, newest first.
pub fn page_of_instance(
    connection: &mut Connection,
    _: &Operator,
    request: &PageRequest,
) -> Result<Page<Entry>, DbError> {
    let log = || {
        audit_events::table
            // In these words, so that the index of such events is used.
            .filter(sql::<Bool>("substr(action, 1, 9) = 'instance.'"))
            .into_boxed()
    };
    let total = Total::count(|most| count_of(connection, log().select(audit_events::id).limit(most)))?;
    request.load(total, Entry::cursor, |reach| {
        let rows = by_age!(log(), reach, true, audit_events::id).select(Row::as_select()).load(connection);
        Ok(entries(rows.map_err(DbError::from)?))
    })
}

/// The newest events of one account, for its owner.
pub fn of_account(connection: &mut Connection, user_id: &str, limit: i64) -> Result<Vec<Entry>, DbError> {
    Ok(entries(
        audit_events::table
            .filter(audit_events::subject_id.eq(user_id))
            .filter(one_of(audit_events::action, Area::actions(&[Area::Account, Area::Instance])))
            .order(audit_events::id.desc())
            .select(Row::as_select())
            .limit(limit)
            .load(connection)?,
    ))
}

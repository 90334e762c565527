//! The audit trail: who did what, when and from where. Rows are written in the transaction of
//! the change and never altered.

use diesel::prelude::*;

use super::{
    access::{Actor, Admin, Role, Supervisor},
    id::new_id,
    organizations::Organization,
    page::{Page, PageRequest, contains_pattern},
    schema::audit_events,
};
use crate::{
    clock::Timestamp,
    db::{Connection, DbError, Tx},
};

macro_rules! actions {
    ($($(#[$doc:meta])* $variant:ident = $text:literal, $area:ident;)+) => {
        /// What happened.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Action { $($(#[$doc])* $variant,)+ }

        impl Action {
            /// All actions.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The stable name, as stored and exported.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }

            /// The part of the product that it belongs to.
            pub fn area(self) -> Area {
                match self { $(Self::$variant => Area::$area,)+ }
            }
        }
    };
}

actions! {
    /// An account was made.
    SignedUp = "account.signed_up", Account;
    /// Somebody signed up with an address that has an account.
    SignUpRepeated = "account.sign_up_repeated", Account;
    /// An address was proven.
    EmailVerified = "account.email_verified", Account;
    /// Somebody logged in.
    LoggedIn = "account.logged_in", Account;
    /// Somebody logged out.
    LoggedOut = "account.logged_out", Account;
    /// A log-in was refused.
    LogInFailed = "account.log_in_failed", Account;
    /// A link to choose a new password was asked for.
    ResetAsked = "account.reset_asked", Account;
    /// A password was chosen by a mailed link.
    PasswordReset = "account.password_reset", Account;
    /// A password was changed by its owner.
    PasswordChanged = "account.password_changed", Account;
    /// A browser session was ended from another one.
    SessionsEnded = "account.sessions_ended", Account;
    /// An organization was created.
    OrganizationCreated = "organization.created", Organization;
    /// An organization got another name.
    OrganizationRenamed = "organization.renamed", Organization;
    /// Administrators chose what happens to keys that are found in public.
    LeakPolicyChanged = "organization.leak_policy_changed", Organization;
    /// An organization was removed.
    OrganizationRemoved = "organization.removed", Organization;
    /// Somebody was invited.
    Invited = "invitation.created", Members;
    /// The mail of an invitation was sent again.
    InvitationResent = "invitation.resent", Members;
    /// A link to an invitation was copied.
    InvitationLinkCopied = "invitation.link_copied", Members;
    /// An invitation was withdrawn.
    InvitationWithdrawn = "invitation.withdrawn", Members;
    /// The invited person declined.
    InvitationDeclined = "invitation.declined", Members;
    /// The invited person asked for another invitation.
    InvitationRenewalAsked = "invitation.renewal_asked", Members;
    /// Somebody joined by an invitation.
    Joined = "member.joined", Members;
    /// A member got another role.
    RoleChanged = "member.role_changed", Members;
    /// A member was removed.
    MemberRemoved = "member.removed", Members;
    /// A member left.
    Left = "member.left", Members;
    /// An API key was created.
    KeyCreated = "api_key.created", ApiKeys;
    /// An API key was activated.
    KeyActivated = "api_key.activated", ApiKeys;
    /// An API key was deactivated.
    KeyDeactivated = "api_key.deactivated", ApiKeys;
    /// An API key got other settings.
    KeySettingsChanged = "api_key.settings_changed", ApiKeys;
    /// An API key got a new secret.
    KeyRotated = "api_key.rotated", ApiKeys;
    /// The secret that an API key had before was ended.
    OverlapEnded = "api_key.overlap_ended", ApiKeys;
    /// An API key was switched off for some hours.
    KeySilenced = "api_key.silenced", ApiKeys;
    /// An API key came back after its silence.
    KeySilenceEnded = "api_key.silence_ended", ApiKeys;
    /// A secret of an API key was found in public.
    KeyLeakReported = "api_key.leak_reported", ApiKeys;
    /// An API key was removed.
    KeyRemoved = "api_key.removed", ApiKeys;
    /// The calendar of expiries got a new address.
    CalendarLinkMade = "calendar_link.created", ApiKeys;
    /// A master token was generated.
    TokenGenerated = "master_token.generated", MasterTokens;
    /// A master token was activated.
    TokenActivated = "master_token.activated", MasterTokens;
    /// A master token was deactivated.
    TokenDeactivated = "master_token.deactivated", MasterTokens;
    /// A master token got a new value.
    TokenReplaced = "master_token.replaced", MasterTokens;
    /// A master token was found in public.
    TokenLeakReported = "master_token.leak_reported", MasterTokens;
    /// A master token was removed.
    TokenRemoved = "master_token.removed", MasterTokens;
}

/// A part of the product, for filters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Area {
    /// Log-ins and passwords.
    Account,
    /// The organization itself.
    Organization,
    /// Members and invitations.
    Members,
    /// API keys.
    ApiKeys,
    /// Master tokens.
    MasterTokens,
}

impl Area {
    /// The areas of an organization's trail.
    pub const OF_ORGANIZATION: [Self; 4] =
        [Self::Members, Self::ApiKeys, Self::MasterTokens, Self::Organization];

    /// The word in URLs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Account => "account",
            Self::Organization => "organization",
            Self::Members => "members",
            Self::ApiKeys => "api_keys",
            Self::MasterTokens => "master_tokens",
        }
    }

    /// The word on pages.
    pub fn label(self) -> &'static str {
        match self {
            Self::Account => "Accounts",
            Self::Organization => "Organization",
            Self::Members => "Members",
            Self::ApiKeys => "API keys",
            Self::MasterTokens => "Master tokens",
        }
    }

    fn actions(areas: &[Self]) -> Vec<&'static str> {
        Action::ALL
            .iter()
            .filter(|action| areas.contains(&action.area()))
            .map(|action| action.as_str())
            .collect()
    }
}

/// What to note.
#[derive(Clone, Debug)]
pub(super) struct Event<'a> {
    /// The organization concerned, if any.
    pub organization_id: Option<&'a str>,
    /// Who did it.
    pub actor: &'a Actor,
    /// What was done.
    pub action: Action,
    /// To what.
    pub subject_id: Option<&'a str>,
    /// Its name at that time.
    pub subject_name: &'a str,
    /// More, in words: "from User to Supervisor".
    pub detail: Option<String>,
}

/// Notes an event in the transaction of the change.
pub(super) fn record(tx: &mut Tx<'_>, event: &Event<'_>, now: Timestamp) -> Result<(), DbError> {
    diesel::insert_into(audit_events::table)
        .values((
            audit_events::id.eq(new_id(now)),
            audit_events::organization_id.eq(event.organization_id),
            audit_events::actor_kind.eq(event.actor.kind()),
            audit_events::actor_id.eq(event.actor.id()),
            audit_events::actor_name.eq(event.actor.name()),
            audit_events::action.eq(event.action.as_str()),
            audit_events::subject_id.eq(event.subject_id),
            audit_events::subject_name.eq(event.subject_name),
            audit_events::detail.eq(event.detail.as_deref()),
            audit_events::ip.eq(event.actor.ip().map(|ip| ip.to_string())),
            audit_events::created_at.eq(now),
        ))
        .execute(tx.connection())?;
    Ok(())
}

/// An event as it was noted.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = audit_events)]
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
    /// The name of what was changed, at that time.
    pub subject_name: String,
    /// More, in words.
    pub detail: Option<String>,
    /// The address that the request came from.
    pub ip: Option<String>,
    /// When.
    pub created_at: Timestamp,
}

impl Entry {
    /// The action, unless a later version wrote one that is unknown here.
    pub fn action(&self) -> Option<Action> {
        Action::ALL.iter().copied().find(|action| action.as_str() == self.action)
    }
}

/// Which events to show.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Text in the actor's name, the subject's name, the detail or the address.
    pub text: String,
    /// Only what this account or token did.
    pub actor_id: Option<String>,
    /// Only this part of the product.
    pub area: Option<Area>,
}

/// What the proof lets one see: a supervisor has no business with keys.
fn visible(proof: &Supervisor<Organization>) -> &'static [Area] {
    if proof.role() == Role::Administrator { &Area::OF_ORGANIZATION } else { &[Area::Members] }
}

/// The areas that the proof lets one filter by.
pub fn areas(proof: &Supervisor<Organization>) -> &'static [Area] {
    visible(proof)
}

macro_rules! filtered {
    ($proof:expr, $filter:expr) => {{
        let areas: Vec<Area> = visible($proof)
            .iter()
            .copied()
            .filter(|area| $filter.area.is_none_or(|wanted| wanted == *area))
            .collect();
        let mut query = audit_events::table
            .filter(audit_events::organization_id.eq($proof.id.clone()))
            .filter(audit_events::action.eq_any(Area::actions(&areas)))
            .into_boxed();
        if let Some(actor) = &$filter.actor_id {
            query = query.filter(audit_events::actor_id.eq(actor.clone()));
        }
        if !$filter.text.is_empty() {
            let pattern = contains_pattern(&$filter.text);
            query = query.filter(
                audit_events::subject_name
                    .like(pattern.clone())
                    .escape('\\')
                    .or(audit_events::actor_name.like(pattern.clone()).escape('\\'))
                    .or(audit_events::detail.like(pattern.clone()).escape('\\'))
                    .or(audit_events::ip.like(pattern).escape('\\')),
            );
        }
        query
    }};
}

/// One page of the organization's trail, newest first.
///
/// # Errors
/// [`DbError`].
pub fn page(
    connection: &mut Connection,
    proof: &Supervisor<Organization>,
    filter: &Filter,
    request: PageRequest,
) -> Result<Page<Entry>, DbError> {
    let total: i64 = filtered!(proof, filter).count().get_result(connection)?;
    let request = request.within(total);
    let rows = filtered!(proof, filter)
        .order((audit_events::created_at.desc(), audit_events::id.desc()))
        .select(Entry::as_select())
        .limit(request.limit())
        .offset(request.offset())
        .load(connection)?;
    Ok(Page::new(rows, request, total))
}

/// The next part of an export, oldest first, after the event `after`.
///
/// # Errors
/// [`DbError`].
pub fn export(
    connection: &mut Connection,
    proof: &Supervisor<Organization>,
    filter: &Filter,
    after: Option<&str>,
    limit: i64,
) -> Result<Vec<Entry>, DbError> {
    Ok(filtered!(proof, filter)
        .filter(audit_events::id.gt(after.unwrap_or_default().to_owned()))
        .order(audit_events::id)
        .select(Entry::as_select())
        .limit(limit)
        .load(connection)?)
}

/// Those who did something in the organization, for the filter: `(id, name)`.
///
/// # Errors
/// [`DbError`].
pub fn actors(
    connection: &mut Connection,
    proof: &Supervisor<Organization>,
) -> Result<Vec<(String, String)>, DbError> {
    let rows: Vec<(Option<String>, String)> = audit_events::table
        .filter(audit_events::organization_id.eq(&proof.id))
        .filter(audit_events::action.eq_any(Area::actions(visible(proof))))
        .filter(audit_events::actor_id.is_not_null())
        .group_by(audit_events::actor_id)
        .select((audit_events::actor_id, diesel::dsl::max(audit_events::actor_name).assume_not_null()))
        .limit(200)
        .load(connection)?;
    let mut actors: Vec<(String, String)> =
        rows.into_iter().filter_map(|(id, name)| Some((id?, name))).collect();
    actors.sort_by_key(|(_, name)| name.to_lowercase());
    Ok(actors)
}

/// The newest events of one thing in the organization, such as a key.
///
/// # Errors
/// [`DbError`].
pub fn of_subject(
    connection: &mut Connection,
    proof: &Admin<Organization>,
    subject_id: &str,
    limit: i64,
) -> Result<Vec<Entry>, DbError> {
    Ok(audit_events::table
        .filter(audit_events::subject_id.eq(subject_id).and(audit_events::organization_id.eq(&proof.id)))
        .order((audit_events::created_at.desc(), audit_events::id.desc()))
        .select(Entry::as_select())
        .limit(limit)
        .load(connection)?)
}

/// What one account or token did.
#[derive(Clone, Debug, Default)]
pub struct Deeds {
    /// How often, by the action's stable name, the most frequent first.
    pub counts: Vec<(String, i64)>,
    /// The newest events.
    pub newest: Vec<Entry>,
}

/// What one account or token did in the organization since an instant.
///
/// # Errors
/// [`DbError`].
pub fn of_actor(
    connection: &mut Connection,
    proof: &Admin<Organization>,
    actor_id: &str,
    since: Timestamp,
    limit: i64,
) -> Result<Deeds, DbError> {
    let did = audit_events::actor_id
        .eq(actor_id)
        .and(audit_events::organization_id.eq(&proof.id))
        .and(audit_events::created_at.ge(since));
    let mut counts: Vec<(String, i64)> = audit_events::table
        .filter(did)
        .group_by(audit_events::action)
        .select((audit_events::action, diesel::dsl::count_star()))
        .load(connection)?;
    counts.sort_by(|(action, count), (other, others)| others.cmp(count).then(action.cmp(other)));
    let newest = audit_events::table
        .filter(did)
        .order((audit_events::created_at.desc(), audit_events::id.desc()))
        .select(Entry::as_select())
        .limit(limit)
        .load(connection)?;
    Ok(Deeds { counts, newest })
}

/// The organization's newest events of one kind.
pub(super) fn of_action(
    connection: &mut Connection,
    proof: &Admin<Organization>,
    action: Action,
) -> Result<Vec<Entry>, DbError> {
    Ok(audit_events::table
        .filter(audit_events::organization_id.eq(&proof.id).and(audit_events::action.eq(action.as_str())))
        .order(audit_events::id.desc())
        .select(Entry::as_select())
        .limit(1000)
        .load(connection)?)
}

/// The newest events of one account, for its owner.
///
/// # Errors
/// [`DbError`].
pub fn of_account(connection: &mut Connection, user_id: &str, limit: i64) -> Result<Vec<Entry>, DbError> {
    Ok(audit_events::table
        .filter(audit_events::subject_id.eq(user_id))
        .filter(audit_events::action.eq_any(Area::actions(&[Area::Account])))
        .order((audit_events::created_at.desc(), audit_events::id.desc()))
        .select(Entry::as_select())
        .limit(limit)
        .load(connection)?)
}

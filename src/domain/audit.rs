//! The audit log: who did what, when and from where. Rows are written in the transaction of
//! the change and never altered.

mod log;

pub use log::{
    ActorActivity, Entry, Filter, actors, areas, export, list_after, of_account, of_actor, of_subject, page,
};

pub(super) use log::of_action;

use diesel::prelude::*;

use super::{access::Actor, id::new_id, schema::audit_events, webhooks};
use crate::{
    clock::Timestamp,
    db::{DbError, Tx},
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
    /// An invitation was canceled.
    InvitationCanceled = "invitation.canceled", Members;
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
    PreviousSecretRevoked = "api_key.previous_secret_revoked", ApiKeys;
    /// An API key was switched off for some hours.
    KeyPaused = "api_key.paused", ApiKeys;
    /// An API key came back after its pause.
    KeyResumed = "api_key.resumed", ApiKeys;
    /// A secret of an API key was found in public.
    KeyLeakReported = "api_key.leak_reported", ApiKeys;
    /// The end of an API key has passed.
    KeyExpired = "api_key.expired", ApiKeys;
    /// An API key was removed.
    KeyRemoved = "api_key.removed", ApiKeys;
    /// The expiration calendar got a new address.
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
    /// A webhook was created.
    WebhookCreated = "webhook.created", Webhooks;
    /// A webhook got another address, description or choice of events.
    WebhookChanged = "webhook.changed", Webhooks;
    /// A webhook was activated.
    WebhookActivated = "webhook.activated", Webhooks;
    /// A webhook was deactivated, by somebody or because nothing arrived.
    WebhookDeactivated = "webhook.deactivated", Webhooks;
    /// A webhook got a new signing secret.
    WebhookSecretRotated = "webhook.secret_rotated", Webhooks;
    /// A webhook was removed.
    WebhookRemoved = "webhook.removed", Webhooks;
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
    /// Webhooks.
    Webhooks,
}

impl Area {
    /// The areas of an organization's audit log.
    pub const OF_ORGANIZATION: [Self; 5] =
        [Self::Members, Self::ApiKeys, Self::MasterTokens, Self::Webhooks, Self::Organization];

    /// The word in URLs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Account => "account",
            Self::Organization => "organization",
            Self::Members => "members",
            Self::ApiKeys => "api_keys",
            Self::MasterTokens => "master_tokens",
            Self::Webhooks => "webhooks",
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
            Self::Webhooks => "Webhooks",
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

/// Notes an event in the transaction of the change, and queues the messages to webhooks about it.
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
    webhooks::queue_for_audit(tx, event, now)
}

//! An event in words: icon, who, what, to what.

use crate::{
    domain::audit::{Action, Entry},
    web::details,
};

/// What a line of the audit log says after the actor's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::web::pages) struct Sentence {
    /// The icon's name.
    pub icon: &'static str,
    /// The icon's colour: "", " log-icon--ok" or " log-icon--bad".
    pub tone: &'static str,
    /// Who did it, by name; for what happens by itself, what it happened to.
    pub actor: String,
    /// The words before the subject's name.
    pub verb: &'static str,
    /// The subject's name; empty where the verb says all.
    pub subject: String,
    /// The words after it.
    pub detail: String,
}

impl Sentence {
    pub(in crate::web::pages) fn of(entry: &Entry) -> Self {
        let Some(action) = entry.action() else {
            return Self::new("info", "did", entry);
        };
        match action {
            Action::OrganizationCreated | Action::CreatedOrganization => {
                Self::new("building-2", "created the organization", entry)
            }
            Action::OrganizationRenamed | Action::RenamedOrganization => {
                Self::new("pencil", "renamed the organization", entry).alone()
            }
            Action::LeakPolicyChanged => {
                Self::new("shield", "changed what happens to leaked keys", entry).alone()
            }
            Action::OrganizationNotesChanged => {
                Self::new("pencil", "changed the notes about the organization", entry)
            }
            Action::OrganizationSuspended | Action::SuspendedOrganization => {
                Self::new("circle-slash", "suspended the organization", entry).bad()
            }
            Action::OrganizationResumed | Action::ResumedOrganization => {
                Self::new("power", "resumed the organization", entry).ok()
            }
            Action::OrganizationRemoved | Action::RemovedOrganization => {
                Self::new("trash-2", "removed the organization", entry).bad()
            }
            Action::OrganizationRestored | Action::RestoredOrganization => {
                Self::new("history", "restored the organization", entry)
            }
            Action::Invited => Self::new("mail", "invited", entry),
            Action::InvitationResent => Self::new("send", "resent the invitation to", entry),
            Action::InvitationLinkCopied => Self::new("link", "copied the invitation link for", entry),
            Action::InvitationCanceled => Self::new("circle-slash", "canceled the invitation to", entry),
            Action::InvitationDeclined => Self::new("x", "declined the invitation", entry).of_invited(entry),
            Action::InvitationRenewalAsked => Self::new("mail", "requested a new invitation for", entry),
            Action::Joined => Self::new("user-plus", "joined by invitation", entry).alone().ok(),
            Action::RoleChanged => Self::new("shield", "changed the role of", entry),
            Action::MemberRemoved => Self::new("user-minus", "removed the member", entry),
            Action::Left => Self::new("log-out", "left the organization", entry).alone(),
            Action::KeyCreated => Self::new("key-round", "created the API key", entry),
            Action::KeysImported => Self::new("download", "imported API keys", entry).alone(),
            Action::KeyActivated => Self::new("power", "reactivated the API key", entry),
            Action::KeyDeactivated => Self::new("circle-slash", "deactivated the API key", entry),
            Action::KeyRenamed => Self::new("pencil", "renamed the API key", entry).alone(),
            Action::KeyExpirationChanged => {
                Self::new("calendar", "changed the expiration of the API key", entry)
            }
            Action::KeySettingsChanged => Self::new("pencil", "changed the settings of the API key", entry),
            Action::KeyRotated => Self::new("refresh-cw", "rotated the API key", entry),
            Action::PreviousSecretRevoked => {
                Self::new("circle-slash", "revoked the previous secret of the API key", entry)
            }
            Action::KeyPaused => Self::new("clock", "paused the API key", entry),
            Action::KeyResumed => Self::new("power", "resumed the API key", entry),
            Action::KeyLeakReported => {
                Self::new("triangle-alert", "received a leak report for the API key", entry).bad()
            }
            Action::KeyExpired => {
                let actor = format!("API key {}", entry.subject_name);
                Self { actor, ..Self::new("clock", "expired", entry).alone() }
            }
            Action::KeyRemoved => Self::new("trash-2", "removed the API key", entry),
            Action::KeyRestored => Self::new("history", "restored the API key", entry),
            Action::CalendarLinkMade => Self::new("calendar", "created a new calendar URL", entry).alone(),
            Action::CalendarLinkRevoked => {
                Self::new("circle-slash", "revoked the calendar URL", entry).alone()
            }
            Action::TokenGenerated => Self::new("key-round", "generated the master token", entry),
            Action::TokenActivated => Self::new("power", "activated the master token", entry),
            Action::TokenDeactivated => Self::new("circle-slash", "deactivated the master token", entry),
            Action::TokenReplaced => Self::new("refresh-cw", "replaced the master token", entry),
            Action::TokenLeakReported => {
                Self::new("triangle-alert", "received a leak report for the master token", entry).bad()
            }
            Action::TokenRemoved => Self::new("trash-2", "removed the master token", entry),
            Action::WebhookCreated => Self::new("webhook", "created the webhook", entry),
            Action::WebhookChanged => Self::new("pencil", "changed the webhook", entry),
            Action::WebhookActivated => Self::new("power", "activated the webhook", entry),
            Action::WebhookDeactivated => Self::new("circle-slash", "deactivated the webhook", entry),
            Action::WebhookSecretRotated => {
                Self::new("refresh-cw", "rotated the secret of the webhook", entry)
            }
            Action::WebhookRemoved => Self::new("trash-2", "removed the webhook", entry),
            Action::AdministratorAdded => Self::new("shield", "added the instance administrator", entry),
            Action::AdministratorDismissed => {
                Self::new("shield", "removed the instance administrator", entry)
            }
            Action::InvitedAdministrator => Self::new("mail", "invited an administrator of", entry),
            Action::CopiedAdministratorsLink => {
                Self::new("link", "copied the link that invites an administrator of", entry)
            }
            Action::CanceledAdministrator => Self::new("mail", "canceled an invitation to administer", entry),
            Action::InstanceTokenGenerated => Self::new("key-round", "generated the instance token", entry),
            Action::InstanceTokenActivated => Self::new("power", "activated the instance token", entry),
            Action::InstanceTokenDeactivated => {
                Self::new("circle-slash", "deactivated the instance token", entry)
            }
            Action::InstanceTokenReplaced => Self::new("refresh-cw", "replaced the instance token", entry),
            Action::InstanceTokenLeakReported => {
                Self::new("triangle-alert", "received a leak report for the instance token", entry).bad()
            }
            Action::InstanceTokenRemoved => Self::new("trash-2", "removed the instance token", entry),
            Action::ImportedKeys => Self::new("download", "imported API keys into", entry),
            Action::PlanCreated => Self::new("plus", "created the plan", entry),
            Action::PlanChanged => Self::new("pencil", "changed the plan", entry),
            Action::PlanMadeDefault => Self::new("check", "changed the default plan to", entry),
            Action::PlanAssigned => Self::new("building-2", "put all organizations without a plan on", entry),
            Action::PlanRemoved => Self::new("trash-2", "removed the plan", entry),
            Action::OrganizationPlanChanged => Self::new("pencil", "changed the plan of", entry),
            Action::AccountCreated => Self::new("user-plus", "created the account of", entry),
            Action::AccountLinkCreated => Self::new("link", "created a link for", entry),
            Action::AccountLoggedOut => Self::new("log-out", "logged out all sessions of", entry),
            Action::AccountDeactivated => Self::new("circle-slash", "deactivated the account of", entry),
            Action::AccountActivated => Self::new("power", "activated the account of", entry),
            Action::AccountDeleted => Self::new("trash-2", "deleted the account of", entry).bad(),
            Action::SignedUp => Self::new("user-plus", "signed up", entry),
            Action::SignUpRepeated => Self::new("user-plus", "signed up again", entry),
            Action::EmailVerified => Self::new("mail", "confirmed the email", entry),
            Action::LoggedIn => Self::new("log-in", "logged in", entry).alone(),
            Action::LoggedOut => Self::new("log-out", "logged out", entry).alone(),
            Action::LogInFailed => Self::new("circle-alert", "failed to log in as", entry).bad(),
            Action::ResetAsked => Self::new("mail", "requested a password reset for", entry),
            Action::PasswordReset => Self::new("lock", "reset the password by email", entry).alone(),
            Action::PasswordChanged => Self::new("lock", "changed the password", entry).alone(),
            Action::SessionsEnded => Self::new("log-out", "logged out other sessions", entry).alone(),
        }
    }

    /// Without the subject, where it is the actor or stands in the detail.
    fn alone(self) -> Self {
        Self { subject: String::new(), ..self }
    }

    /// By the invited person, whom the link in the email proves where nobody is logged in.
    fn of_invited(self, entry: &Entry) -> Self {
        let actor = if entry.actor_id.is_none() { entry.subject_name.clone() } else { self.actor };
        Self { actor, subject: String::new(), ..self }
    }

    fn new(icon: &'static str, verb: &'static str, entry: &Entry) -> Self {
        Self {
            icon,
            tone: "",
            actor: entry.actor_name.clone(),
            verb,
            subject: entry.subject_name.clone(),
            detail: [
                entry.detail.as_ref().map(details::text),
                entry.stopped.as_ref().and_then(details::stopped),
            ]
            .into_iter()
            .flatten()
            .collect::<Vec<_>>()
            .join(". "),
        }
    }

    fn ok(self) -> Self {
        Self { tone: " log-icon--ok", ..self }
    }

    fn bad(self) -> Self {
        Self { tone: " log-icon--bad", ..self }
    }
}

//! What was done, by a name that stays.

use strum::VariantArray;

/// What happened. The name is stored, exported and told to webhooks: one is added, never renamed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::EnumString, strum::IntoStaticStr, strum::VariantArray)]
pub enum Action {
    /// An account was made.
    #[strum(serialize = "account.signed_up")]
    SignedUp,
    /// Somebody signed up with an address that has an account.
    #[strum(serialize = "account.sign_up_repeated")]
    SignUpRepeated,
    /// An address was proven.
    #[strum(serialize = "account.email_verified")]
    EmailVerified,
    /// Somebody logged in.
    #[strum(serialize = "account.logged_in")]
    LoggedIn,
    /// Somebody logged out.
    #[strum(serialize = "account.logged_out")]
    LoggedOut,
    /// A log-in was refused.
    #[strum(serialize = "account.log_in_failed")]
    LogInFailed,
    /// A link to choose a new password was asked for.
    #[strum(serialize = "account.reset_asked")]
    ResetAsked,
    /// A password was chosen by a mailed link.
    #[strum(serialize = "account.password_reset")]
    PasswordReset,
    /// A password was changed by its owner.
    #[strum(serialize = "account.password_changed")]
    PasswordChanged,
    /// A browser session was ended from another one.
    #[strum(serialize = "account.sessions_ended")]
    SessionsEnded,
    /// An organization was created.
    #[strum(serialize = "organization.created")]
    OrganizationCreated,
    /// An organization got another name.
    #[strum(serialize = "organization.renamed")]
    OrganizationRenamed,
    /// Administrators chose what happens to keys that are found in public.
    #[strum(serialize = "organization.leak_policy_changed")]
    LeakPolicyChanged,
    /// An organization was removed.
    #[strum(serialize = "organization.removed")]
    OrganizationRemoved,
    /// An organization that was removed came back.
    #[strum(serialize = "organization.restored")]
    OrganizationRestored,
    /// An instance administrator suspended the organization.
    #[strum(serialize = "organization.suspended")]
    OrganizationSuspended,
    /// An instance administrator resumed the organization.
    #[strum(serialize = "organization.resumed")]
    OrganizationResumed,
    /// Somebody was invited.
    #[strum(serialize = "invitation.created")]
    Invited,
    /// The mail of an invitation was sent again.
    #[strum(serialize = "invitation.resent")]
    InvitationResent,
    /// A link to an invitation was copied.
    #[strum(serialize = "invitation.link_copied")]
    InvitationLinkCopied,
    /// An invitation was canceled.
    #[strum(serialize = "invitation.canceled")]
    InvitationCanceled,
    /// The invited person declined.
    #[strum(serialize = "invitation.declined")]
    InvitationDeclined,
    /// The invited person asked for another invitation.
    #[strum(serialize = "invitation.renewal_asked")]
    InvitationRenewalAsked,
    /// Somebody joined by an invitation.
    #[strum(serialize = "member.joined")]
    Joined,
    /// A member got another role.
    #[strum(serialize = "member.role_changed")]
    RoleChanged,
    /// A member was removed.
    #[strum(serialize = "member.removed")]
    MemberRemoved,
    /// A member left.
    #[strum(serialize = "member.left")]
    Left,
    /// An API key was created.
    #[strum(serialize = "api_key.created")]
    KeyCreated,
    /// Keys of another system were imported; the details say how many.
    #[strum(serialize = "api_key.imported")]
    KeysImported,
    /// An API key was activated.
    #[strum(serialize = "api_key.activated")]
    KeyActivated,
    /// An API key was deactivated.
    #[strum(serialize = "api_key.deactivated")]
    KeyDeactivated,
    /// An API key got another name.
    #[strum(serialize = "api_key.renamed")]
    KeyRenamed,
    /// An API key got another expiration without a new secret.
    #[strum(serialize = "api_key.expiration_changed")]
    KeyExpirationChanged,
    /// An API key got other settings.
    #[strum(serialize = "api_key.settings_changed")]
    KeySettingsChanged,
    /// An API key got a new secret.
    #[strum(serialize = "api_key.rotated")]
    KeyRotated,
    /// The secret that an API key had before was ended.
    #[strum(serialize = "api_key.previous_secret_revoked")]
    PreviousSecretRevoked,
    /// An API key was switched off for some hours.
    #[strum(serialize = "api_key.paused")]
    KeyPaused,
    /// An API key came back after its pause.
    #[strum(serialize = "api_key.resumed")]
    KeyResumed,
    /// A secret of an API key was found in public.
    #[strum(serialize = "api_key.leak_reported")]
    KeyLeakReported,
    /// The end of an API key has passed.
    #[strum(serialize = "api_key.expired")]
    KeyExpired,
    /// An API key was removed.
    #[strum(serialize = "api_key.removed")]
    KeyRemoved,
    /// An API key that was removed came back.
    #[strum(serialize = "api_key.restored")]
    KeyRestored,
    /// The expiration calendar got a new address.
    #[strum(serialize = "calendar_link.created")]
    CalendarLinkMade,
    /// The expiration calendar has no address any more.
    #[strum(serialize = "calendar_link.revoked")]
    CalendarLinkRevoked,
    /// A master token was generated.
    #[strum(serialize = "master_token.generated")]
    TokenGenerated,
    /// A master token was activated.
    #[strum(serialize = "master_token.activated")]
    TokenActivated,
    /// A master token was deactivated.
    #[strum(serialize = "master_token.deactivated")]
    TokenDeactivated,
    /// A master token got a new value.
    #[strum(serialize = "master_token.replaced")]
    TokenReplaced,
    /// A master token was found in public.
    #[strum(serialize = "master_token.leak_reported")]
    TokenLeakReported,
    /// A master token was removed.
    #[strum(serialize = "master_token.removed")]
    TokenRemoved,
    /// A webhook was created.
    #[strum(serialize = "webhook.created")]
    WebhookCreated,
    /// A webhook got another address, description or choice of events.
    #[strum(serialize = "webhook.changed")]
    WebhookChanged,
    /// A webhook was activated.
    #[strum(serialize = "webhook.activated")]
    WebhookActivated,
    /// A webhook was deactivated, by somebody or because nothing arrived.
    #[strum(serialize = "webhook.deactivated")]
    WebhookDeactivated,
    /// A webhook got a new signing secret.
    #[strum(serialize = "webhook.secret_rotated")]
    WebhookSecretRotated,
    /// A webhook was removed.
    #[strum(serialize = "webhook.removed")]
    WebhookRemoved,
    /// Somebody became an instance administrator.
    #[strum(serialize = "instance.administrator_added")]
    AdministratorAdded,
    /// Somebody is an instance administrator no longer.
    #[strum(serialize = "instance.administrator_removed")]
    AdministratorDismissed,
    /// An account was made for somebody.
    #[strum(serialize = "instance.account_created")]
    AccountCreated,
    /// A link to log in or to choose a password was made for somebody.
    #[strum(serialize = "instance.account_link_created")]
    AccountLinkCreated,
    /// All sessions of somebody were ended.
    #[strum(serialize = "instance.account_logged_out")]
    AccountLoggedOut,
    /// Somebody cannot log in any more.
    #[strum(serialize = "instance.account_deactivated")]
    AccountDeactivated,
    /// Somebody can log in again.
    #[strum(serialize = "instance.account_activated")]
    AccountActivated,
    /// An account was deleted.
    #[strum(serialize = "instance.account_deleted")]
    AccountDeleted,
    /// An instance token was generated.
    #[strum(serialize = "instance.token_generated")]
    InstanceTokenGenerated,
    /// An instance token was activated.
    #[strum(serialize = "instance.token_activated")]
    InstanceTokenActivated,
    /// An instance token was deactivated.
    #[strum(serialize = "instance.token_deactivated")]
    InstanceTokenDeactivated,
    /// An instance token got a new value.
    #[strum(serialize = "instance.token_replaced")]
    InstanceTokenReplaced,
    /// An instance token was found in public.
    #[strum(serialize = "instance.token_leak_reported")]
    InstanceTokenLeakReported,
    /// An instance token was removed.
    #[strum(serialize = "instance.token_removed")]
    InstanceTokenRemoved,
    /// The same as [`OrganizationCreated`](Self::OrganizationCreated), with who did it from outside.
    #[strum(serialize = "instance.organization_created")]
    CreatedOrganization,
    /// The same as [`OrganizationRenamed`](Self::OrganizationRenamed), with who did it from outside.
    #[strum(serialize = "instance.organization_renamed")]
    RenamedOrganization,
    /// Somebody was invited to administer an organization. The same as [`Invited`](Self::Invited), with who did it.
    #[strum(serialize = "instance.organization_administrator_invited")]
    InvitedAdministrator,
    /// The same as [`InvitationLinkCopied`](Self::InvitationLinkCopied), with who did it from outside.
    #[strum(serialize = "instance.organization_administrator_link_copied")]
    CopiedAdministratorsLink,
    /// The same as [`InvitationCanceled`](Self::InvitationCanceled), with who did it from outside.
    #[strum(serialize = "instance.organization_administrator_canceled")]
    CanceledAdministrator,
    /// The same as [`KeysImported`](Self::KeysImported), with who did it.
    #[strum(serialize = "instance.keys_imported")]
    ImportedKeys,
    /// A plan was made.
    #[strum(serialize = "instance.plan_created")]
    PlanCreated,
    /// A plan got another name or other ceilings.
    #[strum(serialize = "instance.plan_changed")]
    PlanChanged,
    /// A plan was made that of new organizations.
    #[strum(serialize = "instance.plan_made_default")]
    PlanMadeDefault,
    /// All organizations without a plan were put on one.
    #[strum(serialize = "instance.plan_assigned")]
    PlanAssigned,
    /// A plan was removed.
    #[strum(serialize = "instance.plan_removed")]
    PlanRemoved,
    /// An organization got another plan, or something else holds instead of its plan.
    #[strum(serialize = "instance.organization_plan_changed")]
    OrganizationPlanChanged,
    /// Those who operate the instance wrote other notes about an organization.
    #[strum(serialize = "instance.organization_notes_changed")]
    OrganizationNotesChanged,
    /// The same as [`OrganizationSuspended`](Self::OrganizationSuspended), with who did it.
    #[strum(serialize = "instance.organization_suspended")]
    SuspendedOrganization,
    /// The same as [`OrganizationResumed`](Self::OrganizationResumed), with who did it.
    #[strum(serialize = "instance.organization_resumed")]
    ResumedOrganization,
    /// An organization was removed by those who operate the instance.
    #[strum(serialize = "instance.organization_removed")]
    RemovedOrganization,
    /// An organization was restored by those who operate the instance.
    #[strum(serialize = "instance.organization_restored")]
    RestoredOrganization,
}

impl Action {
    /// All actions.
    pub const ALL: &'static [Self] = Self::VARIANTS;

    /// The stable name.
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// Whether it makes some secret accepted no longer. A rotation does so or not: its details say.
    pub(super) fn ends_secrets(self) -> bool {
        matches!(
            self,
            Self::KeyDeactivated
                | Self::KeyPaused
                | Self::KeyRemoved
                | Self::PreviousSecretRevoked
                | Self::TokenDeactivated
                | Self::TokenReplaced
                | Self::TokenRemoved
                | Self::InstanceTokenDeactivated
                | Self::InstanceTokenReplaced
                | Self::InstanceTokenRemoved
                | Self::OrganizationRemoved
                | Self::OrganizationSuspended
        )
    }

    /// The part of the product that it belongs to.
    pub fn area(self) -> Area {
        match self {
            Self::SignedUp
            | Self::SignUpRepeated
            | Self::EmailVerified
            | Self::LoggedIn
            | Self::LoggedOut
            | Self::LogInFailed
            | Self::ResetAsked
            | Self::PasswordReset
            | Self::PasswordChanged
            | Self::SessionsEnded => Area::Account,
            Self::OrganizationCreated
            | Self::OrganizationRenamed
            | Self::LeakPolicyChanged
            | Self::OrganizationRemoved
            | Self::OrganizationRestored
            | Self::OrganizationSuspended
            | Self::OrganizationResumed => Area::Organization,
            Self::Invited
            | Self::InvitationResent
            | Self::InvitationLinkCopied
            | Self::InvitationCanceled
            | Self::InvitationDeclined
            | Self::InvitationRenewalAsked
            | Self::Joined
            | Self::RoleChanged
            | Self::MemberRemoved
            | Self::Left => Area::Members,
            Self::KeyCreated
            | Self::KeysImported
            | Self::KeyActivated
            | Self::KeyDeactivated
            | Self::KeyRenamed
            | Self::KeyExpirationChanged
            | Self::KeySettingsChanged
            | Self::KeyRotated
            | Self::PreviousSecretRevoked
            | Self::KeyPaused
            | Self::KeyResumed
            | Self::KeyLeakReported
            | Self::KeyExpired
            | Self::KeyRemoved
            | Self::KeyRestored
            | Self::CalendarLinkMade
            | Self::CalendarLinkRevoked => Area::ApiKeys,
            Self::TokenGenerated
            | Self::TokenActivated
            | Self::TokenDeactivated
            | Self::TokenReplaced
            | Self::TokenLeakReported
            | Self::TokenRemoved => Area::MasterTokens,
            Self::WebhookCreated
            | Self::WebhookChanged
            | Self::WebhookActivated
            | Self::WebhookDeactivated
            | Self::WebhookSecretRotated
            | Self::WebhookRemoved => Area::Webhooks,
            Self::AdministratorAdded
            | Self::AdministratorDismissed
            | Self::AccountCreated
            | Self::AccountLinkCreated
            | Self::AccountLoggedOut
            | Self::AccountDeactivated
            | Self::AccountActivated
            | Self::AccountDeleted
            | Self::InstanceTokenGenerated
            | Self::InstanceTokenActivated
            | Self::InstanceTokenDeactivated
            | Self::InstanceTokenReplaced
            | Self::InstanceTokenLeakReported
            | Self::InstanceTokenRemoved
            | Self::CreatedOrganization
            | Self::RenamedOrganization
            | Self::InvitedAdministrator
            | Self::CopiedAdministratorsLink
            | Self::CanceledAdministrator
            | Self::ImportedKeys
            | Self::PlanCreated
            | Self::PlanChanged
            | Self::PlanMadeDefault
            | Self::PlanAssigned
            | Self::PlanRemoved
            | Self::OrganizationPlanChanged
            | Self::OrganizationNotesChanged
            | Self::SuspendedOrganization
            | Self::ResumedOrganization
            | Self::RemovedOrganization
            | Self::RestoredOrganization => Area::Instance,
        }
    }
}

/// A part of the product, for filters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::EnumString, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
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
    /// The instance as a whole: what its administrators do.
    Instance,
}

impl Area {
    /// The areas of an organization's audit log.
    pub const OF_ORGANIZATION: [Self; 5] =
        [Self::Members, Self::ApiKeys, Self::MasterTokens, Self::Webhooks, Self::Organization];

    /// The word in URLs.
    pub fn as_str(self) -> &'static str {
        self.into()
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
            Self::Instance => "Instance",
        }
    }

    /// The stable names of the actions in some areas.
    pub(in crate::domain) fn actions(areas: &[Self]) -> Vec<&'static str> {
        Action::ALL
            .iter()
            .filter(|action| areas.contains(&action.area()))
            .map(|action| action.as_str())
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_action_has_a_name_of_its_own_that_leads_back_to_it() {
        let names: BTreeSet<&str> = Action::ALL.iter().map(|action| action.as_str()).collect();
        assert_eq!(names.len(), Action::ALL.len());
        for action in Action::ALL {
            assert_eq!(action.as_str().parse(), Ok(*action));
            assert!(action.as_str().contains('.'), "{action:?}");
        }
    }
}

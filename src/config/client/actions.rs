//! What the client can be asked to do.

use std::net::IpAddr;

use clap::{Args, Subcommand, value_parser};

use super::values::{self, Expiry, Metadata, Moment, Rate};
use crate::vocabulary::{
    Environment, ExportFormat, GracePeriod, KeyFilter, KeySort, OrganizationFilter, OrganizationSort, Role,
    Starts,
};

/// What can be done with API keys.
#[derive(Debug, Subcommand)]
pub enum KeysAction {
    /// List keys.
    List {
        /// Only keys with a word that starts with this text in the name, a scope, the creator or the masked key
        #[arg(long, value_name = "TEXT")]
        search: Option<String>,
        /// Only keys in this state
        #[arg(long, value_enum, default_value_t)]
        show: KeyFilter,
        /// Sort order
        #[arg(long, value_enum, default_value_t)]
        sort: KeySort,
    },
    /// Show a key.
    Show(NamedKey),
    /// Create a key and print its secret, which is shown only once.
    Create(Box<NewKeyFlags>),
    /// Rotate a key and print its new secret, which is shown only once.
    Rotate {
        /// Which key.
        #[command(flatten)]
        key: NamedKey,
        /// How long the previous secret keeps working
        #[arg(long, value_enum, default_value_t = GracePeriod::Day)]
        grace_period: GracePeriod,
        /// When the grace period starts
        #[arg(long, value_enum, default_value_t = Starts::OnFirstUse)]
        starts: Starts,
        /// A new expiration for the key.
        #[command(flatten)]
        end: ExpirationFlags,
    },
    /// Deactivate a key; it's rejected from the next request.
    Deactivate(NamedKey),
    /// Activate a key.
    Activate(NamedKey),
    /// Remove a key; it can be restored for 14 days.
    Remove {
        /// Which key.
        #[command(flatten)]
        key: NamedKey,
        /// Don't ask for confirmation
        #[arg(long)]
        yes: bool,
    },
    /// List removed keys that can be restored.
    Removed,
    /// Restore a removed key; it comes back deactivated.
    Restore(NamedKey),
    /// Verify the key on standard input and print the code.
    Verify {
        /// Required scope; repeat the flag for more
        #[arg(long = "scope", value_name = "SCOPE")]
        scopes: Vec<String>,
        /// Required environment
        #[arg(long, value_enum)]
        environment: Option<Environment>,
        /// Client IP address
        #[arg(long, value_name = "IP", value_parser = values::address)]
        ip: Option<IpAddr>,
        /// Units to consume
        #[arg(long, value_parser = value_parser!(u32).range(1..=1000))]
        cost: Option<u32>,
    },
}

/// Which key.
#[derive(Args, Debug)]
pub struct NamedKey {
    /// Key ID or exact name
    #[arg(value_name = "KEY")]
    pub key: String,
}

/// A key to create.
#[derive(Args, Debug)]
pub struct NewKeyFlags {
    /// Key name (must be unique)
    pub name: String,
    /// When it expires; without it, never.
    #[command(flatten)]
    pub end: ExpirationFlags,
    /// Environment, where the server has them [default: live]
    #[arg(long, value_enum)]
    pub environment: Option<Environment>,
    /// Scope of the key; repeat the flag for more
    #[arg(long = "scope", value_name = "SCOPE")]
    pub scopes: Vec<String>,
    /// Allowed IP address or CIDR range; repeat the flag for more
    #[arg(long = "network", value_name = "CIDR")]
    pub networks: Vec<String>,
    /// Rate limit, such as 100/minute (second, minute or hour)
    #[arg(long, value_name = "REQUESTS/PERIOD", value_parser = Rate::parse)]
    pub rate: Option<Rate>,
    /// Maximum requests per calendar month (UTC)
    #[arg(long, value_name = "NUMBER", value_parser = value_parser!(u64).range(1..))]
    pub monthly_quota: Option<u64>,
    /// What the key is for
    #[arg(long, value_name = "TEXT")]
    pub description: Option<String>,
    /// JSON object returned with every verification
    #[arg(long, value_name = "JSON", value_parser = Metadata::parse)]
    pub metadata: Option<Metadata>,
}

/// When a key expires.
#[derive(Args, Debug)]
#[group(multiple = false)]
pub struct ExpirationFlags {
    /// Expire after this duration, such as 12h, 90d or 52w
    #[arg(long, value_name = "TIME", value_parser = Expiry::parse)]
    pub expires_in: Option<Expiry>,
    /// Expire at this time, such as 2027-03-31T22:00:00Z
    #[arg(long, value_name = "RFC3339", value_parser = Moment::parse)]
    pub expires_at: Option<Moment>,
}

/// What can be done with members.
#[derive(Debug, Subcommand)]
pub enum MembersAction {
    /// List members.
    List {
        /// Only members with a word that starts with this text in the name, the email or the role
        #[arg(long, value_name = "TEXT")]
        search: Option<String>,
        /// Only members with this role
        #[arg(long, value_enum)]
        role: Option<Role>,
    },
    /// Change the role of a member.
    Role {
        /// Member ID or email
        user: String,
        /// New role
        #[arg(value_enum)]
        role: Role,
    },
    /// Remove a member; keys they created keep working.
    Remove {
        /// Member ID or email
        user: String,
        /// Don't ask for confirmation
        #[arg(long)]
        yes: bool,
    },
}

/// What can be done with invitations.
#[derive(Debug, Subcommand)]
pub enum InvitationsAction {
    /// List pending and expired invitations, newest first.
    List {
        /// Only invitations with a word that starts with this text in the email
        #[arg(long, value_name = "TEXT")]
        search: Option<String>,
    },
    /// Send invitations; if one of the emails is invalid, nobody is invited.
    Send {
        /// Emails to invite
        #[arg(required = true, value_name = "EMAIL")]
        emails: Vec<String>,
        /// Role that they'll have
        #[arg(long, value_enum)]
        role: Role,
    },
    /// Resend an invitation; it expires 7 days from now.
    Resend {
        /// Invitation ID or email
        invitation: String,
    },
    /// Cancel an invitation; its links stop working immediately.
    Cancel {
        /// Invitation ID or email
        invitation: String,
    },
}

/// What can be done with the activity log.
#[derive(Debug, Subcommand)]
pub enum ActivityAction {
    /// List activity, newest first.
    List {
        /// Which events.
        #[command(flatten)]
        filter: ActivityFilter,
        /// Maximum number of events
        #[arg(long, value_name = "NUMBER", default_value_t = 50, value_parser = value_parser!(u32).range(1..))]
        limit: u32,
    },
    /// Export all activity, oldest first.
    Export {
        /// Which events.
        #[command(flatten)]
        filter: ActivityFilter,
        /// File format
        #[arg(long, value_enum, default_value_t)]
        format: ExportFormat,
    },
}

/// Which events.
#[derive(Args, Debug)]
pub struct ActivityFilter {
    /// Only events with a word that starts with this text in the actor, the subject, the details or the IP address
    #[arg(long, value_name = "TEXT")]
    pub search: Option<String>,
    /// Only events of the user or master token with this ID
    #[arg(long, value_name = "ID")]
    pub actor: Option<String>,
    /// Only this action, such as member.role_changed
    #[arg(long, value_name = "ACTION")]
    pub action: Option<String>,
    /// Only events at or after this time, such as 2026-11-01T00:00:00Z
    #[arg(long, value_name = "RFC3339", value_parser = Moment::parse)]
    pub from: Option<Moment>,
    /// Only events before this time
    #[arg(long, value_name = "RFC3339", value_parser = Moment::parse)]
    pub to: Option<Moment>,
}

/// What can be done with all organizations.
#[derive(Debug, Subcommand)]
pub enum OrganizationsAction {
    /// List organizations.
    List {
        /// Only organizations with a word that starts with this text in the name
        #[arg(long, value_name = "TEXT")]
        search: Option<String>,
        /// Only organizations in this state
        #[arg(long, value_enum, default_value_t)]
        state: OrganizationFilter,
        /// Only organizations on this plan: its ID or exact name, or none
        #[arg(long, value_name = "PLAN")]
        plan: Option<String>,
        /// Sort order
        #[arg(long, value_enum, default_value_t)]
        sort: OrganizationSort,
    },
    /// Show an organization.
    Show(NamedOrganization),
    /// Create an organization.
    Create {
        /// Name
        name: String,
        /// Plan ID or exact name; without it, the default plan
        #[arg(long, value_name = "PLAN")]
        plan: Option<String>,
        /// Email of its first administrator, who gets an invitation
        #[arg(long, value_name = "EMAIL")]
        administrator: Option<String>,
    },
    /// Rename an organization.
    Rename {
        /// Which organization.
        #[command(flatten)]
        organization: NamedOrganization,
        /// New name
        name: String,
    },
    /// Put an organization on a plan, or on none.
    Plan {
        /// Which organization.
        #[command(flatten)]
        organization: NamedOrganization,
        /// Plan ID or exact name
        #[arg(required_unless_present = "none")]
        plan: Option<String>,
        /// Put it on no plan; its exceptions end, too
        #[arg(long, conflicts_with = "plan")]
        none: bool,
    },
    /// Write notes about an organization, which its members don't see.
    Notes {
        /// Which organization.
        #[command(flatten)]
        organization: NamedOrganization,
        /// New notes
        #[arg(required_unless_present = "clear")]
        text: Option<String>,
        /// Remove the notes
        #[arg(long, conflicts_with = "text")]
        clear: bool,
    },
    /// Suspend an organization: its keys are rejected and nothing in it can be changed.
    Suspend {
        /// Which organization.
        #[command(flatten)]
        organization: NamedOrganization,
        /// Why; its members see it
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
    /// Resume a suspended organization.
    Resume(NamedOrganization),
    /// Remove an organization; it can be restored for 14 days.
    Remove {
        /// Which organization.
        #[command(flatten)]
        organization: NamedOrganization,
        /// Don't ask for confirmation
        #[arg(long)]
        yes: bool,
    },
    /// Restore a removed organization.
    Restore(NamedOrganization),
    /// Invite an administrator by email.
    Invite {
        /// Which organization.
        #[command(flatten)]
        organization: NamedOrganization,
        /// Email
        email: String,
    },
    /// Show what all organizations used in a month.
    Usage {
        /// Month (UTC), such as 2026-11; without it, the present one
        #[arg(long, value_name = "YYYY-MM")]
        month: Option<String>,
    },
    /// List the plans.
    Plans,
}

/// Which organization.
#[derive(Args, Debug)]
pub struct NamedOrganization {
    /// Organization ID or exact name
    #[arg(value_name = "ORGANIZATION")]
    pub organization: String,
}

//! What the client can be asked to do.

use std::net::IpAddr;

use clap::{Args, Subcommand, value_parser};

use super::values::{self, Expiry, Metadata, Moment, Rate};
use crate::vocabulary::{ExportFormat, GracePeriod, KeyFilter, KeySort, Role, Starts};

/// What can be done with API keys.
#[derive(Debug, Subcommand)]
pub enum KeysAction {
    /// List the organization’s keys.
    List {
        /// Only keys with this text in the name or the masked key
        #[arg(long, value_name = "TEXT")]
        search: Option<String>,
        /// Only keys in this state
        #[arg(long, value_enum, default_value_t)]
        show: KeyFilter,
        /// The order
        #[arg(long, value_enum, default_value_t)]
        sort: KeySort,
    },
    /// Show one key.
    Show(NamedKey),
    /// Create a key and print its secret, this once.
    Create(Box<NewKeyFlags>),
    /// Give a key a new secret and print it, this once.
    Rotate {
        /// Which key.
        #[command(flatten)]
        key: NamedKey,
        /// How long the previous secret goes on
        #[arg(long, value_enum, default_value_t = GracePeriod::Day)]
        grace_period: GracePeriod,
        /// When the grace period starts: with the first use of the new secret, or immediately
        #[arg(long, value_enum, default_value_t = Starts::OnFirstUse)]
        starts: Starts,
        /// A new end for the key.
        #[command(flatten)]
        end: ExpirationFlags,
    },
    /// Switch a key off; from the next request on it is refused.
    Deactivate(NamedKey),
    /// Switch a key on.
    Activate(NamedKey),
    /// Remove a key for good.
    Remove {
        /// Which key.
        #[command(flatten)]
        key: NamedKey,
        /// Remove it without asking
        #[arg(long)]
        yes: bool,
    },
    /// Tell whether the key on standard input is accepted, and print the code.
    Verify {
        /// A scope that the key needs; more of them with the flag again
        #[arg(long = "scope", value_name = "SCOPE")]
        scopes: Vec<String>,
        /// Where the key’s bearer calls from
        #[arg(long, value_name = "ADDRESS", value_parser = values::address)]
        ip: Option<IpAddr>,
        /// What the request takes of the key’s limits
        #[arg(long, value_parser = value_parser!(u32).range(1..=1000))]
        cost: Option<u32>,
    },
}

/// Which key.
#[derive(Args, Debug)]
pub struct NamedKey {
    /// The key’s id or its exact name
    #[arg(value_name = "KEY")]
    pub key: String,
}

/// A key to create.
#[derive(Args, Debug)]
pub struct NewKeyFlags {
    /// The name, unique in the organization
    pub name: String,
    /// When it ends; without it, never.
    #[command(flatten)]
    pub end: ExpirationFlags,
    /// What it may be used for; more of them with the flag again
    #[arg(long = "scope", value_name = "SCOPE")]
    pub scopes: Vec<String>,
    /// Where it may be used from, an address or CIDR; more of them with the flag again
    #[arg(long = "network", value_name = "CIDR")]
    pub networks: Vec<String>,
    /// How often it may be used, such as 100/minute (second, minute or hour)
    #[arg(long, value_name = "REQUESTS/PERIOD", value_parser = Rate::parse)]
    pub rate: Option<Rate>,
    /// How much it may be used in a calendar month of UTC
    #[arg(long, value_name = "NUMBER", value_parser = value_parser!(u64).range(1..))]
    pub monthly_quota: Option<u64>,
    /// What it is for, in a sentence
    #[arg(long, value_name = "TEXT")]
    pub description: Option<String>,
    /// A JSON object that verification tells about it
    #[arg(long, value_name = "JSON", value_parser = Metadata::parse)]
    pub metadata: Option<Metadata>,
}

/// When a key ends.
#[derive(Args, Debug)]
#[group(multiple = false)]
pub struct ExpirationFlags {
    /// The key ends after this time, such as 12h, 90d or 52w
    #[arg(long, value_name = "TIME", value_parser = Expiry::parse)]
    pub expires_in: Option<Expiry>,
    /// The key ends at this time, such as 2027-03-31T22:00:00Z
    #[arg(long, value_name = "RFC3339", value_parser = Moment::parse)]
    pub expires_at: Option<Moment>,
}

/// What can be done with members.
#[derive(Debug, Subcommand)]
pub enum MembersAction {
    /// List the organization’s members.
    List {
        /// Only members with this text in the name or the address
        #[arg(long, value_name = "TEXT")]
        search: Option<String>,
        /// Only members of this role
        #[arg(long, value_enum)]
        role: Option<Role>,
    },
    /// Give a member another role.
    Role {
        /// The member’s id or address
        user: String,
        /// The new role
        #[arg(value_enum)]
        role: Role,
    },
    /// Remove a member. Keys that the member created keep working.
    Remove {
        /// The member’s id or address
        user: String,
        /// Remove them without asking
        #[arg(long)]
        yes: bool,
    },
}

/// What can be done with invitations.
#[derive(Debug, Subcommand)]
pub enum InvitationsAction {
    /// List the invitations that wait for an answer, the newest first.
    List {
        /// Only invitations with this text in the address
        #[arg(long, value_name = "TEXT")]
        search: Option<String>,
    },
    /// Invite one or many addresses. Where one is malformed, nobody is invited.
    Send {
        /// The addresses
        #[arg(required = true, value_name = "EMAIL")]
        emails: Vec<String>,
        /// What they will be
        #[arg(long, value_enum)]
        role: Role,
    },
    /// Mail an invitation again and start its seven days anew.
    Resend {
        /// The invitation’s id or address
        invitation: String,
    },
    /// Take an invitation back: its links stop working immediately.
    Cancel {
        /// The invitation’s id or address
        invitation: String,
    },
}

/// What can be done with the activity log.
#[derive(Debug, Subcommand)]
pub enum ActivityAction {
    /// List what was done in the organization, the newest first.
    List {
        /// Which events.
        #[command(flatten)]
        filter: ActivityFilter,
        /// How many events at most
        #[arg(long, value_name = "NUMBER", default_value_t = 50, value_parser = value_parser!(u32).range(1..))]
        limit: u32,
    },
    /// Print everything that was done, the oldest first.
    Export {
        /// Which events.
        #[command(flatten)]
        filter: ActivityFilter,
        /// The kind of file
        #[arg(long, value_enum, default_value_t)]
        format: ExportFormat,
    },
}

/// Which events.
#[derive(Args, Debug)]
pub struct ActivityFilter {
    /// Only events with this text in the actor, the subject, the detail or the address
    #[arg(long, value_name = "TEXT")]
    pub search: Option<String>,
    /// Only what the account or master token of this id did
    #[arg(long, value_name = "ID")]
    pub actor: Option<String>,
    /// Only this, such as member.role_changed
    #[arg(long, value_name = "ACTION")]
    pub action: Option<String>,
    /// Only what happened then or later, such as 2026-11-01T00:00:00Z
    #[arg(long, value_name = "RFC3339", value_parser = Moment::parse)]
    pub from: Option<Moment>,
    /// Only what happened before
    #[arg(long, value_name = "RFC3339", value_parser = Moment::parse)]
    pub to: Option<Moment>,
}

//! Values of the client's flags that are one of a few.

use clap::ValueEnum;

/// Implements the name in the API for the values of a flag.
macro_rules! named_in_the_api {
    ($($type:ty { $($variant:ident => $name:literal),+ $(,)? })+) => {$(
        impl $type {
            /// Its name in the API.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $name),+
                }
            }
        }
    )+};
}

/// A part of the keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Show {
    /// All of them
    All,
    /// Those that end soon
    ExpiresSoon,
    /// Those that were never accepted
    NeverUsed,
    /// Those that are switched off
    Deactivated,
}

/// An order of keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Sort {
    /// The newest first
    Newest,
    /// The oldest first
    Oldest,
    /// By name, from A
    Name,
    /// By name, from Z
    NameDescending,
}

/// How long the previous secret of a rotation goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum GracePeriod {
    /// Not at all
    None,
    /// An hour
    #[value(name = "1h")]
    Hour,
    /// A day
    #[value(name = "24h")]
    Day,
    /// A week
    #[value(name = "7d")]
    Week,
}

/// When the grace period of a rotation starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Starts {
    /// With the first use of the new secret
    OnFirstUse,
    /// Immediately
    Immediately,
}

/// What a member may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum RoleName {
    /// Sees the organization
    User,
    /// Works with the keys
    Supervisor,
    /// Everything
    Administrator,
}

/// A kind of file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// A JSON object a line
    Jsonl,
    /// Comma-separated values
    Csv,
}

named_in_the_api! {
    Show { All => "all", ExpiresSoon => "expires_soon", NeverUsed => "never_used", Deactivated => "deactivated" }
    Sort { Newest => "-created_at", Oldest => "created_at", Name => "name", NameDescending => "-name" }
    GracePeriod { None => "none", Hour => "1h", Day => "24h", Week => "7d" }
    Starts { OnFirstUse => "on_first_use", Immediately => "immediately" }
    RoleName { User => "user", Supervisor => "supervisor", Administrator => "administrator" }
    Format { Jsonl => "jsonl", Csv => "csv" }
}

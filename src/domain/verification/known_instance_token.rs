//! An instance token in memory, and what a caller is that verifies keys.

use std::{net::IpAddr, sync::Arc};

use super::{
    known::{Known, KnownToken},
    tally::Tally,
};
use crate::{
    clock::Timestamp,
    domain::{access::InstanceStanding, instance_tokens::InstanceToken},
};

/// What verification knows of an instance token that is switched on.
#[derive(Debug)]
pub struct KnownInstanceToken {
    /// The token.
    pub token: InstanceToken,
    pub(in crate::domain) tally: Tally,
}

impl KnownInstanceToken {
    pub(super) fn new(token: InstanceToken) -> Self {
        Self { token, tally: Tally::default() }
    }

    /// What the token proves when it is accepted from `ip`.
    pub fn standing(&self, ip: Option<IpAddr>) -> InstanceStanding {
        self.token.standing(ip)
    }
}

impl Known for KnownInstanceToken {
    /// It stands in no organization, and its own changes take it out of memory.
    fn is_current(&self, _: Timestamp) -> bool {
        true
    }
}

/// Whoever asks whether keys are accepted.
#[derive(Clone, Debug)]
pub enum KnownCaller {
    /// A master token, which asks about the keys of its organization.
    Organization(Arc<KnownToken>),
    /// An instance token, which asks about all keys.
    Instance(Arc<KnownInstanceToken>),
}

impl KnownCaller {
    /// The id of the token.
    pub fn token_id(&self) -> &str {
        match self {
            Self::Organization(known) => &known.token.id,
            Self::Instance(known) => &known.token.id,
        }
    }

    /// The organization whose keys it asks about; `None` for all of them.
    pub fn organization_id(&self) -> Option<&str> {
        match self {
            Self::Organization(known) => Some(&known.organization.id),
            Self::Instance(_) => None,
        }
    }
}

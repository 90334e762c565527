//! Keys by the thousand, for measurements.

use super::{
    access::{self, AccessError, Actor, Capability, Grant, ManageKeys, ManageTokens, Operator},
    accounts::{self, NewAccount},
    api_keys::{self, NewApiKey},
    email::EmailAddress,
    id::new_id,
    key_settings::{KeySettings, MonthlyQuota, RateLimit},
    master_tokens::{self, NewToken},
    names::{MAX_KEY_NAME_LENGTH, MAX_NAME_LENGTH, Name},
    organization::Organization,
    organizations,
    plans::{self, Ceilings, PlanOffer},
    secret::Secret,
    token_access::TokenAccess,
    user::User,
};
use crate::{
    clock::Timestamp,
    config::InstanceRules,
    db::{DbError, Tx},
    vocabulary::Environment,
};

/// Keys that one call makes at most: one transaction holds them all.
pub const KEYS_AT_ONCE: usize = 1000;

/// One of the steps failed.
#[derive(Debug, thiserror::Error)]
#[error("the keys could not be made: {0}")]
pub struct BulkError(Box<dyn std::error::Error + Send + Sync>);

impl From<DbError> for BulkError {
    fn from(error: DbError) -> Self {
        Self(error.into())
    }
}

fn step(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> BulkError {
    BulkError(error.into())
}

/// An organization that a program can manage.
pub struct ManagedOrganization {
    /// Its id.
    pub id: String,
    /// A master token with full access.
    pub token: Secret,
    /// The ids of its keys, and their secrets.
    pub keys: Vec<(String, Secret)>,
}

/// Makes the plan that all organizations get which are made after it: each limit is there, and so high that nothing is
/// refused.
pub fn plan_for_all(tx: &mut Tx<'_>, operator: &Operator, now: Timestamp) -> Result<(), BulkError> {
    let ceilings = Ceilings {
        rate_limit: RateLimit::parse("1000000", "second").map_err(step)?,
        monthly_quota: Some(MonthlyQuota::new(999_999_999_999).map_err(step)?),
        ..Ceilings::default()
    };
    let offer = PlanOffer { name: Name::parse("Bench", MAX_KEY_NAME_LENGTH).map_err(step)?, ceilings };
    plans::create(tx, operator, &offer, now).map(drop).map_err(step)
}

/// Makes an organization with an administrator who cannot log in, and `count` keys.
pub fn organization_with_keys(
    tx: &mut Tx<'_>,
    count: usize,
    now: Timestamp,
) -> Result<Vec<Secret>, BulkError> {
    let owned = organization(tx, now)?;
    Ok(keys(tx, &owned, count, now)?.into_iter().map(|(_, secret)| secret).collect())
}

/// As [`organization_with_keys`], with an active master token.
pub fn managed_organization(
    tx: &mut Tx<'_>,
    count: usize,
    now: Timestamp,
) -> Result<ManagedOrganization, BulkError> {
    let owned = organization(tx, now)?;
    let grant = grant::<ManageTokens>(tx, &owned)?;
    let name = Name::parse("Bench", MAX_KEY_NAME_LENGTH).map_err(step)?;
    let new = NewToken { name, access: TokenAccess::Full, expires_at: None };
    let (token, secret) =
        master_tokens::generate(tx, &grant, &new, &InstanceRules::default(), now).map_err(step)?;
    master_tokens::switch(tx, &grant, &token.id, true, now).map_err(step)?;
    Ok(ManagedOrganization { token: secret, keys: keys(tx, &owned, count, now)?, id: owned.organization.id })
}

struct Owned {
    organization: Organization,
    owner: User,
}

fn organization(tx: &mut Tx<'_>, now: Timestamp) -> Result<Owned, BulkError> {
    let new = NewAccount {
        email: EmailAddress::parse(&format!("{}@bench.example", new_id(now))).map_err(step)?,
        name: Name::parse("Bench", MAX_NAME_LENGTH).map_err(step)?,
        password_hash: String::new(),
    };
    let owner = accounts::insert(tx, &new, now)?;
    let (actor, rules) = (Actor::user(&owner, None), InstanceRules::default());
    let organization = organizations::create(tx, &owner, &actor, &new.name, &rules, now).map_err(step)?;
    Ok(Owned { organization, owner })
}

fn grant<C: Capability>(tx: &mut Tx<'_>, owned: &Owned) -> Result<Grant<C>, BulkError> {
    access::member(tx.connection(), &owned.owner, None, &owned.organization.id)
        .and_then(|standing| standing.grant())
        .map_err(|error: AccessError| step(error))
}

fn keys(
    tx: &mut Tx<'_>,
    owned: &Owned,
    count: usize,
    now: Timestamp,
) -> Result<Vec<(String, Secret)>, BulkError> {
    let admin = grant::<ManageKeys>(tx, owned)?;
    (1..=count)
        .map(|number| {
            let name = Name::parse(&format!("Key {number}"), MAX_KEY_NAME_LENGTH).map_err(step)?;
            let new = NewApiKey {
                name,
                expires_at: None,
                environment: Environment::Live,
                settings: KeySettings::default(),
            };
            let (key, secret) =
                api_keys::create(tx, &admin, &new, &InstanceRules::default(), now).map_err(step)?;
            Ok((key.id, secret))
        })
        .collect()
}

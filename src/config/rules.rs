//! What holds for all organizations.

use clap::Args;

use super::{Exit, KeyPrefix, Sources, setting, values};

/// What new secrets begin with; and how many of each thing there may be, so that nobody fills the database by mistake
/// or on purpose (ASVS 2.4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InstanceRules {
    /// What new keys and tokens begin with.
    pub key_prefix: KeyPrefix,
    /// Whether each new key is for one of the environments.
    pub has_environments: bool,
    /// API keys of an organization.
    pub keys: i64,
    /// Master tokens of an organization.
    pub master_tokens: i64,
    /// Webhooks of an organization.
    pub webhooks: i64,
    /// Organizations that one person administers.
    pub organizations: i64,
    /// Invitations that a person or a master token sends in a day. An organization sends twice as many.
    pub invitations_per_day: i64,
}

impl Default for InstanceRules {
    fn default() -> Self {
        Self {
            key_prefix: KeyPrefix::default(),
            has_environments: false,
            keys: 100_000,
            master_tokens: 100,
            webhooks: 100,
            organizations: 1000,
            invitations_per_day: 500,
        }
    }
}

#[derive(Args)]
pub(super) struct RuleFlags {
    /// What new keys and tokens begin with, 2 to 16 of a to z and 0 to 9; those made before keep working [env:
    /// TESSERA_KEY_PREFIX] [default: tess]
    #[arg(long, value_name = "PREFIX")]
    key_prefix: Option<String>,
    /// Whether each new key is for one of the environments live and test, yes or no [env: TESSERA_ENVIRONMENTS]
    /// [default: no]
    #[arg(long, value_name = "YES|NO")]
    environments: Option<String>,
    /// API keys that an organization can have [env: TESSERA_MAX_KEYS] [default: 100000]
    #[arg(long, value_name = "NUMBER")]
    max_keys: Option<String>,
    /// Master tokens that an organization can have [env: TESSERA_MAX_MASTER_TOKENS] [default: 100]
    #[arg(long, value_name = "NUMBER")]
    max_master_tokens: Option<String>,
    /// Webhooks that an organization can have [env: TESSERA_MAX_WEBHOOKS] [default: 100]
    #[arg(long, value_name = "NUMBER")]
    max_webhooks: Option<String>,
    /// Organizations that a person can administer [env: TESSERA_MAX_ORGANIZATIONS] [default: 1000]
    #[arg(long, value_name = "NUMBER")]
    max_organizations: Option<String>,
    /// Invitations that a person or a master token can send in a day; an organization can send twice as
    /// many [env: TESSERA_MAX_INVITATIONS_PER_DAY] [default: 500]
    #[arg(long, value_name = "NUMBER")]
    max_invitations_per_day: Option<String>,
}

impl RuleFlags {
    pub(super) fn read(self, sources: &Sources<'_>) -> Result<InstanceRules, Exit> {
        let default = InstanceRules::default();
        let limit = |name: &str, flag: Option<String>, most: i64, default: i64| {
            let parsed = setting(name, flag, sources, |text| values::whole_number(text, 1, most))?;
            Ok(parsed.unwrap_or(default))
        };
        Ok(InstanceRules {
            key_prefix: setting("TESSERA_KEY_PREFIX", self.key_prefix, sources, KeyPrefix::parse)?
                .unwrap_or_default(),
            has_environments: setting("TESSERA_ENVIRONMENTS", self.environments, sources, values::yes_or_no)?
                .unwrap_or_default(),
            keys: max_keys(self.max_keys, sources)?,
            // Their lists are one page each.
            master_tokens: limit(
                "TESSERA_MAX_MASTER_TOKENS",
                self.max_master_tokens,
                1000,
                default.master_tokens,
            )?,
            webhooks: limit("TESSERA_MAX_WEBHOOKS", self.max_webhooks, 1000, default.webhooks)?,
            organizations: limit(
                "TESSERA_MAX_ORGANIZATIONS",
                self.max_organizations,
                1_000_000,
                default.organizations,
            )?,
            invitations_per_day: limit(
                "TESSERA_MAX_INVITATIONS_PER_DAY",
                self.max_invitations_per_day,
                1_000_000,
                default.invitations_per_day,
            )?,
        })
    }
}

/// How many API keys an organization can have.
pub(super) fn max_keys(flag: Option<String>, sources: &Sources<'_>) -> Result<i64, Exit> {
    let parsed =
        setting("TESSERA_MAX_KEYS", flag, sources, |text| values::whole_number(text, 1, 10_000_000))?;
    Ok(parsed.unwrap_or(InstanceRules::default().keys))
}

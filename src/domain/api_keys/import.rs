//! Taking over keys of other systems. What bounds keys that are made here bounds these, too.

use std::{
    collections::{HashMap, HashSet},
    fmt,
};

use diesel::{dsl::exists, prelude::*};

use super::{ApiKey, KeySettings};
use crate::{
    clock::Timestamp,
    db::{Connection, DbError, columns_of},
    domain::{
        grouped::grouped,
        id::new_id,
        key_settings::{self, Metadata, MonthlyQuota, RateLimit, Scopes},
        names::{MAX_KEY_NAME_LENGTH, Name},
        organization::Organization,
        plans::{self, Ceilings, PlanLimit, WantedKey},
        schema::{api_keys, imported_keys, key_rotations, organizations, removed_keys},
        search,
        secret::SecretDigest,
    },
    folding::terms::Searched,
    import::{ForeignKey, Scheme},
    vocabulary::ImportFormat,
};

/// Who is said to have created a key that was imported.
const CREATED_BY: &str = "Import";

/// How keys are taken over.
#[derive(Clone, Copy, Debug)]
pub struct ImportPlan {
    /// From where.
    pub source: ImportFormat,
    /// Whether with their limits.
    pub takes_limits: bool,
    /// Whether it is only said what would be done.
    pub is_dry_run: bool,
    /// How many keys an organization may have.
    pub max_keys: i64,
}

/// What became of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Taken {
    /// The key is here now, under this name.
    Imported(String),
    /// It was here already.
    AlreadyHere(Here),
    /// It was not taken, for this reason.
    Rejected(String),
}

/// Where a key is that is here already.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Here {
    /// A line before it has the same secret.
    InTheFile,
    /// It has this name, in the organization with that name.
    Key(String, String),
    /// The same among removed keys, which can be restored.
    RemovedKey(String, String),
}

impl fmt::Display for Here {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InTheFile => formatter.write_str("An earlier line has the same key."),
            Self::Key(name, organization) => write!(formatter, "It’s “{name}” of “{organization}”."),
            Self::RemovedKey(name, organization) => {
                write!(formatter, "It’s “{name}” among the removed keys of “{organization}”.")
            }
        }
    }
}

/// An import under way, with what it remembers from one transaction to the next.
#[derive(Debug)]
pub(in crate::domain) struct KeyImport {
    plan: ImportPlan,
    /// What was met before, which a dry run does not find in the database.
    met: HashSet<(Scheme, Vec<u8>)>,
    /// The number that a name of an organization is tried with next.
    suffixes: HashMap<(String, String), u32>,
    /// The room that is left, by organization.
    rooms: HashMap<String, Room>,
}

/// What an organization may still have.
#[derive(Debug)]
struct Room {
    ceilings: Ceilings,
    keys: i64,
    active_keys: i64,
}

impl KeyImport {
    pub(in crate::domain) fn new(plan: ImportPlan) -> Self {
        Self { plan, met: HashSet::new(), suffixes: HashMap::new(), rooms: HashMap::new() }
    }

    /// How keys are taken over.
    pub(in crate::domain) fn plan(&self) -> &ImportPlan {
        &self.plan
    }

    /// At the beginning of a transaction, in which others may have changed what there is room for.
    pub(in crate::domain) fn begin(&mut self) {
        if !self.plan.is_dry_run {
            self.rooms.clear();
        }
    }

    /// Takes a key into an organization.
    pub(in crate::domain) fn take(
        &mut self,
        connection: &mut Connection,
        organization: &Organization,
        (name, key): (&str, &ForeignKey),
        now: Timestamp,
    ) -> Result<Taken, DbError> {
        let secret = (key.secret.scheme, key.secret.look_up.clone());
        if self.met.contains(&secret) {
            return Ok(Taken::AlreadyHere(Here::InTheFile));
        }
        if let Some(here) = find_here(connection, key)? {
            return Ok(Taken::AlreadyHere(here));
        }
        let (name, settings) = match self.settings(name, key) {
            Ok(read) => read,
            Err(reason) => return Ok(Taken::Rejected(reason)),
        };
        if key.expires_at.is_some_and(|end| end <= now) {
            return Ok(Taken::Rejected("This key has expired.".to_owned()));
        }
        if let Err(limit) = self.check_room(connection, organization, (key, &settings), now) {
            return match limit {
                PlanLimit::Db(error) => Err(error),
                limit => Ok(Taken::Rejected(limit.to_string())),
            };
        }
        if self.is_full(&organization.id) {
            let most = grouped(self.plan.max_keys);
            return Ok(Taken::Rejected(format!("An organization can have {most} keys.")));
        }
        let name = self.free_name(connection, organization, name)?;
        if !self.plan.is_dry_run {
            self.insert(connection, organization, (&name, key, &settings), now)?;
        }
        self.met.insert(secret);
        if let Some(room) = self.rooms.get_mut(&organization.id) {
            room.keys += 1;
            room.active_keys += i64::from(key.is_enabled);
        }
        Ok(Taken::Imported(name.into()))
    }

    fn settings(&self, name: &str, key: &ForeignKey) -> Result<(Name, KeySettings), String> {
        // What is too long to be shown loses its end: nothing depends on it.
        let name: String = name.chars().take(MAX_KEY_NAME_LENGTH).collect();
        let name = Name::parse(&name, MAX_KEY_NAME_LENGTH).map_err(|error| format!("Name: {error}"))?;
        let description = key.description.as_deref().unwrap_or_default();
        let description: String = description.chars().take(key_settings::MAX_DESCRIPTION_LENGTH).collect();
        let description =
            key_settings::parse_description(&description).map_err(|error| format!("Description: {error}"))?;
        let scopes = key.scopes.join(" ").parse::<Scopes>().map_err(|error| format!("Scopes: {error}"))?;
        let metadata = if key.metadata.is_empty() {
            None
        } else {
            let text = serde_json::to_string(&key.metadata).unwrap_or_default();
            Some(text.parse::<Metadata>().map_err(|error| format!("Metadata: {error}"))?)
        };
        let mut settings = KeySettings { description, scopes, metadata, ..KeySettings::default() };
        if self.plan.takes_limits {
            if let Some(limit) = &key.limits.unknown {
                return Err(format!("{limit} can’t be kept. Import this key without its limits."));
            }
            let rate = key.limits.rate.as_deref().map(str::parse::<RateLimit>).transpose();
            settings.rate_limit = rate.map_err(|error| format!("Rate limit: {error}"))?;
            let quota = key.limits.monthly_quota.map(MonthlyQuota::new).transpose();
            settings.monthly_quota = quota.map_err(|error| format!("Monthly quota: {error}"))?;
        }
        Ok((name, settings))
    }

    fn check_room(
        &mut self,
        connection: &mut Connection,
        organization: &Organization,
        (key, settings): (&ForeignKey, &KeySettings),
        now: Timestamp,
    ) -> Result<(), PlanLimit> {
        if !self.rooms.contains_key(&organization.id) {
            let room = Room::of(connection, organization, now)?;
            self.rooms.insert(organization.id.clone(), room);
        }
        let Some(room) = self.rooms.get(&organization.id) else { return Ok(()) };
        let wanted = WantedKey { settings: Some(settings), expires_at: Some(key.expires_at) };
        plans::check_within(&room.ceilings, wanted, now)?;
        match room.ceilings.max_active_keys {
            Some(most) if key.is_enabled && room.active_keys >= most => Err(PlanLimit::ActiveKeys(most)),
            _ => Ok(()),
        }
    }

    fn is_full(&self, organization_id: &str) -> bool {
        self.rooms.get(organization_id).is_some_and(|room| room.keys >= self.plan.max_keys)
    }

    /// The name, or where another key has it the name with the next number that none has.
    fn free_name(
        &mut self,
        connection: &mut Connection,
        organization: &Organization,
        name: Name,
    ) -> Result<Name, DbError> {
        let number = self.suffixes.entry((organization.id.clone(), name.key())).or_insert(1);
        let mut candidate = name.clone();
        loop {
            if *number > 1 {
                let suffix = format!(" ({number})");
                let length = MAX_KEY_NAME_LENGTH.saturating_sub(suffix.chars().count());
                let start: String = name.as_str().chars().take(length).collect();
                candidate = Name::parse(&format!("{}{suffix}", start.trim_end()), MAX_KEY_NAME_LENGTH)
                    .map_err(DbError::unreadable)?;
            }
            *number = number.saturating_add(1);
            let same = api_keys::table
                .filter(api_keys::organization_id.eq(&organization.id))
                .filter(api_keys::name_key.eq(candidate.key()));
            if !diesel::select(exists(same)).get_result::<bool>(connection)? {
                return Ok(candidate);
            }
        }
    }

    fn insert(
        &self,
        connection: &mut Connection,
        organization: &Organization,
        (name, key, settings): (&Name, &ForeignKey, &KeySettings),
        now: Timestamp,
    ) -> Result<(), DbError> {
        let own =
            SecretDigest::from_bytes(&key.secret.look_up).filter(|_| key.secret.scheme == Scheme::Sha256);
        let digest = match own {
            Some(digest) => digest,
            None => SecretDigest::of_nobody().map_err(DbError::unreadable)?,
        };
        let made: ApiKey = diesel::insert_into(api_keys::table)
            .values((
                api_keys::id.eq(new_id(now)),
                api_keys::organization_id.eq(&organization.id),
                api_keys::name.eq(name.as_str()),
                api_keys::name_key.eq(name.key()),
                api_keys::search_key.eq(name.search_key()),
                api_keys::masked.eq(&key.masked),
                api_keys::secret_digest.eq(digest.as_bytes()),
                api_keys::created_by.eq(CREATED_BY),
                api_keys::created_at.eq(now),
                api_keys::expires_at.eq(key.expires_at),
                api_keys::environment.eq(key.environment),
                api_keys::deactivated_at.eq((!key.is_enabled).then_some(now)),
                settings,
            ))
            .returning(columns_of::<ApiKey>())
            .get_result(connection)?;
        diesel::insert_into(imported_keys::table)
            .values((
                imported_keys::api_key_id.eq(&made.id),
                imported_keys::source.eq(self.plan.source),
                imported_keys::imported_at.eq(now),
                imported_keys::scheme.eq(key.secret.scheme),
                imported_keys::look_up.eq(&key.secret.look_up),
                imported_keys::verifier.eq(&key.secret.verifier),
                imported_keys::stand_in.eq(own.is_none().then(|| digest.as_bytes().to_vec())),
            ))
            .execute(connection)?;
        let searched = Searched::Key {
            name: &made.name,
            created_by: &made.created_by,
            scopes: &made.settings.scopes.to_string(),
            masked: &made.masked,
        };
        Ok(search::write(connection, &organization.id, &made.id, &searched)?)
    }
}

impl Room {
    fn of(connection: &mut Connection, organization: &Organization, now: Timestamp) -> Result<Self, DbError> {
        let ceilings = plans::bounds_of(connection, organization, now)?.ceilings;
        let keys = organizations::table
            .find(&organization.id)
            .select(organizations::api_key_count)
            .first(connection)?;
        let active_keys = match ceilings.max_active_keys {
            Some(most) => plans::active_keys(connection, &organization.id, most, now)?,
            None => 0,
        };
        Ok(Self { ceilings, keys, active_keys })
    }
}

/// The key with this secret, be it one that can be restored, or one whose secret was rotated since it was imported.
fn find_here(connection: &mut Connection, key: &ForeignKey) -> Result<Option<Here>, DbError> {
    let (scheme, look_up) = (key.secret.scheme, &key.secret.look_up);
    let mut id: Option<String> = imported_keys::table
        .filter(imported_keys::scheme.eq(scheme).and(imported_keys::look_up.eq(look_up)))
        .select(imported_keys::api_key_id)
        .first(connection)
        .optional()?;
    if id.is_none() && scheme == Scheme::Sha256 {
        id = id_with_digest(connection, look_up)?;
    }
    let Some(id) = id else { return Ok(None) };
    let active: Option<(String, String)> = api_keys::table
        .inner_join(organizations::table)
        .filter(api_keys::id.eq(&id))
        .select((api_keys::name, organizations::name))
        .first(connection)
        .optional()?;
    if let Some((name, organization)) = active {
        return Ok(Some(Here::Key(name, organization)));
    }
    let (name, organization) = removed_keys::table
        .inner_join(organizations::table.on(organizations::id.eq(removed_keys::organization_id)))
        .filter(removed_keys::id.eq(&id))
        .select((removed_keys::name, organizations::name))
        .first(connection)?;
    Ok(Some(Here::RemovedKey(name, organization)))
}

/// The id of the key that has this digest, had it before its rotation, or had it when it was removed.
fn id_with_digest(connection: &mut Connection, digest: &[u8]) -> Result<Option<String>, DbError> {
    let current =
        api_keys::table.filter(api_keys::secret_digest.eq(digest)).select(api_keys::id).first(connection);
    if let Some(id) = current.optional()? {
        return Ok(Some(id));
    }
    let previous = key_rotations::table
        .filter(key_rotations::previous_digest.eq(digest))
        .select(key_rotations::api_key_id)
        .first(connection);
    if let Some(id) = previous.optional()? {
        return Ok(Some(id));
    }
    let removed = removed_keys::table
        .filter(removed_keys::secret_digest.eq(digest))
        .select(removed_keys::id)
        .first(connection);
    Ok(removed.optional()?)
}

//! Keys of other systems, taken over by those who operate the instance; and how many of them have called since.

use std::collections::{BTreeMap, HashMap};

use diesel::{
    dsl::{count, count_star, max, min},
    prelude::*,
};

use super::{InstanceError, from_outside};
use crate::{
    clock::Timestamp,
    db::{Connection, DbError, Tx},
    domain::{
        access::{Observer, Operator},
        api_keys::{ImportPlan, KeyImport, Taken},
        events::{Action, Detail},
        id::as_stored,
        organization::{self, Organization},
        schema::{api_keys, imported_keys},
    },
    import::{ForeignKey, Line},
    vocabulary::ImportFormat,
};

/// What the owner of a key is kept as, where the organization is another one.
const OWNER: &str = "owner";

/// Where keys go.
#[derive(Debug)]
pub enum Destination {
    /// All to one organization.
    One(Organization),
    /// Each to the organization of its owner: the one that is named for the owner, or is called like it.
    ByOwner(HashMap<String, String>),
}

/// How many keys each organization got, by its id.
type Imported = BTreeMap<String, (Organization, i64)>;

/// An import under way, in as many transactions as it takes.
#[derive(Debug)]
pub struct Import {
    destination: Destination,
    keys: KeyImport,
    /// The organizations by what they were named.
    found: HashMap<String, Result<Organization, String>>,
}

impl Import {
    /// An import that has taken nothing yet.
    pub fn new(destination: Destination, plan: ImportPlan) -> Self {
        Self { destination, keys: KeyImport::new(plan), found: HashMap::new() }
    }

    /// Whether it is only said what would be done.
    pub fn is_dry_run(&self) -> bool {
        self.keys.plan().is_dry_run
    }

    fn take(
        &mut self,
        connection: &mut Connection,
        lines: &[Line],
        now: Timestamp,
    ) -> Result<(Vec<Taken>, Imported), DbError> {
        self.keys.begin();
        let (mut taken, mut imported) = (Vec::new(), Imported::new());
        for line in lines {
            let outcome = match &line.key {
                Err(reason) => Taken::Rejected(reason.clone()),
                Ok(key) => self.take_key(connection, (line, key), &mut imported, now)?,
            };
            taken.push(outcome);
        }
        Ok((taken, imported))
    }

    fn take_key(
        &mut self,
        connection: &mut Connection,
        (line, key): (&Line, &ForeignKey),
        imported: &mut Imported,
        now: Timestamp,
    ) -> Result<Taken, DbError> {
        let organization = match self.organization(connection, key)? {
            Ok(organization) => organization,
            Err(reason) => return Ok(Taken::Rejected(reason)),
        };
        let name = line.name.clone().unwrap_or_else(|| format!("Imported key {}", line.number));
        let key = self.with_owner(key);
        let taken = self.keys.take(connection, &organization, (&name, &key), now)?;
        if matches!(taken, Taken::Imported(_)) {
            let id = organization.id.clone();
            imported.entry(id).or_insert((organization, 0)).1 += 1;
        }
        Ok(taken)
    }

    /// The key with its owner among its metadata, where the organization does not tell who that is.
    fn with_owner(&self, key: &ForeignKey) -> ForeignKey {
        let mut key = key.clone();
        if let (Destination::One(_), Some(owner)) = (&self.destination, &key.owner) {
            key.metadata.entry(OWNER).or_insert_with(|| owner.clone().into());
        }
        key
    }

    fn organization(
        &mut self,
        connection: &mut Connection,
        key: &ForeignKey,
    ) -> Result<Result<Organization, String>, DbError> {
        let owners = match &self.destination {
            Destination::One(organization) => return Ok(Ok(organization.clone())),
            Destination::ByOwner(owners) => owners,
        };
        let Some(owner) = &key.owner else {
            return Ok(Err("The key has no owner, so its organization is unknown.".to_owned()));
        };
        let named = owners.get(owner).unwrap_or(owner).clone();
        if let Some(found) = self.found.get(&named) {
            return Ok(found.clone());
        }
        let found = named_organization(connection, &named)?;
        self.found.insert(named, found.clone());
        Ok(found)
    }
}

/// What became of the lines of a file, or would.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ImportReport {
    /// How many keys are here now.
    pub imported: usize,
    /// How many were here already.
    pub already_here: usize,
    /// How many were not taken.
    pub rejected: usize,
    /// How many of those that are here now had limits that were left behind.
    pub without_limits: usize,
}

impl ImportReport {
    /// Counts a line.
    pub fn count(&mut self, line: &Line, taken: &Taken, takes_limits: bool) {
        match taken {
            Taken::Imported(_) => {
                self.imported += 1;
                let has_limits = line.key.as_ref().is_ok_and(|key| !key.limits.is_empty());
                self.without_limits += usize::from(has_limits && !takes_limits);
            }
            Taken::AlreadyHere(_) => self.already_here += 1,
            Taken::Rejected(_) => self.rejected += 1,
        }
    }
}

/// The organization with an id or a name.
///
/// # Errors
/// The outer one is the database's. The inner one says in a sentence why there is none.
pub fn organization_called(
    connection: &mut Connection,
    _: &Observer,
    named: &str,
) -> Result<Result<Organization, String>, DbError> {
    named_organization(connection, named)
}

fn named_organization(
    connection: &mut Connection,
    named: &str,
) -> Result<Result<Organization, String>, DbError> {
    let with_id = organization::by_id(connection, &as_stored(named))?;
    if let Some(organization) = with_id.filter(|organization| !organization.is_removed()) {
        return Ok(Ok(organization));
    }
    let mut found = organization::by_name(connection, named)?;
    Ok(match (found.pop(), found.pop()) {
        (Some(organization), None) => Ok(organization),
        (None, _) => Err(format!("There is no organization “{named}”.")),
        (Some(_), Some(_)) => Err(format!("Several organizations are called “{named}”. Use the ID.")),
    })
}

/// Takes over the keys of some lines. What became of each stands at its place; the log of an organization has one event
/// for all that it got.
pub fn import_keys(
    tx: &mut Tx<'_>,
    operator: &Operator,
    import: &mut Import,
    lines: &[Line],
    now: Timestamp,
) -> Result<Vec<Taken>, InstanceError> {
    let (taken, imported) = import.take(tx.connection(), lines, now)?;
    if import.is_dry_run() {
        return Ok(taken);
    }
    let source = import.keys.plan().source;
    for (organization, keys) in imported.into_values() {
        let detail = Some(Detail::Import { source, keys });
        let actions = (Action::KeysImported, Action::ImportedKeys);
        from_outside::record(tx, operator, &organization, actions, detail, now)?;
    }
    Ok(taken)
}

/// What [`import_keys`] would do, for a dry run.
pub fn preview_import(
    connection: &mut Connection,
    _: &Operator,
    import: &mut Import,
    lines: &[Line],
    now: Timestamp,
) -> Result<Vec<Taken>, InstanceError> {
    Ok(import.take(connection, lines, now)?.0)
}

/// Imported keys of one source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImportedKeys {
    /// The system, or the kind of file.
    pub source: ImportFormat,
    /// How many there are.
    pub keys: i64,
    /// How many of them were accepted since.
    pub called: i64,
    /// When the first was imported.
    pub first_at: Timestamp,
    /// When the last was imported.
    pub last_at: Timestamp,
}

/// The imported keys by their sources.
pub fn imported_keys(connection: &mut Connection, _: &Observer) -> Result<Vec<ImportedKeys>, DbError> {
    type Row = (ImportFormat, i64, i64, Option<Timestamp>, Option<Timestamp>);
    let rows: Vec<Row> = imported_keys::table
        .inner_join(api_keys::table)
        .group_by(imported_keys::source)
        .order(imported_keys::source)
        .select((
            imported_keys::source,
            count_star(),
            count(api_keys::last_used_at),
            min(imported_keys::imported_at),
            max(imported_keys::imported_at),
        ))
        .load(connection)?;
    Ok(rows
        .into_iter()
        .filter_map(|(source, keys, called, first_at, last_at)| {
            Some(ImportedKeys { source, keys, called, first_at: first_at?, last_at: last_at? })
        })
        .collect())
}

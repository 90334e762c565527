//! What follows from a report: it is kept, the policy is run, the administrators are told.

use std::{collections::HashSet, net::IpAddr};

use diesel::prelude::*;
use time::Duration;

use super::LeakReport;
use crate::{
    clock::Timestamp,
    db::{Connection, DbError, Tx},
    domain::{
        access::Actor,
        api_keys::{self, ApiKey, RemovedKey},
        events::{self, Action, Detail, Event},
        id::new_id,
        instance_tokens,
        master_tokens::{self, MasterToken},
        members,
        organization::Organization,
        outbox::{self, LeakedKind, Measure, Message},
        rotation::Side,
        schema::{api_keys as keys, leak_reports, master_tokens as tokens, organizations},
        secret::{SecretDigest, SecretKind},
    },
    vocabulary::KeyStatus,
    vocabulary::LeakPolicy,
};

/// What a leaked secret opens.
struct Leaked {
    subject: Subject,
    organization: Organization,
    policy: LeakPolicy,
}

enum Subject {
    Key {
        key: Box<ApiKey>,
        is_previous_secret: bool,
    },
    Token(Box<MasterToken>),
    /// A key that was removed. It opens nothing, and never will with this secret.
    Removed(Box<RemovedKey>),
}

impl Leaked {
    fn kind(&self) -> LeakedKind {
        match &self.subject {
            Subject::Key { is_previous_secret: false, .. } | Subject::Removed(_) => LeakedKind::ApiKey,
            Subject::Key { is_previous_secret: true, .. } => LeakedKind::PreviousSecret,
            Subject::Token(_) => LeakedKind::MasterToken,
        }
    }

    fn id(&self) -> &str {
        match &self.subject {
            Subject::Key { key, .. } => &key.id,
            Subject::Token(token) => &token.id,
            Subject::Removed(key) => &key.id,
        }
    }

    fn name(&self) -> &str {
        match &self.subject {
            Subject::Key { key, .. } => &key.name,
            Subject::Token(token) => &token.name,
            Subject::Removed(key) => &key.name,
        }
    }

    fn is_token(&self) -> bool {
        matches!(self.subject, Subject::Token(_))
    }
}

/// The secrets among `reports` that are somebody's, active or not. A look-up across organizations.
pub fn known(
    connection: &mut Connection,
    reports: &[LeakReport],
    now: Timestamp,
) -> Result<HashSet<SecretDigest>, DbError> {
    let mut known = HashSet::new();
    for report in reports {
        let is_known = match report.kind {
            SecretKind::InstanceToken => instance_tokens::is_known(connection, report.digest)?,
            SecretKind::ApiKey | SecretKind::MasterToken => find(connection, report, now)?.is_some(),
        };
        if is_known {
            known.insert(report.digest);
        }
    }
    Ok(known)
}

/// Carries out what follows from `reports`, sent from `ip`. One that is known already changes
/// nothing: whoever switched the key on again since knew of it. About a secret there is one mail a
/// day, in however many places it is found.
pub fn receive(
    tx: &mut Tx<'_>,
    reports: &[LeakReport],
    ip: Option<IpAddr>,
    now: Timestamp,
) -> Result<(), DbError> {
    let mut reports: Vec<&LeakReport> = reports.iter().collect();
    reports.sort_by(|one, other| one.digest.as_bytes().cmp(other.digest.as_bytes()));
    for of_one_secret in reports.chunk_by(|one, other| one.digest == other.digest) {
        let [first, ..] = of_one_secret else { continue };
        if first.kind == SecretKind::InstanceToken {
            instance_tokens::stop_leaked(tx, first.digest, first.fact(), ip, now)?;
            continue;
        }
        let Some(leaked) = find(tx.connection(), first, now)? else { continue };
        let system = Actor::System { ip };
        let action = if leaked.is_token() { Action::TokenLeakReported } else { Action::KeyLeakReported };
        let mut is_any_new = false;
        for report in of_one_secret {
            if keep(tx, &leaked, report, now)? {
                record(tx, &leaked, &system, action, report.fact(), now)?;
                is_any_new = true;
            }
        }
        if !is_any_new {
            continue;
        }
        if let Subject::Removed(_) = leaked.subject {
            // Nobody has to do anything. Whoever restores the key is told then.
            mark_told(tx, first.digest, now)?;
            continue;
        }
        let measure = carry_out_policy(tx, &leaked, &system, &first.masked, now)?;
        // What was found again waits to be told with what else is found, unless something was stopped.
        if measure == Measure::Stopped || !was_told_lately(tx.connection(), first.digest, now)? {
            tell_administrators(tx, &leaked, first.digest, measure, now)?;
        }
    }
    Ok(())
}

/// The secrets that were found in more places since the administrators were told, which is a day ago.
pub fn collected(connection: &mut Connection, now: Timestamp) -> Result<Vec<SecretDigest>, DbError> {
    let waiting: Vec<Vec<u8>> = leak_reports::table
        .filter(leak_reports::told_at.is_null())
        .select(leak_reports::secret_digest)
        .distinct()
        .load(connection)?;
    let mut collected = Vec::new();
    for digest in waiting.iter().filter_map(|bytes| SecretDigest::from_bytes(bytes)) {
        if !was_told_lately(connection, digest, now)? {
            collected.push(digest);
        }
    }
    Ok(collected)
}

/// Tells the administrators where else a secret was found. One that is nobody's any more needs no
/// mail.
pub fn tell_of_collected(tx: &mut Tx<'_>, digest: &SecretDigest, now: Timestamp) -> Result<(), DbError> {
    let leaked = match find_key(tx.connection(), *digest, now)? {
        Some(key) => Some(key),
        None => find_token(tx.connection(), *digest)?,
    };
    match leaked {
        Some(leaked) => {
            let measure = if works(&leaked, now) { Measure::None } else { Measure::StoppedBefore };
            tell_administrators(tx, &leaked, *digest, measure, now)
        }
        None => mark_told(tx, *digest, now),
    }
}

/// Between two mails about one secret.
const BETWEEN_MAILS: Duration = Duration::DAY;

fn was_told_lately(
    connection: &mut Connection,
    digest: SecretDigest,
    now: Timestamp,
) -> Result<bool, DbError> {
    let told = leak_reports::table
        .filter(leak_reports::secret_digest.eq(digest.as_bytes()))
        .filter(leak_reports::told_at.gt(now - BETWEEN_MAILS));
    Ok(diesel::select(diesel::dsl::exists(told)).get_result(connection)?)
}

fn mark_told(tx: &mut Tx<'_>, digest: SecretDigest, now: Timestamp) -> Result<(), DbError> {
    let untold = leak_reports::table
        .filter(leak_reports::secret_digest.eq(digest.as_bytes()))
        .filter(leak_reports::told_at.is_null());
    diesel::update(untold).set(leak_reports::told_at.eq(Some(now))).execute(tx.connection())?;
    Ok(())
}

fn find(connection: &mut Connection, report: &LeakReport, now: Timestamp) -> Result<Option<Leaked>, DbError> {
    match report.kind {
        SecretKind::ApiKey => find_key(connection, report.digest, now),
        SecretKind::MasterToken => find_token(connection, report.digest),
        // No organization has one, whose policy could be carried out.
        SecretKind::InstanceToken => Ok(None),
    }
}

/// A previous secret whose grace period is over opens nothing and is nobody's.
fn find_key(
    connection: &mut Connection,
    digest: SecretDigest,
    now: Timestamp,
) -> Result<Option<Leaked>, DbError> {
    let Some(stored) = api_keys::by_digest(connection, digest)? else {
        return find_removed_key(connection, digest);
    };
    let old = stored.rotation.filter(|(side, _)| *side == Side::Previous);
    if old.is_some_and(|(_, rotation)| !rotation.is_under_way(now)) {
        return Ok(None);
    }
    let found: Option<(ApiKey, LeakPolicy)> = keys::table
        .find(stored.id)
        .inner_join(organizations::table)
        .select((ApiKey::as_select(), organizations::leak_policy))
        .first(connection)
        .optional()?;
    Ok(found.map(|(key, policy)| Leaked {
        subject: Subject::Key { key: Box::new(key), is_previous_secret: old.is_some() },
        organization: stored.organization,
        policy,
    }))
}

fn find_removed_key(connection: &mut Connection, digest: SecretDigest) -> Result<Option<Leaked>, DbError> {
    let Some((key, organization_id)) = api_keys::removed_by_digest(connection, digest)? else {
        return Ok(None);
    };
    let (organization, policy) = organizations::table
        .find(organization_id)
        .select((Organization::as_select(), organizations::leak_policy))
        .first(connection)?;
    Ok(Some(Leaked { subject: Subject::Removed(Box::new(key)), organization, policy }))
}

fn find_token(connection: &mut Connection, digest: SecretDigest) -> Result<Option<Leaked>, DbError> {
    let found: Option<(MasterToken, Organization, LeakPolicy)> = tokens::table
        .inner_join(organizations::table)
        .filter(tokens::secret_digest.eq(digest.as_bytes()).and(organizations::removed_at.is_null()))
        .select((MasterToken::as_select(), Organization::as_select(), organizations::leak_policy))
        .first(connection)
        .optional()?;
    Ok(found.map(|(token, organization, policy)| Leaked {
        subject: Subject::Token(Box::new(token)),
        organization,
        policy,
    }))
}

/// Keeps a report; `false` when it was there already.
fn keep(tx: &mut Tx<'_>, leaked: &Leaked, report: &LeakReport, now: Timestamp) -> Result<bool, DbError> {
    let same = leak_reports::table
        .filter(leak_reports::secret_digest.eq(report.digest.as_bytes()))
        .filter(leak_reports::url.eq(&report.url));
    if diesel::select(diesel::dsl::exists(same)).get_result(tx.connection())? {
        return Ok(false);
    }
    let is_token = leaked.is_token();
    diesel::insert_into(leak_reports::table)
        .values((
            leak_reports::id.eq(new_id(now)),
            leak_reports::organization_id.eq(&leaked.organization.id),
            leak_reports::api_key_id.eq((!is_token).then_some(leaked.id())),
            leak_reports::master_token_id.eq(is_token.then_some(leaked.id())),
            leak_reports::secret_digest.eq(report.digest.as_bytes()),
            leak_reports::url.eq(&report.url),
            leak_reports::source.eq(&report.source),
            leak_reports::reported_at.eq(now),
            leak_reports::masked.eq(Some(&report.masked)),
        ))
        .execute(tx.connection())?;
    Ok(true)
}

fn carry_out_policy(
    tx: &mut Tx<'_>,
    leaked: &Leaked,
    system: &Actor,
    masked: &str,
    now: Timestamp,
) -> Result<Measure, DbError> {
    if !works(leaked, now) {
        return Ok(Measure::StoppedBefore);
    }
    if leaked.policy == LeakPolicy::Notify {
        return Ok(Measure::None);
    }
    let of_secret = Detail::Key { masked: masked.to_owned() };
    let (action, detail) = match &leaked.subject {
        Subject::Key { key, is_previous_secret: true } => {
            api_keys::revoke_previous_secret(tx, &key.id)?;
            (Action::PreviousSecretRevoked, of_secret)
        }
        Subject::Key { key, is_previous_secret: false } => {
            api_keys::set_switch(tx, &key.id, Some(now), None)?;
            (Action::KeyDeactivated, of_secret)
        }
        // It works no more, so nothing is to be done.
        Subject::Removed(_) => return Ok(Measure::StoppedBefore),
        Subject::Token(token) => {
            master_tokens::stop(tx, &token.id, now)?;
            (Action::TokenDeactivated, token.fact())
        }
    };
    record(tx, leaked, system, action, detail, now)?;
    Ok(Measure::Stopped)
}

/// Whether the secret is accepted. A paused key is not, but comes back by itself.
fn works(leaked: &Leaked, now: Timestamp) -> bool {
    match &leaked.subject {
        Subject::Removed(_) => false,
        Subject::Token(token) => token.active && token.expires_at.is_none_or(|end| end > now),
        Subject::Key { key, .. } => match key.status(now) {
            KeyStatus::Active => true,
            KeyStatus::Expired => false,
            KeyStatus::Deactivated => key.paused_until.is_some(),
        },
    }
}

fn record(
    tx: &mut Tx<'_>,
    leaked: &Leaked,
    actor: &Actor,
    action: Action,
    detail: Detail,
    now: Timestamp,
) -> Result<(), DbError> {
    let event = Event {
        organization_id: Some(&leaked.organization.id),
        actor,
        action,
        subject_id: Some(leaked.id()),
        subject_name: leaked.name(),
        detail: Some(detail),
    };
    events::record(tx, &event, now)
}

/// Tells of every place that was not told of yet.
fn tell_administrators(
    tx: &mut Tx<'_>,
    leaked: &Leaked,
    digest: SecretDigest,
    measure: Measure,
    now: Timestamp,
) -> Result<(), DbError> {
    let untold: Vec<(String, Option<String>)> = leak_reports::table
        .filter(leak_reports::secret_digest.eq(digest.as_bytes()))
        .filter(leak_reports::told_at.is_null())
        .order(leak_reports::id)
        .select((leak_reports::url, leak_reports::masked))
        .load(tx.connection())?;
    let Some((url, masked)) = untold.first().cloned() else { return Ok(()) };
    let message = Message::KeyLeaked {
        organization: leaked.organization.name.clone(),
        organization_id: leaked.organization.id.clone(),
        leaked: leaked.kind(),
        name: leaked.name().to_owned(),
        id: leaked.id().to_owned(),
        masked: masked.unwrap_or_default(),
        url,
        more_places: untold.len().saturating_sub(1),
        measure,
        at: now,
    };
    for administrator in members::administrators(tx.connection(), &leaked.organization.id)? {
        outbox::queue(tx, &administrator, &message, now)?;
    }
    mark_told(tx, digest, now)
}

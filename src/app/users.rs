//! `tessera users`: accounts by the hand of the operator, on the machine itself. A server may run meanwhile: it reads
//! accounts and sessions anew for each request, so nothing that it holds in memory changes.

use crate::{
    clock::{Clock, Timestamp},
    config::{AccountChange, DatabaseUrl, ServerUrl, UsersCall, UsersVerb},
    db::{Connection, Db, DbError, Tx},
    domain::{
        access::Operator,
        accounts::NewAccount,
        email::EmailAddress,
        instance::{self, AccountLink, InstanceError, LinkKind, Person},
        names::{MAX_NAME_LENGTH, Name},
        page::{PageRef, PageRequest},
        passwords::{PasswordHasher, TypedPassword},
        secret::Secret,
        user::User,
    },
    vocabulary::PersonSort,
    web::urls,
};

/// People who are read at once.
const PEOPLE_AT_ONCE: i64 = 1000;

/// What came of a command.
#[derive(Debug)]
pub enum UsersOutcome {
    /// All people, by name.
    People(Vec<Person>),
    /// A link, and its whole address. It is told this once.
    Link(String, AccountLink),
    /// Somebody was changed.
    Changed(User, AccountChange),
}

/// Why a command fails.
type Failure = Box<dyn std::error::Error>;

/// Does what the operator asks for.
///
/// # Errors
/// When the email or the name cannot be, the account is there already or is not, a rule speaks against the change, or
/// the database cannot be used.
pub fn manage_users(call: &UsersCall, clock: &Clock) -> Result<UsersOutcome, Failure> {
    let (database, now) = (&call.database, clock.now());
    match &call.verb {
        UsersVerb::List => {
            let db = Db::open_existing(database)?;
            Ok(UsersOutcome::People(db.read_blocking(all_people)?))
        }
        UsersVerb::Create { email, name, public_url } => {
            let typed = EmailAddress::parse(email)?;
            let db = Db::open_existing(database)?;
            let new = new_account(typed, name)?;
            let link = db.write_blocking(|tx| {
                let operator = Operator::at_the_machine();
                let user = instance::create_account(tx, &operator, &new, now)?;
                instance::create_link(tx, &operator, (&user.id, LinkKind::Password), now)
            });
            Ok(outcome_of(public_url, link.map_err(about(email))?))
        }
        UsersVerb::Link { email, public_url, is_for_password } => {
            let kind = if *is_for_password { LinkKind::Password } else { LinkKind::LogIn };
            let link = with_account(database, email, |tx, operator, user| {
                instance::create_link(tx, operator, (&user.id, kind), now)
            });
            Ok(outcome_of(public_url, link?))
        }
        UsersVerb::Change { email, change } => {
            let user = with_account(database, email, |tx, operator, user| {
                change_account(tx, operator, (user, *change), now)
            });
            Ok(UsersOutcome::Changed(user?, *change))
        }
    }
}

/// Does `work` with the account at an email.
fn with_account<T>(
    database: &DatabaseUrl,
    email: &str,
    work: impl FnOnce(&mut Tx<'_>, &Operator, &User) -> Result<T, InstanceError>,
) -> Result<T, Failure> {
    let address = EmailAddress::parse(email)?;
    let db = Db::open_existing(database)?;
    let done = db.write_blocking(|tx| {
        let operator = Operator::at_the_machine();
        let user = instance::person_at(tx.connection(), &operator, &address)?;
        work(tx, &operator, &user)
    });
    done.map_err(about(email))
}

fn change_account(
    tx: &mut Tx<'_>,
    operator: &Operator,
    (user, change): (&User, AccountChange),
    now: Timestamp,
) -> Result<User, InstanceError> {
    match change {
        AccountChange::LogOut => instance::log_out(tx, operator, &user.id, now),
        AccountChange::Disable => instance::deactivate(tx, operator, &user.id, now),
        AccountChange::Enable => instance::activate(tx, operator, &user.id, now),
        AccountChange::Delete => instance::delete(tx, operator, &user.id, now),
        AccountChange::Promote => instance::appoint(tx, operator, &user.id, now),
        AccountChange::Demote => instance::dismiss(tx, operator, &user.id, now),
    }
}

fn new_account(email: EmailAddress, name: &str) -> Result<NewAccount, Failure> {
    // Nobody knows it, and the link replaces it.
    let password = TypedPassword::parse(Secret::generate_password()?.expose().to_owned().into(), &[])?;
    let password_hash = PasswordHasher::hash_at_command_line(&password)??;
    Ok(NewAccount { email, name: Name::parse(name, MAX_NAME_LENGTH)?, password_hash })
}

fn outcome_of(public_url: &ServerUrl, link: AccountLink) -> UsersOutcome {
    let path = match link.kind {
        LinkKind::LogIn => urls::log_in_link(link.secret.expose()),
        LinkKind::Password => urls::reset_password(link.secret.expose()),
    };
    UsersOutcome::Link(public_url.join(&path), link)
}

/// An error as a line about this email. One of the database stays as it is: the status depends on it.
fn about(email: &str) -> impl Fn(InstanceError) -> Failure {
    move |error| match error {
        InstanceError::Db(error) => error.into(),
        InstanceError::NotFound => format!("there is no account with this email: {email}").into(),
        error => {
            let sentence = error.to_string();
            format!("{}: {email}", sentence.trim_end_matches('.')).into()
        }
    }
}

fn all_people(connection: &mut Connection) -> Result<Vec<Person>, DbError> {
    let (operator, mut page, mut people) = (Operator::at_the_machine(), PageRef::First, Vec::new());
    loop {
        let request = PageRequest::new(page, PEOPLE_AT_ONCE);
        let part = instance::page_of_people(connection, &operator, ("", PersonSort::Name), &request)?;
        people.extend(part.rows);
        match part.next {
            Some(next) => page = next,
            None => return Ok(people),
        }
    }
}

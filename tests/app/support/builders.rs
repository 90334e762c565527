//! People, organizations, keys and invitations, made by the domain as the pages make them.

use std::ops::Deref;

use tessera::{
    clock::Timestamp,
    config::InstanceRules,
    db::{Connection, Tx},
    domain::{
        access::{self, Actor, Capability, Grant, ManageTokens, Operator, Role},
        accounts::{self, NewAccount, SignedUp},
        api_keys::{self, ApiKey, NewApiKey},
        email::EmailAddress,
        id::new_id,
        instance,
        instance_access::InstanceAccess,
        instance_tokens::{self, InstanceToken, NewInstanceToken},
        invitations::{self, Invitation},
        key_settings::KeySettings,
        master_tokens::{self, MasterToken, NewToken},
        members,
        names::Name,
        organization::Organization,
        organizations,
        outbox::{self, Message, QueuedMail},
        page::{PageRef, PageRequest},
        passwords::{PasswordHasher, TypedPassword},
        plans::{self, Ceilings, PlanOffer},
        token_access::TokenAccess,
        user::User,
        webhooks::{
            self, AllowedNetworks, Attempt, AttemptOutcome, Delivery, Events, NewWebhook, Webhook, WebhookUrl,
        },
    },
    vocabulary::Environment,
};
use tokio::sync::OnceCell;

use super::World;

/// A key or token with another last character.
pub(crate) fn mistyped(secret: &str) -> String {
    let start = &secret[..secret.len() - 1];
    format!("{start}{}", if secret.ends_with('x') { "y" } else { "x" })
}

/// Everybody's password.
pub(crate) const PASSWORD: &str = "the heron waits for rain";

/// An organization and its first administrator.
#[derive(Clone)]
pub(crate) struct Company {
    pub(crate) organization: Organization,
    pub(crate) owner: User,
}

impl Deref for Company {
    type Target = Organization;

    fn deref(&self) -> &Organization {
        &self.organization
    }
}

impl Company {
    /// An address inside the organization: `url("api")`.
    pub(crate) fn url(&self, rest: &str) -> String {
        format!("/orgs/{}/{rest}", self.id)
    }

    /// The proof that its first administrator may do everything.
    pub(crate) fn admin(&self, tx: &mut Tx<'_>) -> anyhow::Result<Grant<ManageTokens>> {
        self.grant(tx)
    }

    /// The proof that its first administrator may do `C`.
    pub(crate) fn grant<C: Capability>(&self, tx: &mut Tx<'_>) -> anyhow::Result<Grant<C>> {
        Ok(access::member(tx.connection(), &self.owner, None, &self.id)?.grant()?)
    }
}

/// `Dana Whitfield` reads her mail at `dana.whitfield@lumen.example`.
pub(crate) fn address_of(name: &str) -> String {
    format!("{}@lumen.example", name.to_lowercase().replace(' ', "."))
}

fn name(text: &str) -> Name {
    Name::parse(text, 80).expect("a name")
}

impl World {
    /// Somebody with a proven address and [`PASSWORD`].
    pub(crate) async fn user(&self, name: &str) -> User {
        let (new, now) = (self.new_account(name).await, self.now());
        self.write(move |tx| quietly(tx, now, |tx| sign_up_and_verify(tx, &new, now))).await
    }

    /// Somebody who signed up and did not prove the address yet.
    pub(crate) async fn unverified_user(&self, name: &str) -> User {
        let (new, now) = (self.new_account(name).await, self.now());
        self.write(move |tx| {
            quietly(tx, now, |tx| {
                accounts::sign_up(tx, &new, None, now)?;
                let credentials = accounts::credentials(tx.connection(), &new.email)?;
                Ok(credentials.expect("the account").user)
            })
        })
        .await
    }

    /// Makes `user` an instance administrator.
    pub(crate) async fn appoint(&self, user: &User) {
        let (id, now) = (user.id.clone(), self.now());
        self.write(move |tx| Ok(instance::appoint(tx, &Operator::at_the_machine(), &id, now)?)).await;
    }

    /// An active instance token that an instance administrator made, and its secret.
    pub(crate) async fn instance_token(
        &self,
        olga: &User,
        access: InstanceAccess,
    ) -> (InstanceToken, String) {
        let (olga, now) = (olga.clone(), self.now());
        let title = name(&format!("Backend {}", new_id(now)));
        let new = NewInstanceToken { name: title, access, expires_at: None };
        self.write(move |tx| {
            let administrator = access::instance_administrator(tx.connection(), &olga, None)?;
            let (token, secret) =
                instance_tokens::generate(tx, &administrator, &new, &InstanceRules::default(), now)?;
            let token = instance_tokens::switch(tx, &administrator, &token.id, true, now)?;
            Ok((token, secret.expose().to_owned()))
        })
        .await
    }

    /// A plan that limits nothing, and is not the default; its id.
    pub(crate) async fn plan(&self, title: &str) -> String {
        let (title, now) = (name(title), self.now());
        let id = self
            .write(move |tx| {
                let offer = PlanOffer { name: title, ceilings: Ceilings::default() };
                Ok(plans::create(tx, &Operator::at_the_machine(), &offer, now)?.id)
            })
            .await;
        self.execute("UPDATE plans SET is_default = FALSE").await;
        id
    }

    /// Has somebody at the machine suspend an organization.
    pub(crate) async fn suspend(&self, company: &Company, reason: &str) {
        let (id, now) = (company.id.clone(), self.now());
        let reason = Name::parse_text(reason, instance::MAX_REASON_LENGTH).expect("a reason");
        self.write(move |tx| {
            let operator = Operator::at_the_machine();
            Ok(instance::suspend_organization(tx, &operator, (&id, &reason), now)?)
        })
        .await;
    }

    /// An organization of `owner`, who is its only member and administrator.
    pub(crate) async fn organization(&self, title: &str, owner: &User) -> Company {
        let (title, owner, now) = (name(title), owner.clone(), self.now());
        self.write(move |tx| {
            let actor = Actor::user(&owner, None);
            let organization =
                organizations::create(tx, &owner, &actor, &title, &InstanceRules::default(), now)?;
            Ok(Company { organization, owner })
        })
        .await
    }

    /// An organization called "Lumen" with its administrator, Dana Whitfield.
    pub(crate) async fn lumen(&self) -> Company {
        let dana = self.user("Dana Whitfield").await;
        self.organization("Lumen", &dana).await
    }

    /// A new person in the organization.
    pub(crate) async fn member(&self, company: &Company, role: Role, name: &str) -> User {
        let user = self.user(name).await;
        self.join(company, role, &user).await;
        user
    }

    /// Makes `user` a member, by an invitation that is accepted.
    pub(crate) async fn join(&self, company: &Company, role: Role, user: &User) {
        let (company, user, now) = (company.clone(), user.clone(), self.now());
        self.write(move |tx| {
            quietly(tx, now, |tx| {
                let invitation = invite(tx, &company, role, &user.email, now)?;
                invitations::accept(tx, &user, None, &invitation.id, now)?;
                Ok(())
            })
        })
        .await;
    }

    /// An invitation whose mail waits in the outbox, and the secret of the link in it.
    pub(crate) async fn invitation(
        &self,
        company: &Company,
        role: Role,
        email: &str,
    ) -> (Invitation, String) {
        let (company, email, now) = (company.clone(), email.to_owned(), self.now());
        self.write(move |tx| {
            let invitation = invite(tx, &company, role, &email, now)?;
            let mails = newest_mails(tx.connection(), 1)?;
            Ok((invitation, token_of(mails.first().expect("a mail"))))
        })
        .await
    }

    /// A key without an end, and its secret.
    pub(crate) async fn api_key(&self, company: &Company, name: &str) -> (ApiKey, String) {
        self.api_key_until(company, name, None).await
    }

    pub(crate) async fn api_key_until(
        &self,
        company: &Company,
        key_name: &str,
        expires_at: Option<Timestamp>,
    ) -> (ApiKey, String) {
        let (company, now) = (company.clone(), self.now());
        let new = NewApiKey {
            name: name(key_name),
            expires_at,
            environment: Environment::Live,
            settings: KeySettings::default(),
        };
        self.write(move |tx| {
            let admin = company.admin(tx)?;
            let (key, secret) = api_keys::create(tx, &admin, &new, &InstanceRules::default(), now)?;
            Ok((key, secret.expose().to_owned()))
        })
        .await
    }

    /// A key that was removed; its id.
    pub(crate) async fn removed_key(&self, company: &Company, name: &str) -> String {
        let id = self.api_key(company, name).await.0.id;
        let (company, key_id, now) = (company.clone(), id.clone(), self.now());
        self.write(move |tx| {
            let admin = company.admin(tx)?;
            Ok(api_keys::remove(tx, &admin, &key_id, now)?)
        })
        .await;
        id
    }

    /// Has an administrator remove an organization.
    pub(crate) async fn remove(&self, company: &Company) {
        let (company, now) = (company.clone(), self.now());
        self.write(move |tx| {
            let admin = company.admin(tx)?;
            let typed = admin.name.clone();
            Ok(organizations::remove(tx, &admin, &typed, now)?)
        })
        .await;
    }

    /// A master token for everything that is not active yet, and its secret.
    pub(crate) async fn master_token(&self, company: &Company, token_name: &str) -> (MasterToken, String) {
        self.master_token_for(company, token_name, TokenAccess::Full, None).await
    }

    /// A master token that is not active yet, and its secret.
    pub(crate) async fn master_token_for(
        &self,
        company: &Company,
        token_name: &str,
        access: TokenAccess,
        expires_at: Option<Timestamp>,
    ) -> (MasterToken, String) {
        let (company, now) = (company.clone(), self.now());
        let new = NewToken { name: name(token_name), access, expires_at };
        self.write(move |tx| {
            quietly(tx, now, |tx| {
                let admin = company.admin(tx)?;
                let (token, secret) =
                    master_tokens::generate(tx, &admin, &new, &InstanceRules::default(), now)?;
                Ok((token, secret.expose().to_owned()))
            })
        })
        .await
    }

    /// A webhook that has one message in its log, which failed for good. It is told of what does
    /// not happen by itself, so that nothing goes out while a test looks elsewhere.
    pub(crate) async fn webhook(&self, company: &Company, url: &str) -> (Webhook, Delivery) {
        let (company, now) = (company.clone(), self.now());
        let new = NewWebhook {
            url: WebhookUrl::parse(url, &AllowedNetworks::default()).expect("an address"),
            description: None,
            events: Events::chosen(["api_key.leaked"]).expect("an event"),
        };
        self.write(move |tx| {
            let admin = company.admin(tx)?;
            let (webhook, _) = webhooks::create(tx, &admin, &new, &InstanceRules::default(), now)?;
            webhooks::send_test(tx, &admin, &webhook.id, now)?;
            let log = PageRequest::new(PageRef::First, 1);
            let queued =
                webhooks::deliveries(tx.connection(), &admin, &webhook.id, None, &log)?.rows.remove(0);
            for _ in 0..10 {
                let reason = AttemptOutcome::Failed("The receiver returned 500.".into());
                let attempt =
                    Attempt { outcome: reason, status: Some(500), response: None, retry_after: None };
                webhooks::record_attempt(tx, &queued.id, &attempt, now)?;
            }
            Ok(webhooks::delivery(tx.connection(), &admin, &webhook.id, &queued.id)?)
        })
        .await
    }

    /// What `user` is in the organization.
    pub(crate) async fn role_of(&self, company: &Company, user: &User) -> Option<Role> {
        let (id, user) = (company.id.clone(), user.clone());
        self.read(move |connection| {
            let Ok(member) = access::member(connection, &user, None, &id) else { return Ok(None) };
            Ok(Some(members::find(connection, &member.grant()?, &user.id)?.role))
        })
        .await
    }

    /// Every mail, the newest first. Those of the builders above are among them, marked as sent
    /// and without their secrets, but for the invitations'.
    pub(crate) async fn mails(&self) -> Vec<QueuedMail> {
        self.read(|connection| newest_mails(connection, 1000)).await
    }

    /// The newest mail to an address.
    pub(crate) async fn mail_to(&self, address: &str) -> QueuedMail {
        let mails = self.mails().await;
        mails.into_iter().find(|mail| mail.recipient == address).expect("a mail to that address")
    }

    /// The secret of the link in the newest mail to an address.
    pub(crate) async fn mailed_token(&self, address: &str) -> String {
        token_of(&self.mail_to(address).await)
    }

    async fn new_account(&self, text: &str) -> NewAccount {
        static HASH: OnceCell<String> = OnceCell::const_new();
        let hash = HASH
            .get_or_init(async || {
                let typed = TypedPassword::parse(PASSWORD.to_owned().into(), &[]).expect("long enough");
                PasswordHasher::hash_at_command_line(&typed).expect("a hash").expect("a good password")
            })
            .await;
        let email = EmailAddress::parse(&address_of(text)).expect("an address");
        NewAccount { email, name: name(text), password_hash: hash.clone() }
    }
}

fn sign_up_and_verify(tx: &mut Tx<'_>, new: &NewAccount, now: Timestamp) -> anyhow::Result<User> {
    accounts::sign_up(tx, new, None, now)?;
    let mails = newest_mails(tx.connection(), 1)?;
    let token = token_of(mails.first().expect("the mail with the link"));
    let shown = SignedUp::Password(new.password_hash.clone());
    Ok(accounts::verify_email(tx, &token, &shown, None, now)?)
}

fn invite(
    tx: &mut Tx<'_>,
    company: &Company,
    role: Role,
    email: &str,
    now: Timestamp,
) -> anyhow::Result<Invitation> {
    let grant = company.grant(tx)?;
    let email = EmailAddress::parse(email)?;
    invitations::invite(tx, &grant, role, std::slice::from_ref(&email), &InstanceRules::default(), now)?;
    let mails = newest_mails(tx.connection(), 1)?;
    let found = invitations::find(tx.connection(), &token_of(mails.first().expect("the mail")))?;
    Ok(found.expect("the invitation").invitation)
}

/// Does `work` and marks the mails that it queued as sent: they are not what the test is about.
fn quietly<T>(
    tx: &mut Tx<'_>,
    now: Timestamp,
    work: impl FnOnce(&mut Tx<'_>) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let before = newest_mails(tx.connection(), 1)?.first().map(|mail| mail.id.clone()).unwrap_or_default();
    let done = work(tx)?;
    for mail in newest_mails(tx.connection(), 100)?.iter().take_while(|mail| mail.id != before) {
        outbox::mark_sent(tx, mail, now)?;
    }
    Ok(done)
}

/// The newest mails that can be read, the newest first.
fn newest_mails(connection: &mut Connection, limit: i64) -> anyhow::Result<Vec<QueuedMail>> {
    Ok(outbox::newest(connection, limit)?.into_iter().flatten().collect())
}

/// The secret of the link in a mail.
#[track_caller]
fn token_of(mail: &QueuedMail) -> String {
    match &mail.message {
        Message::VerifyAddress { token, .. }
        | Message::ResetPassword { token, .. }
        | Message::Invitation { token, .. } => token.clone(),
        other => panic!("no link in {other:?}"),
    }
}

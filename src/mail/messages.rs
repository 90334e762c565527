//! What the mails say: each [`Message`] rendered by the three templates in its folder under
//! `templates/email`.

use askama::Template;
use time::{format_description::BorrowedFormatItem, macros::format_description};

use crate::{
    clock::Timestamp,
    config::{Brand, ServerUrl},
    domain::{
        access::Role,
        grouped::grouped,
        outbox::{Message, QuotaOfKey},
    },
};
use unlinked::{address, unlinked};

mod leak;
#[cfg(test)]
mod tests;
mod unlinked;

/// A mail ready to be sent or shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RenderedMail {
    /// One line, free of control characters.
    pub subject: String,
    /// The plain text part.
    pub text: String,
    /// The HTML part.
    pub html: String,
}

/// Puts messages into words; knows the brand and the address that links lead to.
#[derive(Clone, Debug)]
pub struct Composer {
    brand: Brand,
    public_url: ServerUrl,
}

impl Composer {
    /// A composer for the server that people reach at `public_url`.
    pub fn new(brand: Brand, public_url: ServerUrl) -> Self {
        Self { brand, public_url }
    }

    /// Renders `message` for the address it goes to.
    ///
    /// # Errors
    /// A template failed; none of ours does.
    pub fn compose(&self, recipient: &str, message: &Message) -> Result<RenderedMail, askama::Error> {
        let site = Site { brand: self.brand.as_str(), host: self.public_url.host(), recipient };
        let link = |path: &str| self.public_url.join(path);
        match message {
            Message::VerifyAddress { name: _, token, expires_at } => VerifyAddress {
                brand: site.brand,
                url: &link(&format!("/verify-email/{token}")),
                expires: &instant(*expires_at),
            }
            .compose(&site),
            Message::AccountExists { name } => AccountExists {
                brand: site.brand,
                name: &unlinked(name),
                log_in_url: &link("/login"),
                forgot_url: &link("/forgot-password"),
            }
            .compose(&site),
            Message::ResetPassword { name, token, expires_at } => ResetPassword {
                brand: site.brand,
                name: &unlinked(name),
                url: &link(&format!("/reset-password/{token}")),
                expires: &instant(*expires_at),
            }
            .compose(&site),
            Message::PasswordChanged { name, changed_at, ip } => PasswordChanged {
                brand: site.brand,
                name: &unlinked(name),
                changed: &instant(*changed_at),
                ip: ip.as_deref(),
                forgot_url: &link("/forgot-password"),
            }
            .compose(&site),
            Message::Invitation {
                organization,
                inviter,
                inviter_email,
                role,
                abilities,
                token,
                expires_at,
            } => Invitation {
                organization: &unlinked(organization),
                inviter: &unlinked(inviter),
                inviter_email: inviter_email.as_deref().map(address).as_deref(),
                article: article(role),
                role,
                abilities,
                url: &link(&format!("/i/{token}")),
                expires: &instant(*expires_at),
                expires_day: &format(*expires_at, DAY),
            }
            .compose(&site),
            Message::RenewalAsked { organization, organization_id, invited } => RenewalAsked {
                organization: &unlinked(organization),
                invited: &address(invited),
                url: &link(&format!("/orgs/{organization_id}/users")),
            }
            .compose(&site),
            Message::MasterTokenNotice {
                organization,
                organization_id,
                token_name,
                event,
                actor,
                abilities,
                expires_at,
                at,
                ip,
            } => MasterTokenNotice {
                organization: &unlinked(organization),
                token_name: &unlinked(token_name),
                event,
                consequence: consequence(event),
                actor: &unlinked(actor),
                abilities,
                expires: expires_at.map(instant).as_deref(),
                at: &instant(*at),
                ip: ip.as_deref(),
                url: &link(&format!("/orgs/{organization_id}/api")),
            }
            .compose(&site),
            Message::InstanceTokenNotice { token_name, event, actor, abilities, expires_at, at, ip } => {
                InstanceTokenNotice {
                    token_name: &unlinked(token_name),
                    event,
                    consequence: consequence(event),
                    actor: &unlinked(actor),
                    abilities,
                    expires: expires_at.map(instant).as_deref(),
                    at: &instant(*at),
                    ip: ip.as_deref(),
                    url: &link("/instance/tokens"),
                }
                .compose(&site)
            }
            Message::KeyExpires {
                organization,
                organization_id,
                key_name,
                key_id,
                masked,
                days,
                expires_at,
                last_used_at,
            } => KeyExpires {
                organization: &unlinked(organization),
                key_name: &unlinked(key_name),
                masked,
                when: &if *days == 1 { "within a day".to_owned() } else { format!("within {days} days") },
                expires: &instant(*expires_at),
                last_used: last_used_at.map(instant).as_deref(),
                // The dialog with an expiration chosen that is as far away as this one once was.
                rotate_url: &link(&format!("/orgs/{organization_id}/api/keys/{key_id}/rotate?duration=same")),
                url: &link(&format!("/orgs/{organization_id}/api/keys/{key_id}")),
            }
            .compose(&site),
            Message::QuotaReached { organization, organization_id, key, percent, used, quota, resets_at } => {
                let organization = unlinked(organization);
                let of_key = |key: &QuotaOfKey| format!("API key {} of {organization}", unlinked(&key.name));
                let api = format!("/orgs/{organization_id}/api");
                let url = key.as_ref().map_or(api.clone(), |key| format!("{api}/keys/{}", key.id));
                QuotaReached {
                    whose: &key.as_ref().map_or_else(|| organization.clone(), of_key),
                    organization: &organization,
                    is_of_key: key.is_some(),
                    is_used_up: *percent == 100,
                    used: &thousands(*used),
                    quota: &thousands(*quota),
                    resets: &instant(*resets_at),
                    action: if key.is_some() { "View key" } else { "View API keys" },
                    url: &link(&url),
                }
                .compose(&site)
            }
            Message::KeysExpire { organization, organization_id, keys, more } => {
                let api = format!("/orgs/{organization_id}/api");
                KeysExpire {
                    organization: &unlinked(organization),
                    count: keys.len() + more,
                    keys: keys
                        .iter()
                        .map(|key| ExpiringKey {
                            name: unlinked(&key.name),
                            masked: &key.masked,
                            expires: instant(key.expires_at),
                            last_used: key.last_used_at.map(instant),
                            url: link(&format!("{api}/keys/{}", key.id)),
                        })
                        .collect(),
                    more: *more,
                    url: &link(&format!("{api}?show=soon")),
                }
                .compose(&site)
            }
            Message::KeyLeaked {
                organization,
                organization_id,
                leaked,
                name,
                id,
                masked,
                url,
                more_places,
                measure,
                at,
            } => {
                let api = link(&format!("/orgs/{organization_id}/api"));
                let words = leak::words(*leaked, *measure, &api, id);
                KeyLeaked {
                    organization: &unlinked(organization),
                    what: words.what,
                    name: &unlinked(name),
                    masked,
                    place: url,
                    more: leak::more(*more_places).as_deref(),
                    at: &instant(*at),
                    consequence: words.consequence,
                    remedy: words.remedy.as_ref(),
                    page: &words.page,
                }
                .compose(&site)
            }
            Message::WebhookDeactivated {
                organization,
                organization_id,
                webhook_id,
                address,
                reason,
                at,
            } => WebhookDeactivated {
                organization: &unlinked(organization),
                address: &unlinked(address),
                reason,
                at: &instant(*at),
                url: &link(&format!("/orgs/{organization_id}/webhooks/{webhook_id}")),
            }
            .compose(&site),
        }
    }
}

impl Composer {
    /// The email that shows whether emails go out.
    ///
    /// # Errors
    /// As [`compose`](Self::compose).
    pub fn compose_test(&self, recipient: &str) -> Result<RenderedMail, askama::Error> {
        let site = Site { brand: self.brand.as_str(), host: self.public_url.host(), recipient };
        TestEmail { brand: site.brand, url: &self.public_url.to_string() }.compose(&site)
    }
}

/// What both parts of every mail may show besides their own fields.
struct Site<'a> {
    brand: &'a str,
    host: &'a str,
    recipient: &'a str,
}

// Anyone can sign up with another's address and a name that is an advertisement, so the mail
// to an address that is not proven yet does not show the name.
#[derive(Template)]
#[template(path = "email/verify_address/subject.txt")]
struct VerifyAddress<'a> {
    brand: &'a str,
    url: &'a str,
    expires: &'a str,
}

#[derive(Template)]
#[template(path = "email/account_exists/subject.txt")]
struct AccountExists<'a> {
    brand: &'a str,
    name: &'a str,
    log_in_url: &'a str,
    forgot_url: &'a str,
}

#[derive(Template)]
#[template(path = "email/reset_password/subject.txt")]
struct ResetPassword<'a> {
    brand: &'a str,
    name: &'a str,
    url: &'a str,
    expires: &'a str,
}

#[derive(Template)]
#[template(path = "email/password_changed/subject.txt")]
struct PasswordChanged<'a> {
    brand: &'a str,
    name: &'a str,
    changed: &'a str,
    ip: Option<&'a str>,
    forgot_url: &'a str,
}

#[derive(Template)]
#[template(path = "email/test/subject.txt")]
struct TestEmail<'a> {
    brand: &'a str,
    url: &'a str,
}

#[derive(Template)]
#[template(path = "email/invitation/subject.txt")]
struct Invitation<'a> {
    organization: &'a str,
    inviter: &'a str,
    inviter_email: Option<&'a str>,
    article: &'a str,
    role: &'a str,
    abilities: &'a str,
    url: &'a str,
    expires: &'a str,
    expires_day: &'a str,
}

#[derive(Template)]
#[template(path = "email/renewal_asked/subject.txt")]
struct RenewalAsked<'a> {
    organization: &'a str,
    invited: &'a str,
    url: &'a str,
}

#[derive(Template)]
#[template(path = "email/master_token_notice/subject.txt")]
struct MasterTokenNotice<'a> {
    organization: &'a str,
    token_name: &'a str,
    event: &'a str,
    consequence: &'a str,
    actor: &'a str,
    abilities: &'a str,
    expires: Option<&'a str>,
    at: &'a str,
    ip: Option<&'a str>,
    url: &'a str,
}

#[derive(Template)]
#[template(path = "email/instance_token_notice/subject.txt")]
struct InstanceTokenNotice<'a> {
    token_name: &'a str,
    event: &'a str,
    consequence: &'a str,
    actor: &'a str,
    abilities: &'a str,
    expires: Option<&'a str>,
    at: &'a str,
    ip: Option<&'a str>,
    url: &'a str,
}

#[derive(Template)]
#[template(path = "email/key_expires/subject.txt")]
struct KeyExpires<'a> {
    organization: &'a str,
    key_name: &'a str,
    masked: &'a str,
    when: &'a str,
    expires: &'a str,
    last_used: Option<&'a str>,
    rotate_url: &'a str,
    url: &'a str,
}

#[derive(Template)]
#[template(path = "email/quota_reached/subject.txt")]
struct QuotaReached<'a> {
    /// The organization, or the key with its organization.
    whose: &'a str,
    organization: &'a str,
    is_of_key: bool,
    is_used_up: bool,
    used: &'a str,
    quota: &'a str,
    resets: &'a str,
    action: &'a str,
    url: &'a str,
}

#[derive(Template)]
#[template(path = "email/keys_expire/subject.txt")]
struct KeysExpire<'a> {
    organization: &'a str,
    count: usize,
    keys: Vec<ExpiringKey<'a>>,
    more: usize,
    url: &'a str,
}

/// One line of the list.
struct ExpiringKey<'a> {
    name: String,
    masked: &'a str,
    expires: String,
    last_used: Option<String>,
    url: String,
}

#[derive(Template)]
#[template(path = "email/key_leaked/subject.txt")]
struct KeyLeaked<'a> {
    organization: &'a str,
    what: &'a str,
    name: &'a str,
    masked: &'a str,
    place: &'a str,
    more: Option<&'a str>,
    at: &'a str,
    consequence: &'a str,
    remedy: Option<&'a leak::Button>,
    page: &'a leak::Button,
}

#[derive(Template)]
#[template(path = "email/webhook_deactivated/subject.txt")]
struct WebhookDeactivated<'a> {
    organization: &'a str,
    address: &'a str,
    reason: &'a str,
    at: &'a str,
    url: &'a str,
}

/// Binds each kind of mail, which is the template of its subject, to those of its parts.
macro_rules! parts {
    ($($mail:ident: $text:literal, $html:literal;)*) => {$(
        impl $mail<'_> {
            fn compose(&self, site: &Site<'_>) -> Result<RenderedMail, askama::Error> {
                #[derive(Template)]
                #[template(path = $text)]
                struct Text<'a> { site: &'a Site<'a>, mail: &'a $mail<'a> }

                #[derive(Template)]
                #[template(path = $html)]
                struct Html<'a> { site: &'a Site<'a>, mail: &'a $mail<'a>, subject: &'a str }

                let subject = one_line(&self.render()?);
                Ok(RenderedMail {
                    text: Text { site, mail: self }.render()?,
                    html: Html { site, mail: self, subject: &subject }.render()?,
                    subject,
                })
            }
        }
    )*};
}

parts! {
    VerifyAddress: "email/verify_address/body.txt", "email/verify_address/body.html";
    AccountExists: "email/account_exists/body.txt", "email/account_exists/body.html";
    ResetPassword: "email/reset_password/body.txt", "email/reset_password/body.html";
    PasswordChanged: "email/password_changed/body.txt", "email/password_changed/body.html";
    TestEmail: "email/test/body.txt", "email/test/body.html";
    Invitation: "email/invitation/body.txt", "email/invitation/body.html";
    RenewalAsked: "email/renewal_asked/body.txt", "email/renewal_asked/body.html";
    MasterTokenNotice: "email/master_token_notice/body.txt", "email/master_token_notice/body.html";
    InstanceTokenNotice: "email/instance_token_notice/body.txt", "email/instance_token_notice/body.html";
    KeyExpires: "email/key_expires/body.txt", "email/key_expires/body.html";
    KeysExpire: "email/keys_expire/body.txt", "email/keys_expire/body.html";
    QuotaReached: "email/quota_reached/body.txt", "email/quota_reached/body.html";
    KeyLeaked: "email/key_leaked/body.txt", "email/key_leaked/body.html";
    WebhookDeactivated: "email/webhook_deactivated/body.txt", "email/webhook_deactivated/body.html";
}

/// "10,000".
fn thousands(number: u64) -> String {
    grouped(i64::try_from(number).unwrap_or(i64::MAX))
}

/// What the administrators have to know about what was done to a token.
fn consequence(event: &str) -> &'static str {
    match event {
        "generated" => "It’s inactive until someone activates it.",
        "replaced" => "The previous token no longer works.",
        "activated" => "It can be used now.",
        _ => "",
    }
}

/// As a user, but as an administrator.
fn article(role: &str) -> &'static str {
    if role == Role::Administrator.label() { "an" } else { "a" }
}

/// A name cannot add a header: every control character becomes a space (ASVS 1.3.11).
fn one_line(text: &str) -> String {
    text.trim().replace(char::is_control, " ")
}

const INSTANT: &[BorrowedFormatItem<'_>] =
    format_description!("[month repr:short] [day padding:none], [year], [hour]:[minute] UTC");
const DAY: &[BorrowedFormatItem<'_>] = format_description!("[month repr:short] [day padding:none]");

fn instant(at: Timestamp) -> String {
    format(at, INSTANT)
}

fn format(at: Timestamp, description: &[BorrowedFormatItem<'_>]) -> String {
    // These formats use only what every instant has.
    at.format(description).unwrap_or_default()
}

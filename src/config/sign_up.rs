//! Who may sign up, and who may create organizations.

use std::{collections::BTreeSet, fmt};

use clap::Args;
use url::Host;

use super::{Exit, Listen, Origin, Sources, setting, sources::key_of};

const SIGN_UP: &str = "TESSERA_SIGN_UP";
const CREATE_ORGANIZATIONS: &str = "TESSERA_CREATE_ORGANIZATIONS";

/// A setting, and where it was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chosen<T> {
    /// What it has.
    pub value: T,
    /// Where that was found.
    pub origin: Origin,
}

/// Who may sign up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SignUp {
    /// Anybody.
    Open,
    /// Whoever has an email at one of these domains; everybody else by an invitation.
    Domains(Vec<EmailDomain>),
    /// Whoever has an invitation.
    Invited,
    /// Nobody. An invitation is for those who have an account.
    Closed,
}

impl SignUp {
    /// # Errors
    /// What the setting may be.
    pub fn parse(text: &str) -> Result<Self, String> {
        match text {
            "open" => Ok(Self::Open),
            "invited" => Ok(Self::Invited),
            "closed" => Ok(Self::Closed),
            domains => {
                let domains: Option<Vec<EmailDomain>> = domains.split(',').map(EmailDomain::parse).collect();
                let mut domains = domains.ok_or_else(|| {
                    "must be open, invited, closed, or email domains separated by commas, for example \
                     lumen.example, fern.example; a subdomain matches only where it is named itself"
                        .to_owned()
                })?;
                let mut known = BTreeSet::new();
                domains.retain(|domain| known.insert(domain.ascii.clone()));
                Ok(Self::Domains(domains))
            }
        }
    }

    /// What applies where nothing is set: on a loopback address nobody but this machine signs up, everywhere else
    /// strangers would.
    fn default_at(listen: &Listen) -> Self {
        if listen.is_loopback() { Self::Open } else { Self::Invited }
    }
}

impl fmt::Display for SignUp {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open => formatter.write_str("open"),
            Self::Domains(domains) => {
                let domains: Vec<&str> = domains.iter().map(EmailDomain::as_shown).collect();
                formatter.write_str(&domains.join(", "))
            }
            Self::Invited => formatter.write_str("invited"),
            Self::Closed => formatter.write_str("closed"),
        }
    }
}

impl Chosen<SignUp> {
    /// Chooses the default again, for the addresses that are listened on: inherited sockets may have others than the
    /// setting.
    pub fn follow_listener(&mut self, listen: &Listen) {
        if self.origin == Origin::Default {
            self.value = SignUp::default_at(listen);
        }
    }

    /// Why it is as it is, for the log and for those who operate the instance.
    pub fn reason(&self) -> String {
        match (&self.origin, &self.value) {
            (Origin::Default, SignUp::Open) => "the default on a loopback listener".to_owned(),
            (Origin::Default, _) => "the default where others can reach the listener".to_owned(),
            (origin, _) => set_by(SIGN_UP, origin),
        }
    }
}

/// The domain of an email, in the one form in which domains are compared. Its subdomains are other domains.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EmailDomain {
    ascii: String,
    shown: String,
}

impl EmailDomain {
    fn parse(text: &str) -> Option<Self> {
        let ascii = idna::domain_to_ascii_strict(text.trim()).ok()?;
        // What no email has: "localhost", an IP address, and a name with its root.
        let is_name = ascii.contains('.') && !ascii.ends_with('.');
        if !is_name || !matches!(Host::parse(&ascii), Ok(Host::Domain(_))) {
            return None;
        }
        let (shown, is_readable) = idna::domain_to_unicode(&ascii);
        let shown = if is_readable.is_ok() { shown } else { ascii.clone() };
        Some(Self { ascii, shown })
    }

    /// In lower case and ASCII (IDNA), as the domain of a normalised email is.
    pub fn as_ascii(&self) -> &str {
        &self.ascii
    }

    /// As people write it.
    pub fn as_shown(&self) -> &str {
        &self.shown
    }
}

/// Who may create organizations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Founders {
    /// Everybody who has an account.
    #[default]
    Everyone,
    /// Those who operate the instance.
    InstanceAdministrators,
}

impl Founders {
    /// # Errors
    /// What the setting may be.
    pub fn parse(text: &str) -> Result<Self, String> {
        match text {
            "everyone" => Ok(Self::Everyone),
            "instance-administrators" => Ok(Self::InstanceAdministrators),
            _ => Err("must be everyone or instance-administrators".to_owned()),
        }
    }
}

impl Chosen<Founders> {
    /// Why it is as it is, for those who operate the instance.
    pub fn reason(&self) -> String {
        match &self.origin {
            Origin::Default => "the default".to_owned(),
            origin => set_by(CREATE_ORGANIZATIONS, origin),
        }
    }
}

/// Where somebody who looks for the setting finds it.
fn set_by(name: &str, origin: &Origin) -> String {
    match origin {
        Origin::Flag => format!("set by the flag --{}", key_of(name).replace('_', "-")),
        Origin::Environment => format!("set by {name} in the environment"),
        Origin::File(path) => format!("set by {} in {}", key_of(name), path.display()),
        Origin::Default => "the default".to_owned(),
    }
}

#[derive(Args)]
pub(super) struct SignUpFlags {
    /// Who can sign up: open (everyone), invited (people with an invitation), closed (no one), or email domains
    /// separated by commas, which don't include their subdomains [env: TESSERA_SIGN_UP] [default: open on a loopback
    /// listener, otherwise invited]
    #[arg(long, value_name = "MODE|DOMAINS")]
    sign_up: Option<String>,
    /// Who can create organizations: everyone or instance-administrators [env: TESSERA_CREATE_ORGANIZATIONS]
    /// [default: everyone]
    #[arg(long, value_name = "WHO")]
    create_organizations: Option<String>,
}

/// Who may sign up, and who may create organizations.
pub(super) struct SignUpSettings {
    pub(super) sign_up: Chosen<SignUp>,
    pub(super) founders: Chosen<Founders>,
}

impl SignUpFlags {
    pub(super) fn read(self, listen: &Listen, sources: &Sources<'_>) -> Result<SignUpSettings, Exit> {
        let sign_up = chosen(SIGN_UP, self.sign_up, sources, SignUp::parse)?;
        let founders = chosen(CREATE_ORGANIZATIONS, self.create_organizations, sources, Founders::parse)?;
        let default = || Chosen { value: SignUp::default_at(listen), origin: Origin::Default };
        Ok(SignUpSettings {
            sign_up: sign_up.unwrap_or_else(default),
            founders: founders
                .unwrap_or_else(|| Chosen { value: Founders::default(), origin: Origin::Default }),
        })
    }
}

/// What is set as `name`, with where; `None` leaves it to the default.
fn chosen<T>(
    name: &str,
    flag: Option<String>,
    sources: &Sources<'_>,
    parse: impl Fn(&str) -> Result<T, String>,
) -> Result<Option<Chosen<T>>, Exit> {
    let origin = sources.find(name, flag.clone())?.map(|found| found.origin);
    let value = setting(name, flag, sources, parse)?;
    Ok(value.zip(origin).map(|(value, origin)| Chosen { value, origin }))
}

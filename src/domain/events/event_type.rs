//! What a webhook can be told of.

use std::{fmt, str::FromStr};

use diesel::{deserialize::FromSqlRow, expression::AsExpression, sql_types::Text};
use strum::{EnumMessage, VariantArray};

use super::Action;
use crate::domain::stored_text::stored_as_text;

/// A kind of message. Its name is the `type` of the message, and its words stand on pages.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    strum::EnumMessage,
    strum::EnumString,
    strum::IntoStaticStr,
    strum::VariantArray,
)]
pub enum EventType {
    /// An API key was created.
    #[strum(serialize = "api_key.created", message = "Key created")]
    KeyCreated,
    /// An API key got a new secret.
    #[strum(serialize = "api_key.rotated", message = "Key rotated")]
    KeyRotated,
    /// An API key got another name, another expiration or other settings; the details say which.
    #[strum(serialize = "api_key.settings_changed", message = "Key settings changed")]
    KeySettingsChanged,
    /// An API key was switched off, for good or for a pause.
    #[strum(serialize = "api_key.deactivated", message = "Key deactivated")]
    KeyDeactivated,
    /// An API key was switched on, by somebody or at the end of a pause.
    #[strum(serialize = "api_key.activated", message = "Key activated")]
    KeyActivated,
    /// An API key ends soon. No action of anybody's: told when the mails about it are queued.
    #[strum(serialize = "api_key.expiring", message = "Key expires soon")]
    KeyExpiring,
    /// The end of an API key has passed.
    #[strum(serialize = "api_key.expired", message = "Key expired")]
    KeyExpired,
    /// The secret of an API key was found where it should not be.
    #[strum(serialize = "api_key.leaked", message = "Key leaked")]
    KeyLeaked,
    /// An API key was removed.
    #[strum(serialize = "api_key.removed", message = "Key removed")]
    KeyRemoved,
    /// An API key that was removed came back, deactivated.
    #[strum(serialize = "api_key.restored", message = "Key restored")]
    KeyRestored,
    /// What somebody ended of an API key, or paused, is accepted by no node any more. No action of anybody's: told when
    /// the last node has heard of one.
    #[strum(serialize = "api_key.stopped_everywhere", message = "Key stopped on all nodes")]
    KeyStoppedEverywhere,
    /// Most of a key’s monthly quota is used, or all of it.
    #[strum(serialize = "api_key.quota_reached", message = "Key’s monthly quota is nearly used up")]
    KeyQuotaReached,
    /// Most of the monthly quota of the organization’s plan is used, or all of it.
    #[strum(serialize = "organization.quota_reached", message = "Plan’s monthly quota is nearly used up")]
    QuotaReached,
    /// Somebody accepted an invitation and is a member now.
    #[strum(serialize = "member.joined", message = "Member joined")]
    MemberJoined,
    /// A member got another role.
    #[strum(serialize = "member.role_changed", message = "Member’s role changed")]
    MemberRoleChanged,
    /// A member was removed.
    #[strum(serialize = "member.removed", message = "Member removed")]
    MemberRemoved,
    /// A member left.
    #[strum(serialize = "member.left", message = "Member left")]
    MemberLeft,
    /// Somebody was invited.
    #[strum(serialize = "invitation.created", message = "Invitation created")]
    InvitationCreated,
    /// The mail of an invitation was sent again.
    #[strum(serialize = "invitation.resent", message = "Invitation resent")]
    InvitationResent,
    /// An invitation was canceled.
    #[strum(serialize = "invitation.canceled", message = "Invitation canceled")]
    InvitationCanceled,
    /// The invited person declined.
    #[strum(serialize = "invitation.declined", message = "Invitation declined")]
    InvitationDeclined,
}

impl EventType {
    /// All kinds, in the order in which they are offered.
    pub const ALL: &'static [Self] = Self::VARIANTS;

    /// The stable name, the `type` of the message.
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// The words on pages.
    pub fn label(self) -> &'static str {
        self.get_message().unwrap_or_default()
    }

    /// What it is about.
    pub fn group(self) -> EventGroup {
        match self {
            Self::KeyCreated
            | Self::KeyRotated
            | Self::KeySettingsChanged
            | Self::KeyDeactivated
            | Self::KeyActivated
            | Self::KeyExpiring
            | Self::KeyExpired
            | Self::KeyLeaked
            | Self::KeyRemoved
            | Self::KeyRestored
            | Self::KeyQuotaReached
            | Self::KeyStoppedEverywhere => EventGroup::ApiKeys,
            Self::QuotaReached => EventGroup::Organization,
            Self::MemberJoined | Self::MemberRoleChanged | Self::MemberRemoved | Self::MemberLeft => {
                EventGroup::Members
            }
            Self::InvitationCreated
            | Self::InvitationResent
            | Self::InvitationCanceled
            | Self::InvitationDeclined => EventGroup::Invitations,
        }
    }

    /// The kind of message that tells of an action, if any does. Nobody's action tells of
    /// [`KeyExpiring`](Self::KeyExpiring), since the mails about it do, and of
    /// [`KeyStoppedEverywhere`](Self::KeyStoppedEverywhere).
    pub(super) fn of_action(action: Action) -> Option<Self> {
        Some(match action {
            Action::KeyCreated => Self::KeyCreated,
            Action::KeyRotated => Self::KeyRotated,
            Action::KeyRenamed | Action::KeyExpirationChanged | Action::KeySettingsChanged => {
                Self::KeySettingsChanged
            }
            Action::KeyDeactivated | Action::KeyPaused => Self::KeyDeactivated,
            Action::KeyActivated | Action::KeyResumed => Self::KeyActivated,
            Action::KeyExpired => Self::KeyExpired,
            Action::KeyLeakReported => Self::KeyLeaked,
            Action::KeyRemoved => Self::KeyRemoved,
            Action::KeyRestored => Self::KeyRestored,
            Action::Joined => Self::MemberJoined,
            Action::RoleChanged => Self::MemberRoleChanged,
            Action::MemberRemoved => Self::MemberRemoved,
            Action::Left => Self::MemberLeft,
            Action::Invited => Self::InvitationCreated,
            Action::InvitationResent => Self::InvitationResent,
            Action::InvitationCanceled => Self::InvitationCanceled,
            Action::InvitationDeclined => Self::InvitationDeclined,
            _ => return None,
        })
    }
}

/// What messages are about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::IntoStaticStr)]
pub enum EventGroup {
    /// API keys.
    #[strum(serialize = "api_key")]
    ApiKeys,
    /// Members.
    #[strum(serialize = "member")]
    Members,
    /// Invitations.
    #[strum(serialize = "invitation")]
    Invitations,
    /// The organization as a whole.
    #[strum(serialize = "organization")]
    Organization,
}

impl EventGroup {
    /// All groups.
    pub const ALL: [Self; 4] = [Self::ApiKeys, Self::Members, Self::Invitations, Self::Organization];

    /// The words on pages.
    pub fn label(self) -> &'static str {
        match self {
            Self::ApiKeys => "API keys",
            Self::Members => "Members",
            Self::Invitations => "Invitations",
            Self::Organization => "Organization",
        }
    }

    /// The `kind` of the subject in messages.
    pub(super) fn subject_kind(self) -> &'static str {
        self.into()
    }

    /// The kinds of message about it.
    pub fn events(self) -> Vec<EventType> {
        EventType::ALL.iter().copied().filter(|event| event.group() == self).collect()
    }
}

/// What one webhook is told of: some kinds of message, or all, also those of later versions.
#[derive(Clone, Debug, Default, PartialEq, Eq, FromSqlRow, AsExpression)]
#[diesel(sql_type = Text)]
pub struct Events(Vec<EventType>);

/// Why names are no choice of events.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EventsError {
    /// No event bears the name.
    #[error("“{0}” isn’t an event.")]
    Unknown(String),
    /// None was chosen.
    #[error("Choose at least one event.")]
    None,
}

impl Events {
    /// Every event.
    pub fn all() -> Self {
        Self::default()
    }

    /// The events that were chosen by name; whoever chooses every one gets later ones, too.
    pub fn chosen<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<Self, EventsError> {
        let mut events = Vec::new();
        for name in names {
            let unknown = || EventsError::Unknown(name.chars().take(50).collect());
            events.push(name.parse().map_err(|_| unknown())?);
        }
        events.sort_unstable();
        events.dedup();
        match events.len() {
            0 => Err(EventsError::None),
            number if number == EventType::ALL.len() => Ok(Self::all()),
            _ => Ok(Self(events)),
        }
    }

    /// Whether they are all.
    pub fn are_all(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether `event` is among them.
    pub fn contain(&self, event: EventType) -> bool {
        self.are_all() || self.0.contains(&event)
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        if self.are_all() { EventType::ALL.len() } else { self.0.len() }
    }

    /// The names, to edit or to answer with.
    pub fn names(&self) -> Vec<&'static str> {
        EventType::ALL.iter().filter(|event| self.contain(**event)).map(|event| event.as_str()).collect()
    }
}

impl fmt::Display for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.0.iter().map(|event| event.as_str()).collect();
        f.write_str(&names.join(" "))
    }
}

/// Reads what `Display` writes; nothing stands for everything.
impl FromStr for Events {
    type Err = EventsError;

    fn from_str(text: &str) -> Result<Self, EventsError> {
        if text.is_empty() { Ok(Self::all()) } else { Self::chosen(text.split_whitespace()) }
    }
}

stored_as_text!(Events);

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_event_is_reached_by_an_action() {
        for event in EventType::ALL {
            let is_reached = Action::ALL.iter().any(|action| EventType::of_action(*action) == Some(*event));
            // Told by the mails about a coming end or a quota, and once the nodes have heard of an end.
            let others = [
                EventType::KeyExpiring,
                EventType::KeyStoppedEverywhere,
                EventType::KeyQuotaReached,
                EventType::QuotaReached,
            ];
            assert_eq!(is_reached, !others.contains(event), "{event:?}");
            assert!(!event.label().is_empty(), "{event:?}");
        }
    }

    #[test]
    fn names_are_stable_and_each_is_used_once() {
        let names: BTreeSet<&str> = EventType::ALL.iter().map(|event| event.as_str()).collect();
        assert_eq!(names.len(), EventType::ALL.len());
        let grouped: usize = EventGroup::ALL.iter().map(|group| group.events().len()).sum();
        assert_eq!(grouped, EventType::ALL.len());
        for event in EventType::ALL {
            assert!(event.as_str().starts_with(&format!("{}.", event.group().subject_kind())));
        }
    }

    #[test]
    fn a_choice_survives_the_database() {
        let some = Events::chosen(["member.left", "api_key.created", "member.left"]).unwrap();
        assert_eq!(some.to_string(), "api_key.created member.left");
        assert_eq!(some.to_string().parse(), Ok(some.clone()));
        assert!(some.contain(EventType::MemberLeft) && !some.contain(EventType::MemberJoined));
        let every = Events::chosen(EventType::ALL.iter().map(|event| event.as_str())).unwrap();
        assert!(every.are_all() && every.contain(EventType::KeyLeaked));
        assert_eq!((every.to_string().as_str(), "".parse()), ("", Ok(every.clone())));
        assert_eq!(every.names().len(), every.count());
    }

    #[test]
    fn what_is_no_choice_is_named() {
        assert_eq!(Events::chosen([]), Err(EventsError::None));
        let error = Events::chosen(["api_key.created", "api_key.eaten"]).unwrap_err();
        assert_eq!(error.to_string(), "“api_key.eaten” isn’t an event.");
    }
}

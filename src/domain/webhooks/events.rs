//! What a webhook can be told of.

use std::{fmt, str::FromStr};

use diesel::{deserialize::FromSqlRow, expression::AsExpression, sql_types::Text};

use crate::domain::{audit::Action, stored_text::stored_as_text};

macro_rules! event_types {
    ($($(#[$doc:meta])* $variant:ident = $name:literal, $group:ident, $label:literal, from [$($action:literal),*];)+) => {
        /// A kind of message.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum EventType { $($(#[$doc])* $variant,)+ }

        impl EventType {
            /// All kinds, in the order in which they are offered.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The stable name, the `type` of the message.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

            /// The words on pages.
            pub fn label(self) -> &'static str {
                match self { $(Self::$variant => $label,)+ }
            }

            /// What it is about.
            pub fn group(self) -> EventGroup {
                match self { $(Self::$variant => EventGroup::$group,)+ }
            }

            /// The stable names of the actions that it tells of.
            fn actions(self) -> &'static [&'static str] {
                match self { $(Self::$variant => &[$($action),*],)+ }
            }
        }
    };
}

event_types! {
    /// An API key was created.
    KeyCreated = "api_key.created", ApiKeys, "Key created", from ["api_key.created"];
    /// An API key got a new secret.
    KeyRotated = "api_key.rotated", ApiKeys, "Key rotated", from ["api_key.rotated"];
    /// An API key got other settings.
    KeySettingsChanged = "api_key.settings_changed", ApiKeys, "Key settings changed", from ["api_key.settings_changed"];
    /// An API key was switched off, for good or for a pause.
    KeyDeactivated = "api_key.deactivated", ApiKeys, "Key deactivated", from ["api_key.deactivated", "api_key.paused"];
    /// An API key was switched on, by somebody or at the end of a pause.
    KeyActivated = "api_key.activated", ApiKeys, "Key activated", from ["api_key.activated", "api_key.resumed"];
    /// An API key ends soon. No action of anybody's: told when the mails about it are queued.
    KeyExpiring = "api_key.expiring", ApiKeys, "Key expires soon", from [];
    /// The end of an API key has passed.
    KeyExpired = "api_key.expired", ApiKeys, "Key expired", from ["api_key.expired"];
    /// The secret of an API key was found where it should not be.
    KeyLeaked = "api_key.leaked", ApiKeys, "Key leaked", from ["api_key.leak_reported"];
    /// An API key was removed.
    KeyRemoved = "api_key.removed", ApiKeys, "Key removed", from ["api_key.removed"];
    /// Somebody accepted an invitation and is a member now.
    MemberJoined = "member.joined", Members, "Member joined", from ["member.joined"];
    /// A member got another role.
    MemberRoleChanged = "member.role_changed", Members, "Member’s role changed", from ["member.role_changed"];
    /// A member was removed.
    MemberRemoved = "member.removed", Members, "Member removed", from ["member.removed"];
    /// A member left.
    MemberLeft = "member.left", Members, "Member left", from ["member.left"];
    /// Somebody was invited.
    InvitationCreated = "invitation.created", Invitations, "Invitation created", from ["invitation.created"];
    /// The mail of an invitation was sent again.
    InvitationResent = "invitation.resent", Invitations, "Invitation sent again", from ["invitation.resent"];
    /// An invitation was canceled.
    InvitationCanceled = "invitation.canceled", Invitations, "Invitation canceled", from ["invitation.canceled"];
    /// The invited person declined.
    InvitationDeclined = "invitation.declined", Invitations, "Invitation declined", from ["invitation.declined"];
}

impl EventType {
    /// The kind of message that tells of an action, if any does.
    pub(super) fn of_action(action: Action) -> Option<Self> {
        Self::ALL.iter().copied().find(|event| event.actions().contains(&action.as_str()))
    }
}

/// What messages are about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventGroup {
    /// API keys.
    ApiKeys,
    /// Members.
    Members,
    /// Invitations.
    Invitations,
}

impl EventGroup {
    /// All groups.
    pub const ALL: [Self; 3] = [Self::ApiKeys, Self::Members, Self::Invitations];

    /// The words on pages.
    pub fn label(self) -> &'static str {
        match self {
            Self::ApiKeys => "API keys",
            Self::Members => "Members",
            Self::Invitations => "Invitations",
        }
    }

    /// The `kind` of the subject in messages.
    pub(super) fn subject_kind(self) -> &'static str {
        match self {
            Self::ApiKeys => "api_key",
            Self::Members => "member",
            Self::Invitations => "invitation",
        }
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
    #[error("“{0}” is not an event.")]
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
    ///
    /// # Errors
    /// [`EventsError`].
    pub fn chosen<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<Self, EventsError> {
        let mut events = Vec::new();
        for name in names {
            let unknown = || EventsError::Unknown(name.chars().take(50).collect());
            let event = EventType::ALL.iter().copied().find(|event| event.as_str() == name);
            events.push(event.ok_or_else(unknown)?);
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
            // Told by the mails about a coming end.
            if *event == EventType::KeyExpiring {
                continue;
            }
            assert!(!event.actions().is_empty(), "{event:?}");
            for name in event.actions() {
                let action = Action::ALL.iter().find(|action| action.as_str() == *name);
                let reached = action.and_then(|action| EventType::of_action(*action));
                assert_eq!(reached, Some(*event), "no action is called {name}");
            }
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
        assert_eq!(error.to_string(), "“api_key.eaten” is not an event.");
    }
}

//! What those who operate the instance note about an organization, such as who to call. Its members do not see it.

use super::{InstanceError, from_outside::record_for_instance};
use crate::{
    clock::Timestamp,
    db::Tx,
    domain::{
        access::Operator,
        events::Action,
        names::{Name, NameError},
        organization, organizations,
    },
};

/// Longest notes, in characters.
pub const MAX_NOTES_LENGTH: usize = 2000;

/// Notes of several lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notes(String);

impl Notes {
    /// Parses notes as they were typed; `None` for nothing.
    ///
    /// # Errors
    /// A sentence for whoever typed them.
    pub fn parse(text: &str) -> Result<Option<Self>, NameError> {
        // Browsers send two characters for the end of a line.
        let text = text.replace("\r\n", "\n");
        let text = text.trim();
        if text.chars().count() > MAX_NOTES_LENGTH {
            return Err(NameError::TooLong { max: MAX_NOTES_LENGTH });
        }
        let line = |line: &str| match Name::parse_text(line, MAX_NOTES_LENGTH) {
            Ok(line) => Ok(line.to_string()),
            Err(NameError::Empty) => Ok(String::new()),
            Err(error) => Err(error),
        };
        let lines = text.lines().map(line).collect::<Result<Vec<String>, NameError>>()?;
        let text = lines.join("\n").trim().to_owned();
        Ok(if text.is_empty() { None } else { Some(Self(text)) })
    }

    /// The notes as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Writes other notes about an organization, or none; of a removed one as well.
///
/// # Errors
/// [`InstanceError::NotFound`].
pub fn change_notes(
    tx: &mut Tx<'_>,
    operator: &Operator,
    (organization_id, notes): (&str, Option<&Notes>),
    now: Timestamp,
) -> Result<(), InstanceError> {
    let organization =
        organization::by_id(tx.connection(), organization_id)?.ok_or(InstanceError::NotFound)?;
    if organizations::set_notes(tx, organization_id, notes.map(Notes::as_str))? {
        record_for_instance(tx, operator, &organization, Action::OrganizationNotesChanged, None, now)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_keep_their_lines() {
        let parsed = |text: &str| Notes::parse(text).map(|notes| notes.map(|notes| notes.0));
        assert_eq!(
            parsed(" Renews in May.\r\n\r\nAsk  Ben. \n"),
            Ok(Some("Renews in May.\n\nAsk Ben.".into()))
        );
        assert_eq!(parsed(" \n\u{200b}\r\n "), Ok(None));
        assert!(parsed(&"a".repeat(MAX_NOTES_LENGTH)).is_ok());
        assert!(parsed(&"a\r\n".repeat(MAX_NOTES_LENGTH / 2)).is_ok());
        assert!(parsed(&"a\n".repeat(MAX_NOTES_LENGTH / 2 + 1)).is_err());
        assert!(parsed("turned \u{202e}around").is_err());
    }
}

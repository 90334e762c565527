//! E-mail addresses, in the one form in which they are stored and compared.

use std::fmt;

use email_address::{EmailAddress as Parser, Options};

/// A normalised address: lower case throughout, its domain in ASCII (IDNA).
///
/// Mail servers may tell `Dana@` from `dana@`, but none in use does, and two accounts that
/// differ in case only would be a trap.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EmailAddress(String);

/// The text is not an address that mail can be sent to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Enter an address such as name@example.com.")]
pub struct NotAnAddress;

/// RFC 5321, 4.5.3.1.3: a path has at most 256 octets, the angle brackets included.
const MAX_ADDRESS_LENGTH: usize = 254;

impl EmailAddress {
    /// Parses and normalises `text`.
    ///
    /// # Errors
    /// [`NotAnAddress`] for anything that is not one plain `local@domain.tld`.
    pub fn parse(text: &str) -> Result<Self, NotAnAddress> {
        let text = text.trim();
        // Before anything that takes time; letters of an IDN domain may be longer than its ASCII form.
        if text.len() > 4 * MAX_ADDRESS_LENGTH {
            return Err(NotAnAddress);
        }
        let (local, domain) = text.rsplit_once('@').ok_or(NotAnAddress)?;
        let domain = idna::domain_to_ascii_strict(domain).map_err(|_| NotAnAddress)?;
        let address = format!("{}@{domain}", local.to_lowercase());
        let options = Options::default().with_required_tld().without_display_text().without_domain_literal();
        let plain = address.len() <= MAX_ADDRESS_LENGTH
            && !local.contains(['"', '(', ')', '<', '>', ',', ';', '\\'])
            && !local.chars().any(|c| c.is_control() || c.is_whitespace());
        if !plain {
            return Err(NotAnAddress);
        }
        Parser::parse_with_options(&address, options).map_err(|_| NotAnAddress)?;
        Ok(Self(address))
    }

    /// An address that nobody can have (RFC 2606).
    pub fn nobodys() -> Self {
        Self("nobody@nowhere.invalid".to_owned())
    }

    /// The address as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<EmailAddress> for String {
    fn from(address: EmailAddress) -> Self {
        address.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_and_international_domains_are_normalised() {
        assert_eq!(EmailAddress::parse(" Dana@Lumen.Example ").unwrap().as_str(), "dana@lumen.example");
        assert_eq!(EmailAddress::parse("a@bücher.example").unwrap().as_str(), "a@xn--bcher-kva.example");
    }

    #[test]
    fn what_no_mail_reaches_is_refused() {
        for text in [
            "",
            "dana",
            "dana@",
            "@x.example",
            "a b@x.example",
            "a@localhost",
            "a@[127.0.0.1]",
            "\"a\"@x.example",
            "a@x.example\r\nBcc: b@x.example",
            "Dana <d@x.example>",
        ] {
            assert_eq!(EmailAddress::parse(text), Err(NotAnAddress), "{text}");
        }
        assert!(EmailAddress::parse(&format!("{}@x.example", "a".repeat(250))).is_err());
    }
}

//! E-mail addresses, in the one form in which they are stored and compared.

use std::fmt;

use email_address::{EmailAddress as Parser, Options};
use icu_normalizer::ComposingNormalizer;
use url::Host;

use crate::folding;

/// A normalised address: lower case and composed (NFC) throughout, its domain in ASCII (IDNA).
///
/// Mail servers may tell `Dana@` from `dana@`, but none in use does, and two accounts that
/// differ in case only would be a trap.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EmailAddress(String);

/// The text is not an address that mail can be sent to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Enter a valid email, such as name@example.com.")]
pub struct NotAnAddress;

/// RFC 5321, 4.5.3.1.3: a path has at most 256 octets, the angle brackets included.
const MAX_ADDRESS_LENGTH: usize = 254;
/// RFC 5321, 4.5.3.1.1, in octets.
const MAX_LOCAL_LENGTH: usize = 64;

impl EmailAddress {
    /// Parses and normalises `text`.
    ///
    /// # Errors
    /// [`NotAnAddress`] for anything that is not one plain `local@domain.tld`.
    pub fn parse(text: &str) -> Result<Self, NotAnAddress> {
        let (local, domain) = parts(text)?;
        if !is_plain_local(local) || is_written_otherwise(domain) {
            return Err(NotAnAddress);
        }
        let domain = domain_in_ascii(domain)?;
        let address = format!("{}@{domain}", lower(local));
        let is_short = address.len() <= MAX_ADDRESS_LENGTH && lower(local).len() <= MAX_LOCAL_LENGTH;
        if !is_short || !is_host_name(&domain) {
            return Err(NotAnAddress);
        }
        let options = Options::default().with_required_tld().without_display_text().without_domain_literal();
        Parser::parse_with_options(&address, options).map_err(|_| NotAnAddress)?;
        Ok(Self(address))
    }

    /// An address that nobody can have (RFC 2606).
    pub fn nobodys() -> Self {
        Self("nobody@nowhere.invalid".to_owned())
    }

    /// Normalises `text` as an address that may be stored already: accounts from before a rule of
    /// [`parse`](Self::parse) was made are still found by theirs.
    ///
    /// # Errors
    /// [`NotAnAddress`] for what was never taken for an address.
    pub fn of_account(text: &str) -> Result<Self, NotAnAddress> {
        let (local, domain) = parts(text)?;
        let address = format!("{}@{}", lower(local), domain_in_ascii(domain)?);
        if address.len() <= MAX_ADDRESS_LENGTH { Ok(Self(address)) } else { Err(NotAnAddress) }
    }

    /// The domain, in lower case and ASCII (IDNA).
    pub fn domain(&self) -> &str {
        self.0.rsplit_once('@').map(|(_, domain)| domain).unwrap_or_default()
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

/// What stands before and after the sign in the middle.
fn parts(text: &str) -> Result<(&str, &str), NotAnAddress> {
    let text = text.trim();
    // Before anything that takes time; letters of an IDN domain may be longer than its ASCII form.
    if text.len() > 4 * MAX_ADDRESS_LENGTH {
        return Err(NotAnAddress);
    }
    text.rsplit_once('@').ok_or(NotAnAddress)
}

/// Lower case in the composed form: the same whichever way a program sends `é`.
pub(super) fn lower(text: &str) -> String {
    folding::composed(&folding::composed(text).to_lowercase())
}

/// Nothing that is quoted, spaced or invisible, and nothing that is another way to write a letter:
/// `ｄａｎａ` reads as `dana` (RFC 8264, 9.17, refuses such signs in identifiers, too).
fn is_plain_local(local: &str) -> bool {
    let is_refused = |c: char| {
        c.is_control() || folding::is_blank(c) || folding::is_ignorable(c) || "\"(),:;<>[\\]".contains(c)
    };
    !local.chars().any(is_refused) && !is_written_otherwise(local)
}

/// Full-width letters, ligatures and the like.
fn is_written_otherwise(text: &str) -> bool {
    *ComposingNormalizer::new_nfkc().normalize(text) != *folding::composed(text)
}

fn domain_in_ascii(domain: &str) -> Result<String, NotAnAddress> {
    // The joiners stay where a language needs them, which IDNA decides; other invisible signs it drops.
    let is_invisible = |c: char| folding::is_ignorable(c) && !matches!(c, '\u{200C}' | '\u{200D}');
    if domain.contains(is_invisible) {
        return Err(NotAnAddress);
    }
    idna::domain_to_ascii_strict(domain).map_err(|_| NotAnAddress)
}

/// Whether browsers and mail servers take it for a name: `127.0.0.1`, `127.1` and `0x7f.1` are
/// addresses of a machine (WHATWG URL, 3.5).
fn is_host_name(domain: &str) -> bool {
    matches!(Host::parse(domain), Ok(Host::Domain(_)))
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
    fn an_address_is_the_same_composed_and_decomposed() {
        let composed = EmailAddress::parse("josé@x.example").unwrap();
        assert_eq!(EmailAddress::parse("JOSE\u{301}@x.example").unwrap(), composed);
        assert_eq!(composed.as_str(), "josé@x.example");
        assert_eq!(
            EmailAddress::parse("a@bu\u{308}cher.example").unwrap(),
            EmailAddress::parse("a@BÜCHER.example").unwrap()
        );
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
            "dana@127.0.0.1",
            "dana@127.1",
            "dana@0x7f.0x1",
            "dana@1.2.3.4.5",
            "dana@x.123",
            "dana@[IPv6:::1]",
            "dana@::1",
            "\"a\"@x.example",
            "a@x.example\r\nBcc: b@x.example",
            "Dana <d@x.example>",
            "a@b@x.example",
            "a..b@x.example",
            ".a@x.example",
            "a.@x.example",
            "a@x..example",
            "a@.x.example",
            "a@x.example.",
            "a@-x.example",
            "a@x_y.example",
            "a\u{3164}@x.example",
            "a\u{2800}@x.example",
            "a\u{200B}@x.example",
            "a\u{E0041}@x.example",
            "a@x\u{AD}y.example",
            "ｄａｎａ@x.example",
            "dana@ｘ.example",
            "ﬁona@x.example",
        ] {
            assert_eq!(EmailAddress::parse(text), Err(NotAnAddress), "{text}");
        }
        for local in ["a".repeat(65), "é".repeat(33)] {
            assert!(EmailAddress::parse(&format!("{local}@x.example")).is_err(), "{local}");
        }
        assert!(EmailAddress::parse(&format!("a@{}.example", "x".repeat(64))).is_err());
        assert!(EmailAddress::parse(&format!("a@{}example", "xxxxxxxx.".repeat(28))).is_err());
        assert!(EmailAddress::parse(&format!("{}@x.example", "a".repeat(64))).is_ok());
    }

    #[test]
    fn an_account_from_before_a_rule_is_still_found() {
        for (typed, stored) in [
            ("Dana@127.0.0.1", "dana@127.0.0.1"),
            ("ｄａｎａ@x.example", "ｄａｎａ@x.example"),
            ("A\u{3164}@x.example", "a\u{3164}@x.example"),
            (" Dana@Lumen.Example ", "dana@lumen.example"),
        ] {
            assert_eq!(EmailAddress::of_account(typed).unwrap().as_str(), stored);
        }
        assert_eq!(EmailAddress::of_account("dana"), Err(NotAnAddress));
    }
}

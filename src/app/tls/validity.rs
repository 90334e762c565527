//! From when until when a certificate is valid. Nothing that is here already tells that of one's own certificate, and
//! it stands in a fixed place.

use time::{
    OffsetDateTime, PrimitiveDateTime, format_description::BorrowedFormatItem, macros::format_description,
};

/// The time for which a certificate is made (RFC 5280, 4.1.2.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Validity {
    pub(crate) from: OffsetDateTime,
    pub(crate) until: OffsetDateTime,
}

const SEQUENCE: u8 = 0x30;
const VERSION: u8 = 0xA0;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
const WHOLE_YEAR: &[BorrowedFormatItem<'_>] =
    format_description!("[year][month][day][hour][minute][second]Z");

impl Validity {
    /// `None` for what is no certificate.
    pub(crate) fn of(certificate: &[u8]) -> Option<Self> {
        let (whole, _) = element(certificate, SEQUENCE)?;
        let (mut fields, _) = element(whole, SEQUENCE)?;
        if fields.first() == Some(&VERSION) {
            fields = next(fields)?.2;
        }
        // Its number, the kind of its signature, and who issued it.
        for _ in 0..3 {
            fields = next(fields)?.2;
        }
        let (times, _) = element(fields, SEQUENCE)?;
        let (from, times) = instant(times)?;
        let (until, _) = instant(times)?;
        Some(Self { from, until })
    }
}

/// What is inside the first element, if it is of this kind, and what follows it.
fn element(bytes: &[u8], kind: u8) -> Option<(&[u8], &[u8])> {
    let (found, inside, rest) = next(bytes)?;
    (found == kind).then_some((inside, rest))
}

/// The kind of the first element (DER), what is inside it, and what follows it.
fn next(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&[kind, first], rest) = bytes.split_first_chunk::<2>()?;
    let (length, rest) = match first {
        0..=0x7F => (usize::from(first), rest),
        // So many bytes of the length follow. A certificate is no longer than three of them tell.
        0x81..=0x83 => {
            let (length, rest) = rest.split_at_checked(usize::from(first - 0x80))?;
            (length.iter().fold(0, |length, byte| length << 8 | usize::from(*byte)), rest)
        }
        _ => return None,
    };
    let (inside, rest) = rest.split_at_checked(length)?;
    Some((kind, inside, rest))
}

fn instant(bytes: &[u8]) -> Option<(OffsetDateTime, &[u8])> {
    let (kind, inside, rest) = next(bytes)?;
    let text = str::from_utf8(inside).ok()?;
    let text = match kind {
        GENERALIZED_TIME => text.to_owned(),
        // Two digits of the year, from 1950 to 2049.
        UTC_TIME => format!("{}{text}", if text < "50" { "20" } else { "19" }),
        _ => return None,
    };
    let instant = PrimitiveDateTime::parse(&text, WHOLE_YEAR).ok()?;
    Some((instant.assume_utc(), rest))
}

#[cfg(test)]
mod tests {
    use rustls::pki_types::{CertificateDer, pem::PemObject};
    use time::macros::datetime;

    use super::*;

    #[test]
    fn the_time_of_a_certificate_is_read() {
        let pem = include_bytes!("../../../tests/app/command_line/tls/first.pem");
        let certificate = CertificateDer::from_pem_slice(pem).unwrap();
        let validity = Validity::of(&certificate).unwrap();
        // The one as a UTCTime, the other, after 2049, as a GeneralizedTime.
        assert_eq!(validity.from, datetime!(2026-11-01 0:00 UTC));
        assert_eq!(validity.until, datetime!(2126-11-01 0:00 UTC));
        for length in 0..certificate.len() {
            assert_eq!(Validity::of(&certificate[..length]), None, "{length}");
        }
    }

    #[test]
    fn what_is_no_certificate_has_no_time() {
        for bytes in
            [&[][..], &[0x30], &[0x30, 0x80], &[0x30, 0x84, 1, 1, 1, 1], &[0x30, 2, 0x30, 0], b"text"]
        {
            assert_eq!(Validity::of(bytes), None);
        }
    }
}

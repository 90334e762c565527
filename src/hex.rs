//! Bytes as hexadecimal digits.

use std::fmt::Write;

/// Two small digits a byte.
pub fn of(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut digits, byte| {
        // Writing to a String does not fail.
        let _ = write!(digits, "{byte:02x}");
        digits
    })
}

/// What [`of`] made digits of; `None` for anything else.
pub fn parse(digits: &str) -> Option<Vec<u8>> {
    let is_hex = digits.len().is_multiple_of(2) && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    let pairs = digits.as_bytes().chunks(2);
    if !is_hex {
        return None;
    }
    pairs.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_read_as_they_were_written() {
        assert_eq!(of(&[0, 15, 16, 255]), "000f10ff");
        assert_eq!(parse("000f10ff"), Some(vec![0, 15, 16, 255]));
        assert_eq!(parse(""), Some(Vec::new()));
        for other in ["0g", "é1", "+f", "f", "00f"] {
            assert_eq!(parse(other), None, "{other}");
        }
    }
}

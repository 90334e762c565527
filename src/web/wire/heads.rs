//! Finds where requests begin in the bytes of a connection, without reading them: each has one line
//! that ends with its version. A body could have such a line, too, and then counts as a head.

/// Before the digit of the version; after it, the line ends.
const VERSION: &[u8] = b" HTTP/1.";

/// Where in such a line the bytes that were seen so far end.
#[derive(Debug, Default)]
pub(super) struct Heads {
    /// Bytes of [`VERSION`] that stand there, or all of them and the digit.
    matched: usize,
}

impl Heads {
    /// How many heads begin in `bytes`, `most` of them at most, and how many of the bytes are looked at
    /// with that: all, or those before the line end of one head too many.
    pub(super) fn find(&mut self, bytes: &[u8], most: usize) -> (usize, usize) {
        let mut found = 0;
        for (at, byte) in bytes.iter().enumerate() {
            let is_digit = self.matched == VERSION.len() && byte.is_ascii_digit();
            let has_version = self.matched == VERSION.len() + 1;
            if is_digit || VERSION.get(self.matched) == Some(byte) {
                self.matched += 1;
            } else if has_version && *byte == b'\n' {
                if found == most {
                    return (found, at);
                }
                found += 1;
                self.matched = 0;
            } else if !(has_version && *byte == b'\r') {
                self.matched = usize::from(VERSION.first() == Some(byte));
            }
        }
        (found, bytes.len())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const REQUESTS: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\n\r\nPOST /x HTTP/1.0\nVia: HTTP/1.1 proxy\r\n\r\n";

    #[test]
    fn a_head_is_a_line_that_ends_with_a_version() {
        assert_eq!(Heads::default().find(REQUESTS, 9), (2, REQUESTS.len()));
        for other in ["", "GET / HTTP/2\r\n", "Via:  HTTP/1.1 x\r\n", " HTTP/1.1", "  HTTP/1.x\r\n"] {
            assert_eq!(Heads::default().find(other.as_bytes(), 9).0, 0, "{other}");
        }
        assert_eq!(Heads::default().find(b"  HTTP/1.1\r\n", 9).0, 1);
    }

    #[test]
    fn what_is_one_too_many_is_found_again() {
        let mut heads = Heads::default();
        let (found, at) = heads.find(REQUESTS, 1);
        assert_eq!((found, &REQUESTS[at - 8..at]), (1, &b"HTTP/1.0"[..]));
        assert_eq!(heads.find(&REQUESTS[at..], 0), (0, 0));
        assert_eq!(heads.find(&REQUESTS[at..], 1), (1, REQUESTS.len() - at));
    }

    proptest! {
        #[test]
        fn it_does_not_matter_how_the_bytes_arrive(cuts in prop::collection::vec(1_usize..8, 1..40)) {
            let (mut heads, mut rest, mut found) = (Heads::default(), REQUESTS, 0);
            for cut in cuts.iter().cycle() {
                let (piece, after) = rest.split_at((*cut).min(rest.len()));
                found += heads.find(piece, 9).0;
                rest = after;
                if rest.is_empty() {
                    break;
                }
            }
            prop_assert_eq!(found, 2);
        }
    }
}

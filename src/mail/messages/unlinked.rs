//! Names that no mail client takes for an address.
//!
//! A client makes a link of whatever looks like a host or an address, and a name can be chosen by
//! anybody: `Sign in at evil.example` would be a link to there in a mail of ours.

/// Takes no room and may end a line, so that it is seen nowhere, but no host goes across it.
const BREAK: char = '\u{200b}';

/// Full stops, those among them that IDNA takes for one (RFC 3490, section 3.1).
const DOTS: [char; 4] = ['.', '\u{3002}', '\u{ff0e}', '\u{ff61}'];

/// `name` with a break in whatever could be a host, an address or a scheme.
pub(super) fn unlinked(name: &str) -> String {
    let mut text = String::with_capacity(name.len());
    let mut rest = name.chars().peekable();
    let mut before = ' ';
    while let Some(c) = rest.next() {
        text.push(c);
        let is_within = !before.is_whitespace() && rest.peek().is_some_and(|next| !next.is_whitespace());
        if is_within && (DOTS.contains(&c) || matches!(c, ':' | '@')) {
            text.push(BREAK);
        }
        before = c;
    }
    text
}

/// An address as it is, for mail programs may well make a link of it, unless what stands before its `@`
/// would be one of its own: `www.evil.example/x@lumen.example` is an address, too.
pub(super) fn address(email: &str) -> String {
    let local = email.rsplit_once('@').map_or(email, |(local, _)| local);
    let is_like_link = local.contains(['/', ':']) || local.to_ascii_lowercase().contains("www.");
    if is_like_link { unlinked(email) } else { email.to_owned() }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn whatever_a_client_would_link_is_broken() {
        for (name, expected) in [
            ("Sign in at https://evil.example/x", "Sign in at https:|//evil.|example/x"),
            ("www.evil.example", "www.|evil.|example"),
            ("evil。example", "evil。|example"),
            ("evil．example", "evil．|example"),
            ("198.51.100.7", "198.|51.|100.|7"),
            ("mailto:a@evil.example", "mailto:|a@|evil.|example"),
            ("//evil.example", "//evil.|example"),
            ("tel:+4912345", "tel:|+4912345"),
        ] {
            assert_eq!(unlinked(name), expected.replace('|', "\u{200b}"), "{name}");
        }
    }

    #[test]
    fn an_address_is_broken_only_where_it_begins_as_a_link() {
        assert_eq!(address("dana.whitfield@lumen.example"), "dana.whitfield@lumen.example");
        for email in ["www.evil.example/login?x=1@atk.example", "a.b/c@lumen.example", "WWW.evil@x.example"] {
            assert_eq!(address(email), unlinked(email));
        }
    }

    #[test]
    fn other_names_stay_as_they_are() {
        for name in ["Dana Whitfield", "Lumen Inc.", "Dr. Ravi Berg", "Ops: nightly", "…", "@ home", ""] {
            assert_eq!(unlinked(name), name);
        }
    }

    proptest! {
        #[test]
        fn nothing_but_breaks_is_added(name in ".*") {
            let kept = |text: &str| text.chars().filter(|c| *c != BREAK).collect::<String>();
            prop_assert_eq!(kept(&unlinked(&name)), kept(&name));
        }

        #[test]
        fn no_two_labels_touch(name in "[a-z0-9.。．@:/ ]{0,40}") {
            let text: Vec<char> = unlinked(&name).chars().collect();
            for three in text.windows(3) {
                let [before, dot, after] = three else { continue };
                let joins = !before.is_whitespace() && !after.is_whitespace() && DOTS.contains(dot);
                prop_assert!(!joins || *after == BREAK || *before == BREAK, "{text:?}");
            }
        }
    }
}

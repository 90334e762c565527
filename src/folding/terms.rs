//! What the rows of the lists are found by: their texts from each start of a word on, so that a search is
//! one range of an index.

use std::collections::BTreeSet;

use icu_properties::{
    CodePointMapData,
    props::{GeneralCategory, GeneralCategoryGroup, Script},
};

use super::search_key;

/// Characters of a term at most; more is not looked for either.
const MAX_TERM: usize = 200;
/// Characters of a text in which starts of words are looked for: more than any name or email has, so that
/// only of long details the rest is not found.
const MAX_TEXT: usize = 1000;
/// Stands in an event's search key before each word. No name has it: it is a control character.
const WORD: char = '\u{1f}';
/// Signs that join words, as in an email or a masked key: behind a letter none of them starts one.
const JOINERS: [char; 11] = ['.', ',', ':', '/', '-', '_', '@', '\'', '’', '…', '·'];

/// A list that is searched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum List {
    /// The API keys of an organization.
    Keys,
    /// Its members.
    Members,
    /// Its pending invitations.
    Invitations,
    /// Its activity.
    Events,
    /// The organizations of a person.
    Organizations,
    /// All people with an account.
    People,
    /// All organizations.
    AllOrganizations,
}

/// The scope of the lists that belong to nobody but the instance.
pub const INSTANCE: &str = "instance";

impl List {
    /// Its name in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Keys => "key",
            Self::Members => "member",
            Self::Invitations => "invitation",
            Self::Events => "event",
            Self::Organizations => "organization",
            Self::People => "person",
            Self::AllOrganizations => "any_organization",
        }
    }
}

/// A row of a list with all that it is found by.
#[derive(Clone, Copy, Debug)]
pub enum Searched<'a> {
    /// A key, of which one knows what its row shows, or an end of the secret.
    Key {
        /// Its name.
        name: &'a str,
        /// Who created it.
        created_by: &'a str,
        /// Its scopes, with a space between two.
        scopes: &'a str,
        /// The masked key and, behind a space, that of a previous secret that still works.
        masked: &'a str,
    },
    /// A member.
    Member {
        /// The person's name.
        name: &'a str,
        /// The person's email.
        email: &'a str,
        /// The word for the role.
        role: &'a str,
    },
    /// An invitation.
    Invitation {
        /// To whom.
        email: &'a str,
    },
    /// An event.
    Event {
        /// As [`event_key`] gives it, or what a version before that stored.
        search_key: &'a str,
    },
    /// An organization in somebody's list.
    Organization {
        /// Its name.
        name: &'a str,
    },
    /// Somebody with an account.
    Person {
        /// The person's name.
        name: &'a str,
        /// The person's email.
        email: &'a str,
    },
    /// An organization among all.
    AnyOrganization {
        /// Its name.
        name: &'a str,
    },
}

impl Searched<'_> {
    /// The list that the row is in.
    pub fn list(&self) -> List {
        match self {
            Self::Key { .. } => List::Keys,
            Self::Member { .. } => List::Members,
            Self::Invitation { .. } => List::Invitations,
            Self::Event { .. } => List::Events,
            Self::Organization { .. } => List::Organizations,
            Self::Person { .. } => List::People,
            Self::AnyOrganization { .. } => List::AllOrganizations,
        }
    }

    /// What it is found by: it has a term that begins with what somebody looks for.
    pub fn terms(&self) -> Vec<String> {
        let mut terms = BTreeSet::new();
        match *self {
            Self::Key { name, created_by, scopes, masked } => {
                for text in [name, created_by, scopes] {
                    add_words(&mut terms, &search_key(text));
                }
                // A secret has no words, only ends; and all keys begin alike, so that the prefix finds none.
                for masked in search_key(masked).split(' ') {
                    let behind = masked.match_indices(['_', '…']).map(|(at, sign)| at + sign.len());
                    terms.extend(behind.map(|start| term_at(masked, start)));
                }
            }
            Self::Member { name, email, role } => {
                for text in [name, email, role] {
                    add_words(&mut terms, &search_key(text));
                }
            }
            Self::Person { name, email } => {
                for text in [name, email] {
                    add_words(&mut terms, &search_key(text));
                }
            }
            Self::Invitation { email: text }
            | Self::Organization { name: text }
            | Self::AnyOrganization { name: text } => add_words(&mut terms, &search_key(text)),
            Self::Event { search_key } => {
                search_key.replace(WORD, "").lines().for_each(|line| add_words(&mut terms, line));
            }
        }
        without_beginnings(terms)
    }
}

/// The search key of an event with these texts: each in a line of its own, with a sign before each word.
pub fn event_key<'a>(texts: impl IntoIterator<Item = &'a str>) -> String {
    event_key_of_folded(texts.into_iter().map(search_key))
}

/// [`event_key`] of one that a version before it stored.
pub fn event_key_of_older(search_key: &str) -> String {
    event_key_of_folded(search_key.replace(WORD, "").lines().map(str::to_owned))
}

fn event_key_of_folded(texts: impl Iterator<Item = String>) -> String {
    texts.map(|text| marked(beginning(&text))).collect::<Vec<_>>().join("\n")
}

/// What somebody looks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sought(String);

impl Sought {
    /// `None` where there is nothing in it to look for. Signs before the first word, as the `@` before a
    /// domain, are passed over.
    pub fn parse(text: &str) -> Option<Self> {
        let key = search_key(text);
        let wanted = without_signs_before(&key);
        (!wanted.is_empty()).then(|| Self(wanted.chars().take(MAX_TERM).collect()))
    }

    /// Whether signs before the first word of `text` are passed over.
    pub fn passes_over_signs_of(text: &str) -> bool {
        let key = search_key(text);
        without_signs_before(&key) != key
    }

    /// The first term that begins with it.
    pub fn from(&self) -> &str {
        &self.0
    }

    /// What is behind all terms that begin with it.
    pub fn until(&self) -> String {
        let mut until = self.0.clone();
        while let Some(last) = until.pop() {
            if let Some(next) = ((u32::from(last) + 1)..=u32::from(char::MAX)).find_map(char::from_u32) {
                until.push(next);
                return until;
            }
        }
        // Nothing but the last of all characters.
        self.0.clone() + &self.0
    }

    /// What stands in the search key of each event that it finds.
    pub fn in_event_key(&self) -> String {
        marked(&self.0)
    }
}

fn without_signs_before(key: &str) -> &str {
    match key.trim_start_matches(|c: char| !c.is_alphanumeric()) {
        "" => key,
        words => words,
    }
}

fn beginning(text: &str) -> &str {
    text.char_indices().nth(MAX_TEXT).map_or(text, |(end, _)| &text[..end])
}

fn add_words(terms: &mut BTreeSet<String>, folded: &str) {
    let folded = beginning(folded);
    terms.extend(word_starts(folded).map(|start| term_at(folded, start)));
}

fn term_at(folded: &str, start: usize) -> String {
    folded[start..].chars().take(MAX_TERM).collect()
}

/// What a beginning of another term would find, that one finds, too.
fn without_beginnings(terms: BTreeSet<String>) -> Vec<String> {
    let mut kept: Vec<String> = Vec::with_capacity(terms.len());
    for term in terms.into_iter().filter(|term| !term.is_empty()) {
        // In their order a term stands right behind its beginnings.
        match kept.last_mut() {
            Some(last) if term.starts_with(last.as_str()) => *last = term,
            _ => kept.push(term),
        }
    }
    kept
}

fn marked(folded: &str) -> String {
    let mut marked = String::with_capacity(folded.len() * 5 / 4);
    let mut rest = 0;
    for start in word_starts(folded) {
        marked += &folded[rest..start];
        marked.push(WORD);
        rest = start;
    }
    marked + &folded[rest..]
}

/// Where the words of a folded text start. Whether one starts at a character depends on those before it
/// alone, so that the beginning of a text has the same words as the whole.
fn word_starts(folded: &str) -> impl Iterator<Item = usize> {
    let mut before = (None, None);
    folded.char_indices().filter_map(move |(at, c)| {
        let starts = starts_word(before, c);
        before = (before.1, Some(c));
        starts.then_some(at)
    })
}

/// Whether a word starts with `c` behind the last two characters.
fn starts_word((second_last, last): (Option<char>, Option<char>), c: char) -> bool {
    if c.is_whitespace() {
        return false;
    }
    let Some(last) = last else { return true };
    let behind_word = is_of_word(last);
    if !is_of_word(c) {
        // A run of the same sign is one word.
        return last != c && !(behind_word && JOINERS.contains(&c));
    }
    if is_mark(c) {
        return false;
    }
    if !behind_word {
        // A number goes on behind its point: 10.0.0.1 is one word.
        let goes_on = matches!(last, '.' | ',' | ':') && second_last.is_some_and(char::is_numeric);
        return !(goes_on && c.is_numeric());
    }
    is_unspaced(c) || is_unspaced(last) || c.is_numeric() != last.is_numeric()
}

fn is_of_word(c: char) -> bool {
    c.is_alphanumeric() || is_mark(c)
}

/// A vowel sign or another mark that belongs to the letter before it.
fn is_mark(c: char) -> bool {
    !c.is_ascii() && GeneralCategoryGroup::Mark.contains(CodePointMapData::<GeneralCategory>::new().get(c))
}

/// Whether readers of its script put no spaces between words, or look for parts of them all the same.
fn is_unspaced(c: char) -> bool {
    !c.is_ascii()
        && matches!(
            CodePointMapData::<Script>::new().get(c),
            Script::Han
                | Script::Hiragana
                | Script::Katakana
                | Script::Bopomofo
                | Script::Hangul
                | Script::Yi
                | Script::Thai
                | Script::Lao
                | Script::Khmer
                | Script::Myanmar
        )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn finds(row: &Searched<'_>, typed: &str) -> bool {
        let sought = Sought::parse(typed).unwrap();
        row.terms().iter().any(|term| (sought.from()..sought.until().as_str()).contains(&term.as_str()))
    }

    #[test]
    fn a_row_is_found_by_the_starts_of_its_words() {
        for (name, found, not_found) in [
            (
                "Dana Whitfield",
                vec!["d", "DANA", "whit", "dana  whitf"],
                vec!["ana", "field", "whitfield dana"],
            ),
            ("Élodie Łódź", vec!["elo", "élodie ł", "lodz"], vec!["odz"]),
            ("Exporter2b_old", vec!["2b", "old", "exporter2", "@old"], vec!["ld", "xporter"]),
            ("100% (beta) & C++", vec!["100%", "%", "(beta", "beta)", "&", "& c", "c++", "++"], vec!["eta"]),
            ("東京タワー展望台", vec!["京", "タワー", "展望"], vec!["京展"]),
            ("서울특별시 TV", vec!["특별", "시 tv", "TV"], vec!["v"]),
            ("ประเทศไทย", vec!["ไทย", "เทศ"], vec![]),
            ("नमस्ते दुनिया", vec!["नमस्ते", "दुनि"], vec!["स्ते", "ते"]),
            ("v1.25 at 10.0.0.17", vec!["1.25", "10.0.0.1"], vec!["25", "0.0.17"]),
            ("🚀 launch", vec!["🚀", "🚀 l", "launch"], vec!["🛰"]),
        ] {
            let row = Searched::Organization { name };
            for typed in found {
                assert!(finds(&row, typed), "{typed} in {:?}", row.terms());
            }
            for typed in not_found {
                assert!(!finds(&row, typed), "{typed} in {:?}", row.terms());
            }
        }
    }

    #[test]
    fn a_key_is_found_by_both_ends_and_a_member_by_each_part_of_the_email() {
        let key = Searched::Key {
            name: "Invoice export",
            created_by: "Dana W",
            scopes: "export:read",
            masked: "tess_9fQ2…xA7c tess_Ab12…Zz9Y",
        };
        assert_eq!(
            key.terms(),
            [
                "9fq2…xa7c",
                "ab12…zz9y",
                "dana w",
                "export:read",
                "invoice export",
                "read",
                "w",
                "xa7c",
                "zz9y",
            ]
        );
        assert!(!finds(&key, "tess") && !finds(&key, "tess_"), "what all keys have in common");
        let member = Searched::Member { name: "Dana", email: "dana.w@lumen.example", role: "user" };
        assert_eq!(
            member.terms(),
            ["dana.w@lumen.example", "example", "lumen.example", "user", "w@lumen.example"]
        );
        for typed in ["@lumen", "dana.", "w@", "lumen.ex"] {
            assert!(finds(&member, typed), "{typed}");
        }
    }

    #[test]
    fn there_is_nothing_to_look_for_in_what_nobody_sees() {
        for nothing in ["", "  ", "\u{200B}", "\u{3164}"] {
            assert_eq!(Sought::parse(nothing), None);
            assert!(!Sought::passes_over_signs_of(nothing));
        }
        for (typed, passes_over) in
            [("-foo", true), ("\"foo\"", true), ("foo", false), ("foo-", false), ("--", false)]
        {
            assert_eq!(Sought::passes_over_signs_of(typed), passes_over, "{typed}");
        }
        assert_eq!(Sought::parse("%").unwrap().from(), "%");
        assert_eq!(Sought::parse("\u{10FFFF}").unwrap().until(), "\u{10FFFF}\u{10FFFF}");
    }

    #[test]
    fn an_event_key_of_a_version_before_becomes_that_of_this_one() {
        let key = event_key(["Dana Whitfield", "Key 7", "127.0.0.1"]);
        assert_eq!(key, "\u{1f}dana \u{1f}whitfield\n\u{1f}key \u{1f}7\n\u{1f}127.0.0.1");
        assert_eq!(event_key_of_older("dana whitfield\nkey 7\n127.0.0.1"), key);
        assert_eq!(event_key_of_older(&key), key);
    }

    proptest! {
        /// The two ways in which an event is found tell the same.
        #[test]
        fn an_event_is_found_in_its_terms_as_in_its_key(
            texts in prop::collection::vec("[a-b0-1 .@%京े]{0,8}", 1..3),
            typed in "[a-b0-1 .@%京े]{1,4}",
        ) {
            let key = event_key(texts.iter().map(String::as_str));
            let row = Searched::Event { search_key: &key };
            if let Some(sought) = Sought::parse(&typed) {
                prop_assert_eq!(key.contains(&sought.in_event_key()), finds(&row, &typed), "{:?}", row.terms());
            }
        }

        #[test]
        fn what_begins_with_a_text_stands_in_its_range(text in any::<String>(), more in any::<String>()) {
            if let Some(sought) = Sought::parse(&text) {
                let range = sought.from().to_owned()..sought.until();
                prop_assert!(range.contains(&(sought.from().to_owned() + &more)));
                let other = search_key(&more);
                prop_assert_eq!(range.contains(&other), other.starts_with(sought.from()));
            }
        }
    }
}

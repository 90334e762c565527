//! Text in the forms in which it is compared, searched and sorted, the same in every database: the
//! forms are stored beside the text, so that no engine's own idea of letters comes into play.
//!
//! Letters of different scripts that look alike stay different (Unicode TR39 would need a list of
//! all scripts' look-alikes, and refuses names that people bear).

pub mod terms;

use icu_casemap::CaseMapper;
use icu_normalizer::{ComposingNormalizer, DecomposingNormalizer};
use icu_properties::{CodePointSetData, props::DefaultIgnorableCodePoint};

/// The composed form (NFC): the same whichever way a program sends `é`.
pub fn composed(text: &str) -> String {
    ComposingNormalizer::new_nfc().normalize(text).into_owned()
}

/// Whether a sign shows nothing by itself and is no space: joiners, fillers, tags, selectors, and what
/// is empty by its own description though Unicode counts it among the visible: the null notehead of
/// musical notation, the joiners and blanks of Egyptian hieroglyphs, the filler of Khitan script.
pub fn is_ignorable(c: char) -> bool {
    matches!(c, '\u{1D159}' | '\u{13430}'..='\u{13442}' | '\u{16FE4}')
        || CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(c)
}

/// Whether a sign is a space or looks like one: the blank of braille is a symbol to Unicode.
pub fn is_blank(c: char) -> bool {
    c.is_whitespace() || c == '\u{2800}'
}

/// The words of a text, with one space between two.
pub fn single_spaced(text: &str) -> String {
    text.split(is_blank).filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

/// What there is to see of a text, composed, with one space between two words.
pub fn visible(text: &str) -> String {
    let visible: String = text.chars().filter(|c| !is_ignorable(*c)).collect();
    single_spaced(&composed(&visible))
}

/// The form in which two texts are the same: without regard to case, to how a letter is composed, to
/// invisible signs and to the number of spaces (Unicode 3.13, canonical caseless matching).
pub fn fold(text: &str) -> String {
    let decomposed = DecomposingNormalizer::new_nfd().normalize(text);
    let visible: String = decomposed.chars().filter(|c| !is_ignorable(*c)).collect();
    single_spaced(&composed(&CaseMapper::new().fold_string(&visible)))
}

/// The form in which names are searched and sorted: as [`fold`] has it, and without the accents of
/// Latin, Greek and Cyrillic, so that `Élodie` stands at `E` and is found as `elodie`, too.
///
/// A collation of the Unicode Consortium would sort other scripts as their readers do, at the price
/// of a megabyte of tables and of keys that change with each of its versions.
pub fn search_key(text: &str) -> String {
    let folded = fold(text);
    let letters = DecomposingNormalizer::new_nfd().normalize(&folded);
    let mut plain = String::with_capacity(letters.len());
    for c in letters.chars().filter(|c| !is_accent(*c)) {
        match without_stroke(c) {
            Some(letters) => plain.push_str(letters),
            None => plain.push(c),
        }
    }
    composed(&plain)
}

/// Combining Diacritical Marks. The marks of other scripts are letters to their readers.
fn is_accent(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36F}')
}

/// Letters that readers sort with another one, though Unicode takes them for no composition.
fn without_stroke(c: char) -> Option<&'static str> {
    Some(match c {
        'æ' => "ae",
        'đ' | 'ð' => "d",
        'ħ' => "h",
        'ı' => "i",
        'ł' => "l",
        'ø' => "o",
        'œ' => "oe",
        'ŧ' => "t",
        'þ' => "th",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_reads_alike_is_folded_alike() {
        for (one, other) in [
            ("Café", "CAFE\u{301}"),
            ("Dana Whitfield", "Dana\u{2060} \u{2800}WHITFIELD"),
            ("Straße", "STRASSE"),
            ("ΣΊΣΥΦΟΣ", "σίσυφος"),
            ("Привет", "привет"),
            ("ꭰᏹ", "ᎠᏱ"),
            ("x\u{3164}", "X"),
            ("ᾳ\u{345}", "ΑΙ\u{345}"),
        ] {
            assert_eq!(fold(one), fold(other), "{one} {other}");
        }
        assert_ne!(fold("Cafe"), fold("Café"));
        assert_ne!(fold("か"), fold("が"));
    }

    #[test]
    fn a_search_finds_what_is_typed_without_its_accents() {
        for (name, typed) in [
            ("Привет", "привет"),
            ("Ärger", "ärger"),
            ("Ärger", "ARGER"),
            ("Łódź", "łódź"),
            ("Łódź", "lodz"),
            ("Élodie", "E\u{301}LODIE"),
            ("Élodie", "elodie"),
            ("Smørrebrød", "smorrebrod"),
            ("İstanbul", "istanbul"),
            ("Ⅷ", "ⅷ"),
        ] {
            assert_eq!(search_key(name), search_key(typed), "{name} {typed}");
        }
        assert_ne!(search_key("か"), search_key("が"));
    }

    #[test]
    fn names_are_sorted_as_readers_do() {
        let mut names = ["Tomasz", "Élodie", "Zoë", "anna", "Łukasz", "Márta", "Lena", "Ørjan"];
        names.sort_by_key(|name| search_key(name));
        assert_eq!(names, ["anna", "Élodie", "Lena", "Łukasz", "Márta", "Ørjan", "Tomasz", "Zoë"]);
    }

    proptest! {
        #[test]
        fn what_is_folded_stays_as_it_is(text in any::<String>()) {
            prop_assert_eq!(fold(&fold(&text)), fold(&text));
            prop_assert_eq!(search_key(&search_key(&text)), search_key(&text));
            prop_assert_eq!(search_key(&fold(&text)), search_key(&text));
            prop_assert_eq!(fold(&composed(&text)), fold(&text));
        }
    }
}

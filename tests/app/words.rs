//! One word for each thing, in plain American English: on pages, in emails, in the reference and on the
//! command line.

mod texts;

use texts::{Text, all, descriptions};

/// What no text says, and what it says instead.
const RULES: &[(&[&str], &str)] = &[
    // People and accounts.
    (&["e-mail", "e-mails", "mail", "mails", "mailed"], "email, emails, emailed"),
    (&["address", "addresses"], "email, IP address or URL"),
    (&["log-in", "log-ins", "logins", "sign-in", "signin"], "session; to log in; Log in"),
    (&["somebody", "whoever"], "someone, anyone"),
    (&["withdraw", "withdraws", "withdrawn"], "cancel, canceled"),
    // Keys and requests.
    (&["refuse", "refuses", "refused", "refusal", "refusals"], "rejected, rejection"),
    (&["answer", "answers", "answered"], "response, returns"),
    (&["caller", "callers"], "client, clients"),
    (&["calls per minute", "calls left"], "requests per minute, requests left"),
    (&["end date", "no end", "new end"], "expiration date, No expiration"),
    (&["expiry", "expiries", "calendar of expiries"], "expiration, Expiration calendar"),
    (&["silence", "silent", "silenced", "silence test"], "pause, paused"),
    (&["overlap"], "grace period"),
    (&["evidence", "glance"], "recent usage"),
    (&["use your keys"], "Gateway setup"),
    (&["what it can do", "what it did", "deeds"], "Permissions, Activity"),
    (&["problem document", "problem documents"], "problem details"),
    // Time and manner.
    (&["at once"], "immediately, or at a time"),
    (&["for good"], "permanently; This can’t be undone"),
    (&["of late", "lately"], "recently"),
    (&["goes on", "go on", "going on"], "keeps working, continue"),
    (&["no longer used"], "that you no longer need"),
    (&["carried out", "carry out", "carries out"], "run, sent, done"),
    (&["shall"], "will, must"),
    // Phrases of other languages and times.
    (&["is none", "that are none", "that is no", "who is no"], "isn’t a, isn’t accepted, invalid"),
    (&["stands", "stand there"], "is"),
    (&["speaks against", "looks like nothing"], "No problems found"),
    (&["in particular", "all the same", "as things are"], "leave it out"),
    (&["is told", "are told", "told this once"], "returned, shown, notified"),
    (&["mended", "heeded", "bears"], "fixed, handled, has"),
    // American spelling.
    (&["cancelled", "colour", "licence", "organisation", "organisations", "recognise"], "canceled, color, …"),
];

/// Where a word of [`RULES`] is the right one.
const ALLOWED: &[&str] = &["mail server", "mail servers", "ip address", "ip addresses", "email addresses"];

#[test]
fn every_text_keeps_to_one_word_for_each_thing() {
    let broken: Vec<String> = all().iter().flat_map(broken_rules).collect();
    assert!(broken.is_empty(), "{} texts break a rule:\n{}", broken.len(), broken.join("\n"));
}

#[test]
fn every_description_of_the_api_is_a_sentence() {
    let unfinished = descriptions().into_iter().filter(|text| !text.words.trim_end().ends_with('.'));
    let unfinished: Vec<String> = unfinished.map(|text| format!("{}: {}", text.place, text.words)).collect();
    assert!(unfinished.is_empty(), "without a full stop:\n{}", unfinished.join("\n"));
}

#[test]
fn texts_are_read_from_everywhere() {
    let all = all();
    for (place, words) in [
        ("templates/layouts/base.html", "Skip to content"),
        ("templates/settings/index.html", "Leave organization"),
        ("templates/mailbox/index.html", "No emails yet"),
        ("templates/api_docs/topics.html", "Lists are paginated. To get the next page"),
        ("templates/email/invitation/body.txt", "Invitation to join Organization"),
        ("templates/gateway_setup/nginx.conf", "# auth_request handles only 401 and 403"),
        ("templates/gateway_setup/api.go", "// The key is valid. Your API starts here."),
        ("docs/openapi.json /paths/~1auth/get", "Check a request at the gateway"),
        ("docs/openapi.json /components/schemas/ApiKey/", "The masked key."),
        ("tessera keys create --help", "Key name (must be unique)"),
        ("tessera bench attacks --help", "Seconds per attack"),
        ("static/js/ui.js", "Copied to clipboard"),
        ("src/domain/names.rs", "Enter a name."),
    ] {
        let is_there = |text: &Text| text.place.starts_with(place) && text.words.contains(words);
        assert!(all.iter().any(is_there), "“{words}” was not found in {place}");
    }
}

#[test]
fn the_rules_find_what_they_forbid_and_nothing_else() {
    let broken =
        |words: &str| broken_rules(&Text { place: "here".into(), words: words.into(), is_html: true });
    for (forbidden, _) in RULES {
        for words in *forbidden {
            assert_eq!(broken(&format!("This, {words}.")).len(), 1, "{words}");
        }
    }
    for wrong in ["Check your Mail", "E-mail", "Whoever\n has it", "Your address", "don't", "Other log-ins"] {
        assert_eq!(broken(wrong).len(), 1, "{wrong}");
    }
    for right in ["No mail server", "Local mailbox", "IP address", "Don’t", "Log in", "'quoted'", "standing"]
    {
        assert_eq!(broken(right), Vec::<String>::new(), "{right}");
    }
}

/// What is wrong with a text, with its place and the text itself.
fn broken_rules(text: &Text) -> Vec<String> {
    let Text { place, words, is_html } = text;
    let plain: String =
        words.to_lowercase().replace('’', "'").split_whitespace().collect::<Vec<_>>().join(" ");
    let allowed = ALLOWED.iter().fold(plain.clone(), |text, phrase| text.replace(phrase, "·"));
    let found = RULES.iter().filter_map(|(forbidden, instead)| {
        let word = forbidden.iter().find(|words| says(&allowed, words))?;
        Some(format!("{place}: “{word}”, rather {instead}: {}", words.trim()))
    });
    let mut broken: Vec<String> = found.collect();
    if *is_html && has_straight_apostrophe(words) {
        broken.push(format!("{place}: a straight apostrophe, rather ’: {}", words.trim()));
    }
    broken
}

/// Whether `text` has these words, as words of their own.
fn says(text: &str, words: &str) -> bool {
    let is_within = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '\'');
    text.match_indices(words).any(|(start, _)| {
        let (before, after) = (&text[..start], &text[start + words.len()..]);
        !before.ends_with(is_within) && !after.starts_with(is_within)
    })
}

/// Whether a word has an apostrophe as typewriters have it: `don't`.
fn has_straight_apostrophe(text: &str) -> bool {
    let letters: Vec<char> = text.chars().collect();
    letters.windows(3).any(
        |three| matches!(three, [before, '\'', after] if before.is_alphabetic() && after.is_alphabetic()),
    )
}

//! Clap's answers in our words.

use std::error::Error;

use clap::error::{ContextKind, ContextValue, ErrorKind};

use super::{Exit, client::Expected};

/// Whether a part of `text` is as long as what is random in a key or a token, or begins like one.
fn may_hold_a_secret(text: &str) -> bool {
    const AS_LONG_AS_A_SECRET: usize = 30;
    text.contains("tess_")
        || text.split(|c: char| !c.is_ascii_alphanumeric()).any(|part| part.len() >= AS_LONG_AS_A_SECRET)
}

/// Turns clap's answer into ours: help and version as they are, a mistake as one line.
pub(super) fn explain(error: clap::Error) -> Exit {
    let code = match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => 0,
        _ => 2,
    };
    if code == 0 {
        return Exit { code, message: error.to_string().trim_end().to_owned() };
    }
    // Whoever names a group of commands alone wants to know what is in it.
    if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        return Exit { code, message: error.to_string().trim_end().to_owned() };
    }
    let named = [ContextKind::InvalidArg, ContextKind::InvalidSubcommand]
        .into_iter()
        .find_map(|kind| match error.get(kind) {
            Some(ContextValue::String(text)) => Some(text.clone()),
            Some(ContextValue::Strings(texts)) => Some(texts.join(", ")),
            _ => None,
        })
        // A stray argument may be an SMTP URL that lost its flag, a key or a token.
        .filter(|text| !text.contains("://") && !may_hold_a_secret(text))
        .unwrap_or_else(|| "the one given".to_owned());
    let possible = match error.get(ContextKind::ValidValue) {
        Some(ContextValue::Strings(values)) if !values.is_empty() => Some(values.join(", ")),
        _ => None,
    };
    let suggested =
        [ContextKind::SuggestedSubcommand, ContextKind::SuggestedArg, ContextKind::SuggestedValue];
    let suggested = suggested.into_iter().find_map(|kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.clone()),
        // Clap has the one that is most alike last.
        Some(ContextValue::Strings(texts)) => texts.last().cloned(),
        _ => None,
    });
    let expected = error.source().and_then(|source| source.downcast_ref::<Expected>());
    let what = match (error.kind(), possible, expected) {
        (ErrorKind::ValueValidation, _, Some(expected)) => format!("{named} {expected}"),
        (ErrorKind::ValueValidation, ..) => format!("{named} needs a number within its range"),
        (ErrorKind::InvalidValue, Some(possible), _) => format!("{named} must be one of {possible}"),
        (ErrorKind::InvalidValue | ErrorKind::NoEquals, ..) => format!("{named} needs a value"),
        (ErrorKind::MissingRequiredArgument, ..) => format!("{named} is missing"),
        (ErrorKind::MissingSubcommand, ..) => "the command is incomplete".to_owned(),
        (ErrorKind::ArgumentConflict, ..) => {
            format!("{named} conflicts with another argument")
        }
        _ => match suggested {
            Some(suggested) => format!("there is no {named}, did you mean {suggested}?"),
            None => format!("there is no command or flag like {named}"),
        },
    };
    Exit::mistake(format_args!("{what}; see tessera --help"))
}

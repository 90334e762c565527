//! The settings of the server as they are, with where each was found.

use clap::{ArgMatches, Command};

use super::{Config, Exit, Origin, SECRETS, Sources};

/// One setting as the server would have it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Effective {
    /// The name of its variable.
    pub name: String,
    /// What it has, without secrets.
    pub value: String,
    /// Where that was found.
    pub origin: Origin,
}

/// The settings that `serve` knows, in the order of its help. `matches` are flags of the same names.
pub(super) fn settings(
    serve: &Command,
    matches: &ArgMatches,
    sources: &Sources<'_>,
    config: &Config,
) -> Result<Vec<Effective>, Exit> {
    let mut settings = Vec::new();
    for argument in serve.get_arguments() {
        let help =
            argument.get_long_help().or(argument.get_help()).map(ToString::to_string).unwrap_or_default();
        let Some(name) = between(&help, "[env: ", "]") else { continue };
        let id = argument.get_id().as_str();
        let flag = matches.try_get_one::<String>(id).ok().flatten().cloned();
        let found = sources.find(name, flag)?;
        let value = match (&found, derived(name, config)) {
            (_, Some(value)) => value,
            (Some(found), None) if !SECRETS.contains(&name) => found.text.trim().to_owned(),
            (Some(_), None) => "<secret>".to_owned(),
            (None, None) => between(&help, "[default: ", "]").unwrap_or_default().to_owned(),
        };
        let origin = found.map_or(Origin::Default, |found| found.origin);
        settings.push(Effective { name: name.to_owned(), value, origin });
    }
    Ok(settings)
}

/// What a setting has that follows from others, or that may be shown in part.
fn derived(name: &str, config: &Config) -> Option<String> {
    match name {
        "TESSERA_PUBLIC_URL" => Some(config.public_url.to_string()),
        "TESSERA_INTERNAL_URL" => Some(config.url_for_gateways().to_string()),
        "TESSERA_DATABASE_URL" => Some(config.database.to_string()),
        "TESSERA_SIGN_UP" => Some(config.sign_up.value.to_string()),
        "TESSERA_SMTP_URL" => config.smtp.as_ref().map(|smtp| smtp.without_password(smtp.expose())),
        "TESSERA_MAIL_FROM" => Some(config.mail_from.to_string()),
        _ => None,
    }
}

fn between<'a>(text: &'a str, start: &str, end: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(start)?;
    rest.split_once(end).map(|(between, _)| between)
}

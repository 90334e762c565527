//! Where the values of settings come from. A flag wins over the environment, which wins over the configuration
//! file. A secret can also be in a file of its own, so that it stands in no list of processes and no unit file;
//! such a file counts as the environment that names it.

use std::{
    ffi::OsString,
    fmt, fs, io,
    path::{Path, PathBuf},
};

use toml::{Table, Value};

use super::{Exit, PREFIX, client::text_of_file, similar_to, variables};

/// Settings that hold a secret. Each can be in a file that `<name>_FILE` names, or in one of its own name in
/// systemd's folder of credentials.
pub(super) const SECRETS: [&str; 5] = [
    "TESSERA_BACKUP_BUCKET",
    "TESSERA_DATABASE_URL",
    "TESSERA_SMTP_URL",
    "TESSERA_LEAK_SECRET",
    "TESSERA_TOKEN",
];

/// The setting that names the configuration file.
pub(super) const CONFIG_FILE: &str = "TESSERA_CONFIG";

/// Where systemd puts what `LoadCredential=` names.
const CREDENTIALS: &str = "CREDENTIALS_DIRECTORY";

/// More than any of these files has; what has more is another file.
const MAX_BYTES: u64 = 64 * 1024;

/// Where a value was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// In the command line.
    Flag,
    /// In the environment.
    Environment,
    /// In a file: the configuration file, or one that holds a secret.
    File(PathBuf),
    /// Nowhere.
    Default,
}

impl fmt::Display for Origin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag => formatter.write_str("flag"),
            Self::Environment => formatter.write_str("environment"),
            Self::File(path) => path.display().fmt(formatter),
            Self::Default => formatter.write_str("default"),
        }
    }
}

/// What a setting has, as it was written.
pub(super) struct Found {
    pub(super) text: String,
    pub(super) origin: Origin,
}

/// All places that are looked at for a setting.
pub(super) struct Sources<'a> {
    environment: &'a dyn Fn(&str) -> Option<OsString>,
    file: Option<ConfigFile>,
}

impl<'a> Sources<'a> {
    /// `flag` names the configuration file, or else the environment does.
    pub(super) fn open(
        flag: Option<&str>,
        environment: &'a dyn Fn(&str) -> Option<OsString>,
    ) -> Result<Self, Exit> {
        let sources = Self { environment, file: None };
        let path = match flag {
            Some(path) => Some(path.to_owned()),
            None => sources.variable(CONFIG_FILE)?,
        };
        let file = path.map(|path| ConfigFile::read(Path::new(&path)).map_err(Exit::mistake)).transpose()?;
        Ok(Self { file, ..sources })
    }

    /// What the setting `name` has; `None` leaves it to the default.
    pub(super) fn find(&self, name: &str, flag: Option<String>) -> Result<Option<Found>, Exit> {
        if let Some(text) = flag {
            return Ok(Some(Found { text, origin: Origin::Flag }));
        }
        if let Some(found) = self.in_environment(name)? {
            return Ok(Some(found));
        }
        Ok(self.file.as_ref().and_then(|file| file.find(name)))
    }

    fn in_environment(&self, name: &str) -> Result<Option<Found>, Exit> {
        let value = self.variable(name)?.map(|text| Found { text, origin: Origin::Environment });
        if !SECRETS.contains(&name) {
            return Ok(value);
        }
        let by_file = format!("{name}_FILE");
        let named = self.variable(&by_file)?.map(PathBuf::from);
        let credential = (self.environment)(CREDENTIALS).map(|folder| Path::new(&folder).join(name));
        let credential = credential.filter(|path| path.exists());
        let ways = [
            value.as_ref().map(|_| name.to_owned()),
            named.as_ref().map(|_| by_file.clone()),
            credential.as_ref().map(|path| path.display().to_string()),
        ];
        let ways: Vec<String> = ways.into_iter().flatten().collect();
        if let [first, second, ..] = ways.as_slice() {
            return Err(Exit::mistake(format_args!(
                "{name} is set twice, by {first} and by {second}; remove one of them"
            )));
        }
        match named.or(credential) {
            Some(path) => {
                let text = read(&path).map_err(|error| {
                    Exit::mistake(format_args!("{name} can't be read from {}: {error}", path.display()))
                })?;
                Ok(Some(Found { text: text_of_file(&text).to_owned(), origin: Origin::File(path) }))
            }
            None => Ok(value),
        }
    }

    /// A variable that is set but empty counts as not set.
    fn variable(&self, name: &str) -> Result<Option<String>, Exit> {
        let value = (self.environment)(name).filter(|value| !value.is_empty());
        let text = value.map(|value| {
            value.into_string().map_err(|_| Exit::mistake(format_args!("{name} must be UTF-8 text")))
        });
        text.transpose()
    }
}

/// Settings in a file in the format TOML, each under its variable's name without the prefix, in small letters.
struct ConfigFile {
    path: PathBuf,
    values: Vec<(String, String)>,
}

impl ConfigFile {
    /// # Errors
    /// What is wrong with the file, as one line that repeats no value.
    fn read(path: &Path) -> Result<Self, String> {
        let shown = path.display();
        let text = read(path).map_err(|error| format!("{CONFIG_FILE}: {shown} can't be read: {error}"))?;
        let table: Table = toml::from_str(text_of_file(&text)).map_err(|error| {
            let line = error
                .span()
                .map_or(1, |span| text.get(..span.start).unwrap_or_default().matches('\n').count() + 1);
            format!("{shown}, line {line}: {}", error.message())
        })?;
        let known = variables();
        let values = table.into_iter().map(|(key, value)| {
            let name = format!("{PREFIX}{}", key.to_uppercase());
            if !known.contains(&name) || name == CONFIG_FILE || key != key.to_lowercase() {
                let meant = similar_to(&name, &known)
                    .map_or_else(String::new, |name| format!("; did you mean {}?", key_of(name)));
                return Err(format!("{shown}: {key} is no setting{meant}"));
            }
            let text = text_of(&value).ok_or_else(|| {
                format!("{shown}: {key} must be a text, a number, true or false, or a list of texts")
            })?;
            Ok((name, text))
        });
        Ok(Self { path: path.to_owned(), values: values.collect::<Result<_, _>>()? })
    }

    fn find(&self, name: &str) -> Option<Found> {
        let (_, text) = self.values.iter().find(|(key, text)| key == name && !text.is_empty())?;
        Some(Found { text: text.clone(), origin: Origin::File(self.path.clone()) })
    }
}

/// How a setting is called in the configuration file.
pub(super) fn key_of(name: &str) -> String {
    name.strip_prefix(PREFIX).unwrap_or(name).to_lowercase()
}

/// A value as it would stand in the environment.
fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Integer(number) => Some(number.to_string()),
        Value::Boolean(is_so) => Some(is_so.to_string()),
        Value::Array(list) => {
            let texts: Option<Vec<&str>> = list.iter().map(Value::as_str).collect();
            texts.map(|texts| texts.join(","))
        }
        Value::Float(_) | Value::Datetime(_) | Value::Table(_) => None,
    }
}

fn read(path: &Path) -> io::Result<String> {
    if fs::metadata(path)?.len() > MAX_BYTES {
        return Err(io::Error::other("it is too large"));
    }
    fs::read_to_string(path)
}

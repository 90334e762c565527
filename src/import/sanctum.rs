//! Laravel Sanctum: the table `personal_access_tokens`.

use serde_json::json;

use super::{ForeignKey, Scheme, StoredSecret, record::Record};
use crate::hex;

/// What stands for everything there. Here a key has the scopes that it is given, and a route asks for those that it needs.
const EVERYTHING: &str = "*";

pub(super) fn key(record: &mut Record) -> Result<ForeignKey, String> {
    let id = record.needed("id")?;
    let digest = hex::parse(&record.needed("token")?).filter(|digest| digest.len() == 32);
    let digest = digest.ok_or("“token” isn’t a SHA-256, which has 64 hexadecimal digits.")?;
    let secret = StoredSecret { scheme: Scheme::Sanctum, look_up: digest, verifier: Some(id.clone()) };
    let abilities = record.words("abilities")?;
    let mut key = ForeignKey {
        owner: owner(record),
        expires_at: record.instant("expires_at")?,
        scopes: abilities.iter().filter(|ability| *ability != EVERYTHING).cloned().collect(),
        ..ForeignKey::new(secret, format!("{id}|…"))
    };
    if abilities.iter().any(|ability| ability == EVERYTHING) {
        key.metadata.insert("abilities".to_owned(), json!(abilities));
    }
    Ok(key)
}

/// "User:5": the last part of the model's name, and the id.
fn owner(record: &Record) -> Option<String> {
    let id = record.text("tokenable_id")?;
    let model = record.text("tokenable_type");
    let model = model.as_deref().and_then(|model| model.rsplit('\\').next());
    Some(model.map_or_else(|| id.clone(), |model| format!("{model}:{id}")))
}

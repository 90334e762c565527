//! Amazon API Gateway's file of keys: CSV whose header has `Name` and `Key` in any case and order.
//!
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/api-key-file-format.html>

use std::collections::HashMap;

use super::{
    FileError, ForeignKey, Line, line_of, plain,
    record::{self, Record},
};

pub(super) fn read(text: &str) -> Result<Vec<Line>, FileError> {
    let rows = record::rows(text)?;
    rows.check_field("Name")?;
    rows.check_field("Key")?;
    let mut lines: Vec<Line> = rows.records.into_iter().map(|row| line_of(row, key)).collect();
    // As there: the same key twice is one, as the last line has it.
    let mut last: HashMap<Vec<u8>, usize> = HashMap::new();
    for line in &lines {
        if let Ok(key) = &line.key {
            last.insert(key.secret.look_up.clone(), line.number);
        }
    }
    for line in &mut lines {
        let later = line.key.as_ref().ok().and_then(|key| last.get(&key.secret.look_up)).copied();
        if let Some(later) = later.filter(|later| *later != line.number) {
            line.key = Err(format!("The same key is in line {later} again, which counts."));
        }
    }
    Ok(lines)
}

fn key(record: &mut Record) -> Result<ForeignKey, String> {
    let plain = record.take_key("Key")?.ok_or("There is no “Key”.")?;
    let (secret, masked) = plain::parse(&plain)?;
    record.needed("Name")?;
    Ok(ForeignKey {
        is_enabled: record.flag("Enabled", true)?,
        description: record.text("Description"),
        ..ForeignKey::new(secret, masked)
    })
}

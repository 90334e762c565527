#![no_main]
//! The texts of a key's settings. What is read is written so that it is read again as the same.

use std::{fmt, str::FromStr};

use libfuzzer_sys::fuzz_target;
use tessera::domain::key_settings::{Metadata, MonthlyQuota, Networks, RateLimit, Scopes};

fn read_twice<T: FromStr + fmt::Display + fmt::Debug + PartialEq>(text: &str) {
    if let Ok(value) = text.parse::<T>() {
        let again = value.to_string().parse::<T>().ok();
        assert_eq!(again.as_ref(), Some(&value));
    }
}

fuzz_target!(|text: &str| {
    read_twice::<Scopes>(text);
    read_twice::<Networks>(text);
    read_twice::<RateLimit>(text);
    read_twice::<Metadata>(text);
    if let Ok(Some(quota)) = MonthlyQuota::parse(text) {
        assert_eq!(MonthlyQuota::parse(&quota.get().to_string()), Ok(Some(quota)));
    }
});

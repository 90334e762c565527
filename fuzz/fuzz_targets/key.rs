#![no_main]
//! The form and the checksum of keys and tokens.

use libfuzzer_sys::fuzz_target;
use tessera::domain::secret::{SecretKind, is_well_formed};

fuzz_target!(|text: &str| {
    let kinds = [SecretKind::ApiKey, SecretKind::MasterToken].map(|kind| is_well_formed(kind, text));
    assert_ne!(kinds, [true, true], "a secret is of one kind");
});

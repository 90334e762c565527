#![no_main]
//! The value of `Authorization`, plain and as Basic.

use libfuzzer_sys::fuzz_target;
use tessera::web::api::credentials::{name_and_key, scheme_and_credential};

fuzz_target!(|value: &[u8]| {
    let Some((scheme, credential)) = scheme_and_credential(value) else { return };
    assert!(!scheme.contains(' ') && credential.trim() == credential);
    if let Some((_, key)) = name_and_key(credential) {
        assert!(!key.contains(':'), "the last colon is the border");
    }
});

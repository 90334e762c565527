#![no_main]
//! The bodies of verification, for one key and for several.

use libfuzzer_sys::fuzz_target;
use tessera::{
    api_types::{BatchRequest, VerificationRequest},
    web::api::json,
};

fuzz_target!(|body: &[u8]| {
    let one = json::parse::<VerificationRequest>(body).is_ok();
    let several = json::parse::<BatchRequest>(body).is_ok();
    assert!(!(one && several), "a body is one or the other");
    if one {
        let batch = [br#"{"keys":["#, body, b"]}"].concat();
        assert!(json::parse::<BatchRequest>(&batch).is_ok(), "what is read alone is read in a batch");
    }
});

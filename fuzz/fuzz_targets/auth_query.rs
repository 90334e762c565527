#![no_main]
//! The address of `/auth` after its question mark.

use libfuzzer_sys::fuzz_target;
use tessera::web::api::forward_auth::RouteRequirements;

fuzz_target!(|query: &str| {
    if let Ok(demand) = RouteRequirements::read(query) {
        assert!(demand.scopes().iter().all(|scope| !scope.is_empty() && !scope.contains(' ')));
    }
});

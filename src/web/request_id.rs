//! Numbers of requests, for error pages, problem documents and the log.

use std::sync::{
    LazyLock,
    atomic::{AtomicU64, Ordering},
};

use uuid::Uuid;

/// Tells the requests of one run of the server from those of another.
static RUN: LazyLock<String> =
    LazyLock::new(|| Uuid::new_v4().simple().to_string().chars().take(8).collect());
static COUNT: AtomicU64 = AtomicU64::new(0);

/// The next number, such as `req_9f02ab71-0000001c`: eight signs for the run, then a count,
/// of one length so that no answer tells by its own how many there were before. It costs no
/// call to the system, since every verification takes one.
pub fn new() -> String {
    format!("req_{}-{:08x}", *RUN, COUNT.fetch_add(1, Ordering::Relaxed))
}

/// The number in a text: alone, or in a header or a problem document that somebody copied whole.
pub fn find_in(text: &str) -> Option<&str> {
    let start = text.find("req_")?;
    let rest = text.get(start..)?;
    let is_sign = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    let number = rest.get(..rest.find(|c| !is_sign(c)).unwrap_or(rest.len()))?;
    let (run, count) = number.strip_prefix("req_")?.split_once('-')?;
    let is_hex = |part: &str| part.bytes().all(|b| b.is_ascii_hexdigit() && !b.is_ascii_uppercase());
    (run.len() == 8 && (8..=16).contains(&count.len()) && is_hex(run) && is_hex(count)).then_some(number)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_number_is_found_in_what_people_copy() {
        let id = new();
        for text in [
            id.clone(),
            format!(" {id}\n"),
            format!("x-request-id: {id}"),
            format!(r#"{{"title":"Unauthorized","request_id":"{id}"}}"#),
        ] {
            assert_eq!(find_in(&text), Some(id.as_str()), "{text}");
        }
        for text in ["", "req_", "req_9f02ab71", "req_9f02ab71-0000001", "req_9F02AB71-0000001c", "tess_req_"]
        {
            assert_eq!(find_in(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_the_search_fail_over(text in "(req_|[0-9a-f]{8}|-|é|.)*") {
            prop_assert!(find_in(&text).is_none_or(|id| text.contains(id)));
        }
    }
}

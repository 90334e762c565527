//! The details of an event in words: for pages, for the column of the export that people read, and for
//! clients of the API that show them.

use super::display;
use crate::{
    clock::Timestamp,
    domain::{
        audit::{Detail, WebhookFailure, WebhookSetting},
        key_settings::KeySetting,
        nodes::Spread,
        rotation::{GracePeriod, Plan, Starts},
    },
};

/// What stands behind the subject of an event: "from User to Supervisor".
pub fn text(detail: &Detail) -> String {
    match detail {
        Detail::Text { text } => text.clone(),
        Detail::NameChange { from, to } => format!("from “{from}” to “{to}”"),
        Detail::LeakPolicyChange { from, to } => format!("from “{}” to “{}”", from.label(), to.label()),
        Detail::Role { role } => format!("as {role}"),
        Detail::RoleChange { from, to } => format!("from {from} to {to}"),
        Detail::Key { masked } => masked.clone(),
        Detail::Import { source, keys } => {
            format!("{} from {}", display::count(keys, "key", "keys"), source.label())
        }
        Detail::ExpirationChange { from, to } => {
            let words = |at: &Option<Timestamp>| {
                at.as_ref().map_or("no expiration".to_owned(), display::date_time_utc)
            };
            format!("from {} to {}", words(from), words(to))
        }
        Detail::KeySettings { changed } => list(changed, key_setting),
        Detail::Rotation { grace_period, starts, expires_from, expires_to, .. } => {
            let previous = match (grace_period, starts) {
                (Some(grace_period), Some(starts)) => {
                    plan(Plan { grace_period: *grace_period, starts: *starts })
                }
                _ => "the previous secret had expired".to_owned(),
            };
            let [from, to] = [expires_from, expires_to].map(|at| at.as_ref().map(display::date_time_utc));
            match from.zip(to) {
                Some((from, to)) => format!("{previous}; expiration changed from {from} to {to}"),
                None => previous,
            }
        }
        Detail::Pause { until } => format!("until {}", display::date_time_utc(until)),
        Detail::Expiry { within_days: 1 } => "within a day".to_owned(),
        Detail::Expiry { within_days } => format!("within {within_days} days"),
        Detail::Quota { percent, resets_at, .. } => {
            format!("{percent} percent used, resets on {}", display::date_time_utc(resets_at))
        }
        Detail::Stop { receipts, .. } => {
            let nodes: Vec<&str> = receipts.iter().map(|receipt| receipt.node.as_str()).collect();
            format!("on {}", display::list(&nodes))
        }
        Detail::Token { masked, access, expires_at } => token(masked, access.label(), expires_at.as_ref()),
        Detail::InstanceToken { masked, access, expires_at } => {
            token(masked, access.label(), expires_at.as_ref())
        }
        Detail::Leak { masked, url, source } => match (url, source) {
            (None, None) => format!("{masked}, found in an unknown location"),
            (None, Some(source)) => format!("{masked}, found in {source}"),
            (Some(url), None) => format!("{masked}, found at {url}"),
            (Some(url), Some(source)) => format!("{masked}, found at {url} ({source})"),
        },
        Detail::WebhookSettings { changed } => list(changed, webhook_setting),
        Detail::WebhookFailure { reason: WebhookFailure::Gone } => {
            "because the receiver returned 410 and accepts no more events".to_owned()
        }
        Detail::WebhookFailure { reason: WebhookFailure::Unreachable } => {
            "because deliveries failed for five days".to_owned()
        }
    }
}

fn token(masked: &str, access: &str, expires_at: Option<&Timestamp>) -> String {
    let expires = expires_at.map(|at| format!(", expires {}", display::date(at)));
    format!("{masked}, {access}{}", expires.unwrap_or_default())
}

/// Where what was ended has stopped being accepted, among several nodes: "Stopped on 3 of 3 nodes, slowest 0.31 s".
/// Of one alone there is nothing to say.
pub fn stopped(spread: &Spread) -> Option<String> {
    let (stopped, all) = (spread.receipts.len(), spread.count());
    let slowest = spread.slowest().as_seconds_f64();
    (all > 1).then(|| format!("Stopped on {stopped} of {all} nodes, slowest {slowest:.2} s"))
}

/// What a rotation does with the previous secret, as a sentence without its end.
pub fn plan(Plan { grace_period, starts }: Plan) -> String {
    let label = grace_period.label();
    match (starts, grace_period) {
        (Starts::Immediately, GracePeriod::None) => "the previous secret was revoked immediately".to_owned(),
        (Starts::OnFirstUse, GracePeriod::None) => {
            "the previous secret is revoked when the new one is first used".to_owned()
        }
        (Starts::Immediately, _) => format!("the previous secret keeps working for {label}"),
        (Starts::OnFirstUse, _) => {
            format!("the previous secret keeps working for {label} after the new one is first used")
        }
    }
}

fn list<T: Copy>(changed: &[T], words: impl Fn(T) -> &'static str) -> String {
    changed.iter().map(|each| words(*each)).collect::<Vec<_>>().join(", ")
}

fn key_setting(setting: KeySetting) -> &'static str {
    match setting {
        KeySetting::Description => "description",
        KeySetting::Scopes => "scopes",
        KeySetting::Networks => "allowed IP addresses",
        KeySetting::RateLimit => "rate limit",
        KeySetting::MonthlyQuota => "monthly quota",
        KeySetting::Metadata => "metadata",
    }
}

fn webhook_setting(setting: WebhookSetting) -> &'static str {
    match setting {
        WebhookSetting::Url => "URL",
        WebhookSetting::Description => "description",
        WebhookSetting::Events => "events",
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;
    use crate::domain::{access::Role, nodes::Receipt, token_access::TokenAccess};

    #[test]
    fn a_receipt_counts_the_nodes_and_tells_of_the_slowest() {
        let made_at = datetime!(2026-11-26 20:00);
        let receipt =
            |millis| Receipt { node: "keys:8080".into(), at: made_at + time::Duration::milliseconds(millis) };
        let words = |receipts, waits_for| stopped(&Spread { made_at, receipts, waits_for });
        let all = words(vec![receipt(0), receipt(42), receipt(310)], Vec::new());
        assert_eq!(all.as_deref(), Some("Stopped on 3 of 3 nodes, slowest 0.31 s"));
        let some = words(vec![receipt(4)], vec!["keys:8081".into()]);
        assert_eq!(some.as_deref(), Some("Stopped on 1 of 2 nodes, slowest 0.00 s"));
        assert_eq!(stopped(&Spread::of_one("keys:8080", made_at)), None);
    }

    #[test]
    fn facts_are_told_in_a_few_words() {
        let masked = || "tess_9fQ2…x7Lm".to_owned();
        let rotated = |grace_period, expires_to: Option<Timestamp>| Detail::Rotation {
            masked: masked(),
            grace_period,
            starts: grace_period.map(|_| Starts::Immediately),
            expires_from: Some(datetime!(2027-02-21 10:00)).filter(|_| expires_to.is_some()),
            expires_to,
        };
        for (detail, words) in [
            (Detail::Text { text: "as before".into() }, "as before"),
            (Detail::RoleChange { from: Role::User, to: Role::Supervisor }, "from User to Supervisor"),
            (
                Detail::ExpirationChange { from: None, to: Some(datetime!(2027-02-21 10:00)) },
                "from no expiration to Feb 21, 2027, 10:00 UTC",
            ),
            (
                Detail::KeySettings { changed: vec![KeySetting::Networks, KeySetting::RateLimit] },
                "allowed IP addresses, rate limit",
            ),
            (rotated(Some(GracePeriod::Day), None), "the previous secret keeps working for 24 hours"),
            (
                rotated(None, Some(datetime!(2027-11-23 10:00))),
                "the previous secret had expired; expiration changed from Feb 21, 2027, 10:00 UTC to Nov 23, \
                 2027, 10:00 UTC",
            ),
            (
                Detail::Token {
                    masked: masked(),
                    access: TokenAccess::Keys,
                    expires_at: Some(datetime!(2026-12-23 10:00)),
                },
                "tess_9fQ2…x7Lm, Keys, expires Dec 23, 2026",
            ),
            (
                Detail::Leak { masked: masked(), url: None, source: Some("commit".into()) },
                "tess_9fQ2…x7Lm, found in commit",
            ),
            (Detail::Expiry { within_days: 1 }, "within a day"),
        ] {
            assert_eq!(text(&detail), words);
        }
    }
}

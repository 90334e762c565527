use proptest::prelude::*;
use time::macros::datetime;

use super::*;

const START: Timestamp = datetime!(2026-11-23 10:00);

fn rotation() -> impl Strategy<Value = Rotation> {
    plan().prop_flat_map(limited)
}

fn plan() -> impl Strategy<Value = Plan> {
    let grace_period = prop::sample::select(GracePeriod::ALL.to_vec());
    let starts = prop::sample::select(Starts::ALL.to_vec());
    (grace_period, starts).prop_map(|(grace_period, starts)| Plan { grace_period, starts })
}

fn fresh(plan: Plan) -> Rotation {
    Rotation {
        previous_digest: SecretDigest::of("the previous secret"),
        plan,
        rotated_at: START,
        first_used_at: None,
        previous_expires_at: None,
    }
}

fn limited(plan: Plan) -> impl Strategy<Value = Rotation> {
    let end = prop::option::of(0i64..5_000_000);
    end.prop_map(move |end| Rotation {
        previous_expires_at: end.map(|seconds| START + Duration::seconds(seconds)),
        ..fresh(plan)
    })
}

#[test]
fn the_grace_period_begins_as_chosen() {
    let day = |starts| fresh(Plan { grace_period: GracePeriod::Day, starts });
    assert_eq!(day(Starts::Immediately).ends_at(), START + Duration::DAY);
    assert_eq!(day(Starts::OnFirstUse).ends_at(), START + MAX_WAIT + Duration::DAY);
    let used = Rotation { first_used_at: Some(START + Duration::HOUR), ..day(Starts::OnFirstUse) };
    assert_eq!(used.ends_at(), START + Duration::HOUR + Duration::DAY);
    assert!(
        !fresh(Plan { grace_period: GracePeriod::None, starts: Starts::Immediately }).is_under_way(START)
    );
}

#[test]
fn an_old_secret_gains_nothing_from_an_end_that_is_put_off() {
    let plan = Plan { grace_period: GracePeriod::Week, starts: Starts::Immediately };
    let old_end = START + Duration::days(2);
    let rotation = Rotation { previous_expires_at: Some(old_end), ..fresh(plan) };
    assert_eq!(rotation.ends_at(), old_end);
    let later = Rotation { previous_expires_at: Some(START + Duration::days(90)), ..fresh(plan) };
    assert_eq!(later.ends_at(), START + Duration::WEEK);
}

proptest! {
    #[test]
    fn an_old_secret_never_becomes_permanent(rotation in rotation(), uses in prop::collection::vec(0i64..10_000_000, 0..20)) {
        let live = LiveRotation::new(rotation);
        for seconds in uses {
            live.note_use(START + Duration::seconds(seconds));
        }
        let latest = START + MAX_WAIT + Duration::WEEK;
        prop_assert!(live.get().ends_at() <= latest);
        prop_assert!(!live.get().is_under_way(latest));
    }

    #[test]
    fn only_the_first_use_counts_and_none_puts_the_end_off(rotation in rotation(), mut uses in prop::collection::vec(0i64..5_000_000, 1..20)) {
        uses.sort_unstable();
        let live = LiveRotation::new(rotation);
        let mut end = live.get().ends_at();
        for seconds in &uses {
            live.note_use(START + Duration::seconds(*seconds));
            prop_assert!(live.get().ends_at() <= end);
            end = live.get().ends_at();
        }
        prop_assert_eq!(live.get().first_used_at, Some(START + Duration::seconds(uses[0])));
    }

    #[test]
    fn once_over_it_stays_over(rotation in rotation(), used in 0i64..5_000_000, later in 0i64..5_000_000) {
        let live = LiveRotation::new(rotation);
        let end = live.get().ends_at();
        // A use after the end changes nothing, before it only brings the end nearer.
        live.note_use(START + Duration::seconds(used));
        prop_assert!(!live.get().is_under_way(end + Duration::seconds(later)));
    }

    #[test]
    fn a_restart_changes_nothing(rotation in rotation(), used in prop::option::of(0i64..5_000_000), at in 0i64..5_000_000) {
        let live = LiveRotation::new(rotation);
        if let Some(seconds) = used {
            live.note_use(START + Duration::seconds(seconds));
        }
        let restarted = LiveRotation::new(live.get());
        let now = START + Duration::seconds(at);
        prop_assert_eq!(restarted.get(), live.get());
        prop_assert_eq!(restarted.get().is_under_way(now), live.get().is_under_way(now));
    }
}

//! The ceilings of a plan as they are typed.

use std::fmt::Debug;

use serde::Deserialize;
use time::{Date, Time, format_description::well_known::Iso8601, macros::format_description};

use crate::{
    clock::Timestamp,
    domain::{
        instance::PlanFilter,
        key_settings::{MonthlyQuota, Period, RateLimit, Scopes},
        names::{MAX_KEY_NAME_LENGTH, Name},
        plans::{Ceilings, MAX_LIFETIME_DAYS, Override, Plan, PlanOffer},
    },
    folding::fold,
    web::{
        display,
        form::FieldErrors,
        plan_numbers::{self, MAX_COUNT},
        shown::Shown,
    },
};

/// A plan as it was typed, or what holds for one organization instead. One type, since serde refuses unknown fields
/// only where all known ones stand together.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PlanForm {
    /// Of a plan: its name.
    pub(super) name: String,
    /// Of an organization: the id of its plan; empty for none.
    pub(super) plan: String,
    /// Of an organization: the last day on which something else holds; empty for no end.
    pub(super) until: String,
    pub(super) rate_count: String,
    pub(super) rate_period: String,
    pub(super) monthly_quota: String,
    pub(super) max_active_keys: String,
    pub(super) max_members: String,
    pub(super) max_lifetime_days: String,
    pub(super) scopes: String,
    /// Of what there is already.
    pub(super) shown: Shown,
}

/// What is edited of a plan.
pub(super) fn values_of_plan(plan: &Plan) -> impl Debug {
    (&plan.name, &plan.ceilings)
}

/// What is edited of an organization: the id of its plan, and what holds instead as long as it does.
pub(super) fn values_of_organization(
    plan: Option<&str>,
    instead: Option<&Override>,
    now: Timestamp,
) -> impl Debug {
    (plan, instead.filter(|instead| lasts(instead, now)))
}

fn lasts(instead: &Override, now: Timestamp) -> bool {
    instead.ends_at.is_none_or(|end| now < end)
}

impl PlanForm {
    /// An empty one.
    pub(super) fn new() -> Self {
        Self::of_ceilings(&Ceilings::default())
    }

    /// What a plan is like.
    pub(super) fn of(plan: &Plan) -> Self {
        let shown = Shown::of(&values_of_plan(plan));
        Self { name: plan.name.clone(), shown, ..Self::of_ceilings(&plan.ceilings) }
    }

    /// What an organization has.
    pub(super) fn of_organization(plan: Option<&Plan>, instead: Option<&Override>, now: Timestamp) -> Self {
        let shown = Shown::of(&values_of_organization(plan.map(|plan| plan.id.as_str()), instead, now));
        // What has ended is over: whoever saves the dialog does not mean to begin it anew.
        let instead = instead.filter(|instead| lasts(instead, now));
        let until = instead.and_then(|instead| instead.ends_at).map(|end| iso_date(end.date()));
        Self {
            plan: plan.map(|plan| plan.id.clone()).unwrap_or_default(),
            until: until.unwrap_or_default(),
            shown,
            ..instead.map_or_else(Self::new, |instead| Self::of_ceilings(&instead.ceilings))
        }
    }

    fn of_ceilings(ceilings: &Ceilings) -> Self {
        let text = |number: Option<i64>| number.map(|number| number.to_string()).unwrap_or_default();
        let rate = ceilings.rate_limit;
        Self {
            rate_count: rate.map(|rate| rate.count.to_string()).unwrap_or_default(),
            rate_period: rate.map_or(Period::Minute, |rate| rate.period).as_str().to_owned(),
            monthly_quota: ceilings.monthly_quota.map(|quota| quota.get().to_string()).unwrap_or_default(),
            max_active_keys: text(ceilings.max_active_keys),
            max_members: text(ceilings.max_members),
            max_lifetime_days: text(ceilings.max_lifetime_days.map(Into::into)),
            scopes: ceilings.scopes.to_string(),
            ..Self::default()
        }
    }

    /// The plan; what is wrong with it is told by field.
    pub(super) fn parse(&self) -> Result<PlanOffer, FieldErrors> {
        let mut errors = FieldErrors::default();
        let name = errors.check("name", parse_name(&self.name));
        match (name, self.parse_ceilings(&mut errors)) {
            (Some(name), Some(ceilings)) => Ok(PlanOffer { name, ceilings }),
            _ => Err(errors),
        }
    }

    /// What holds for an organization instead of what its plan says; `before` is what did until now. An end on the same
    /// day stays at its hour.
    pub(super) fn parse_override(
        &self,
        before: Option<&Override>,
        now: Timestamp,
    ) -> Result<Override, FieldErrors> {
        let mut errors = FieldErrors::default();
        let known = before.and_then(|before| before.ends_at).filter(|end| now < *end);
        let ends_at = errors.check("until", parse_until(&self.until, now)).map(|end| match (end, known) {
            (Some(end), Some(known)) if end.date() == known.date() => Some(known),
            (end, _) => end,
        });
        match (self.parse_ceilings(&mut errors), ends_at) {
            (Some(ceilings), Some(ends_at)) => Ok(Override { ceilings, ends_at }),
            _ => Err(errors),
        }
    }

    fn parse_ceilings(&self, errors: &mut FieldErrors) -> Option<Ceilings> {
        let rate_limit = errors.check("rate_count", RateLimit::parse(&self.rate_count, &self.rate_period));
        let monthly_quota = errors.check("monthly_quota", MonthlyQuota::parse(&self.monthly_quota));
        let max_active_keys = errors.check("max_active_keys", parse_number(&self.max_active_keys, MAX_COUNT));
        let max_members = errors.check("max_members", parse_number(&self.max_members, MAX_COUNT));
        let days = parse_number(&self.max_lifetime_days, MAX_LIFETIME_DAYS.into());
        let max_lifetime_days = errors.check("max_lifetime_days", days);
        let scopes: Option<Scopes> = errors.check("scopes", self.scopes.parse());
        Some(Ceilings {
            rate_limit: rate_limit?,
            monthly_quota: monthly_quota?,
            max_active_keys: max_active_keys?,
            max_members: max_members?,
            max_lifetime_days: max_lifetime_days?.and_then(|days| i32::try_from(days).ok()),
            scopes: scopes?,
        })
    }
}

/// The name of a plan. One that is the word for no plan would be none to the command line.
fn parse_name(text: &str) -> Result<Name, String> {
    let name = Name::parse(text, MAX_KEY_NAME_LENGTH).map_err(|error| error.to_string())?;
    if fold(name.as_str()) == PlanFilter::NONE {
        return Err("Choose another name. “None” means no plan.".to_owned());
    }
    Ok(name)
}

/// A number from 1 to `most`; `None` for nothing.
fn parse_number(text: &str, most: i64) -> Result<Option<i64>, String> {
    match text.trim() {
        "" => Ok(None),
        text => {
            let number = text.parse().map_err(|_| plan_numbers::out_of_range(most))?;
            plan_numbers::check(number, most).map(Some)
        }
    }
}

/// The end of a day in UTC; `None` for nothing.
fn parse_until(text: &str, now: Timestamp) -> Result<Option<Timestamp>, String> {
    if text.trim().is_empty() {
        return Ok(None);
    }
    let date = Date::parse(text.trim(), &Iso8601::DATE).map_err(|_| "Choose a date.".to_owned())?;
    if date < now.date() {
        return Err(format!("This date has passed. Today is {} (UTC).", display::date(&now)));
    }
    // As the end of a key: it holds through the whole day.
    Ok(Some(Timestamp::new(date, Time::from_hms(23, 59, 59).unwrap_or(Time::MIDNIGHT))))
}

fn iso_date(date: Date) -> String {
    date.format(format_description!("[year]-[month]-[day]")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    const NOW: Timestamp = datetime!(2026-11-27 10:00);

    #[test]
    fn a_plan_is_read_as_it_was_written() {
        let ceilings = Ceilings {
            rate_limit: "60/minute".parse().ok(),
            monthly_quota: MonthlyQuota::new(10_000).ok(),
            max_active_keys: Some(5),
            max_members: Some(1),
            max_lifetime_days: Some(365),
            scopes: "a b".parse().unwrap(),
        };
        let form = PlanForm { name: "Free".into(), ..PlanForm::of_ceilings(&ceilings) };
        assert_eq!(form.parse().unwrap().ceilings, ceilings);
        let none = PlanForm { name: " NONE".into(), ..PlanForm::new() };
        assert!(none.parse().unwrap_err().of("name").is_some());
        let empty = PlanForm { name: "All".into(), ..PlanForm::new() };
        assert!(empty.parse().unwrap().ceilings.is_empty());
    }

    #[test]
    fn what_is_no_ceiling_is_told_by_field() {
        let wrong = PlanForm {
            rate_count: "0".into(),
            rate_period: "minute".into(),
            monthly_quota: "many".into(),
            max_active_keys: "-1".into(),
            max_members: "1000001".into(),
            max_lifetime_days: "3651".into(),
            scopes: "a?".into(),
            until: "2026-11-26".into(),
            ..PlanForm::default()
        };
        let errors = wrong.parse().unwrap_err();
        for field in [
            "name",
            "rate_count",
            "monthly_quota",
            "max_active_keys",
            "max_members",
            "max_lifetime_days",
            "scopes",
        ] {
            assert!(errors.of(field).is_some(), "{field}");
        }
        assert!(wrong.parse_override(None, NOW).unwrap_err().of("until").is_some());
        let today = PlanForm { until: "2026-11-27".into(), ..PlanForm::new() };
        let end = |before: Option<&Override>| today.parse_override(before, NOW).unwrap().ends_at;
        assert_eq!(end(None), Some(datetime!(2026-11-27 23:59:59)));
        for (known, kept) in [
            (datetime!(2026-11-27 18:30), datetime!(2026-11-27 18:30)),
            (datetime!(2026-11-27 09:00), datetime!(2026-11-27 23:59:59)),
            (datetime!(2026-11-28 09:00), datetime!(2026-11-27 23:59:59)),
        ] {
            let ceilings = Ceilings { max_members: Some(3), ..Ceilings::default() };
            let before = Override { ceilings, ends_at: Some(known) };
            assert_eq!(end(Some(&before)), Some(kept), "{known}");
            let offered = PlanForm::of_organization(None, Some(&before), NOW);
            assert_eq!(offered.max_members, if known > NOW { "3" } else { "" }, "{known}");
        }
    }
}

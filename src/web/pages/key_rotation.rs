//! Rotation: a new secret for a key, shown once, while the previous one keeps working for a while.

use actix_web::HttpResponse;
use askama::Template;
use serde::Deserialize;

use super::{
    api_screen::ApiScreen,
    duration::{self, ExpirationFields, KEY},
    once::{Settled, settle},
    stops::with_receipt,
};
use crate::{
    clock::Timestamp,
    domain::{
        access::{Grant, ManageKeys},
        api_keys::{self, ApiKey, ChosenExpiration, KeyChangeError, NewExpiration},
        managed::ManageError,
        rotation::{GracePeriod, Plan, Starts},
        secret::Secret,
    },
    vocabulary::KeyStatus,
    web::{
        details, display,
        error::AppError,
        filters,
        form::{FieldErrors, Submitted},
        form_id::FormId,
        shell::Toast,
        visit::{Over, Submission, Visit},
    },
};

/// What a form says whose key got its new secret before.
const ALREADY_ROTATED: &str = "This key was already rotated. The new secret can’t be shown again.";

/// What a link to the dialog may have chosen beforehand.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Prefill {
    /// `same` for an end as far away as the present one was when it was chosen.
    duration: String,
}

/// "Rotate" as it was chosen.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RotateForm {
    grace_period: String,
    starts: String,
    duration: String,
    until: String,
    form_id: FormId,
}

impl RotateForm {
    fn new(key: &ApiKey, prefill: &Prefill, now: Timestamp) -> Self {
        Self {
            grace_period: GracePeriod::Day.as_str().to_owned(),
            starts: Starts::OnFirstUse.as_str().to_owned(),
            duration: duration::choice_for(key, prefill.duration == "same", now),
            until: String::new(),
            form_id: FormId::new(now),
        }
    }

    fn parse(&self, now: Timestamp) -> Result<(Plan, NewExpiration), FieldErrors> {
        let mut errors = FieldErrors::default();
        let grace_period =
            self.grace_period.parse().map_err(|_| "Choose how long the previous secret stays valid.");
        let starts = self.starts.parse().map_err(|_| "Choose when the countdown starts.");
        let (grace_period, starts) =
            (errors.check("grace_period", grace_period), errors.check("starts", starts));
        let end = self.parse_expiration(now, &mut errors);
        match (grace_period, starts, end) {
            (Some(grace_period), Some(starts), Some(end)) => Ok((Plan { grace_period, starts }, end)),
            _ => Err(errors),
        }
    }

    /// A form for a key without an end has no field for one.
    fn parse_expiration(&self, now: Timestamp, errors: &mut FieldErrors) -> Option<NewExpiration> {
        if self.duration.is_empty() {
            return Some(NewExpiration::Keep);
        }
        match duration::parse(KEY, &self.duration, &self.until, now, errors)? {
            ChosenExpiration::Keep => Some(NewExpiration::Keep),
            ChosenExpiration::At(end) => Some(NewExpiration::At(end)),
            ChosenExpiration::Never => errors.check("duration", Err("Choose an expiration date.")),
        }
    }
}

/// The dialog that asks how to rotate.
#[derive(Template)]
#[template(path = "api_keys/rotate.html")]
struct RotateDialog {
    over: Over,
    key: ApiKey,
    form: RotateForm,
    /// `None` for a key without an end.
    end: Option<ExpirationFields>,
    has_expired: bool,
    errors: FieldErrors,
}

impl RotateDialog {
    /// What the previous secret does not outlive.
    fn limits(&self) -> &'static str {
        if self.key.expires_at.is_some() {
            "If the new secret isn’t used within 30 days, the countdown starts anyway. The previous secret never outlives the key’s current expiration date. Any rotation in progress ends now."
        } else {
            "If the new secret isn’t used within 30 days, the countdown starts anyway. Any rotation in progress ends now."
        }
    }
}

/// The dialog that shows the new secret once.
#[derive(Template)]
#[template(path = "api_keys/rotated.html")]
struct RotatedDialog {
    over: Over,
    key: ApiKey,
    secret: Secret,
    /// What becomes of the previous secret.
    fate: String,
}

/// Asks how to rotate.
pub async fn ask(visit: Visit<Grant<ManageKeys>>) -> Result<HttpResponse, AppError> {
    let (key, prefill) = (find(&visit).await?, visit.query()?);
    let form = RotateForm::new(&key, &prefill, visit.now);
    visit.dialog::<ApiScreen>(&dialog(&visit, key, form, FieldErrors::default())).await
}

/// Gives a key a new secret and shows it, this once.
pub async fn rotate(
    visit: Visit<Grant<ManageKeys>, Submitted<RotateForm>>,
) -> Result<HttpResponse, AppError> {
    let (visit, Submitted(form)) = visit.split();
    let key = find(&visit).await?;
    let (plan, expiration) = match form.parse(visit.now) {
        Ok(chosen) => chosen,
        Err(errors) => return visit.invalid::<ApiScreen>(&dialog(&visit, key, form, errors)).await,
    };
    let (key_id, rules) = (key.id.clone(), visit.state.config.rules);
    let rotated = visit.submit(&form.form_id, move |tx, grant, now| {
        api_keys::rotate(tx, grant, &key_id, plan, expiration, &rules, now)
    });
    let rotated = match rotated.await? {
        Submission::Done(done) => Submission::Done(done),
        Submission::SentBefore => Submission::SentBefore,
        Submission::Stale => Submission::Stale,
        Submission::Refused(KeyChangeError::Key(ManageError::Plan(limit))) => {
            let errors = FieldErrors::one("duration", limit);
            return visit.invalid::<ApiScreen>(&dialog(&visit, key, form, errors)).await;
        }
        Submission::Refused(KeyChangeError::Key(error)) => Submission::Refused(error),
        Submission::Refused(KeyChangeError::Expiration(error)) if key.expires_at.is_some() => {
            let duration = duration::choice_for(&key, false, visit.now);
            let errors = FieldErrors::one("duration", error);
            let dialog = dialog(&visit, key, RotateForm { duration, ..form }, errors);
            return visit.invalid::<ApiScreen>(&dialog).await;
        }
        Submission::Refused(error) => return Err(error.into()),
    };
    match settle::<ApiScreen, _, _>(&visit, &form.form_id, rotated, ALREADY_ROTATED)? {
        Settled::Done((rotated, secret)) => {
            let fate = if key.status(visit.now) == KeyStatus::Expired {
                "The previous secret expired and won’t work again.".to_owned()
            } else {
                let fate = display::capitalized(&details::plan(plan));
                let has_stopped = !plan.has_grace_period();
                format!("{}.", if has_stopped { with_receipt(&visit, fate).await } else { fate })
            };
            let over = visit.over::<ApiScreen>();
            visit.reveal::<ApiScreen>(&RotatedDialog { over, key: rotated, secret, fate }).await
        }
        Settled::Again(error, form_id) => {
            let errors = FieldErrors::one("starts", error);
            visit.invalid::<ApiScreen>(&dialog(&visit, key, RotateForm { form_id, ..form }, errors)).await
        }
        Settled::Answered(response) => Ok(response),
    }
}

/// Revokes the previous secret before its grace period is over.
pub async fn revoke_previous(visit: Visit<Grant<ManageKeys>>) -> Result<HttpResponse, AppError> {
    let key_id = visit.path("key");
    let key =
        visit.change(move |tx, grant, now| api_keys::revoke_previous(tx, grant, &key_id, now)).await??;
    let text = format!("Previous secret of “{}” revoked", key.name);
    visit.changed::<ApiScreen>(Toast::ok(with_receipt(&visit, text).await)).await
}

async fn find(visit: &Visit<Grant<ManageKeys>>) -> Result<ApiKey, AppError> {
    let key_id = visit.path("key");
    visit.read(move |connection, grant| api_keys::find(connection, grant, &key_id)).await
}

fn dialog(
    visit: &Visit<Grant<ManageKeys>>,
    key: ApiKey,
    form: RotateForm,
    errors: FieldErrors,
) -> RotateDialog {
    RotateDialog {
        over: visit.over::<ApiScreen>(),
        end: ExpirationFields::of_rotation(&key, &form.duration, &form.until, visit.now),
        has_expired: key.status(visit.now) == KeyStatus::Expired,
        key,
        form,
        errors,
    }
}

//! What happens to leaked keys: the choice in the tab "Settings".

use actix_web::{HttpResponse, http::StatusCode};

use super::settings::{PolicyForm, SettingsScreen, SettingsTab};
use crate::{
    domain::{
        access::{Govern, Grant},
        organizations,
    },
    vocabulary::LeakPolicy,
    web::{
        error::AppError,
        form::{FieldErrors, Submitted},
        shell::Toast,
        view,
        visit::Visit,
    },
};

/// Changes what happens to leaked keys.
pub async fn change_policy(
    visit: Visit<Grant<Govern>, Submitted<PolicyForm>>,
) -> Result<HttpResponse, AppError> {
    let (visit, Submitted(form)) = visit.split();
    let mut errors = FieldErrors::default();
    let policy = form.policy.parse::<LeakPolicy>().map_err(|_| "Choose what happens to leaked keys.");
    let Some(policy) = errors.check("policy", policy) else {
        let (none, shell) = (FieldErrors::default(), visit.shell());
        let tab = SettingsTab::load(&visit, &visit.proof, None, none, shell).await?.with_leaks(form, errors);
        return view::show_with_status(&tab, StatusCode::UNPROCESSABLE_ENTITY);
    };
    visit.change(move |tx, grant, now| organizations::change_leak_policy(tx, grant, policy, now)).await??;
    let toast = Toast::ok(match policy {
        LeakPolicy::Notify => "Saved. Leaked keys stay active and administrators get an email.",
        LeakPolicy::Deactivate => "Saved. Leaked keys are deactivated and administrators get an email.",
    });
    visit.changed::<SettingsScreen>(toast).await
}

//! What happens to leaked keys: the choice in the tab "Settings".

use actix_web::{HttpResponse, http::StatusCode};
use serde::Deserialize;

use super::settings;
use crate::{
    domain::{
        access::Admin,
        leaks::{self, LeakPolicy},
        organizations::Organization,
    },
    web::{
        error::AppError,
        extract::Visitor,
        form::{FieldErrors, Submitted},
        shell::Toast,
        urls, view,
    },
};

/// The choice as it was sent.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PolicyForm {
    pub(super) policy: String,
}

impl PolicyForm {
    pub(super) fn of(policy: LeakPolicy) -> Self {
        Self { policy: policy.as_str().to_owned() }
    }
}

/// Changes what happens to leaked keys.
///
/// # Errors
/// When the database fails; what is no policy is answered with 422 and the form.
pub async fn change_policy(
    visitor: Visitor,
    admin: Admin<Organization>,
    Submitted(form): Submitted<PolicyForm>,
) -> Result<HttpResponse, AppError> {
    let mut errors = FieldErrors::default();
    let Some(policy) = errors.check("policy", form.policy.parse::<LeakPolicy>()) else {
        let tab = settings::unchanged(&visitor, &admin, visitor.shell()).await?.with_leaks(form, errors);
        return view::show_with_status(&tab, StatusCode::UNPROCESSABLE_ENTITY);
    };
    let (proof, now) = (admin.clone(), visitor.now);
    visitor.state.db.write(move |tx| leaks::change_policy(tx, &proof, policy, now)).await?;
    let toast = Toast::ok(match policy {
        LeakPolicy::Notify => "Leaked keys stay active. Administrators get a mail.",
        LeakPolicy::Deactivate => "Leaked keys are deactivated. Administrators get a mail.",
    });
    let next = urls::organization(&admin.id, "settings");
    let tab = async |shell| settings::unchanged(&visitor, &admin, shell).await;
    view::changed(&visitor, toast, &next, tab).await
}

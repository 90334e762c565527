//! What is done with one webhook.

use actix_web::HttpResponse;
use askama::Template;

use super::{RevealedDialog, WebhookForm, form::values, one::OneScreen};
use crate::{
    domain::{
        access::{Govern, Grant},
        webhooks::{self, Webhook},
    },
    web::{
        error::AppError,
        filters,
        form::{FieldErrors, Submitted},
        form_id::FormId,
        pages::once::{Confirmation, SECRET_WAS_SHOWN, Settled, settle},
        shell::Toast,
        shown::{self, Shown},
        urls,
        visit::{Over, Visit},
    },
};

/// The dialog with a webhook's settings.
#[derive(Template)]
#[template(path = "webhooks/settings.html")]
struct SettingsDialog {
    over: Over,
    webhook: Webhook,
    form: WebhookForm,
    errors: FieldErrors,
}

/// The dialog that asks before the signing secret is rotated.
#[derive(Template)]
#[template(path = "webhooks/rotate.html")]
struct RotateDialog {
    over: Over,
    webhook: Webhook,
    form: FormId,
}

/// The dialog that asks before a webhook is removed.
#[derive(Template)]
#[template(path = "webhooks/remove.html")]
struct RemoveWebhookDialog {
    over: Over,
    webhook: Webhook,
}

/// Opens the dialog with the settings.
pub async fn edit(visit: Visit<Grant<Govern>>) -> Result<HttpResponse, AppError> {
    let webhook = find(&visit).await?;
    let (over, form) = (visit.over::<OneScreen>(), WebhookForm::of(&webhook));
    let errors = FieldErrors::default();
    visit.dialog::<OneScreen>(&SettingsDialog { over, webhook, form, errors }).await
}

/// Changes the settings.
pub async fn save(visit: Visit<Grant<Govern>, Submitted<WebhookForm>>) -> Result<HttpResponse, AppError> {
    let (visit, Submitted(form)) = visit.split();
    let mut errors = FieldErrors::default();
    let Some(new) = form.parse(&visit.state.config.webhook_networks, &mut errors) else {
        let (over, webhook) = (visit.over::<OneScreen>(), find(&visit).await?);
        return visit.invalid::<OneScreen>(&SettingsDialog { over, webhook, form, errors }).await;
    };
    let (id, seen) = (visit.path("webhook"), form.shown.clone());
    let saved = visit.change(move |tx, grant, now| {
        let wanted = (new.url.as_str(), &new.description, &new.events);
        if !seen.fits(&values(&webhooks::find(tx.connection(), grant, &id)?), &wanted) {
            return Ok(None);
        }
        webhooks::change(tx, grant, &id, &new, now).map(Some)
    });
    if saved.await??.is_none() {
        let (over, webhook) = (visit.over::<OneScreen>(), find(&visit).await?);
        let form = WebhookForm { shown: Shown::of(&values(&webhook)), ..form };
        let errors = FieldErrors::one(shown::FIELD, shown::CHANGED);
        return visit.invalid::<OneScreen>(&SettingsDialog { over, webhook, form, errors }).await;
    }
    visit.changed::<OneScreen>(Toast::ok("Webhook settings saved")).await
}

/// Has events sent again.
pub async fn activate(visit: Visit<Grant<Govern>>) -> Result<HttpResponse, AppError> {
    let id = visit.path("webhook");
    visit.change(move |tx, grant, now| webhooks::switch(tx, grant, &id, true, now)).await??;
    visit.changed::<OneScreen>(Toast::ok("Webhook activated")).await
}

/// Stops events.
pub async fn deactivate(visit: Visit<Grant<Govern>>) -> Result<HttpResponse, AppError> {
    let id = visit.path("webhook");
    let webhook = visit.change(move |tx, grant, now| webhooks::switch(tx, grant, &id, false, now)).await??;
    let undo = urls::webhook_verb(&visit.proof.id, &webhook.id, "activate");
    visit.changed::<OneScreen>(Toast::ok("Webhook deactivated").with_undo(undo)).await
}

/// Sends an event that tells of nothing.
pub async fn send_test(visit: Visit<Grant<Govern>>) -> Result<HttpResponse, AppError> {
    let id = visit.path("webhook");
    visit.change(move |tx, grant, now| webhooks::send_test(tx, grant, &id, now)).await??;
    let toast = Toast::ok("Test event queued. Reload to see the result.");
    visit.changed::<OneScreen>(toast).await
}

/// Asks before the signing secret is rotated.
pub async fn confirm_rotation(visit: Visit<Grant<Govern>>) -> Result<HttpResponse, AppError> {
    let (over, webhook) = (visit.over::<OneScreen>(), find(&visit).await?);
    let form = FormId::new(visit.now);
    visit.dialog::<OneScreen>(&RotateDialog { over, webhook, form }).await
}

/// Gives a webhook a new signing secret and shows it, this once.
pub async fn rotate(visit: Visit<Grant<Govern>, Submitted<Confirmation>>) -> Result<HttpResponse, AppError> {
    let (visit, Submitted(Confirmation { form_id })) = visit.split();
    let (id, rules) = (visit.path("webhook"), visit.state.config.rules);
    let rotated = visit
        .submit(&form_id, move |tx, grant, now| webhooks::rotate_secret(tx, grant, &id, &rules, now))
        .await?;
    match settle::<OneScreen, _, _>(&visit, &form_id, rotated, SECRET_WAS_SHOWN)? {
        Settled::Done((_, secret)) => {
            let dialog = RevealedDialog {
                close: visit.over::<OneScreen>().close,
                title: "Secret rotated",
                description: "For 24 hours, events are signed with both this secret and the previous one."
                    .to_owned(),
                secret,
            };
            visit.reveal::<OneScreen>(&dialog).await
        }
        Settled::Again(error, _) => Err(AppError::Conflict(error)),
        Settled::Answered(response) => Ok(response),
    }
}

/// Asks before a webhook is removed.
pub async fn confirm_removal(visit: Visit<Grant<Govern>>) -> Result<HttpResponse, AppError> {
    let (over, webhook) = (visit.over::<OneScreen>(), find(&visit).await?);
    visit.dialog::<OneScreen>(&RemoveWebhookDialog { over, webhook }).await
}

/// Removes a webhook.
pub async fn remove(visit: Visit<Grant<Govern>>) -> Result<HttpResponse, AppError> {
    let id = visit.path("webhook");
    let webhook = visit.change(move |tx, grant, now| webhooks::remove(tx, grant, &id, now)).await??;
    let toast = Toast::ok(format!("Webhook to {} removed", webhook.url_without_query()));
    visit.go(Some(toast), &urls::organization(&visit.proof.id, "webhooks"))
}

async fn find(visit: &Visit<Grant<Govern>>) -> Result<Webhook, AppError> {
    let id = visit.path("webhook");
    visit.read(move |connection, grant| webhooks::find(connection, grant, &id)).await
}

//! A key that was created for ninety days, with somebody who may change it.

use time::Duration;

use crate::{
    support::{Client, Company, START, TestApp},
    verification::auth,
};

const NINETY_DAYS: Duration = Duration::days(90);

pub(super) struct BoundedKey {
    pub(super) app: TestApp,
    pub(super) lumen: Company,
    pub(super) browser: Client,
    pub(super) key_id: String,
    pub(super) secret: String,
}

impl BoundedKey {
    pub(super) async fn new() -> Self {
        Self::on(TestApp::spawn().await).await
    }

    pub(super) async fn on(app: TestApp) -> Self {
        let lumen = app.lumen().await;
        let browser = app.log_in_as(&lumen.owner).await;
        let (key, secret) = app.api_key_until(&lumen, "Billing worker", Some(START + NINETY_DAYS)).await;
        Self { app, lumen, browser, key_id: key.id, secret }
    }

    /// Moves the clock on; whoever was logged in until then logs in anew.
    pub(super) async fn wait(&mut self, days: i64) {
        self.app.clock.advance(Duration::days(days));
        self.browser = self.app.log_in_as(&self.lumen.owner).await;
    }

    /// The page of the key.
    pub(super) fn page_url(&self) -> String {
        self.lumen.url(&format!("api/keys/{}", self.key_id))
    }

    /// What is done with the key: `verb_url("rotate")`.
    pub(super) fn verb_url(&self, verb: &str) -> String {
        format!("{}/{verb}", self.page_url())
    }

    pub(super) async fn is_accepted(&self, secret: &str) -> bool {
        auth(&self.app.client(), "/auth", secret).await.status == 204
    }
}

//! The cogwheel menu of a master token; see [`super::key_menu`].

use actix_web::{HttpResponse, http::StatusCode};
use askama::Template;

use crate::{
    clock::Timestamp,
    domain::{
        access::{Grant, ManageTokens},
        master_tokens::{self, MasterToken},
    },
    vocabulary::KeyStatus,
    web::{error::AppError, filters, shell::Shell, urls, view, visit::Visit},
};

/// The menu of one master token.
#[derive(Template)]
#[template(path = "master_tokens/menu.html")]
pub struct TokenMenu {
    shell: Shell,
    organization_id: String,
    now: Timestamp,
    token: MasterToken,
    /// Whether the token's page is another one.
    is_elsewhere: bool,
}

impl TokenMenu {
    /// The menu on the token's own page.
    pub(super) fn on_its_page(
        shell: Shell,
        grant: &Grant<ManageTokens>,
        token: MasterToken,
        now: Timestamp,
    ) -> Self {
        Self { shell, organization_id: grant.id.clone(), now, token, is_elsewhere: false }
    }

    fn is_expired(&self) -> bool {
        self.token.status(self.now) == KeyStatus::Expired
    }

    fn page(&self) -> String {
        urls::master_token(&self.organization_id, &self.token.id)
    }

    fn url(&self, verb: &str) -> String {
        self.shell.over(urls::api_item(&self.organization_id, "tokens", &self.token.id, verb))
    }
}

/// The menu alone, for a row that opens it; whoever has no script gets the token's page.
pub async fn show(visit: Visit<Grant<ManageTokens>>) -> Result<HttpResponse, AppError> {
    let token_id = visit.path("token");
    let shell = visit.shell();
    let is_fragment = shell.fragment.is_fragment();
    let (grant, now) = (visit.proof.clone(), visit.now);
    let token = visit.state.db.read(move |connection| master_tokens::find(connection, &grant, &token_id));
    let menu = TokenMenu::on_its_page(shell, &visit.proof, token.await?, now);
    if !is_fragment {
        return Ok(view::see_other(&menu.page()));
    }
    visit.plain(&TokenMenu { is_elsewhere: true, ..menu }, StatusCode::OK)
}

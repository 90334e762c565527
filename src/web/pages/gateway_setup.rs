//! "Gateway setup": configurations of gateways and programs for backends, ready to be copied.

mod recipes;

use actix_web::HttpResponse;
use askama::Template;
use serde::Deserialize;

use super::organization::{Frame, Tab};
use crate::{
    db::DbError,
    domain::access::{Grant, ManageTokens, SeeKeys},
    page,
    web::{error::AppError, filters, shell::Shell, urls, view, visit::Visit},
};

pub use recipes::{Kind, Placeholder, Program, Recipe, Text};

/// `GET /orgs/{organization}/api/gateway-setup`.
#[derive(Template)]
#[template(path = "gateway_setup/index.html", blocks = ["title", "content", "tabs", "panel"])]
pub struct GatewaySetupPage {
    shell: Shell,
    frame: Frame,
    recipe: Recipe,
    /// Whether the reader can generate the token that a backend needs.
    manages_tokens: bool,
}

page!(GatewaySetupPage);

/// What the page shows.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Query {
    /// The id of a program; anything else means the first one.
    program: String,
}

impl GatewaySetupPage {
    fn url(&self, program: &Program) -> String {
        urls::with_query(&urls::gateway_setup(&self.frame.id), &[("program", program.id())])
    }
}

/// Shows the page.
pub async fn show(visit: Visit<Grant<SeeKeys>>) -> Result<HttpResponse, AppError> {
    let query: Query = visit.query()?;
    let program = Program::parse(&query.program);
    let config = &visit.state.config;
    let recipe = Recipe::new(program, config.url_for_gateways(), &visit.proof.id)?;
    let recipe = recipe.with_prefix(config.rules.key_prefix);
    let (frame, manages_tokens) = visit
        .read(|connection, grant| {
            Ok::<_, DbError>((Frame::load(connection, grant, Tab::Api)?, grant.may::<ManageTokens>()))
        })
        .await?;
    view::show(&GatewaySetupPage { shell: visit.shell(), frame, recipe, manages_tokens })
}

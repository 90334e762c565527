//! What is on the screen when something of the tab "API" is changed: the tab itself, the page of one
//! key, or the page of one master token.

use super::{
    api_tab::{self, ApiTab},
    key_page::KeyPage,
    token_page::TokenPage,
};
use crate::{
    domain::access::{Grant, SeeKeys},
    web::{
        error::AppError,
        shell::Shell,
        view::Page,
        visit::{Behind, Visitor},
    },
};

/// The tab or one of its pages, as the address on the screen says.
pub(super) struct ApiScreen;

/// Where somebody is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place<'a> {
    /// On the tab, or on a dialog over it.
    Tab,
    /// On the page of the key with this id.
    Key(&'a str),
    /// On the page of the master token with this id.
    Token(&'a str),
}

impl<'a> Place<'a> {
    /// The place at an address.
    pub(super) fn of(address: &'a str) -> Self {
        let path = address.split_once('?').map_or(address, |(path, _)| path);
        let parts: Vec<&str> = path.split('/').collect();
        match parts.as_slice() {
            ["", "orgs", _, "api", "keys", "new" | "select" | "selected"] => Self::Tab,
            ["", "orgs", _, "api", "keys", id] => Self::Key(id),
            ["", "orgs", _, "api", "tokens", id] if *id != "new" => Self::Token(id),
            _ => Self::Tab,
        }
    }
}

impl Behind for ApiScreen {
    type Proof = Grant<SeeKeys>;

    async fn page(
        visitor: &Visitor,
        grant: &Grant<SeeKeys>,
        shell: Shell,
    ) -> Result<Box<dyn Page>, AppError> {
        Ok(match Place::of(visitor.page_path()) {
            Place::Tab => Box::new(ApiTab::load(visitor, grant, visitor.on_screen(), shell).await?),
            Place::Key(id) => Box::new(KeyPage::load(visitor, grant, id, visitor.on_screen(), shell).await?),
            Place::Token(id) => Box::new(TokenPage::load(visitor, &grant.grant()?, id, shell).await?),
        })
    }

    fn address(visitor: &Visitor, grant: &Grant<SeeKeys>) -> String {
        match Place::of(visitor.page_path()) {
            Place::Tab => visitor.on_screen::<api_tab::KeysQuery>().url(&grant.id),
            Place::Key(_) | Place::Token(_) => visitor.page_path().to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_on_the_screen_tells_the_place() {
        assert_eq!(Place::of("/orgs/1/api/keys/7?span=hours"), Place::Key("7"));
        assert_eq!(Place::of("/orgs/1/api/tokens/7"), Place::Token("7"));
        for over_the_tab in [
            "/orgs/1/api?q=a",
            "/orgs/1/api/keys/new",
            "/orgs/1/api/keys/selected?keys=7",
            "/orgs/1/api/keys/7/rotate",
            "",
        ] {
            assert_eq!(Place::of(over_the_tab), Place::Tab, "{over_the_tab}");
        }
    }
}

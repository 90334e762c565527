//! The link of an invitation, to pass on by other ways than email.

use askama::Template;

use crate::{
    domain::{invitations::Invitation, secret::Secret},
    web::{
        filters, urls,
        visit::{Over, Visitor},
    },
};

/// The dialog that shows a link to pass on.
#[derive(Template)]
#[template(path = "invitations/link.html")]
pub(super) struct LinkDialog {
    over: Over,
    invitation: Invitation,
    url: String,
}

impl LinkDialog {
    /// The dialog for an invitation with the secret of its link.
    pub(super) fn new(visitor: &Visitor, over: Over, invitation: Invitation, secret: &Secret) -> Self {
        let url = visitor.state.config.public_url.join(&urls::invitation_link(secret.expose()));
        Self { over, invitation, url }
    }
}

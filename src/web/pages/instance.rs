//! "Instance": all organizations, all people and the servers, for instance administrators.

pub mod activity;
pub mod import;
pub mod invited;
pub mod mails;
pub mod new_organization;
pub mod nodes;
pub mod organization;
pub mod organization_changes;
pub mod organizations;
pub mod people;
mod plan_form;
mod plan_use;
pub mod plans;
pub mod sign_up;
pub mod tokens;
pub mod usage_file;
pub mod webhooks;

use actix_web::HttpResponse;

use crate::{
    domain::access::Operator,
    web::{error::AppError, urls, view, visit::Visit},
};

/// A tab of "Instance".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tab {
    /// All organizations.
    Organizations,
    /// What organizations may use.
    Plans,
    /// All people.
    People,
    /// Who may sign up.
    SignUp,
    /// Keys of other systems.
    Import,
    /// Credentials of machines.
    Tokens,
    /// Emails that have not arrived.
    Mails,
    /// Webhooks that fail.
    Webhooks,
    /// The servers.
    Nodes,
    /// What instance administrators did.
    Activity,
}

impl Tab {
    /// In the order in which they stand.
    pub const ALL: [Self; 10] = [
        Self::Organizations,
        Self::Plans,
        Self::People,
        Self::SignUp,
        Self::Import,
        Self::Tokens,
        Self::Mails,
        Self::Webhooks,
        Self::Nodes,
        Self::Activity,
    ];

    /// The last part of the tab's address.
    pub fn id(self) -> &'static str {
        match self {
            Self::Organizations => "organizations",
            Self::Plans => "plans",
            Self::People => "people",
            Self::SignUp => "sign-up",
            Self::Import => "import",
            Self::Tokens => "tokens",
            Self::Mails => "email",
            Self::Webhooks => "webhooks",
            Self::Nodes => "nodes",
            Self::Activity => "activity",
        }
    }

    /// The label.
    pub fn label(self) -> &'static str {
        match self {
            Self::Organizations => "Organizations",
            Self::Plans => "Plans",
            Self::People => "People",
            Self::SignUp => "Sign-up",
            Self::Import => "Import",
            Self::Tokens => "Instance tokens",
            Self::Mails => "Email",
            Self::Webhooks => "Webhooks",
            Self::Nodes => "Nodes",
            Self::Activity => "Activity",
        }
    }

    /// The address.
    pub fn url(self) -> String {
        urls::instance(self.id())
    }
}

/// The head of a page of the instance.
#[derive(Clone, Debug)]
pub struct Frame {
    /// The tab that is open.
    pub current: Tab,
    /// The name of the one thing that the page is about, where it is about one of the tab's list.
    pub thing: Option<String>,
}

impl Frame {
    fn of(current: Tab) -> Self {
        Self { current, thing: None }
    }

    /// All tabs.
    pub fn tabs(&self) -> &'static [Tab] {
        &Tab::ALL
    }
}

/// Leads from the instance's own address to its first tab.
pub async fn redirect(_: Visit<Operator>) -> Result<HttpResponse, AppError> {
    Ok(view::see_other(&Tab::Organizations.url()))
}

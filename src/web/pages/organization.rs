//! What all tabs of "Organization Details" share.

use crate::{
    db::{Connection, DbError},
    domain::{
        access::{Grant, See, SeeActivity, SeeKeys},
        organization::Figures,
        organizations,
    },
    web::urls,
};

/// A tab of "Organization Details".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tab {
    /// Members and invitations.
    Users,
    /// Keys and tokens.
    Api,
    /// The audit log.
    Activity,
    /// Name, leaving, removal.
    Settings,
}

impl Tab {
    const ALL: [Self; 4] = [Self::Users, Self::Api, Self::Activity, Self::Settings];

    /// The last part of the tab's address.
    pub fn id(self) -> &'static str {
        match self {
            Self::Users => "users",
            Self::Api => "api",
            Self::Activity => "activity",
            Self::Settings => "settings",
        }
    }

    /// The label.
    pub fn label(self) -> &'static str {
        match self {
            Self::Users => "Users",
            Self::Api => "API",
            Self::Activity => "Activity",
            Self::Settings => "Settings",
        }
    }

    fn is_visible_to(self, member: &Grant<See>) -> bool {
        match self {
            Self::Users | Self::Settings => true,
            Self::Api => member.may::<SeeKeys>(),
            Self::Activity => member.may::<SeeActivity>(),
        }
    }
}

/// The head of an organization's page.
#[derive(Clone, Debug)]
pub struct Frame {
    /// The organization's id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The tab that is open.
    pub current: Tab,
    tabs: Vec<Tab>,
    /// The one thing that the page is about, where it is about one.
    pub thing: Option<Thing>,
    /// What the organization has.
    pub figures: Figures,
    /// Why it is suspended, if it is.
    pub suspension_reason: Option<String>,
}

/// A thing of an organization that has a page of its own: its name is the page's heading, and the
/// breadcrumb leads to it over the list that it stands in.
#[derive(Clone, Debug)]
pub struct Thing {
    /// Its name.
    pub name: String,
    /// The list.
    pub list: &'static str,
    /// The address of the list.
    pub list_url: String,
}

impl Frame {
    /// Reads what the head shows.
    pub fn load(connection: &mut Connection, proof: &Grant<See>, current: Tab) -> Result<Self, DbError> {
        Ok(Self {
            id: proof.id.clone(),
            name: proof.name.clone(),
            current,
            tabs: Tab::ALL.into_iter().filter(|tab| tab.is_visible_to(proof)).collect(),
            thing: None,
            suspension_reason: proof.suspension_reason.clone(),
            figures: organizations::figures(connection, proof)?,
        })
    }

    /// The head of a page about one thing: `about("Billing worker", "API", "api")`.
    pub fn about(self, name: impl Into<String>, list: &'static str, path: &str) -> Self {
        let list_url = urls::organization(&self.id, path);
        Self { thing: Some(Thing { name: name.into(), list, list_url }), ..self }
    }

    /// The tabs that the visitor sees.
    pub fn tabs(&self) -> &[Tab] {
        &self.tabs
    }

    /// The address of a tab.
    pub fn url(&self, tab: &Tab) -> String {
        urls::organization(&self.id, tab.id())
    }

    /// The count beside a tab.
    pub fn count(&self, tab: &Tab) -> Option<i64> {
        match tab {
            Tab::Users => Some(self.figures.members),
            Tab::Api => Some(self.figures.api_keys),
            Tab::Activity | Tab::Settings => None,
        }
    }
}

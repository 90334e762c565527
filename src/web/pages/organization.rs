//! What all tabs of "Organization Details" share.

use crate::{
    db::{Connection, DbError},
    domain::{
        access::{Grant, See, SeeActivity, SeeKeys},
        organizations::{self, Figures},
    },
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
    /// What the organization has.
    pub figures: Figures,
}

impl Frame {
    /// Reads what the head shows.
    pub fn load(connection: &mut Connection, proof: &Grant<See>, current: Tab) -> Result<Self, DbError> {
        Ok(Self {
            id: proof.id.clone(),
            name: proof.name.clone(),
            current,
            tabs: Tab::ALL.into_iter().filter(|tab| tab.is_visible_to(proof)).collect(),
            figures: organizations::figures(connection, proof)?,
        })
    }

    /// The tabs that the visitor sees.
    pub fn tabs(&self) -> &[Tab] {
        &self.tabs
    }

    /// The address of a tab.
    pub fn url(&self, tab: &Tab) -> String {
        crate::web::urls::organization(&self.id, tab.id())
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

//! The tab "Users": members, and the invitations that wait for an answer.

mod manage;
mod role_change;

pub use manage::{change_role, choose_role, confirm_removal, remove};

use actix_web::HttpResponse;
use askama::Template;
use serde::Deserialize;

use super::organization::{Frame, Tab};
use crate::{
    clock::Timestamp,
    db::{Connection, DbError},
    domain::{
        access::{Grant, ManageKeys, Role, See, SeeInvitations},
        invitations::{self, Invitation, Pending},
        members::{self, Person},
        outbox::MailState,
        page::{Page, PageRef, PageRequest, Total},
    },
    page,
    vocabulary::MemberSort,
    web::{
        display,
        error::AppError,
        filters,
        pager::Pager,
        search,
        shell::Shell,
        sorting::Heading,
        urls, view,
        visit::{Behind, Visit, Visitor},
    },
};

/// Members, and invitations, on one page.
const ROWS_ON_A_PAGE: i64 = 25;
/// An invitation that ends sooner than this is pointed out.
const SOON: time::Duration = time::Duration::days(2);

/// `GET /orgs/{organization}/users`.
#[derive(Template)]
#[template(path = "members/index.html", blocks = ["title", "content", "tabs", "panel"])]
pub struct UsersTab {
    shell: Shell,
    frame: Frame,
    now: Timestamp,
    own_id: Option<String>,
    /// The roles that the visitor gives and takes.
    reach: &'static [Role],
    /// Whether the visitor creates API keys.
    creates_keys: bool,
    selection: MembersQuery,
    sort: MemberSort,
    headings: Headings,
    members: Page<Person>,
    pager: Pager,
    pending: Option<PendingList>,
}

page!(UsersTab);

/// The invitations that wait for an answer, for those who see them.
struct PendingList {
    page: Page<Pending>,
    /// How many there are in all.
    all: Total,
    pager: Pager,
}

/// What part of the lists to show, and in what order.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct MembersQuery {
    /// Text in name, email or role of the members.
    #[serde(deserialize_with = "search::lenient")]
    q: String,
    /// The members' page.
    page: PageRef,
    /// An order's word; anything else means by name.
    sort: String,
    /// Text in the email of the invitations.
    #[serde(deserialize_with = "search::lenient")]
    iq: String,
    /// The invitations' page.
    ipage: PageRef,
}

impl MembersQuery {
    fn url(&self, organization_id: &str) -> String {
        let users = urls::organization(organization_id, "users");
        let [page, ipage] = [&self.page, &self.ipage].map(urls::page);
        let pairs =
            [("q", &self.q), ("sort", &self.sort), ("page", &page), ("iq", &self.iq), ("ipage", &ipage)];
        urls::with_query(&users, &pairs.map(|(name, value)| (name, value.as_str())))
    }
}

/// The columns that the members can be sorted by.
struct Headings {
    name: Heading,
    joined: Heading,
}

impl Headings {
    fn of(selection: &MembersQuery, sort: MemberSort, organization_id: &str) -> Self {
        let heading = |label, orders| {
            Heading::new(label, orders, sort, |sort: MemberSort| {
                let (page, sort) = (PageRef::First, sort.as_str().to_owned());
                MembersQuery { page, sort, ..selection.clone() }.url(organization_id)
            })
        };
        Self {
            name: heading("Name", [MemberSort::Name, MemberSort::NameDescending]),
            joined: heading("Joined", [MemberSort::Newest, MemberSort::Oldest]),
        }
    }
}

impl UsersTab {
    /// Reads the tab.
    pub async fn load(
        visitor: &Visitor,
        member: &Grant<See>,
        selection: MembersQuery,
        shell: Shell,
    ) -> Result<Self, AppError> {
        let (member, now) = (member.clone(), visitor.now);
        let tab = visitor
            .state
            .db
            .read(move |connection| {
                let sort = selection.sort.parse().unwrap_or_default();
                let request = PageRequest::new(selection.page.clone(), ROWS_ON_A_PAGE);
                let frame = Frame::load(connection, &member, Tab::Users)?;
                let wanted = (selection.q.as_str(), sort);
                let members = members::page(connection, &member, &frame.figures, wanted, &request)?;
                let link = |page| MembersQuery { page, ..selection.clone() }.url(&member.id);
                Ok::<_, DbError>(Self {
                    shell,
                    frame,
                    now,
                    own_id: member.actor().id().map(ToOwned::to_owned),
                    reach: member.reach(),
                    creates_keys: member.may::<ManageKeys>(),
                    pager: Pager::of(&members, link),
                    members,
                    pending: PendingList::load(connection, &member, &selection)?,
                    headings: Headings::of(&selection, sort, &member.id),
                    selection,
                    sort,
                })
            })
            .await?;
        Ok(tab)
    }

    /// "12 of 340".
    fn found(&self) -> String {
        search::found(&self.members.total, &Total::Exactly(self.frame.figures.members), &self.selection.q)
    }

    fn is_searchable(&self) -> bool {
        !self.selection.q.is_empty() || !self.members.total.is_within(1)
    }

    /// The orders that can be chosen, with their words.
    fn orders(&self) -> [(MemberSort, &'static str); 4] {
        MemberSort::ALL.map(|sort| {
            let words = match sort {
                MemberSort::Name => "Name, A to Z",
                MemberSort::NameDescending => "Name, Z to A",
                MemberSort::Oldest => "Joined first",
                MemberSort::Newest => "Joined last",
            };
            (sort, words)
        })
    }

    /// Whether to lead on to the first key.
    fn leads_to_keys(&self) -> bool {
        self.creates_keys && self.frame.figures.api_keys == 0
    }

    fn manages(&self) -> bool {
        !self.reach.is_empty()
    }

    fn invites_administrators(&self) -> bool {
        self.reaches(&Role::Administrator)
    }

    fn is_own(&self, person: &Person) -> bool {
        self.own_id.as_deref() == Some(&person.user_id)
    }

    /// Whether the visitor may change somebody of this role.
    fn reaches(&self, role: &Role) -> bool {
        self.reach.contains(role)
    }

    /// What a search among the members leaves as it is.
    fn beside_search(&self) -> Vec<(String, String)> {
        let (q, sort) = (String::new(), String::new());
        let selection = MembersQuery { q, sort, page: PageRef::First, ..self.selection.clone() };
        urls::fields(&selection.url(&self.frame.id))
    }

    /// What a search among the invitations leaves as it is.
    fn beside_search_of_invitations(&self) -> Vec<(String, String)> {
        let selection = MembersQuery { iq: String::new(), ipage: PageRef::First, ..self.selection.clone() };
        urls::fields(&selection.url(&self.frame.id))
    }

    fn member_url(&self, person: &Person, verb: &str) -> String {
        self.shell.over(urls::member(&self.frame.id, &person.user_id, verb))
    }

    fn invitation_url(&self, invitation: &Invitation, verb: &str) -> String {
        urls::invitation(&self.frame.id, &invitation.id, verb)
    }

    /// The badge that points out an end that is near or over.
    fn expiry_badge(&self, invitation: &Invitation) -> Option<(&'static str, String)> {
        let words = || display::expiry_words(&invitation.expires_at, &self.now);
        match invitation.expires_at - self.now {
            left if left <= time::Duration::ZERO => Some(("bad", words())),
            left if left < SOON => Some(("warn", words())),
            _ => None,
        }
    }

    /// Where the mail is on its way: words, and whether they tell of a failure.
    fn mail_words(&self, pending: &Pending) -> (&'static str, bool) {
        match pending.mail.as_ref().map(|mail| mail.state) {
            Some(MailState::Sent) => ("Sent", false),
            Some(MailState::Failed) => ("Failed", true),
            Some(MailState::Queued) if self.shell.mailbox => ("In local mailbox", false),
            Some(MailState::Queued) => ("Queued", false),
            None => ("Unknown", false),
        }
    }
}

impl PendingList {
    fn load(
        connection: &mut Connection,
        member: &Grant<See>,
        selection: &MembersQuery,
    ) -> Result<Option<Self>, DbError> {
        let Ok(grant) = member.grant::<SeeInvitations>() else { return Ok(None) };
        let page = pending_page(connection, &grant, selection)?;
        let link = |ipage| MembersQuery { ipage, ..selection.clone() }.url(&member.id);
        let all = if selection.iq.is_empty() {
            page.total
        } else {
            invitations::number_pending(connection, &grant)?
        };
        Ok(Some(Self { pager: Pager::of(&page, link).in_field("ipage"), page, all }))
    }
}

/// The pending invitations that the tab shows.
pub(super) fn pending_page(
    connection: &mut Connection,
    grant: &Grant<SeeInvitations>,
    selection: &MembersQuery,
) -> Result<Page<Pending>, DbError> {
    let request = PageRequest::new(selection.ipage.clone(), ROWS_ON_A_PAGE);
    invitations::pending(connection, grant, &selection.iq, &request)
}

/// The tab, as it is on the screen.
pub(super) struct UsersScreen;

impl Behind for UsersScreen {
    type Proof = Grant<See>;

    async fn page(
        visitor: &Visitor,
        member: &Grant<See>,
        shell: Shell,
    ) -> Result<Box<dyn view::Page>, AppError> {
        Ok(Box::new(UsersTab::load(visitor, member, visitor.on_screen(), shell).await?))
    }

    fn address(visitor: &Visitor, member: &Grant<See>) -> String {
        visitor.on_screen::<MembersQuery>().url(&member.id)
    }
}

/// Leads from the organization's own address to its first tab.
pub async fn redirect(visit: Visit<Grant<See>>) -> Result<HttpResponse, AppError> {
    Ok(view::see_other(&urls::organization(&visit.proof.id, "users")))
}

/// Shows the tab.
pub async fn index(visit: Visit<Grant<See>>) -> Result<HttpResponse, AppError> {
    view::show(&UsersTab::load(&visit, &visit.proof, visit.query()?, visit.shell()).await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_selection_is_written_as_short_as_it_can_be() {
        assert_eq!(MembersQuery::default().url("1"), "/orgs/1/users");
        let selection =
            MembersQuery { q: "a&b".into(), ipage: PageRef::Number(3), ..MembersQuery::default() };
        assert_eq!(selection.url("1"), "/orgs/1/users?q=a%26b&ipage=3");
    }
}

//! "My Organizations": those one belongs to, invitations to others, and a new one.

use actix_web::HttpResponse;
use askama::Template;
use serde::Deserialize;

use super::once::{Settled, limit_reached, settle};
use crate::{
    clock::Timestamp,
    db::DbError,
    domain::{
        access::{Actor, SeeKeys},
        invitations::{self, Invitation},
        names::{MAX_NAME_LENGTH, Name},
        organization::Organization,
        organizations::{self, Membership, RemovedOrganization},
        page::{Page as List, PageRef, PageRequest, Total},
    },
    page,
    web::{
        display,
        error::AppError,
        filters,
        form::{FieldErrors, Submitted},
        form_id::FormId,
        pager::Pager,
        search,
        shell::{Shell, Toast},
        urls,
        view::{self, Page},
        visit::{Account, Behind, Founder, Visit, Visitor},
    },
};

/// `GET /orgs`.
#[derive(Template)]
#[template(path = "my_organizations/index.html", blocks = ["title", "content", "tabs", "panel"])]
pub struct MyOrganizations {
    shell: Shell,
    now: Timestamp,
    invitations: Vec<(Invitation, Organization)>,
    selection: OrganizationsQuery,
    organizations: List<Membership>,
    /// How many there are in all.
    all: Total,
    pager: Pager,
    /// Whether the person may create one.
    may_create: bool,
    /// Those that the person administered and can restore.
    removed: Vec<RemovedOrganization>,
}

page!(MyOrganizations);

/// Organizations on one page.
const ROWS_ON_A_PAGE: i64 = 50;

/// What part of the organizations to show.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct OrganizationsQuery {
    /// Text in the name.
    #[serde(deserialize_with = "search::lenient")]
    q: String,
    page: PageRef,
}

impl OrganizationsQuery {
    fn url(&self) -> String {
        let page = urls::page(&self.page);
        urls::with_query(urls::ORGANIZATIONS, &[("q", self.q.as_str()), ("page", page.as_str())])
    }
}

impl MyOrganizations {
    async fn load(
        visitor: &Visitor,
        account: &Account,
        selection: OrganizationsQuery,
        shell: Shell,
    ) -> Result<Self, AppError> {
        let (user, now, may_create) = (account.user.clone(), visitor.now, visitor.may_create_organizations());
        let page = visitor.state.db.read(move |connection| {
            let request = PageRequest::new(selection.page.clone(), ROWS_ON_A_PAGE);
            let organizations = organizations::page_of_user(connection, &user, &selection.q, &request)?;
            let link = |page| OrganizationsQuery { page, ..selection.clone() }.url();
            let all = if selection.q.is_empty() {
                organizations.total
            } else {
                organizations::number_of_user(connection, &user)?
            };
            Ok::<_, DbError>(Self {
                shell,
                now,
                invitations: invitations::of_user(connection, &user, now)?,
                pager: Pager::of(&organizations, link),
                organizations,
                all,
                selection,
                may_create,
                removed: organizations::removed_of(connection, &user, now)?,
            })
        });
        Ok(page.await?)
    }

    fn is_searchable(&self) -> bool {
        !self.selection.q.is_empty() || !self.organizations.total.is_within(5)
    }

    /// "12 members · 5 API keys"; keys are the affair of those who see them.
    fn figures(&self, membership: &Membership) -> String {
        let members = display::count(&membership.members, "member", "members");
        match membership.api_keys {
            _ if !membership.role.may::<SeeKeys>() => members,
            0 => format!("{members} · no API keys yet"),
            keys => format!("{members} · {}", display::count(&keys, "API key", "API keys")),
        }
    }
}

/// "Create Organization" as it was typed.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NewOrganizationForm {
    name: String,
    form_id: FormId,
}

/// The dialog "Create Organization".
#[derive(Template)]
#[template(path = "my_organizations/new.html")]
struct NewOrganizationDialog {
    form: NewOrganizationForm,
    errors: FieldErrors,
}

/// The page.
struct OrganizationsScreen;

impl Behind for OrganizationsScreen {
    type Proof = Account;

    async fn page(visitor: &Visitor, account: &Account, shell: Shell) -> Result<Box<dyn Page>, AppError> {
        Ok(Box::new(MyOrganizations::load(visitor, account, visitor.on_screen(), shell).await?))
    }

    fn address(visitor: &Visitor, _: &Account) -> String {
        visitor.on_screen::<OrganizationsQuery>().url()
    }
}

/// Shows the page.
pub async fn index(visit: Visit<Account>) -> Result<HttpResponse, AppError> {
    view::show(&MyOrganizations::load(&visit, &visit.proof, visit.query()?, visit.shell()).await?)
}

/// Opens the dialog "Create Organization".
pub async fn new(visit: Visit<Founder>) -> Result<HttpResponse, AppError> {
    if let Some(full) = limit_reached::<OrganizationsScreen, _>(
        &visit,
        "Create Organization",
        |connection, founder, rules| organizations::check_room(connection, founder.user(), rules),
    )
    .await?
    {
        return Ok(full);
    }
    let form = NewOrganizationForm { form_id: FormId::new(visit.now), ..NewOrganizationForm::default() };
    let errors = FieldErrors::default();
    visit.dialog::<OrganizationsScreen>(&NewOrganizationDialog { form, errors }).await
}

/// Creates an organization, whose administrator the person becomes.
pub async fn create(visit: Visit<Founder, Submitted<NewOrganizationForm>>) -> Result<HttpResponse, AppError> {
    let (visit, Submitted(form)) = visit.split();
    let mut errors = FieldErrors::default();
    let Some(name) = errors.check("name", Name::parse(&form.name, MAX_NAME_LENGTH)) else {
        return visit.invalid::<OrganizationsScreen>(&NewOrganizationDialog { form, errors }).await;
    };
    let (ip, rules) = (visit.ip, visit.state.config.rules);
    let created = visit.submit(&form.form_id, move |tx, founder, now| {
        let user = founder.user();
        organizations::create(tx, user, &Actor::user(user, ip), &name, &rules, now)
    });
    match settle::<OrganizationsScreen, _, _>(
        &visit,
        &form.form_id,
        created.await?,
        "This organization was already created",
    )? {
        Settled::Done(organization) => {
            let toast = Toast::ok(format!("“{}” created", organization.name));
            visit.go(Some(toast), &urls::organization(&organization.id, "users"))
        }
        Settled::Again(error, form_id) => {
            let errors = FieldErrors::one("name", error);
            let form = NewOrganizationForm { form_id, ..form };
            visit.invalid::<OrganizationsScreen>(&NewOrganizationDialog { form, errors }).await
        }
        Settled::Answered(response) => Ok(response),
    }
}

/// Restores an organization that the person administered.
pub async fn restore(visit: Visit<Account>) -> Result<HttpResponse, AppError> {
    let (id, ip) = (visit.path("removed"), visit.ip);
    let restored = visit.change(move |tx, Account { user, .. }, now| {
        organizations::restore(tx, user, &Actor::user(user, ip), &id, now)
    });
    let toast = Toast::ok(format!("“{}” restored", restored.await??.name));
    visit.changed::<OrganizationsScreen>(toast).await
}

/// Accepts an invitation in the list. The form is a plain one: the count in the user menu
/// changes too, so the whole page is loaded anew.
pub async fn accept(visit: Visit<Account>) -> Result<HttpResponse, AppError> {
    let (invitation_id, ip) = (visit.path("invitation"), visit.ip);
    let accepted = visit
        .change(move |tx, Account { user, .. }, now| invitations::accept(tx, user, ip, &invitation_id, now));
    let toast = Toast::ok(format!("You joined {}", accepted.await??.name));
    visit.go(Some(toast), urls::ORGANIZATIONS)
}

/// Declines an invitation in the list.
pub async fn decline(visit: Visit<Account>) -> Result<HttpResponse, AppError> {
    let (invitation_id, ip) = (visit.path("invitation"), visit.ip);
    let declined = visit
        .change(move |tx, Account { user, .. }, now| invitations::decline(tx, user, ip, &invitation_id, now));
    let toast = Toast::ok(format!("Invitation to {} declined", declined.await??.name));
    visit.go(Some(toast), urls::ORGANIZATIONS)
}

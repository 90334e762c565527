//! The page of one organization for those who operate the instance: what it has and how much it is used, and nothing
//! of what is in it.

use actix_web::HttpResponse;
use askama::Template;

use super::{Frame, Tab};
use crate::{
    clock::Timestamp,
    domain::{
        access::Operator,
        instance::{self, InstanceError, OrganizationDetails},
        usage,
    },
    page,
    web::{chart::Bars, error::AppError, shell::Shell, view, visit::Visit},
};

/// Days in the chart.
const DAYS_SHOWN: i32 = 30;

/// `GET /instance/organizations/{organization}`.
#[derive(Template)]
#[template(path = "instance/organization.html", blocks = ["title", "content", "tabs", "panel"])]
struct OrganizationPage {
    shell: Shell,
    frame: Frame,
    now: Timestamp,
    details: OrganizationDetails,
    bars: Bars,
    /// The chart has days, as its table says.
    is_hourly: bool,
}

page!(OrganizationPage);

/// Shows the page.
pub async fn show(visit: Visit<Operator>) -> Result<HttpResponse, AppError> {
    let (id, shell, now) = (visit.path("organization"), visit.shell(), visit.now);
    visit.state.count_usage(&id).await;
    let page = visit.read(move |connection, operator| {
        let details = instance::find_organization(connection, operator, &id)?;
        let days = usage::days_of_organization(connection, operator, (&id, DAYS_SHOWN), now)?;
        Ok::<_, InstanceError>(OrganizationPage {
            shell,
            frame: Frame {
                thing: Some(details.row.organization.name.clone()),
                ..Frame::of(Tab::Organizations)
            },
            now,
            bars: Bars::of(&days),
            details,
            is_hourly: false,
        })
    });
    view::show(&page.await?)
}

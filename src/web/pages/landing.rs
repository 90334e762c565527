//! The first page.

use std::borrow::Cow;

use actix_web::{HttpResponse, http::StatusCode};
use askama::Template;
use time::Duration;

use crate::{
    clock::Timestamp,
    config::{Founders, KeyPrefix, SignUp},
    domain::{
        accounts, demo,
        usage::{DAYS_SHOWN, DailyRequests},
    },
    web::{
        chart::Sparkline,
        display,
        error::AppError,
        filters,
        pages::{accounts::admission, setup},
        shell::Shell,
        visit::Visit,
    },
};

/// `GET /`.
#[derive(Template)]
#[template(path = "public/landing.html", blocks = ["title"])]
pub struct LandingPage {
    /// What stands around the page.
    pub shell: Shell,
    /// Whether nobody has signed up yet; the page then tells how to begin.
    pub first_run: bool,
    /// Who may sign up, unless everybody may.
    pub sign_up: Option<String>,
    /// Whether the first key takes no more than to sign up; otherwise the server is set up first.
    pub begins_by_sign_up: bool,
    /// Where the first instance administrator is made, for whoever sits at this machine.
    pub setup_url: Option<String>,
    /// What the API tab may look like.
    pub picture: Vec<PicturedKey>,
}

impl LandingPage {
    /// The way to the set-up, unless the first steps lead there already.
    fn offered_setup(&self) -> Option<&str> {
        self.setup_url.as_deref().filter(|_| self.begins_by_sign_up || !self.first_run)
    }
}

/// A row of the picture.
pub struct PicturedKey {
    name: &'static str,
    masked: Cow<'static, str>,
    badge: (&'static str, &'static str),
    sparkline: Sparkline,
    last_used: String,
    expires: String,
}

impl PicturedKey {
    /// The rows at `now`, so that what expires soon does.
    fn all(prefix: KeyPrefix, now: &Timestamp) -> Vec<Self> {
        let date = |days| display::date(&now.saturating_add(Duration::days(days)));
        let row = |name, masked, badge, a_day, last_used: &str, expires: String| Self {
            name,
            masked: prefix.in_example(masked),
            badge,
            sparkline: Sparkline::of(&requests(a_day)),
            last_used: last_used.to_owned(),
            expires,
        };
        let (active, soon) = (("ok", "Active"), ("warn", "Expires in 3 days"));
        vec![
            row("Production backend", "tess_9fQ2…xA7c", active, 41_000, "2 minutes ago", "Never".to_owned()),
            row("Mobile app", "tess_Xb71…02Lk", soon, 12_000, "1 hour ago", date(3)),
            row("Staging smoke tests", "tess_h3Wd…9qPe", active, 0, "Never used", date(90)),
            row("Partner feed", "tess_c8Tz…Km4s", ("off", "Deactivated"), 3_800, &date(-11), date(98)),
        ]
    }

    fn is_off(&self) -> bool {
        self.badge.0 == "off"
    }
}

/// Drawn as those of the example are.
fn requests(a_day: i64) -> DailyRequests {
    let mut days = [0; DAYS_SHOWN];
    for (day, requests) in (0..).zip(&mut days) {
        *requests = demo::requests_on(day, day % 7 > 4, a_day, day);
    }
    DailyRequests(days)
}

/// Shows the page.
pub async fn show(visitor: Visit) -> Result<HttpResponse, AppError> {
    let first_run = !visitor.state.db.read(accounts::any_exists).await?;
    let picture = PicturedKey::all(visitor.state.config.rules.key_prefix, &visitor.now);
    let setup_url = setup::offer(&visitor).await?;
    let config = &visitor.state.config;
    let mode = &config.sign_up.value;
    let page = LandingPage {
        shell: visitor.shell(),
        first_run,
        sign_up: admission::notice(mode),
        begins_by_sign_up: matches!(mode, SignUp::Open | SignUp::Domains(_))
            && config.founders.value == Founders::Everyone,
        setup_url,
        picture,
    };
    visitor.plain(&page, StatusCode::OK)
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    fn render(mailbox: bool, first_run: bool) -> String {
        let shell = Shell { brand: "Tessera".into(), mailbox, ..Shell::default() };
        let picture = PicturedKey::all(KeyPrefix::default(), &datetime!(2026-11-23 10:00));
        let page = LandingPage {
            shell,
            first_run,
            sign_up: None,
            begins_by_sign_up: true,
            setup_url: None,
            picture,
        };
        page.render_with_values(&page.shell.base_path).unwrap()
    }

    #[test]
    fn it_leads_to_log_in_and_sign_up() {
        let html = render(false, false);
        assert!(html.contains(r#"href="/login">GET STARTED</a>"#), "{html}");
        assert!(html.contains(r#"href="/signup">Sign up</a>"#), "{html}");
        assert!(!html.contains("First steps") && !html.contains("/mailbox"), "{html}");
    }

    #[test]
    fn a_newcomer_is_told_what_to_do() {
        let html = render(true, true);
        assert!(html.contains("First steps") && html.contains("Nov 26, 2026"), "{html}");
        assert!(html.contains(r#"href="/signup">GET STARTED</a>"#), "nobody can log in yet: {html}");
        assert!(html.contains(r#"<a class="link" href="/mailbox">local mailbox</a>"#), "{html}");
    }
}

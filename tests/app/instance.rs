//! Who operates the instance: how somebody becomes an instance administrator, what they see and do, and what stays so
//! whatever they do.

use std::sync::{Arc, Barrier};

use tessera::{
    domain::{
        access::{Operator, Role},
        instance::{self, InstanceError},
        secret::Secret,
        user::User,
    },
    web::urls,
};

use crate::support::{PASSWORD, TestApp};

/// Rounds of a race: one alone may go well by luck.
const ROUNDS: usize = 10;

fn setup_link(app: &TestApp) -> String {
    urls::setup(app.state.setup_link.as_ref().expect("nobody operates the instance yet").expose())
}

/// Whether `work` at the domain is refused since nobody else operates the instance.
fn is_last<T>(result: &Result<T, InstanceError>) -> bool {
    matches!(result, Err(InstanceError::LastAdministrator))
}

#[tokio::test]
async fn whoever_opens_the_set_up_link_becomes_the_first_instance_administrator() {
    let app = TestApp::spawn().await;
    let link = setup_link(&app);
    let nobody = app.client();
    let page = nobody.get(&link).await.must_be(200).html();
    assert_eq!(page.heading(), "Set up this server");
    assert_eq!(page.link("Sign up"), urls::sign_up(&link));
    assert_eq!(page.link("Log in"), urls::log_in(&link));
    assert!(!page.has_button("Become instance administrator"));
    nobody.post(&link, &[]).await.must_be(303);

    let unproven = app.log_in_as(&app.unverified_user("Una Unproven").await).await;
    assert_eq!(unproven.get(&link).await.html().link("Confirm your email"), "/verify-email");
    assert_eq!(unproven.post(&link, &[]).await.must_be(303).location(), "/verify-email");

    let (dana, ravi) = (app.user("Dana Whitfield").await, app.user("Ravi Menon").await);
    let (browser, other) = (app.log_in_as(&dana).await, app.log_in_as(&ravi).await);
    assert_eq!(browser.get("/orgs").await.html().try_link("Instance"), None);
    let page = browser.get(&link).await.must_be(200).html();
    let became = browser.post(&page.action("Become instance administrator"), &[]).await.must_be(303);
    let page = browser.follow(&became).await.must_be(200).html();
    assert_eq!(page.toast(), "You’re now an instance administrator");
    assert_eq!(page.link("Instance"), "/instance");
    assert_eq!(browser.get("/instance").await.must_be(303).location(), "/instance/organizations");
    let activity = browser.get("/instance/activity").await.html();
    assert_eq!(
        activity.texts("#log li p"),
        [format!("Dana Whitfield added the instance administrator {}", dana.email)]
    );

    for late in [&browser, &other] {
        assert_eq!(late.get(&link).await.must_be(404).html().heading(), "This link no longer works");
        late.post(&link, &[]).await.must_be(404);
    }
    other.get("/instance/people").await.must_be(404);
}

#[tokio::test]
async fn whoever_signs_up_by_the_set_up_link_comes_back_to_it() {
    let app = TestApp::spawn().await;
    let link = setup_link(&app);
    let browser = app.client();
    let sign_up = browser.get(&link).await.html().link("Sign up");
    let form = browser.get(&sign_up).await.must_be(200).html();
    let email = "dana@lumen.example";
    let fields = [("name", "Dana"), ("email", email), ("password", PASSWORD), ("next", &form.hidden("next"))];
    browser.post("/signup", &fields).await.must_be(303);
    let token = app.mailed_token(email).await;
    let confirmed = browser.post(&format!("/verify-email/{token}"), &[]).await.must_be(303);
    assert_eq!(browser.destination(&confirmed).await, link);
    browser.post(&link, &[]).await.must_be(303);
    browser.get("/instance/nodes").await.must_be(200);
}

#[tokio::test]
async fn the_set_up_link_is_offered_to_whoever_sits_at_the_machine_until_somebody_took_it() {
    let app = TestApp::spawn().await;
    let link = setup_link(&app);
    for page in ["/", "/login"] {
        let offered = app.client().get(page).await.must_be(200).html();
        assert_eq!(offered.try_link("Set up this server"), Some(link.clone()), "{page}");
        let through_proxy =
            app.client().request("GET", page).header("x-forwarded-for", "192.0.2.7").send().await;
        assert_eq!(through_proxy.html().try_link("Set up this server"), None, "{page}");
        let rebound = app.client().request("GET", page).header("host", "rebound.example").send().await;
        assert!(!rebound.text().contains("/setup/"), "{page}");
    }
    app.appoint(&app.user("Dana Whitfield").await).await;
    for page in ["/", "/login"] {
        assert!(!app.client().get(page).await.text().contains("/setup/"), "{page}");
    }
    let public = TestApp::builder().flag("--public-url", "https://keys.example.com").spawn().await;
    assert!(!public.client().get("/login").await.text().contains("/setup/"));
    public.client().get(&setup_link(&public)).await.must_be(200);
}

/// Each server has a link of its own; a new start ends that of before, and so does the end of the server.
#[tokio::test]
async fn every_server_that_runs_has_one_set_up_link_until_somebody_took_one() {
    let app = TestApp::spawn().await;
    let at = "'2026-11-23 10:00:00'";
    app.execute(&format!(
        "INSERT INTO nodes (id, name, version, position, started_at, seen_at)
         SELECT name, name, '0', 0, {at}, coalesce((SELECT max(seen_at) FROM nodes), {at})
         FROM (SELECT 'one' AS name UNION ALL SELECT 'two') AS names"
    ))
    .await;
    let begin = async |node: &'static str| {
        let now = app.now();
        let begun = app.write(move |tx| Ok(instance::begin_setup(tx, node, now)?)).await;
        begun.expect("nobody operates the instance")
    };
    let works = async |link: &Secret| {
        let presented = link.expose().to_owned();
        app.read(move |connection| Ok(instance::is_setup_link(connection, &presented)?)).await
    };
    let (first, two) = (begin("one").await, begin("two").await);
    assert!(works(&first).await && works(&two).await);
    let anew = begin("one").await;
    assert!(!works(&first).await && works(&anew).await && works(&two).await);
    app.execute("DELETE FROM nodes WHERE name = 'two'").await;
    begin("one").await;
    assert!(works(&two).await, "it may be about to say that it is there");
    app.clock.advance(time::Duration::minutes(2));
    let anew = begin("one").await;
    assert!(works(&anew).await && !works(&two).await);
    app.appoint(&app.user("Dana Whitfield").await).await;
    assert!(!works(&anew).await);
    let now = app.now();
    assert!(app.write(move |tx| Ok(instance::begin_setup(tx, "one", now)?)).await.is_none());
}

#[tokio::test]
async fn the_last_instance_administrator_is_neither_demoted_nor_deactivated_nor_deleted() {
    let app = TestApp::spawn().await;
    let (dana, ravi) = (app.user("Dana Whitfield").await, app.user("Ravi Menon").await);
    app.appoint(&dana).await;
    let una = app.unverified_user("Una Unproven").await;
    app.appoint(&una).await;
    let browser = app.log_in_as(&dana).await;
    let url = |user: &User, verb: &str| urls::instance_person(&user.id, verb);
    for verb in ["demote", "deactivate"] {
        let refused = browser.post(&url(&dana, verb), &[]).await.must_be(409);
        assert!(refused.text().contains("last instance administrator"), "{refused:?}");
        let refused = browser.htmx_post(&url(&dana, verb), "panel", &[]).await.must_be(409);
        assert!(refused.html().toast().contains("last instance administrator"), "{refused:?}");
    }
    let (id, now) = (dana.id.clone(), app.now());
    let deleted = app.write(move |tx| Ok(instance::delete(tx, &Operator::at_the_machine(), &id, now))).await;
    assert!(is_last(&deleted), "{deleted:?}");

    // Whoever cannot log in is nobody to leave it to.
    browser.post(&url(&ravi, "promote"), &[]).await.must_be(303);
    browser.post(&url(&ravi, "deactivate"), &[]).await.must_be(303);
    browser.post(&url(&dana, "demote"), &[]).await.must_be(409);
    browser.post(&url(&ravi, "activate"), &[]).await.must_be(303);
    browser.post(&url(&dana, "demote"), &[]).await.must_be(303);
    browser.get("/instance/people").await.must_be(404);
}

#[tokio::test]
async fn of_the_last_two_instance_administrators_one_stays_whatever_happens_at_once() {
    let app = TestApp::spawn().await;
    type Change = fn(
        &mut tessera::db::Tx<'_>,
        &Operator,
        &str,
        tessera::clock::Timestamp,
    ) -> Result<User, InstanceError>;
    let changes: [(Change, Change); 3] = [
        (instance::dismiss, instance::dismiss),
        (instance::deactivate, instance::delete),
        (instance::dismiss, instance::deactivate),
    ];
    for (round, (one, other)) in changes.into_iter().cycle().take(ROUNDS).enumerate() {
        let (ada, bob) = (app.user(&format!("Ada {round}")).await, app.user(&format!("Bob {round}")).await);
        app.appoint(&ada).await;
        app.appoint(&bob).await;
        // Those of the rounds before are none any more.
        let ids = format!("'{}', '{}'", ada.id, bob.id);
        app.execute(&format!("DELETE FROM instance_administrators WHERE user_id NOT IN ({ids})")).await;
        let (start, now) = (Arc::new(Barrier::new(2)), app.now());
        let threads: Vec<_> = [(one, ada.id.clone()), (other, bob.id.clone())]
            .into_iter()
            .map(|(change, id)| {
                let (db, start) = (app.db.clone(), start.clone());
                std::thread::spawn(move || {
                    start.wait();
                    db.write_blocking(|tx| change(tx, &Operator::at_the_machine(), &id, now))
                })
            })
            .collect();
        let results: Vec<_> = threads.into_iter().map(|thread| thread.join().expect("no panic")).collect();
        assert_eq!(results.iter().filter(|result| is_last(result)).count(), 1, "{results:?}");
        assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1, "{results:?}");
    }
}

#[tokio::test]
async fn whoever_is_deactivated_is_out_immediately_and_their_keys_keep_working() {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    let (_, secret) = app.api_key(&lumen, "Billing worker").await;
    let ravi = app.user("Ravi Menon").await;
    app.appoint(&ravi).await;
    let (operator, dana) = (app.log_in_as(&ravi).await, app.log_in_as(&lumen.owner).await);
    dana.get("/orgs").await.must_be(200);
    let url = |verb: &str| urls::instance_person(&lumen.owner.id, verb);
    let panel = operator.htmx_post(&url("deactivate"), "panel", &[]).await.must_be(200).html();
    assert_eq!(panel.toast(), "Dana Whitfield deactivated");
    dana.get("/orgs").await.must_be(303);
    let stranger = app.client();
    let fields = |password| [("email", lumen.owner.email.as_str()), ("password", password)];
    let refused = stranger.post("/login", &fields(PASSWORD)).await.must_be(422);
    assert!(refused.text().contains("This account is deactivated."), "{refused:?}");
    let wrong = stranger.post("/login", &fields("not the password")).await.must_be(422);
    assert!(!wrong.text().contains("deactivated"), "only whoever has the password is told: {wrong:?}");
    let accepted = app.client().request("GET", "/auth").header("authorization", &format!("Bearer {secret}"));
    assert_eq!(accepted.send().await.status, 204);

    operator.post(&url("activate"), &[]).await.must_be(303);
    stranger.post("/login", &fields(PASSWORD)).await.must_be(303);
    stranger.get("/orgs").await.must_be(200);
    operator.post(&url("log-out"), &[]).await.must_be(303);
    stranger.get("/orgs").await.must_be(303);
    let activity = operator.get("/instance/activity").await.html().texts("#log li p").join("\n");
    for done in ["deactivated the account of", "activated the account of", "logged out all sessions of"] {
        assert!(activity.contains(&format!("Ravi Menon {done} {}", lumen.owner.email)), "{activity}");
    }
}

/// A session that is about to begin, too.
#[tokio::test]
async fn a_log_in_under_way_opens_nothing_to_whoever_is_deactivated_meanwhile() {
    let app = TestApp::spawn().await;
    let dana = app.user("Dana Whitfield").await;
    let (id, now) = (dana.id.clone(), app.now());
    app.write(move |tx| Ok(instance::deactivate(tx, &Operator::at_the_machine(), &id, now)?)).await;
    app.log_in_as(&dana).await.get("/orgs").await.must_be(303);
}

#[tokio::test]
async fn a_deleted_account_leaves_its_organizations_but_not_without_an_administrator() {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    let fern = app.organization("Fern", &lumen.owner).await;
    let ravi = app.member(&lumen, Role::User, "Ravi Menon").await;
    let delete = async |user: &User| {
        let (id, now) = (user.id.clone(), app.now());
        app.write(move |tx| Ok(instance::delete(tx, &Operator::at_the_machine(), &id, now))).await
    };
    let refused = delete(&lumen.owner).await.expect_err("nobody would administer them");
    assert!(refused.to_string().contains("“Fern” and “Lumen”"), "{refused}");
    assert_eq!(app.role_of(&fern, &lumen.owner).await, Some(Role::Administrator));

    delete(&ravi).await.expect("nobody needs him");
    assert_eq!(app.role_of(&lumen, &ravi).await, None);
    let count =
        format!("SELECT CAST(member_count AS TEXT) AS text FROM organizations WHERE id = '{}'", lumen.id);
    assert_eq!(app.query(&count).await, ["1"]);
    let dana = app.log_in_as(&lumen.owner).await;
    let activity = dana.get(&lumen.url("activity")).await.html();
    assert!(activity.texts("#log li p").concat().contains("Ravi Menon left the organization"));
    assert!(matches!(delete(&ravi).await, Err(InstanceError::NotFound)));
}

#[tokio::test]
async fn all_organizations_are_listed_with_what_they_have_and_nothing_of_what_is_in_them() {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    let fern_owner = app.user("Frida Fern").await;
    let fern = app.organization("Fern", &fern_owner).await;
    app.member(&lumen, Role::User, "Ravi Menon").await;
    let (key, secret) = app.api_key(&lumen, "Billing worker").await;
    let operator = app.user("Olga Operator").await;
    app.appoint(&operator).await;
    let browser = app.log_in_as(&operator).await;
    let auth = app.client().request("GET", "/auth").header("authorization", &format!("Bearer {secret}"));
    assert_eq!(auth.send().await.status, 204);

    let details = browser.get(&urls::instance_organization(&lumen.id)).await.must_be(200).html();
    assert_eq!(details.heading(), "Lumen");
    assert!(details.main_text().contains("1 request"), "{}", details.main_text());
    assert!(details.main_text().contains(&lumen.owner.email));
    assert!(!details.main_text().contains(&key.name), "the keys are the organization's affair");
    browser.get(&lumen.url("api")).await.must_be(404);
    browser.get(&urls::instance_organization("no-such")).await.must_be(404);

    let names = async |query: &str| {
        let page = browser.get(&format!("/instance/organizations{query}")).await.must_be(200).html();
        page.texts("#organizations tbody th a")
    };
    assert_eq!(names("").await, ["Fern", "Lumen"]);
    assert_eq!(names("?sort=-members").await, ["Lumen", "Fern"]);
    assert_eq!(names("?sort=keys").await, ["Fern", "Lumen"]);
    assert_eq!(names("?sort=-created_at").await, ["Fern", "Lumen"]);
    assert_eq!(names("?q=lum").await, ["Lumen"]);
    assert_eq!(names("?q=none").await, [""; 0]);
    let page = browser.get("/instance/organizations").await.html();
    let row = page.text(&format!("[id='organization-{}']", lumen.id));
    assert!(row.contains('2') && row.contains('1'), "{row}");
    assert!(page.texts(".spark").len() + page.texts(".unused").len() == 2);
    let _ = fern;
}

#[tokio::test]
async fn all_people_are_listed_and_found_by_name_and_email() {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    app.unverified_user("Una Unproven").await;
    let operator = app.user("Olga Operator").await;
    app.appoint(&operator).await;
    let browser = app.log_in_as(&operator).await;
    let rows = async |query: &str| {
        let page = browser.get(&format!("/instance/people{query}")).await.must_be(200).html();
        page.texts("#people tbody tr")
    };
    let all = rows("").await;
    assert_eq!(all.len(), 3);
    assert!(all[0].contains("Dana Whitfield") && all[0].contains("Active"), "{all:?}");
    assert!(all[1].contains("(you)") && all[1].contains("Instance administrator"), "{all:?}");
    assert!(all[2].contains("Email not confirmed"), "{all:?}");
    assert_eq!(rows("?q=una").await.len(), 1);
    assert_eq!(rows("?q=%40lumen.example").await.len(), 3);
    assert_eq!(rows("?q=olga.operator%40").await.len(), 1);
    assert!(rows("?sort=-created_at").await[0].contains("Olga"));
    let dana = app.log_in_as(&lumen.owner).await;
    dana.post("/account/name", &[("name", "Diana Whitfield")]).await.must_be(303);
    assert_eq!((rows("?q=diana").await.len(), rows("?q=dana+w").await.len()), (1, 0));
}

#[tokio::test]
async fn the_servers_are_listed() {
    let app = TestApp::spawn().await;
    let operator = app.user("Olga Operator").await;
    app.appoint(&operator).await;
    let page = app.log_in_as(&operator).await.get("/instance/nodes").await.must_be(200).html();
    let rows = page.texts("#nodes tbody tr");
    assert_eq!(rows.len(), 1, "{rows:?}");
    assert!(rows[0].contains(&*app.state.node) && rows[0].contains(env!("CARGO_PKG_VERSION")), "{rows:?}");
    assert!(rows[0].contains("Live"), "{rows:?}");
}

#[tokio::test]
async fn the_usage_of_a_month_is_downloaded_and_no_name_in_it_is_a_formula() {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    app.organization("=1+1; @SUM", &app.user("Frida Fern").await).await;
    let (_, key) = app.api_key(&lumen, "Billing worker").await;
    let auth = async |path: &str| app.client().request("GET", path).header("x-api-key", &key).send().await;
    auth("/auth").await.must_be(204);
    auth("/auth?scope=write").await.must_be(403);
    let olga = app.user("Olga Operator").await;
    app.appoint(&olga).await;
    let browser = app.log_in_as(&olga).await;
    let tab = browser.get("/instance/organizations").await.must_be(200).html();
    assert_eq!(tab.texts("#usage-month option")[..2], ["November 2026", "October 2026"]);
    assert_eq!(tab.attributes("#usage-month option", "value")[1], "2026-10");

    let file = browser.get("/instance/usage.csv?month=2026-11").await.must_be(200);
    assert_eq!(file.header("content-type"), "text/csv; charset=utf-8");
    assert!(file.header("content-disposition").contains("usage-2026-11.csv"));
    let text = file.text();
    let lines: Vec<&str> = text.trim_start_matches('\u{FEFF}').lines().collect();
    assert_eq!(
        lines[0],
        "organization_id,organization,plan,month,requests,accepted,units,rejected_expired,rejected_deactivated,\
         rejected_forbidden_ip,rejected_insufficient_scope,rejected_rate_limited,rejected_quota_exceeded,\
         rejected_organization_suspended,rejected_wrong_environment,\
         rejected_plan_rate_limited,rejected_plan_quota_exceeded"
    );
    assert_eq!(lines[1], format!("{},Lumen,,2026-11,2,1,1,0,0,0,1,0,0,0,0,0,0", lumen.id));
    assert!(lines[2].contains(",'=1+1;' @SUM,,2026-11,0,0,0,"), "{}", lines[2]);
    assert_eq!(lines.len(), 3);
    let before = browser.get("/instance/usage.csv?month=2026-10").await.must_be(200).text();
    assert!(before.contains(",Lumen,,2026-10,0,0,0,"), "{before}");
    browser.get("/instance/usage.csv?month=2026-13").await.must_be(400);
    app.log_in_as(&lumen.owner).await.get("/instance/usage.csv").await.must_be(404);
}

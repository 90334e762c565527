//! Two requests at once, on real connections: what must happen once happens once.

use std::sync::{Arc, Barrier};

use tessera::{
    clock::Timestamp,
    db::Db,
    domain::{
        access::{self, Grant, ManageMembers, Role},
        invitations::{self, AnswerError},
        member_changes,
        members::MemberError,
        user::User,
    },
};
use tokio::task::JoinSet;

use crate::support::{Client, Company, Response, TestApp};

/// Rounds of each race: one alone may go well by luck.
const ROUNDS: usize = 10;

#[tokio::test]
async fn of_two_administrators_who_demote_each_other_one_wins() {
    let app = TestApp::spawn().await;
    for round in 0..ROUNDS {
        let (company, ada, bob) = two_administrators(&app, round).await;
        // Both proofs are made before either change, as by two requests at once.
        let (by_ada, by_bob) = (proof(&app, &company, &ada).await, proof(&app, &company, &bob).await);
        let (ada_id, bob_id, now) = (ada.id.clone(), bob.id.clone(), app.now());
        let results = at_once(
            &app,
            [
                Box::new(move |db| demote(db, &by_ada, &bob_id, now)),
                Box::new(move |db| demote(db, &by_bob, &ada_id, now)),
            ],
        );
        let losers: Vec<_> = results.into_iter().filter_map(Result::err).collect();
        assert!(matches!(losers.as_slice(), [MemberError::AboveYou]), "{losers:?}");
        assert_eq!(administrators(&app, &company, [&ada, &bob]).await, 1);
    }
}

#[tokio::test]
async fn of_the_last_two_administrators_who_step_down_one_stays() {
    let app = TestApp::spawn().await;
    for round in 0..ROUNDS {
        let (company, ada, bob) = two_administrators(&app, round).await;
        let (by_ada, by_bob) = (proof(&app, &company, &ada).await, proof(&app, &company, &bob).await);
        let (ada_id, bob_id, now) = (ada.id.clone(), bob.id.clone(), app.now());
        let results = at_once(
            &app,
            [
                Box::new(move |db| demote(db, &by_ada, &ada_id, now)),
                Box::new(move |db| demote(db, &by_bob, &bob_id, now)),
            ],
        );
        let losers: Vec<_> = results.into_iter().filter_map(Result::err).collect();
        assert!(matches!(losers.as_slice(), [MemberError::LastAdministrator]), "{losers:?}");
        assert_eq!(administrators(&app, &company, [&ada, &bob]).await, 1);
    }
}

#[tokio::test]
async fn of_two_administrators_who_remove_each_other_one_wins() {
    let app = TestApp::spawn().await;
    for round in 0..ROUNDS {
        let (company, ada, bob) = two_administrators(&app, round).await;
        let (by_ada, by_bob) = (proof(&app, &company, &ada).await, proof(&app, &company, &bob).await);
        let (ada_id, bob_id, now) = (ada.id.clone(), bob.id.clone(), app.now());
        let results = at_once(
            &app,
            [
                Box::new(move |db| {
                    db.write_blocking(|tx| member_changes::remove(tx, &by_ada, &bob_id, now)).map(drop)
                }),
                Box::new(move |db| {
                    db.write_blocking(|tx| member_changes::remove(tx, &by_bob, &ada_id, now)).map(drop)
                }),
            ],
        );
        let losers: Vec<_> = results.into_iter().filter_map(Result::err).collect();
        assert!(matches!(losers.as_slice(), [MemberError::AboveYou]), "{losers:?}");
        assert_eq!(administrators(&app, &company, [&ada, &bob]).await, 1);
    }
}

#[tokio::test]
async fn of_two_administrators_who_leave_one_stays_and_is_told_why() {
    let app = TestApp::spawn().await;
    for round in 0..ROUNDS {
        let (company, ada, bob) = two_administrators(&app, round).await;
        let (ada_browser, bob_browser) = (app.log_in_as(&ada).await, app.log_in_as(&bob).await);
        let address = company.url("settings/leave");
        let (one, two) = tokio::join!(ada_browser.post(&address, &[]), bob_browser.post(&address, &[]));
        let refused: Vec<_> = [one, two].into_iter().filter(|answer| answer.status != 303).collect();
        let [refused] = refused.as_slice() else { panic!("{refused:?}") };
        assert_eq!(refused.status, 422, "{refused:?}");
        assert!(refused.text().contains("last administrator"), "{refused:?}");
        assert_eq!(administrators(&app, &company, [&ada, &bob]).await, 1);
    }
}

#[tokio::test]
async fn an_invitation_that_is_accepted_twice_makes_one_member() {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    for round in 0..ROUNDS {
        let mara = app.user(&format!("Mara {round}")).await;
        let (invitation, _) = app.invitation(&lumen, Role::Supervisor, &mara.email).await;
        let now = app.now();
        let accept = |user: User, id: String| -> Work<AnswerError> {
            Box::new(move |db| {
                db.write_blocking(|tx| invitations::accept(tx, &user, None, &id, now)).map(drop)
            })
        };
        let results = at_once(
            &app,
            [accept(mara.clone(), invitation.id.clone()), accept(mara.clone(), invitation.id.clone())],
        );
        let losers: Vec<_> = results.into_iter().filter_map(Result::err).collect();
        assert!(matches!(losers.as_slice(), [AnswerError::NotYours]), "{losers:?}");
        assert_eq!(app.role_of(&lumen, &mara).await, Some(Role::Supervisor));
        let joined = format!(
            "SELECT action AS text FROM audit_events WHERE actor_id = '{}' AND action = 'member.joined'",
            mara.id
        );
        assert_eq!(app.query(&joined).await.len(), 1);
    }
}

#[tokio::test]
async fn an_invitation_is_either_accepted_or_canceled() {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    for round in 0..ROUNDS {
        let mara = app.user(&format!("Mara {round}")).await;
        let (invitation, _) = app.invitation(&lumen, Role::User, &mara.email).await;
        let (user, id, own_id, now) = (mara.clone(), invitation.id.clone(), invitation.id, app.now());
        let by_owner = proof(&app, &lumen, &lumen.owner).await;
        let results: Vec<Result<(), String>> = at_once(
            &app,
            [
                Box::new(move |db| {
                    let accepted = db.write_blocking(|tx| invitations::accept(tx, &user, None, &id, now));
                    accepted.map(drop).map_err(|error| error.to_string())
                }),
                Box::new(move |db| {
                    let canceled = db.write_blocking(|tx| invitations::cancel(tx, &by_owner, &own_id, now));
                    canceled.map(drop).map_err(|error| error.to_string())
                }),
            ],
        );
        let [accepted, canceled] = results.as_slice() else { panic!("{results:?}") };
        assert_ne!(accepted.is_ok(), canceled.is_ok(), "{results:?}");
        assert_eq!(app.role_of(&lumen, &mara).await.is_some(), accepted.is_ok());
    }
}

#[tokio::test]
async fn a_form_that_is_saved_many_times_makes_one_key() {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    let browser = app.log_in_as(&lumen.owner).await;
    for round in 0..ROUNDS {
        let dialog = browser.get(&lumen.url("api/keys/new")).await.must_be(200).html();
        let (form, name) = (dialog.hidden("form_id"), format!("Worker {round}"));
        let fields = [("name", name.as_str()), ("duration", "none"), ("form_id", form.as_str())];
        let answers = post_at_once(&browser, &lumen.url("api/keys"), &fields, 4).await;
        let shown = the_one_of_status(&answers, 200);
        assert_eq!(shown.html().dialog_title(), "API key created");
        assert_eq!(of_status(&answers, 303).len(), 3, "{answers:?}");
        let names = app.query(&format!("SELECT name AS text FROM api_keys WHERE name = '{name}'")).await;
        assert_eq!(names.len(), 1);
    }
}

#[tokio::test]
async fn of_two_keys_of_one_name_one_is_made() {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    let browser = app.log_in_as(&lumen.owner).await;
    for round in 0..ROUNDS {
        let name = format!("Worker {round}");
        let save = async |typed: String| {
            let dialog = browser.get(&lumen.url("api/keys/new")).await.html();
            let form = dialog.hidden("form_id");
            browser
                .post(&lumen.url("api/keys"), &[("name", &typed), ("duration", "none"), ("form_id", &form)])
                .await
        };
        let (one, two) = tokio::join!(save(name.clone()), save(name.to_uppercase()));
        let answers = [one, two];
        let refused = the_one_of_status(&answers, 422);
        assert!(refused.html().field_error("Name").contains("already exists"), "{refused:?}");
        the_one_of_status(&answers, 200);
    }
}

#[tokio::test]
async fn a_token_that_is_replaced_twice_with_one_form_is_replaced_once() {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    let browser = app.log_in_as(&lumen.owner).await;
    let (token, _) = app.master_token(&lumen, "Deployment").await;
    for round in 1..=ROUNDS {
        let address = lumen.url(&format!("api/tokens/{}/replace", token.id));
        let form = browser.get(&address).await.must_be(200).html().hidden("form_id");
        let answers = post_at_once(&browser, &address, &[("form_id", &form)], 4).await;
        let shown = the_one_of_status(&answers, 200);
        assert_eq!(shown.html().dialog_title(), "Master token replaced");
        assert_eq!(of_status(&answers, 303).len(), 3, "{answers:?}");
        assert_eq!(events(&app, "master_token.replaced").await, round);
    }
}

#[tokio::test]
async fn a_token_that_is_activated_many_times_is_told_of_once() {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    let browser = app.log_in_as(&lumen.owner).await;
    for round in 1..=ROUNDS {
        let (token, _) = app.master_token(&lumen, &format!("Deployment {round}")).await;
        let mails = app.mails().await.len();
        let address = lumen.url(&format!("api/tokens/{}/activate", token.id));
        let answers = post_at_once(&browser, &address, &[], 4).await;
        assert_eq!(of_status(&answers, 303).len(), 4, "{answers:?}");
        assert_eq!(events(&app, "master_token.activated").await, round);
        assert_eq!(app.mails().await.len(), mails + 1);
    }
}

/// Something to do on a database connection of its own.
type Work<E> = Box<dyn FnOnce(&Db) -> Result<(), E> + Send>;

/// Does both at the same moment, each in a thread and on connections of its own, as two processes
/// would.
fn at_once<E: Send + 'static>(app: &TestApp, works: [Work<E>; 2]) -> Vec<Result<(), E>> {
    let start = Arc::new(Barrier::new(works.len()));
    let threads = works.map(|work| {
        let (db, start) = (Db::open(&app.state.config.database).expect("the database"), start.clone());
        std::thread::spawn(move || {
            start.wait();
            work(&db)
        })
    });
    threads.into_iter().map(|thread| thread.join().expect("the work is done")).collect()
}

async fn post_at_once(client: &Client, path: &str, fields: &[(&str, &str)], times: usize) -> Vec<Response> {
    let mut requests = JoinSet::new();
    for _ in 0..times {
        requests.spawn(client.request("POST", path).form(fields).send());
    }
    requests.join_all().await
}

fn of_status(answers: &[Response], status: u16) -> Vec<&Response> {
    answers.iter().filter(|answer| answer.status == status).collect()
}

#[track_caller]
fn the_one_of_status(answers: &[Response], status: u16) -> &Response {
    match of_status(answers, status)[..] {
        [answer] => answer,
        _ => panic!("not one of {status}: {answers:?}"),
    }
}

async fn two_administrators(app: &TestApp, round: usize) -> (Company, User, User) {
    let ada = app.user(&format!("Ada {round}")).await;
    let company = app.organization("Alder", &ada).await;
    let bob = app.member(&company, Role::Administrator, &format!("Bob {round}")).await;
    (company, ada, bob)
}

async fn administrators(app: &TestApp, company: &Company, people: [&User; 2]) -> usize {
    let mut number = 0;
    for person in people {
        number += usize::from(app.role_of(company, person).await == Some(Role::Administrator));
    }
    number
}

async fn proof(app: &TestApp, company: &Company, user: &User) -> Grant<ManageMembers> {
    let (id, user) = (company.id.clone(), user.clone());
    app.read(move |connection| Ok(access::member(connection, &user, None, &id)?.grant()?)).await
}

fn demote(db: &Db, by: &Grant<ManageMembers>, user_id: &str, now: Timestamp) -> Result<(), MemberError> {
    db.write_blocking(|tx| member_changes::change_role(tx, by, user_id, Role::User, now)).map(drop)
}

async fn events(app: &TestApp, action: &str) -> usize {
    app.query(&format!("SELECT id AS text FROM audit_events WHERE action = '{action}'")).await.len()
}

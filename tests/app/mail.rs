//! The outbox on its way to a real SMTP listener.

mod budgets;
mod order;

use std::{sync::Arc, time::Duration};

use diesel::{
    prelude::*,
    sql_types::{Integer, Nullable, Text, Timestamp as SqlTimestamp},
};
use tessera::{
    clock::Clock,
    config::{Brand, ServerUrl, SmtpUrl},
    db::{Db, DbError},
    domain::outbox::Message,
    mail::{delivery::Delivery, messages::Composer, worker},
};
use tokio::{
    sync::{Notify, oneshot},
    task::JoinHandle,
};

use crate::{smtp::SmtpSink, support::TestDatabase};

#[tokio::test]
async fn a_mail_is_sent_after_the_commit_and_its_secret_forgotten() {
    let post = Post::start().await;
    let worker = post.worker();
    post.queue("m1", "jonas@lumen.example").await;
    worker.wake();

    let mail = post.sink.wait_for(1).await.remove(0);
    assert_eq!(mail.recipients, ["jonas@lumen.example"]);
    assert_eq!(mail.subject, "Reset your Lumen – Schlüssel password");
    assert_eq!(mail.link("/reset-password/"), "http://keys.example.com/reset-password/s3cret-m1");
    assert!(mail.html.contains("href=\"http://keys.example.com/reset-password/s3cret-m1\""));
    assert!(mail.html.contains("Lumen – Schlüssel"), "{}", mail.html);
    assert_eq!(mail.message_id, "<m1@example.com>");
    assert_eq!(mail.header("auto-submitted"), "auto-generated");
    assert_eq!(mail.header("date"), "Mon, 23 Nov 2026 10:00:00 +0000");
    assert_eq!(mail.header("to"), "jonas@lumen.example");
    assert!(mail.header("content-type").starts_with("multipart/alternative"));

    let row = post.row_in_state("m1", "sent").await;
    assert!(!row.message.contains("s3cret"), "{}", row.message);
    worker.stop().await;
}

#[tokio::test]
async fn a_rolled_back_change_sends_nothing() {
    let post = Post::start().await;
    let worker = post.worker();
    let insert = insert("m1", "jonas@lumen.example", &post.clock);
    let outcome: Result<(), DbError> = post
        .db
        .write(move |tx| {
            insert(tx.connection())?;
            Err(DbError::Open("the change failed after all".into()))
        })
        .await;
    assert!(outcome.is_err());
    post.queue("m2", "mara@lumen.example").await;
    worker.wake();
    assert_eq!(post.sink.wait_for(1).await.len(), 1);
    worker.stop().await;
    assert!(post.sink.received()[0].is_to("mara@lumen.example"));
}

#[tokio::test]
async fn a_temporary_rejection_is_tried_again_with_the_same_message_id() {
    let post = Post::start().await;
    post.sink.refuse_next(1, "451 4.3.0 try again later");
    let worker = post.worker();
    post.queue("m1", "jonas@lumen.example").await;
    worker.wake();

    let row = post.row_with_attempts("m1", 1).await;
    assert_eq!(row.state, "queued");
    assert_eq!(row.last_error.as_deref(), Some("451 4.3.0 try again later"));
    assert!(post.sink.received().is_empty());

    post.clock.advance(time::Duration::hours(1));
    worker.wake();
    assert_eq!(post.sink.wait_for(1).await[0].message_id, "<m1@example.com>");
    post.row_in_state("m1", "sent").await;
    worker.stop().await;
}

#[tokio::test]
async fn a_final_rejection_is_kept_with_its_reason() {
    let post = Post::start().await;
    post.sink.refuse_next(1, "550 5.1.1 no such user");
    let worker = post.worker();
    post.queue("m1", "nobody@lumen.example").await;
    worker.wake();

    let row = post.row_in_state("m1", "failed").await;
    assert_eq!(row.last_error.as_deref(), Some("550 5.1.1 no such user"));
    post.clock.advance(time::Duration::days(7));
    post.queue("m2", "jonas@lumen.example").await;
    worker.wake();
    assert_eq!(post.sink.wait_for(1).await.len(), 1, "only the second mail goes out");
    worker.stop().await;
}

#[tokio::test]
async fn a_log_in_that_the_server_asks_for_is_no_fault_of_the_mail() {
    let post = Post::start().await;
    post.sink.refuse_next(1, "530 5.7.0 Authentication required");
    let worker = post.worker();
    post.queue("m1", "jonas@lumen.example").await;
    worker.wake();
    assert_eq!(post.row_with_attempts("m1", 1).await.state, "queued");
    worker.stop().await;
}

#[tokio::test]
async fn an_outage_and_a_restart_lose_nothing() {
    let post = Post::start().await;
    post.sink.set_down(true);
    let before = post.worker();
    post.queue("m1", "jonas@lumen.example").await;
    before.wake();
    let row = post.row_with_attempts("m1", 1).await;
    assert!(row.last_error.is_some_and(|error| error.starts_with("the mail server failed")));
    before.stop().await;

    post.sink.set_down(false);
    post.clock.advance(time::Duration::hours(1));
    let after = post.worker();
    post.sink.wait_for(1).await;
    post.row_in_state("m1", "sent").await;
    after.stop().await;
}

#[tokio::test]
async fn two_workers_send_every_mail_once_and_four_at_a_time() {
    let post = Post::start().await;
    post.sink.wait_for_at_once(4);
    for number in 0..60 {
        post.queue(&format!("m{number}"), &format!("user{number}@lumen.example")).await;
    }
    let (one, two) = (post.worker(), post.worker());
    let mails = post.sink.wait_for(60).await;
    post.row_in_state("m59", "sent").await;
    one.wake();
    two.wake();
    tokio::time::sleep(Duration::from_millis(200)).await;
    one.stop().await;
    two.stop().await;

    let mut ids: Vec<_> = mails.iter().map(|mail| &mail.message_id).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!((ids.len(), post.sink.received().len()), (60, 60));
    assert_eq!(post.sink.most_at_once(), 4);
}

#[tokio::test]
async fn a_shutdown_finishes_the_mails_in_hand() {
    let post = Post::start().await;
    for number in 0..40 {
        post.queue(&format!("m{number}"), &format!("user{number}@lumen.example")).await;
    }
    let worker = post.worker();
    post.sink.wait_for(1).await;
    worker.stop().await;
    let taken = post.sink.received().len();
    assert!(taken < 40, "it stopped before the end");
    assert_eq!(post.count_in_state("sent").await, taken as i64);
}

/// A database, a clock that stands still and a mail server.
struct Post {
    db: Db,
    clock: Clock,
    sink: SmtpSink,
    delivery: Delivery,
    _database: TestDatabase,
}

struct RunningWorker {
    wake: Arc<Notify>,
    shutdown: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Text)]
    state: String,
    #[diesel(sql_type = Text)]
    message: String,
    #[diesel(sql_type = Integer)]
    attempts: i32,
    #[diesel(sql_type = Nullable<Text>)]
    last_error: Option<String>,
}

impl Post {
    async fn start() -> Self {
        let database = TestDatabase::new();
        let sink = SmtpSink::start().await;
        let url = SmtpUrl::parse(&sink.url()).expect("a URL");
        let from = "Keys <no-reply@example.com>".parse().expect("a mailbox");
        Self {
            db: Db::open(database.url()).expect("a database"),
            clock: Clock::manual(time::macros::datetime!(2026-11-23 10:00:00)),
            delivery: Delivery::smtp(&url, from).expect("a delivery"),
            sink,
            _database: database,
        }
    }

    fn worker(&self) -> RunningWorker {
        let brand = Brand::parse("Lumen – Schlüssel").expect("a brand");
        let url = ServerUrl::parse("http://keys.example.com").expect("a URL");
        let wake = Arc::new(Notify::new());
        let (shutdown, stopped) = oneshot::channel();
        let task = tokio::spawn(worker::run(
            self.db.clone(),
            self.clock.clone(),
            self.delivery.clone(),
            Composer::new(brand, url),
            Arc::clone(&wake),
            async move { stopped.await.unwrap_or_default() },
        ));
        RunningWorker { wake, shutdown, task }
    }

    async fn queue(&self, id: &str, recipient: &str) {
        let insert = insert(id, recipient, &self.clock);
        let queued: Result<(), DbError> = self.db.write(move |tx| insert(tx.connection())).await;
        queued.expect("queued");
    }

    async fn row_in_state(&self, id: &str, state: &str) -> Row {
        self.row_once(id, |row| row.state == state).await
    }

    async fn row_with_attempts(&self, id: &str, attempts: i32) -> Row {
        self.row_once(id, |row| row.attempts == attempts).await
    }

    async fn row_once(&self, id: &str, ready: impl Fn(&Row) -> bool) -> Row {
        for _ in 0..600 {
            let id = id.to_owned();
            let row: Result<Row, DbError> = self
                .db
                .read(move |connection| {
                    Ok(diesel::sql_query("SELECT * FROM outbox WHERE id = $1")
                        .bind::<Text, _>(id)
                        .get_result(connection)?)
                })
                .await;
            let row = row.expect("a row");
            if ready(&row) {
                return row;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("the outbox row {id} did not come so far within 30 seconds");
    }

    async fn count_in_state(&self, state: &'static str) -> i64 {
        let rows: Result<Vec<Row>, DbError> = self
            .db
            .read(move |connection| {
                Ok(diesel::sql_query("SELECT * FROM outbox WHERE state = $1")
                    .bind::<Text, _>(state)
                    .load(connection)?)
            })
            .await;
        rows.expect("rows").len() as i64
    }
}

impl RunningWorker {
    fn wake(&self) {
        self.wake.notify_one();
    }

    async fn stop(self) {
        self.shutdown.send(()).expect("the worker runs");
        self.task.await.expect("the worker ends well");
    }
}

/// Queues a mail with a secret by hand: in the application only `domain` can.
fn insert(
    id: &str,
    recipient: &str,
    clock: &Clock,
) -> impl FnOnce(&mut tessera::db::Connection) -> Result<(), DbError> + Send + 'static {
    let (id, recipient, now) = (id.to_owned(), recipient.to_owned(), clock.now());
    let message = Message::ResetPassword {
        name: "Jonas".into(),
        token: format!("s3cret-{id}"),
        expires_at: now + time::Duration::hours(1),
    };
    let message = serde_json::to_string(&message).expect("JSON");
    move |connection| {
        diesel::sql_query(
            "INSERT INTO outbox (id, recipient, message, class, state, next_attempt_at, created_at)
             VALUES ($1, $2, $3, 'awaited', 'queued', $4, $5)",
        )
        .bind::<Text, _>(id)
        .bind::<Text, _>(recipient)
        .bind::<Text, _>(message)
        .bind::<SqlTimestamp, _>(now)
        .bind::<SqlTimestamp, _>(now)
        .execute(connection)?;
        Ok(())
    }
}

//! Which mail goes first.

use diesel::RunQueryDsl;
use tessera::db::DbError;

use super::Post;

impl Post {
    /// Queues mails of one organization by hand, to `PREFIX0@lumen.example` and so on.
    async fn queue_many(&self, organization: &str, class: &str, number: usize) {
        let sql = format!(
            "WITH RECURSIVE number(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM number WHERE n < {number} - 1)
             INSERT INTO outbox (id, organization_id, recipient, message, class, state, next_attempt_at, created_at)
             SELECT '{organization}' || n, '{organization}', '{organization}' || n || '@lumen.example',
                    '{{\"kind\":\"account_exists\",\"name\":\"x\"}}', '{class}', 'queued',
                    '2026-01-01 00:00:00', '2026-01-01 00:00:00'
             FROM number"
        );
        let queued: Result<(), DbError> = self
            .db
            .write(move |tx| {
                diesel::sql_query(sql).execute(tx.connection())?;
                Ok(())
            })
            .await;
        queued.expect("queued");
    }

    /// To whom the mails went, in their order: the beginnings of the addresses.
    fn order(&self) -> Vec<String> {
        let received = self.sink.received().into_iter();
        received.map(|mail| mail.recipients[0].split('@').next().unwrap_or_default().to_owned()).collect()
    }
}

#[tokio::test]
async fn what_somebody_waits_for_goes_before_five_hundred_invitations() {
    let post = Post::start().await;
    post.queue_many("noisy", "invitation", 500).await;
    post.queue("first", "first@lumen.example").await;
    let worker = post.worker();
    post.sink.wait_for(12).await;
    let order = post.order();
    assert!(order.iter().take(4).any(|to| to == "first"), "{order:?}");
    // In the middle of the others it takes the next free hand.
    let before = post.sink.received().len();
    post.queue("second", "second@lumen.example").await;
    worker.wake();
    post.sink.wait_for_mail_to("second@lumen.example").await;
    let order = post.order();
    let place = order.iter().position(|to| to == "second").expect("it arrived");
    assert!(place < before + 40, "place {place} after {before}");
    worker.stop().await;
    assert!(post.sink.received().len() < 300);
}

#[tokio::test]
async fn organizations_take_turns() {
    let post = Post::start().await;
    post.queue_many("noisy", "invitation", 300).await;
    for quiet in ["lumen", "fern", "harbour"] {
        post.queue_many(quiet, "notice", 5).await;
    }
    let worker = post.worker();
    post.sink.wait_for(40).await;
    worker.stop().await;
    let order = post.order();
    for quiet in ["lumen", "fern", "harbour"] {
        let last = order.iter().rposition(|to| to.starts_with(quiet)).expect("they arrived");
        assert!(last < 30, "{quiet}: {order:?}");
        assert_eq!(order.iter().filter(|to| to.starts_with(quiet)).count(), 5);
    }
}

#[tokio::test]
async fn a_flood_of_what_somebody_waits_for_leaves_a_hand_to_the_rest() {
    let post = Post::start().await;
    post.queue_many("flood", "awaited", 300).await;
    post.queue_many("lumen", "notice", 3).await;
    let worker = post.worker();
    post.sink.wait_for(40).await;
    worker.stop().await;
    let order = post.order();
    assert_eq!(order.iter().filter(|to| to.starts_with("lumen")).count(), 3, "{order:?}");
}

#[tokio::test]
async fn an_address_that_the_server_cannot_take_is_given_up_at_once() {
    let post = Post::start().await;
    post.queue("m1", "josé@lumen.example").await;
    post.queue("m2", "jonas@lumen.example").await;
    let worker = post.worker();
    let row = post.row_in_state("m1", "failed").await;
    assert_eq!(row.attempts, 1);
    assert!(row.last_error.is_some_and(|error| error.contains("SMTPUTF8")));
    assert!(!row.message.contains("s3cret"), "{}", row.message);
    post.row_in_state("m2", "sent").await;
    worker.stop().await;
}

//! How much a page asks of the database.

use diesel::{prelude::*, sql_types::Text};
use tessera::{
    db::DbError,
    vocabulary::{KeySort, MemberSort},
};

use super::{exchange::send_htmx, fixture::Fixture, focus::dialogs};
use crate::support::TestApp;

/// Statements of the tab "API", the door and the frame included, however many keys there are.
const MOST_FOR_THE_TAB: usize = 8;
/// Statements of a dialog that opens over a page which is there already.
const MOST_FOR_A_DIALOG: usize = 4;

#[tokio::test]
async fn the_api_tab_asks_for_all_its_keys_together() {
    let fixture = Fixture::new().await;
    for number in 0..60 {
        fixture.app.api_key(&fixture.lumen, &format!("Key {number}")).await;
    }
    let browser = fixture.app.log_in_as(&fixture.lumen.owner).await;
    // What is found is counted anew, for all keys there is a count.
    for (address, most) in [("api", MOST_FOR_THE_TAB), ("api?q=key&show=unused&page=2", MOST_FOR_THE_TAB + 1)]
    {
        let url = fixture.lumen.url(address);
        browser.get(&url).await.must_be(200);
        let statements = fixture.app.statements(browser.get(&url)).await;
        let number = statements.len();
        assert!(number <= most, "{address}: {number}\n{}", statements.join("\n"));
        assert!(number > 0, "nothing is counted");
    }
}

#[tokio::test]
async fn a_dialog_does_not_read_the_page_behind_it() {
    let fixture = Fixture::new().await;
    let browser = fixture.app.log_in_as(&fixture.lumen.owner).await;
    let mut over = String::new();
    for (route, _) in dialogs(&fixture).await {
        let path = fixture.path(route, &fixture.lumen_ids);
        let statements = fixture.app.statements(send_htmx(&browser, route, &path)).await;
        if statements.len() > MOST_FOR_A_DIALOG {
            over += &format!("{}: {}\n{}\n\n", route.pattern, statements.len(), statements.join("\n"));
        }
    }
    assert!(over.is_empty(), "{over}");
}

/// Tables that grow without bound.
const LONG_TABLES: [&str; 6] =
    ["`api_keys`", "`memberships`", "`users`", "`invitations`", "`audit_events`", "`webhook_deliveries`"];

#[derive(QueryableByName)]
struct Step {
    #[diesel(sql_type = Text)]
    detail: String,
}

/// How SQLite carries a statement out.
async fn plan(app: &TestApp, statement: &str) -> Vec<String> {
    let (statement, _) = statement.split_once(" -- binds").unwrap_or((statement, ""));
    let explain = format!("EXPLAIN QUERY PLAN {statement}");
    let steps = app
        .state
        .db
        .read(move |connection| Ok::<Vec<Step>, DbError>(diesel::sql_query(explain).load(connection)?));
    steps.await.expect("a plan").into_iter().map(|step| step.detail).collect()
}

/// The first page, the last, one by its number, and those beside them; in every order and with every
/// filter that has an index of its own.
#[tokio::test]
async fn no_list_is_sorted_or_read_as_a_whole() {
    let fixture = Fixture::new().await;
    let (app, lumen) = (&fixture.app, &fixture.lumen);
    for number in 0..120 {
        app.api_key(lumen, &format!("Key {number}")).await;
    }
    let (webhook, _) = app.webhook(lumen, "https://hooks.example/").await;
    let browser = app.log_in_as(&lumen.owner).await;
    let mut lists = vec!["users".to_owned(), "activity".into(), "activity?from=2026-11-23".into()];
    lists.push(format!("activity?who={}", lumen.owner.id));
    lists.push("activity?until=2026-11-23".into());
    lists.extend(MemberSort::ALL.map(|sort| format!("users?sort={}", sort.as_str())));
    lists.extend(KeySort::ALL.map(|sort| format!("api?sort={}", sort.as_str())));
    lists.extend(["unused", "deactivated"].map(|part| format!("api?show={part}")));
    lists.push("api?show=soon&sort=expires_at".into());
    lists.extend(["", "?state=pending"].map(|state| format!("webhooks/{}{state}", webhook.id)));
    let mut slow = String::new();
    for list in &lists {
        let mut addresses = vec![lumen.url(list)];
        for page in ["page=2", "page=last"] {
            addresses.push(lumen.url(&format!("{list}{}{page}", if list.contains('?') { '&' } else { '?' })));
        }
        while let Some(address) = addresses.pop() {
            let page = browser.get(&address).await.must_be(200).html();
            if address.ends_with("page=2") {
                addresses.extend(["Next", "Previous"].iter().filter_map(|label| page.try_link(label)));
            }
            for statement in app.statements(browser.get(&address)).await {
                if !LONG_TABLES.iter().any(|table| statement.contains(table)) {
                    continue;
                }
                for step in plan(app, &statement).await {
                    // What a limit leaves, and a list of ids, may be read as a whole.
                    let scans = |table: &&str| step.starts_with(&format!("SCAN {}", table.trim_matches('`')));
                    let is_slow = LONG_TABLES.iter().any(scans);
                    if is_slow || step.contains("TEMP B-TREE FOR ORDER BY") {
                        slow += &format!("{address}: {step}\n{statement}\n\n");
                    }
                }
            }
        }
    }
    assert!(slow.is_empty(), "{slow}");
}

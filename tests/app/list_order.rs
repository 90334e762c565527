//! Every list of the product, asked how SQLite reads it: one that grows is never sorted whole.

use std::collections::BTreeSet;

use diesel::{prelude::*, sql_types::Text};
use tessera::{
    db::DbError,
    domain::{access::Role, token_access::TokenAccess},
    vocabulary::{KeySort, MemberSort, OrganizationSort, PersonSort},
};

use crate::{pages::key_rotation::rotate, support::TestApp, verification::Ground};

/// What may be sorted after it is read, by the beginning of what it is read from, and how many rows
/// of it there are at most.
const FEW: [(&str, &str); 8] = [
    ("FROM `key_clients`", "the clients of one key, of which a hundred are kept"),
    ("FROM `sessions`", "the sessions of one person"),
    ("FROM (`memberships` INNER JOIN `organizations`", "the organizations of one person"),
    ("FROM `master_tokens`", "the tokens of one organization, of which there is a most"),
    (
        "`users`.`id` IN (SELECT value FROM json_each(?))",
        "the people that a search found, of which a thousand are looked up",
    ),
    (
        "`organizations`.`id` IN (SELECT value FROM json_each(?))",
        "the organizations that a search found, of which a thousand are looked up",
    ),
    (
        "`organizations`.`id` IN (SELECT `organization_usage`",
        "the organizations that reached a limit of their plan in a month, which are few among all",
    ),
    (") IN (SELECT ?, value FROM json_each(?))", "what a search found, of which a thousand are looked up"),
];

#[derive(QueryableByName)]
struct Step {
    #[diesel(sql_type = Text)]
    detail: String,
}

#[tokio::test]
async fn no_list_that_grows_is_sorted_whole() {
    let app = TestApp::builder().on_file().spawn().await;
    let ground = Ground::on(app, tessera::domain::key_settings::KeySettings::default()).await;
    let (app, lumen) = (&ground.app, &ground.lumen);
    let browser = app.log_in_as(&lumen.owner).await;
    rotate(&ground, &browser, "24h", "on_first_use").await;
    app.member(lumen, Role::Supervisor, "Sam Supervisor").await;
    app.invitation(lumen, Role::User, "mara@lumen.example").await;
    let (webhook, _) = app.webhook(lumen, "https://receiver.invalid/hook").await;
    let (machine, key) = (app.machine(lumen, TokenAccess::Full).await, &ground.key_id);

    for number in 0..120 {
        app.api_key(lumen, &format!("Key {number}")).await;
    }
    let mut pages = vec!["/orgs".to_owned(), "/account".to_owned(), "/mailbox".to_owned()];
    let mut add = |path: String| pages.push(lumen.url(&path));
    for query in ["", "?q=a", "?q=a&page=2", "?what=api&page=2", "?page=2"] {
        add(format!("activity{query}"));
        add(format!("users{query}"));
    }
    add(format!("activity?who={}&what=members", lumen.owner.id));
    for query in [
        "?what=api_keys&page=2",
        "?what=members",
        "?from=2026-11-23&what=members",
        "?from=2026-11-23",
        "?until=2026-11-23&page=2",
        "?page=last",
    ] {
        add(format!("activity{query}"));
    }
    for query in ["?q=a&page=2", "?show=unused", "?show=soon&sort=expires_at", "?show=deactivated"] {
        add(format!("api{query}"));
    }
    for page in ["", "&page=2", "&page=last"] {
        for sort in KeySort::ALL {
            add(format!("api?sort={}{page}", sort.as_str()));
        }
        for sort in MemberSort::ALL {
            add(format!("users?sort={}{page}", sort.as_str()));
        }
    }
    add(format!("api/keys/{key}"));
    add(format!("api/tokens/{}", machine.token_id));
    add("webhooks".to_owned());
    add(format!("webhooks/{}", webhook.id));
    add(format!("webhooks/{}?state=failed", webhook.id));
    app.appoint(&lumen.owner).await;
    pages.extend(
        [
            "activity",
            "activity?page=last",
            "nodes",
            "people?q=a",
            "email",
            "email?state=failed",
            "webhooks",
            "organizations?state=limited",
            "organizations?state=suspended&plan=none",
            "organizations?state=removed&sort=-members",
        ]
        .map(|tab| format!("/instance/{tab}")),
    );
    pages.push(format!("/instance/organizations/{}", lumen.id));
    for number in 0..60 {
        let person = app.user(&format!("Person {number}")).await;
        app.organization(&format!("Company {number}"), &person).await;
    }
    for page in ["", "&page=2", "&page=last"] {
        for sort in OrganizationSort::ALL {
            pages.push(format!("/instance/organizations?sort={}{page}", sort.as_str()));
        }
        for sort in PersonSort::ALL {
            pages.push(format!("/instance/people?sort={}{page}", sort.as_str()));
        }
    }
    let mut asked = BTreeSet::new();
    while let Some(page) = pages.pop() {
        // The pages beside a row that was on the screen.
        if page.ends_with("&page=2") {
            let shown = browser.get(&page).await.html();
            pages.extend(["Next", "Previous"].iter().filter_map(|label| shown.try_link(label)));
        }
        asked.extend(app.statements(browser.get(&page)).await);
    }
    let deliveries = format!("webhooks/{}/deliveries", webhook.id);
    for list in ["activity", "keys", "members", "invitations", "webhooks", deliveries.as_str()] {
        for query in [
            "",
            "?sort=name",
            "?sort=-name",
            "?sort=created_at",
            "?sort=-last_used_at",
            "?q=a",
            "?state=failed",
        ] {
            asked.extend(app.statements(machine.get(&format!("{list}{query}"))).await);
        }
        let first = machine.get(&format!("{list}?limit=1")).await;
        if let Some(cursor) = first.json()["next_cursor"].as_str().filter(|_| first.status == 200) {
            asked.extend(app.statements(machine.get(&format!("{list}?limit=1&cursor={cursor}"))).await);
        }
    }
    asked.extend(app.statements(machine.get("activity/export?format=csv")).await);
    let lists = asked.iter().filter(|statement| statement.contains("ORDER BY"));
    assert!(lists.clone().count() > 10, "{asked:#?}");
    let mut sorted = String::new();
    for statement in lists.filter(|statement| !FEW.iter().any(|(few, _)| statement.contains(few))) {
        let plan = plan(app, statement).await;
        if plan.iter().any(|step| step.contains("TEMP B-TREE FOR ") && step.contains("ORDER BY")) {
            sorted += &format!("{statement}\n  {}\n\n", plan.join("\n  "));
        }
    }
    assert!(sorted.is_empty(), "{sorted}");
    let looked_up = asked.iter().filter(|statement| statement.contains(") IN (SELECT ?, value FROM"));
    assert!(looked_up.clone().count() > 5, "{asked:#?}");
    for statement in looked_up {
        let ids =
            if statement.contains("memberships") { "(organization_id=? AND user_id=?)" } else { "(id=?)" };
        let plan = plan(app, statement).await;
        let is_by_ids = plan.iter().any(|step| step.contains("sqlite_autoindex_") && step.ends_with(ids));
        assert!(is_by_ids, "{statement}\n  {}", plan.join("\n  "));
    }
    // What is rare among much is found by an index of its own.
    for (words, index) in [
        ("outbox.state <> 'sent'", "outbox_undelivered"),
        ("substr(outcome, 1, 5) = 'plan_'", "organization_usage_limited"),
        ("`failing_since` IS NOT NULL", "webhooks_failing"),
    ] {
        let is_rare = |statement: &&String| statement.contains(words) && !statement.contains("json_each");
        let rare: Vec<_> = asked.iter().filter(is_rare).collect();
        assert!(!rare.is_empty(), "nobody asks for {words}");
        for statement in rare {
            let plan = plan(app, statement).await;
            assert!(plan.iter().any(|step| step.contains(index)), "{statement}\n  {}", plan.join("\n  "));
        }
    }
}

/// How SQLite reads a statement.
pub(crate) async fn plan(app: &TestApp, statement: &str) -> Vec<String> {
    let (sql, _) = statement.split_once(" -- binds").unwrap_or((statement, ""));
    let explain = format!("EXPLAIN QUERY PLAN {sql}");
    let read =
        app.db.read(move |connection| Ok::<Vec<Step>, DbError>(diesel::sql_query(explain).load(connection)?));
    read.await.expect("a plan").into_iter().map(|step| step.detail).collect()
}

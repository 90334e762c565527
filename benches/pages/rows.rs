//! Rows by the hundred thousand, put into the database as the product would have stored them.

use diesel::{Connection as _, SqliteConnection, connection::SimpleConnection};
use tessera::db::{Connection, fill_terms};

/// A list whose pages are measured.
pub struct List {
    pub name: &'static str,
    /// Its address; `{}` stands for the organization.
    address: &'static str,
    /// What the last page is called in the address.
    last: &'static str,
    /// A search that finds one row or a few; empty for a list without a search.
    search: &'static str,
    /// A search that finds all rows.
    search_for_all: &'static str,
    /// The label of its pager.
    pager: &'static str,
    /// Whether it is a person's, not an organization's.
    pub is_of_a_person: bool,
}

pub const LISTS: [List; 6] = [
    List {
        name: "keys",
        address: "/orgs/{}/api",
        last: "page=last",
        search: "q=key+0000042",
        search_for_all: "q=key",
        pager: "Pages",
        is_of_a_person: false,
    },
    List {
        name: "members",
        address: "/orgs/{}/users?ipage=1",
        last: "page=last",
        search: "q=person+0000042",
        search_for_all: "q=person",
        pager: "Pages of members",
        is_of_a_person: false,
    },
    List {
        name: "invitations",
        address: "/orgs/{}/users?page=1",
        last: "ipage=last",
        search: "iq=invited0000042",
        search_for_all: "iq=invited",
        pager: "Pages of pending invitations",
        is_of_a_person: false,
    },
    List {
        name: "activity",
        address: "/orgs/{}/activity",
        last: "page=last",
        search: "q=key+0000042",
        search_for_all: "q=key",
        pager: "Pages",
        is_of_a_person: false,
    },
    List {
        name: "deliveries",
        address: "/orgs/{}/webhooks/{}",
        last: "page=last",
        search: "",
        search_for_all: "",
        pager: "Pages",
        is_of_a_person: false,
    },
    List {
        name: "organizations",
        address: "/orgs",
        last: "page=last",
        search: "q=guild+0000042",
        search_for_all: "q=guild",
        pager: "Pages",
        is_of_a_person: true,
    },
];

impl List {
    /// The first page.
    pub fn address(&self, organization: &str) -> String {
        self.address.replace("{}", organization)
    }

    /// The page after the first, as its button has it.
    pub fn next(&self, page: &str) -> String {
        let label = format!("aria-label=\"{}\"", self.pager);
        let (_, pager) = page.split_once(&label).unwrap_or_else(|| panic!("{} has no pager", self.name));
        let (before, _) = pager.split_once(">Next<").expect("a next page");
        let (_, href) = before.rsplit_once(" href=\"").expect("a link");
        href.split('"').next().unwrap_or_default().replace("&#38;", "&").replace("&amp;", "&")
    }

    /// The last page.
    pub fn last(&self, organization: &str) -> String {
        self.with(organization, self.last)
    }

    /// A search that finds a row or a few, and one that finds all; empty where the list has none.
    pub fn searches(&self, organization: &str) -> [String; 2] {
        [self.search, self.search_for_all]
            .map(|search| if search.is_empty() { String::new() } else { self.with(organization, search) })
    }

    fn with(&self, organization: &str, query: &str) -> String {
        let address = self.address(organization);
        format!("{address}{}{query}", if address.contains('?') { '&' } else { '?' })
    }
}

/// Numbers from 1 to `rows`.
fn numbers(rows: usize) -> String {
    format!("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rows})")
}

fn run(database: &str, statements: &str) {
    let mut connection = SqliteConnection::establish(database).expect("the database");
    let all = format!("PRAGMA busy_timeout = 60000; BEGIN IMMEDIATE; {statements} COMMIT;");
    connection.batch_execute(&all).expect("the rows");
}

/// Gives all rows what they are found by, as the product does with those that were there before it did.
pub fn make_searchable(database: &str) {
    let connection = SqliteConnection::establish(database).expect("the database");
    let mut connection = Connection::Sqlite(connection);
    connection.batch_execute("PRAGMA busy_timeout = 60000").expect("patience");
    connection.transaction(fill_terms).expect("what the rows are found by");
}

/// Gives an organization so many keys, members, invitations, events, and deliveries of a webhook whose id is
/// the organization's.
pub fn fill(database: &str, organization: &str, rows: usize) {
    let n = numbers(rows);
    let id = |kind: &str| format!("printf('%s{kind}%07d', substr('{organization}', 1, 28), i)");
    let (at, later) = ("'2026-11-23 09:00:00'", "'2036-11-23 09:00:00'");
    let day = "datetime('2026-11-23', printf('-%d minutes', i))";
    run(
        database,
        &format!(
            "INSERT INTO users (id, email, name, password_hash, email_verified_at, failed_log_ins, created_at, search_key)
             {n} SELECT {user}, printf('person%07d@{organization}.example', i), printf('Person %07d', i), '', {at}, 0,
                 {at}, printf('person %07d', i) FROM n;
             INSERT INTO memberships (organization_id, user_id, role, joined_at)
             {n} SELECT '{organization}', {user}, 'user', {day} FROM n;
             INSERT INTO invitations (id, organization_id, email, role, invited_by_name, invited_by_email, created_at,
                 sent_at, expires_at)
             {n} SELECT {invitation}, '{organization}', printf('invited%07d@alder.example', i), 'user', 'Dana Whitfield',
                 'dana@lumen.example', {day}, {day}, {later} FROM n;
             INSERT INTO api_keys (id, organization_id, name, name_key, masked, secret_digest, created_by, created_at,
                 expires_at, last_used_at, scopes, networks, search_key)
             {n} SELECT {key}, '{organization}', printf('Key %07d', i), printf('key %07d', i),
                 printf('tess_%04d…%04d', i % 10000, i / 10), randomblob(32), 'Dana Whitfield', {day},
                 CASE i % 3 WHEN 0 THEN NULL ELSE datetime({later}, printf('-%d minutes', i)) END,
                 CASE i % 2 WHEN 0 THEN NULL ELSE {day} END, '', '', printf('key %07d', i) FROM n;
             INSERT INTO audit_events (id, organization_id, actor_kind, actor_name, action, subject_id, subject_name,
                 created_at, search_key)
             {n} SELECT {event}, '{organization}', 'system', 'Tessera', 'api_key.created', {key}, printf('Key %07d', i),
                 {day}, printf('tessera%skey %07d', char(10), i) FROM n;
             INSERT INTO webhooks (id, organization_id, url, events, secret, created_by, created_at)
             VALUES ('{organization}', '{organization}', 'https://receiver.invalid/hook', 'api_key.created', 'whsec_x',
                 'Dana Whitfield', {at});
             INSERT INTO webhook_deliveries (id, webhook_id, event, payload, state, attempts, next_attempt_at,
                 last_attempt_at, last_status, created_at, finished_at)
             {n} SELECT 'msg_' || {event}, '{organization}', 'api_key.created', '{{}}', 'delivered', 1, {at}, {at}, 200,
                 {day}, {at} FROM n;",
            user = id("1"),
            invitation = id("2"),
            key = id("3"),
            event = id("4"),
        ),
    );
}

/// Makes a person a member of so many organizations.
pub fn fill_organizations(database: &str, email: &str, rows: usize) {
    let n = numbers(rows);
    let id = format!("printf('%s%07d', (SELECT id FROM users WHERE email = '{email}'), i)");
    run(
        database,
        &format!(
            "INSERT INTO organizations (id, name, created_at, leak_policy, search_key)
             {n} SELECT {id}, printf('Guild %07d', i), '2026-11-23 09:00:00', 'notify', printf('guild %07d', i) FROM n;
             INSERT INTO memberships (organization_id, user_id, role, joined_at)
             {n} SELECT {id}, (SELECT id FROM users WHERE email = '{email}'), 'user', '2026-11-23 09:00:00' FROM n;"
        ),
    );
}

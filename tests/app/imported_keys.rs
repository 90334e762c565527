//! Keys of other systems: taken over from a file, and presented by clients that know nothing of it.

use std::time::Duration as StdDuration;

use tessera::{
    config::InstanceRules,
    domain::{
        access::Operator,
        api_keys::{self, Here, ImportPlan, NewExpiration, Taken, rotate},
        instance::{self, Destination, Import},
        plans::{self, Ceilings, PlanOffer},
        rotation::{GracePeriod, Plan, Starts},
    },
    import,
    vocabulary::{ImportFormat, LeakPolicy},
};
use time::Duration;
use tokio::task::JoinSet;

use crate::{
    api::leaks::{choose, found, report},
    support::{Client, Company, Response, TestApp, mistyped, until},
};

const KEY: &str = "sk_live_3f9c1b7a2d5e4f608192a3b4c5d6e7f8";
const HEX: &str = "412d859887746cfeef98036eb873c8faffc26ca99304b3803eaa380a6471b802";
const DRF_KEY: &str = "Ab3dEf7h.Q1w2E3r4T5y6U7i8O9p0A1s2D3f4G5h6";
const DRF_HASH: &str = "sha512$$d74d9157db6f1ddbe81569c21dd409c1c68932aabd533405dc2343c12bdbdda64d4c042d61063418d5bf0d6f1e501eeedc1a3004c8e90c964a7fd77bb0c90a89";
const SLOW_HASH: &str = "pbkdf2_sha256$5000$NaClNaClNaCl$jcQjXRRSel5IUpXibhYdVvwSOoyMsRsWhwyPnOjIrJM=";
const KNOX_KEY: &str = "9b1deb4d3b7d4bad9bdd2b0d7b3dcb6d9b1deb4d3b7d4bad9bdd2b0d7b3dcb6d";
const KNOX_DIGEST: &str = "c3ab5d29ee87f7005b1e9753c5ac7418800c49edf6267ec0f31a4f2ca85d67d39dd72f97d2680df3ed655c3cd3ae0a4e7657edc53a7e9d2a464f4993d19a60da";
const SANCTUM_KEY: &str = "17|T0kenT0kenT0kenT0kenT0kenT0kenT0kenT0kena3a10200";
const SANCTUM_DIGEST: &str = "b3461a0c5abd6a91f86b5154f6bbe921d98d5e73feb4195acf49d2636e2d363e";
const SEAM_KEY: &str = "mycompany_BRTRKFsL_51FwqftsmMDHHbJAMEXXHCgG";
const SEAM_DIGEST: &str = "d70d981d87b449c107327c2a2afbf00d4b58070d6ba571aac35d7ea3e7c79f37";

/// A file of one line of each system, with the key that a client has and how it sends it there.
fn files() -> Vec<(ImportFormat, String, &'static str, (&'static str, String))> {
    let header = |name: &'static str, value: &str| (name, value.to_owned());
    vec![
        (ImportFormat::Csv, format!("name,digest\nOwn,{HEX}\n"), KEY, header("x-api-key", KEY)),
        (
            ImportFormat::Drf,
            format!("name,prefix,hashed_key\nDjango,Ab3dEf7h,{DRF_HASH}\n"),
            DRF_KEY,
            header("authorization", &format!("Api-Key {DRF_KEY}")),
        ),
        (
            ImportFormat::Drf,
            format!("name,prefix,hashed_key\nOlder Django,Ab3dEf7h,{SLOW_HASH}\n"),
            DRF_KEY,
            header("authorization", &format!("Api-Key {DRF_KEY}")),
        ),
        (
            ImportFormat::Knox,
            format!("digest,token_key\n{KNOX_DIGEST},9b1deb4d3b7d4ba\n"),
            KNOX_KEY,
            header("authorization", &format!("Token {KNOX_KEY}")),
        ),
        (
            ImportFormat::Sanctum,
            format!("id,token,name\n17,{SANCTUM_DIGEST},Laravel\n"),
            SANCTUM_KEY,
            header("authorization", &format!("Bearer {SANCTUM_KEY}")),
        ),
        (
            ImportFormat::Seam,
            format!("name,shortToken,longTokenHash\nSeam,BRTRKFsL,{SEAM_DIGEST}\n"),
            SEAM_KEY,
            header("x-key", SEAM_KEY),
        ),
        (
            ImportFormat::Kong,
            format!("consumers:\n- username: lumen\n  keyauth_credentials:\n  - key: {KEY}\n"),
            KEY,
            header("apikey", KEY),
        ),
    ]
}

impl TestApp {
    /// Imports a file, all keys to one organization.
    async fn import(&self, company: &Company, format: ImportFormat, text: &str) -> Vec<Taken> {
        let destination = Destination::One(company.organization.clone());
        self.import_to(destination, (plan(format), text)).await
    }

    async fn import_to(&self, destination: Destination, (plan, text): (ImportPlan, &str)) -> Vec<Taken> {
        let (lines, now) = (import::read(plan.source, text).expect("a file"), self.now());
        self.write(move |tx| {
            let (operator, mut import) = (Operator::at_the_machine(), Import::new(destination, plan));
            Ok(instance::import_keys(tx, &operator, &mut import, &lines, now)?)
        })
        .await
    }
}

fn plan(source: ImportFormat) -> ImportPlan {
    ImportPlan { source, takes_limits: false, is_dry_run: false, max_keys: 100 }
}

fn imported(name: &str) -> Taken {
    Taken::Imported(name.to_owned())
}

fn rejection(taken: &Taken) -> &str {
    match taken {
        Taken::Rejected(reason) => reason,
        other => panic!("{other:?}"),
    }
}

async fn auth(client: &Client, (name, value): (&str, &str)) -> Response {
    client.request("GET", "/auth").header(name, value).send().await
}

/// The first answer after a file was imported: whether there are such keys is known a second later at most.
async fn becomes(client: &Client, header: (&str, &str), status: u16) {
    until(async || auth(client, header).await.status == status).await;
}

#[tokio::test]
async fn a_client_of_each_system_goes_on_as_it_did() {
    for (format, text, key, (name, value)) in files() {
        let app = TestApp::builder().flag("--key-headers", "X-Key, X-Other").spawn().await;
        let (lumen, client) = (app.lumen().await, app.client());
        assert_eq!(auth(&client, (name, &value)).await.status, 401, "{format:?}: before");
        let taken = app.import(&lumen, format, &text).await;
        assert!(matches!(taken.as_slice(), [Taken::Imported(_)]), "{format:?}: {taken:?}");
        becomes(&client, (name, &value), 204).await;
        let answer = auth(&client, (name, &value)).await;
        assert_eq!(answer.header("x-tessera-organization"), lumen.id, "{format:?}");
        let other = value.replace(key, &format!("{}z", &key[..key.len() - 1]));
        assert_eq!(auth(&client, (name, &other)).await.status, 401, "{format:?} takes another key");
        // From the first use on it is found by its own digest, and so without the database.
        let statements = app.statements(auth(&client, (name, &value))).await;
        assert!(statements.iter().all(|statement| !statement.contains("api_keys")), "{statements:#?}");
        let waiting =
            app.query("SELECT count(stand_in) || ' ' || count(verifier) AS text FROM imported_keys").await;
        assert_eq!(waiting, ["0 0"], "{format:?}");
    }
}

#[tokio::test]
async fn without_imported_keys_nothing_new_is_understood() {
    let app = TestApp::builder().flag("--key-headers", "X-Key").spawn().await;
    let (lumen, client) = (app.lumen().await, app.client());
    let (_, secret) = app.api_key(&lumen, "Own").await;
    for (name, value) in [
        ("x-key", secret.clone()),
        ("apikey", secret.clone()),
        ("authorization", format!("Api-Key {secret}")),
    ] {
        assert_eq!(auth(&client, (name, &value)).await.status, 401, "{name}: {value}");
    }
    let machine = app.machine(&lumen, tessera::domain::token_access::TokenAccess::Verify).await;
    let verify = async |key: &str| {
        let request = client.request("POST", "/api/v2/keys/verify").without_site();
        let request = request.header("authorization", &format!("Bearer {}", machine.credential));
        let asked = serde_json::json!({ "key": key }).to_string();
        request.body("application/json", asked).send().await.must_be(200).json()["code"].clone()
    };
    assert_eq!(verify(KEY).await, "malformed");
    app.import(&lumen, ImportFormat::Csv, &format!("digest\n{HEX}\n")).await;
    until(async || verify(KEY).await == "valid").await;
    assert_eq!(verify(&format!("{KEY}x")).await, "not_found");
    let mistyped = mistyped(&secret);
    assert_eq!(verify(&mistyped).await, "malformed", "one of ours is still told from one of theirs");
    assert_eq!(verify(&mistyped[..mistyped.len() - 1]).await, "not_found");
}

#[tokio::test]
async fn a_header_of_another_system_counts_before_an_authorization_that_has_no_key_of_ours() {
    let app = TestApp::spawn().await;
    let (lumen, client) = (app.lumen().await, app.client());
    let (own, secret) = app.api_key(&lumen, "Own").await;
    app.import(&lumen, ImportFormat::Csv, &format!("name,digest\nTheirs,{HEX}\n")).await;
    becomes(&client, ("apikey", KEY), 204).await;
    let presented = async |headers: &[(&str, &str)]| {
        let request = headers
            .iter()
            .fold(client.request("GET", "/auth"), |request, (name, value)| request.header(name, value));
        let answer = request.send().await;
        if answer.status == 204 {
            answer.header("x-tessera-key-name").to_owned()
        } else {
            answer.status.to_string()
        }
    };
    let bearer = format!("Bearer {secret}");
    assert_eq!(
        presented(&[("apikey", KEY), ("authorization", "Bearer of-what-stands-behind")]).await,
        "Theirs"
    );
    assert_eq!(presented(&[("apikey", KEY), ("authorization", &bearer)]).await, own.name);
    assert_eq!(presented(&[("apikey", KEY), ("x-api-key", &secret)]).await, own.name);
    assert_eq!(presented(&[("apikey", KEY), ("apikey", KEY)]).await, "400");
    assert_eq!(presented(&[("authorization", "Digest x")]).await, "401");
}

#[tokio::test]
async fn what_is_here_is_imported_once_also_after_a_rotation() {
    let app = TestApp::spawn().await;
    let (lumen, client) = (app.lumen().await, app.client());
    let (_, secret) = app.api_key(&lumen, "Own").await;
    let text = format!(
        "name,digest,key\nOne,{HEX},\nTwo,{HEX},\nThree,{KNOX_DIGEST},\nOne,,9b1deb4d-3b7d-4bad-9bdd-2b0d7b3dcb6d\nOurs,,{secret}\n"
    );
    let taken = app.import(&lumen, ImportFormat::Csv, &text).await;
    let here = |name: &str| Taken::AlreadyHere(Here::Key(name.to_owned(), "Lumen".to_owned()));
    let twice = || Taken::AlreadyHere(Here::InTheFile);
    assert_eq!(taken, [imported("One"), twice(), imported("Three"), imported("One (2)"), here("Own")]);
    becomes(&client, ("x-api-key", KNOX_KEY), 204).await;
    let grace_period = Plan { grace_period: GracePeriod::None, starts: Starts::Immediately };
    for name in ["One", "Three"] {
        app.rotate(&lumen, name, grace_period).await;
    }
    for key in [KEY, KNOX_KEY] {
        assert_eq!(auth(&client, ("x-api-key", key)).await.status, 401);
    }
    let again = app.import(&lumen, ImportFormat::Csv, &text).await;
    let all = [here("One"), here("One"), here("Three"), here("One (2)"), here("Own")];
    assert_eq!(again, all, "what was rotated would come back");
    assert_eq!(auth(&client, ("x-api-key", KEY)).await.status, 401);
}

impl TestApp {
    /// Rotates the key of this name and gives its new secret.
    async fn rotate(&self, company: &Company, name: &str, plan: Plan) -> String {
        let ids = self.query(&format!("SELECT id AS text FROM api_keys WHERE name = '{name}'")).await;
        let (company, now, id) = (company.clone(), self.now(), ids.first().expect("a key").clone());
        self.write(move |tx| {
            let grant = company.admin(tx)?;
            let (_, secret) =
                rotate(tx, &grant, &id, plan, NewExpiration::Keep, &InstanceRules::default(), now)?;
            Ok(secret.expose().to_owned())
        })
        .await
    }
}

#[tokio::test]
async fn a_key_that_is_rotated_before_its_first_use_goes_on_for_the_grace_period() {
    let app = TestApp::spawn().await;
    let (lumen, client) = (app.lumen().await, app.client());
    app.import(&lumen, ImportFormat::Knox, &format!("name,digest\nKnox,{KNOX_DIGEST}\n")).await;
    let day = Plan { grace_period: GracePeriod::Day, starts: Starts::Immediately };
    let secret = app.rotate(&lumen, "Knox", day).await;
    assert!(secret.starts_with("tess_"), "a rotation gives one of ours");
    let token = format!("Token {KNOX_KEY}");
    becomes(&client, ("authorization", &token), 204).await;
    assert_eq!(auth(&client, ("x-api-key", &secret)).await.status, 204);
    assert_eq!(auth(&client, ("authorization", &token)).await.status, 204);
    app.clock.advance(Duration::hours(25));
    assert_eq!(auth(&client, ("authorization", &token)).await.status, 401);
    assert_eq!(auth(&client, ("x-api-key", &secret)).await.status, 204);
}

#[tokio::test]
async fn many_who_present_a_key_first_at_the_same_time_are_all_let_in() {
    for (format, text, _, (name, value)) in files().into_iter().filter(|file| file.0 == ImportFormat::Drf) {
        let app = TestApp::spawn().await;
        let lumen = app.lumen().await;
        app.import(&lumen, format, &text).await;
        let mut clients = JoinSet::new();
        for _ in 0..8 {
            let (client, value) = (app.client(), value.clone());
            clients.spawn(async move { auth(&client, (name, &value)).await.status });
        }
        assert_eq!(clients.join_all().await, [204; 8]);
    }
}

#[tokio::test]
async fn a_first_use_that_cannot_be_written_lets_the_key_in_all_the_same() {
    let app = TestApp::spawn().await;
    let (lumen, client) = (app.lumen().await, app.client());
    app.import(&lumen, ImportFormat::Knox, &format!("name,digest\nKnox,{KNOX_DIGEST}\n")).await;
    let token = format!("Token {KNOX_KEY}");
    let (writing, stop) = (app.db.clone(), tokio::sync::oneshot::channel::<()>());
    let (stop, stopped) = stop;
    let busy = tokio::task::spawn_blocking(move || {
        writing.write_blocking(|_| {
            let _ = stopped.blocking_recv();
            Ok::<_, tessera::db::DbError>(())
        })
    });
    tokio::time::sleep(StdDuration::from_millis(100)).await;
    assert_eq!(auth(&client, ("authorization", &token)).await.status, 204);
    stop.send(()).expect("somebody waits");
    busy.await.expect("it ends").expect("it is written");
    assert_eq!(auth(&client, ("authorization", &token)).await.status, 204);
}

#[tokio::test]
async fn what_a_plan_and_the_instance_allow_holds_for_imported_keys() {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    let id = lumen.id.clone();
    let now = app.now();
    app.write(move |tx| {
        let operator = Operator::at_the_machine();
        let ceilings = Ceilings {
            max_active_keys: Some(2),
            max_lifetime_days: Some(30),
            scopes: "read".parse()?,
            ..Ceilings::default()
        };
        let name = tessera::domain::names::Name::parse("Free", 60)?;
        let plan = plans::create(tx, &operator, &PlanOffer { name, ceilings }, now)?;
        Ok(instance::assign_plan(tx, &operator, (&id, Some(&plan.id), None), now)?)
    })
    .await;
    let soon = (now + Duration::days(10)).date();
    let far = (now + Duration::days(100)).date();
    let line = |name: &str, scopes: &str, expires: time::Date, enabled: bool| {
        let digest = tessera::hex::of(&[u8::try_from(name.len()).expect("short"); 32]);
        format!("{name},{digest},{scopes},{expires},{enabled}\n")
    };
    let text = [
        "name,digest,scopes,expires_at,enabled\n".to_owned(),
        line("A", "read", soon, true),
        line("BB", "write", soon, true),
        line("CCC", "read", far, true),
        line("DDDD", "read", soon, true),
        line("EEEEE", "read", soon, true),
        line("FFFFFF", "read", soon, false),
        line("GGGGGGG", "read", now.date(), true),
    ]
    .concat();
    let fresh = app.fresh(&lumen).await;
    let taken = app.import(&fresh, ImportFormat::Csv, &text).await;
    assert_eq!((&taken[0], &taken[3], &taken[5]), (&imported("A"), &imported("DDDD"), &imported("FFFFFF")));
    for (place, reason) in [
        (1, "Your plan doesn’t include the scope “write”."),
        (2, "Your plan allows at most 30 days."),
        (4, "Your plan allows 2 active API keys. Deactivate one you no longer need."),
        (6, "This key has expired."),
    ] {
        assert_eq!(rejection(&taken[place]), reason);
    }
    let most = ImportPlan { max_keys: 3, ..plan(ImportFormat::Csv) };
    let one_more = format!("name,digest,expires_at,scopes,enabled\nMore,{HEX},{soon},read,no\n");
    let taken = app.import_to(Destination::One(fresh.organization.clone()), (most, &one_more)).await;
    assert_eq!(rejection(&taken[0]), "An organization can have 3 keys.");
}

impl TestApp {
    /// The company as it is now.
    async fn fresh(&self, company: &Company) -> Company {
        let (company, named) = (company.clone(), company.id.clone());
        self.read(move |connection| {
            let found = instance::organization_called(connection, &Operator::at_the_machine(), &named)?;
            Ok(Company { organization: found.expect("the organization"), ..company })
        })
        .await
    }
}

#[tokio::test]
async fn an_owner_is_an_organization_by_its_name_or_by_a_file() {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    app.organization("Twice", &lumen.owner).await;
    app.organization("twice", &lumen.owner).await;
    let digest = |byte: u8| tessera::hex::of(&[byte; 32]);
    let text = format!(
        "name,digest,organization\nA,{},lumen\nB,{},{}\nC,{},cus_1\nD,{},Nobody\nE,{},Twice\nF,{},\n",
        digest(1),
        digest(2),
        lumen.id,
        digest(3),
        digest(4),
        digest(5),
        digest(6),
    );
    let owners = [("cus_1".to_owned(), "Lumen".to_owned())].into();
    let taken = app.import_to(Destination::ByOwner(owners), (plan(ImportFormat::Csv), &text)).await;
    assert_eq!(taken[..3], [imported("A"), imported("B"), imported("C")]);
    assert_eq!(rejection(&taken[3]), "There is no organization “Nobody”.");
    assert_eq!(rejection(&taken[4]), "Several organizations are called “Twice”. Use the ID.");
    assert_eq!(rejection(&taken[5]), "The key has no owner, so its organization is unknown.");
    let all = format!("name,digest,organization\nG,{},cus_1\n", digest(7));
    app.import(&lumen, ImportFormat::Csv, &all).await;
    let kept = app.query("SELECT metadata AS text FROM api_keys WHERE name = 'G'").await;
    assert_eq!(kept, ["{\"owner\":\"cus_1\"}"]);
}

#[tokio::test]
async fn limits_are_imported_where_that_is_asked_for_and_they_exist_here() {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    let row = |digest: &str, window: u64| serde_json::json!({ "name": "A", "key": digest, "rateLimitEnabled": true, "rateLimitMax": 10, "rateLimitTimeWindow": window });
    let digest = "QS2FmId0bP7vmANuuHPI-v_CbKmTBLOAPqo4CmRxuAI";
    let daily = row(digest, 86_400_000).to_string();
    let taking = ImportPlan { takes_limits: true, ..plan(ImportFormat::BetterAuth) };
    let to = || Destination::One(lumen.organization.clone());
    let taken = app.import_to(to(), (taking, &daily)).await;
    let reason = "A limit of 10 requests in 86400 seconds can’t be kept. Import this key without its limits.";
    assert_eq!(rejection(&taken[0]), reason);
    let taken = app.import_to(to(), (taking, &row(digest, 60_000).to_string())).await;
    assert_eq!(taken, [imported("A")]);
    assert_eq!(app.query("SELECT rate_limit AS text FROM api_keys").await, ["10/minute"]);
}

#[tokio::test]
async fn an_import_is_noted_once_with_its_number_and_the_page_of_a_key_says_where_it_is_from() {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    app.import(&lumen, ImportFormat::Unkey, &serde_json::json!({ "keys": [
        { "hash": "QS2FmId0bP7vmANuuHPI+v/CbKmTBLOAPqo4CmRxuAI=", "name": "Billing worker", "start": "sk_live_3f9c" },
        { "hash": "1w2YHYe0ScEHMnwqKvvwDUtYBw1rpXGqw11+o+fHnzc=", "name": "Reports" },
    ]}).to_string()).await;
    let events = app
        .query("SELECT action AS text FROM audit_events WHERE action LIKE '%import%' ORDER BY action")
        .await;
    assert_eq!(events, ["api_key.imported", "instance.keys_imported"]);
    let browser = app.log_in_as(&lumen.owner).await;
    let activity = browser.get(&lumen.url("activity")).await.html().main_text();
    assert!(activity.contains("imported API keys") && activity.contains("2 keys from Unkey"), "{activity}");
    let ids = app.query("SELECT id AS text FROM api_keys WHERE name = 'Billing worker'").await;
    let page = browser.get(&lumen.url(&format!("api/keys/{}", ids[0]))).await.must_be(200).html().main_text();
    assert!(page.contains("From Unkey on") && page.contains("sk_live_3f9c…"), "{page}");
    let found = browser.get(&lumen.url("api?q=import")).await.html().main_text();
    assert!(found.contains("Billing worker") && found.contains("Reports"), "{found}");
}

#[tokio::test]
async fn a_whole_imported_key_is_found_when_a_request_is_troubleshot() {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    app.import(&lumen, ImportFormat::Csv, &format!("name,digest\nTheirs,{HEX}\n")).await;
    let browser = app.log_in_as(&lumen.owner).await;
    let answer = browser.post(&lumen.url("api/troubleshoot"), &[("key", KEY)]).await.must_be(200);
    assert!(!answer.text().contains(KEY), "what was pasted is repeated");
    let answer = answer.html().main_text();
    assert!(answer.contains("Theirs : Key active"), "{answer}");
}

#[tokio::test]
async fn a_key_that_was_removed_is_not_imported_again_and_comes_back_by_being_restored() {
    let app = TestApp::spawn().await;
    let (lumen, client) = (app.lumen().await, app.client());
    let (text, token) = (format!("name,digest\nKnox,{KNOX_DIGEST}\n"), format!("Token {KNOX_KEY}"));
    app.import(&lumen, ImportFormat::Knox, &text).await;
    let ids = app.query("SELECT id AS text FROM api_keys").await;
    let (company, id, now) = (lumen.clone(), ids[0].clone(), app.now());
    app.write(move |tx| {
        let admin = company.admin(tx)?;
        Ok(api_keys::remove(tx, &admin, &id, now)?)
    })
    .await;
    assert_eq!(auth(&client, ("authorization", &token)).await.status, 401);
    assert_eq!(
        app.import(&lumen, ImportFormat::Knox, &text).await,
        [Taken::AlreadyHere(Here::RemovedKey("Knox".to_owned(), "Lumen".to_owned()))]
    );
    let (company, id) = (lumen.clone(), ids[0].clone());
    app.write(move |tx| {
        let admin = company.admin(tx)?;
        api_keys::restore(tx, &admin, &id, &InstanceRules::default(), now)?;
        Ok(api_keys::switch(tx, &admin, &id, true, now)?)
    })
    .await;
    becomes(&client, ("authorization", &token), 204).await;
    let (company, id) = (lumen.clone(), ids[0].clone());
    app.write(move |tx| {
        let admin = company.admin(tx)?;
        Ok(api_keys::remove(tx, &admin, &id, now)?)
    })
    .await;
    app.execute("DELETE FROM removed_keys").await;
    assert_eq!(app.query("SELECT api_key_id AS text FROM imported_keys").await, [""; 0]);
    assert_eq!(
        app.import(&lumen, ImportFormat::Knox, &text).await,
        [imported("Knox")],
        "nobody can restore it"
    );
}

#[tokio::test]
async fn an_instance_administrator_previews_an_import_on_the_page_and_then_imports() {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    let olga = app.user("Olga Operator").await;
    app.appoint(&olga).await;
    let browser = app.log_in_as(&olga).await;
    let keys =
        format!("name,key,organization\nTheirs,{KEY},Lumen\nWeak,secret,Lumen\nNobody's,{KNOX_KEY},Nobody\n");
    let send = async |step: &str, organization: &str, keys: &str| {
        let fields = [("format", "csv"), ("organization", organization), ("keys", keys), ("step", step)];
        browser.post("/instance/import", &fields).await
    };
    let empty = browser.get("/instance/import").await.must_be(200).html();
    assert!(!empty.has("#outcome") && !empty.has("#imported") && !empty.has_button("Import 1 key"));

    let before = app.query("SELECT count(*) || '' AS text FROM api_keys").await;
    let previewed = send("preview", "", &keys).await.must_be(200);
    let page = previewed.html();
    assert_eq!(page.text("#outcome h2"), "Preview");
    let counts = "1 would be imported, 0 are here already, 2 would be rejected.";
    assert_eq!(page.text("#outcome .panel-head p"), counts);
    assert!(page.row("Weak").contains("Rejected This key is too easy to guess"), "{}", page.row("Weak"));
    assert!(page.row("Nobody's").contains("There is no organization “Nobody”."));
    assert!(page.row("Theirs").contains("Ready"));
    assert!(page.has_button("Import 1 key"));
    assert!(previewed.text().contains(KEY), "the form is there to be sent");
    assert_eq!(app.query("SELECT count(*) || '' AS text FROM api_keys").await, before);

    let imported = send("import", "", &keys).await.must_be(200);
    let page = imported.html();
    assert_eq!(page.text("#outcome .panel-head p"), "1 imported, 0 were here already, 2 rejected.");
    assert!(
        !imported.text().contains(KEY)
            && page.text("#imported").contains("0 of 1 have called since the import.")
    );
    becomes(&app.client(), ("apikey", KEY), 204).await;
    let again = send("preview", &lumen.id, &keys).await.must_be(200).html();
    assert!(again.row("Theirs").contains("Here already"));
    app.state.usage.flush(&app.db).await.expect("a flush");
    let page = browser.get("/instance/import").await.html();
    assert!(page.text("#imported").contains("1 of 1 have called since the import."));

    let wrong = send("preview", "Nobody", "name,kye\nA,b\n").await.must_be(422).html();
    assert_eq!(wrong.field_error("Organization optional"), "There is no organization “Nobody”.");
    assert_eq!(wrong.field_error("Keys"), "The file has no “key” or “digest”.");
    let fields = [("format", "excel"), ("keys", "x"), ("step", "preview")];
    browser.post("/instance/import", &fields).await.must_be(422);
    app.log_in_as(&lumen.owner).await.get("/instance/import").await.must_be(404);
}

#[tokio::test]
async fn an_import_of_many_lines_on_the_page_shows_those_that_are_rejected_first() {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    let olga = app.user("Olga Operator").await;
    app.appoint(&olga).await;
    let browser = app.log_in_as(&olga).await;
    let digest = |number: u64| format!("{number:064x}");
    let mut keys = "name,digest\n".to_owned();
    (0..1200).for_each(|number| keys += &format!("Key {number},{}\n", digest(number)));
    keys += "Last,none\n";
    let fields = [("format", "csv"), ("organization", "Lumen"), ("keys", &keys), ("step", "import")];
    let page = browser.post("/instance/import", &fields).await.must_be(200).html();
    assert_eq!(page.texts("#outcome tbody tr").len(), 200);
    assert!(page.texts("#outcome tbody tr")[0].contains("Last"), "{}", page.texts("#outcome tbody tr")[0]);
    let words = page.text("#outcome .panel-head p");
    assert_eq!(
        words,
        "1,200 imported, 0 were here already, 1 rejected. The first 200 lines are listed, rejected ones first."
    );
    let events = format!(
        "SELECT details AS text FROM audit_events WHERE organization_id = '{}' AND action = 'api_key.imported' ORDER BY id",
        lumen.id
    );
    let numbers: Vec<String> = app.query(&events).await;
    assert_eq!(numbers.len(), 3, "one for each transaction: {numbers:?}");
}

/// One that nobody has used yet as well, of which only a digest of its own system is known.
#[tokio::test]
async fn a_key_of_another_system_that_is_found_in_public_is_stopped() {
    const LEAK_SECRET: &str = "7b0c5ef4b1d44d0d9f0a3e6f1c2d8a57";
    for (format, text, key, (name, value)) in files() {
        let app = TestApp::builder()
            .flag("--leak-secret", LEAK_SECRET)
            .flag("--key-headers", "X-Key")
            .spawn()
            .await;
        let (lumen, client) = (app.lumen().await, app.client());
        choose(&app, &lumen, LeakPolicy::Deactivate).await;
        let label = async |token: &str| {
            let answer = report(&client, &[found(token, "https://code.example/.env")]).await.must_be(200);
            answer.json()[0]["label"].clone()
        };
        assert_eq!(label(key).await, "false_positive", "{format:?}: before");
        app.import(&lumen, format, &text).await;
        until(async || label(key).await == "true_positive").await;
        assert_eq!(label(&format!("{}z", &key[..key.len() - 1])).await, "false_positive", "{format:?}");
        assert_eq!(label("not a key").await, "false_positive");
        assert_eq!(auth(&client, (name, &value)).await.status, 401, "{format:?} goes on");
        let told =
            app.query("SELECT details AS text FROM audit_events WHERE action = 'api_key.leak_reported'");
        let told = told.await;
        assert!(told.len() == 1 && !told[0].contains(key), "{format:?}: {told:?}");
        // The administrators are told, and the page says where it was found.
        app.mail_to(&lumen.owner.email).await;
        let id = app.query("SELECT id AS text FROM api_keys").await.remove(0);
        let page = app.log_in_as(&lumen.owner).await.get(&lumen.url(&format!("api/keys/{id}"))).await;
        let page = page.must_be(200).text();
        assert!(page.contains("code.example"), "{format:?}: {page}");
        let used = app.query("SELECT count(last_used_at) || '' AS text FROM api_keys").await;
        assert_eq!(used, ["0"], "{format:?}: a report is no use");
    }
}

/// Whoever knows the rest could otherwise be the first to call, and their spelling would be the key from then on.
#[tokio::test]
async fn a_prefix_that_the_file_knows_is_part_of_the_key() {
    let file = format!("name,prefix,shortToken,longTokenHash\nSeam,mycompany,BRTRKFsL,{SEAM_DIGEST}\n");
    let app = TestApp::spawn().await;
    let (lumen, client) = (app.lumen().await, app.client());
    app.import(&lumen, ImportFormat::Seam, &file).await;
    until(async || app.state.verifier.has_imported_keys().await).await;
    let other = SEAM_KEY.replace("mycompany", "zzz");
    assert_eq!(auth(&client, ("x-api-key", &other)).await.status, 401);
    assert_eq!(auth(&client, ("x-api-key", SEAM_KEY)).await.status, 204);
    assert_eq!(auth(&client, ("x-api-key", &other)).await.status, 401);
}

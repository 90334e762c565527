//! Names and addresses that people and programs write in many ways.

use serde_json::{Value, json};
use tessera::{
    domain::{access::Role, id::new_id, token_access::TokenAccess},
    web::form_id::FormId,
};

use crate::support::{Client, Company, Machine, PASSWORD, Response, START, TestApp};

struct Ground {
    app: TestApp,
    lumen: Company,
    browser: Client,
    machine: Machine,
}

async fn ground() -> Ground {
    let app = TestApp::spawn().await;
    let lumen = app.lumen().await;
    let browser = app.log_in_as(&lumen.owner).await;
    let machine = app.machine(&lumen, TokenAccess::Full).await;
    Ground { app, lumen, browser, machine }
}

/// Each place where a name is given, with the name in it, and the status of an answer that refuses it.
async fn give_everywhere(ground: &Ground, name: &str) -> Vec<(String, u16, String)> {
    let Ground { app, lumen, browser, machine } = ground;
    let form_id = || FormId::new(app.now()).as_str().to_owned();
    let mut answers: Vec<(String, Response)> = Vec::new();
    let forms: [(String, Vec<(&str, String)>); 5] = [
        ("/orgs".into(), vec![("form_id", form_id())]),
        (lumen.url("settings"), vec![]),
        ("/account/name".into(), vec![]),
        (lumen.url("api/keys"), vec![("duration", "90".into()), ("form_id", form_id())]),
        (
            lumen.url("api/tokens"),
            vec![("access", "keys".into()), ("duration", "none".into()), ("form_id", form_id())],
        ),
    ];
    for (path, rest) in forms {
        let mut fields: Vec<(&str, &str)> =
            rest.iter().map(|(name, value)| (*name, value.as_str())).collect();
        fields.push(("name", name));
        answers.push((path.clone(), browser.post(&path, &fields).await));
    }
    let fields = [("name", name), ("email", "new@lumen.example"), ("password", PASSWORD)];
    answers.push(("/signup".into(), app.client().post("/signup", &fields).await));
    // One address gets one mail a minute.
    let address = format!("{}@lumen.example", new_id(app.now()));
    let (_, link) = app.invitation(lumen, Role::User, &address).await;
    let fields = [("name", name), ("password", PASSWORD)];
    let path = format!("/i/{link}/signup");
    answers.push((path.clone(), app.client().post(&path, &fields).await));
    answers.push(("POST keys".into(), machine.send("POST", "keys", json!({ "name": name })).await));
    answers.push(("PATCH organization".into(), machine.send("PATCH", "", json!({ "name": name })).await));
    answers.into_iter().map(|(place, answer)| (place, answer.status, answer.text())).collect()
}

#[tokio::test]
async fn nothing_bears_a_name_that_cannot_be_seen_or_is_a_link() {
    let ground = ground().await;
    for (name, reason) in [
        ("\u{3164}", "Enter a name."),
        ("\u{2800}", "Enter a name."),
        ("\u{FFA0} \u{E0041}", "Enter a name."),
        ("Sign in at https://evil.example", "Use a name without"),
        ("WWW.evil.example", "Use a name without"),
        ("gnp\u{202E}.exe", "Use only letters, digits"),
    ] {
        for (place, status, text) in give_everywhere(&ground, name).await {
            assert!([400, 422].contains(&status), "{name:?} at {place}: {status}");
            assert!(text.contains(reason), "{name:?} at {place}: {text}");
        }
        ground.app.execute("DELETE FROM invitations").await;
    }
    assert_eq!(ground.app.query("SELECT name AS text FROM organizations").await, ["Lumen"]);
    assert_eq!(ground.app.query("SELECT name AS text FROM users").await, ["Dana Whitfield"]);
}

#[tokio::test]
async fn names_that_read_alike_are_one_name() {
    let Ground { app, lumen, browser, machine } = ground().await;
    for twins in [
        ["Café", "Cafe\u{301}", "CAFÉ", "Ca\u{2060}fé", "caf\u{E9}\u{FE0F}", " Café\u{3164} "],
        ["Straße", "STRASSE", "strasse", "Stra\u{AD}ße", "ſtrasse", "Stra\u{DF}e"],
        ["Dana Key", "Dana\u{2060} Key", "dana\u{2800}key", "Dana\u{A0}Key", "DANA  KEY", "Dana\u{3000}Key"],
    ] {
        let created = machine.send("POST", "keys", json!({ "name": twins[0] })).await.must_be(201);
        assert_eq!(created.json()["name"], twins[0]);
        let token = |name: &str| {
            let form_id = FormId::new(app.now()).as_str().to_owned();
            let fields = [("name", name), ("access", "keys"), ("duration", "none"), ("form_id", &form_id)];
            let fields = fields.map(|(name, value)| (name.to_owned(), value.to_owned()));
            let (browser, path) = (browser.clone(), lumen.url("api/tokens"));
            async move {
                let fields: Vec<(&str, &str)> =
                    fields.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
                browser.post(&path, &fields).await
            }
        };
        token(twins[0]).await.must_be(200);
        for twin in &twins[1..] {
            let refused = machine.send("POST", "keys", json!({ "name": twin })).await;
            assert!([409, 422].contains(&refused.status), "{twin}: {}", refused.text());
            assert!(refused.text().contains("already exists"), "{twin}: {}", refused.text());
            let refused = token(twin).await;
            assert!(refused.text().contains("already exists"), "{twin}: {}", refused.summary());
        }
    }
    machine.send("POST", "keys", json!({ "name": "Cafe" })).await.must_be(201);
}

#[tokio::test]
async fn a_search_finds_a_name_however_it_is_written() {
    let Ground { app, lumen, browser, machine } = ground().await;
    for (number, (name, ways)) in [
        ("Привет", vec!["привет", "ПРИВЕТ", "прив"]),
        ("Ärger", vec!["ärger", "ÄRGER", "A\u{308}RGER", "arger", "är\u{2060}ger"]),
        ("Łódź", vec!["łódź", "ŁÓDŹ", "lodz", "Lo\u{301}dz"]),
        ("Élodie", vec!["élodie", "e\u{301}lodie", "elodie", "ÉLODIE"]),
        ("ΣΊΣΥΦΟΣ", vec!["σίσυφος", "σισυφοσ"]),
        ("Straße", vec!["strasse", "STRASSE", "straß"]),
        ("100%_\\a", vec!["100%_\\A", "%_"]),
    ]
    .into_iter()
    .enumerate()
    {
        machine.send("POST", "keys", json!({ "name": name })).await.must_be(201);
        let member = app.member(&lumen, Role::User, &format!("Person {number}")).await;
        app.log_in_as(&member).await.post("/account/name", &[("name", name)]).await.must_be(303);
        for way in ways {
            let q: String = url::form_urlencoded::byte_serialize(way.as_bytes()).collect();
            for list in ["keys", "members"] {
                let found = machine.get(&format!("{list}?q={q}")).await.must_be(200).json();
                assert_eq!(names(&found), [name], "{way} in {list}");
            }
            let activity = machine.get(&format!("activity?q={q}&area=api_keys")).await.must_be(200).json();
            assert_eq!(activity["data"][0]["subject"]["name"], name, "{way}");
            for page in ["users", "api", "activity"] {
                let page = browser.get(&lumen.url(&format!("{page}?q={q}"))).await.must_be(200);
                assert!(page.html().main_text().contains(name), "{way}: {page:?}");
            }
            let lines = browser.get(&lumen.url(&format!("activity.csv?q={q}"))).await.must_be(200).text();
            assert!(lines.contains(name), "{way}: {lines}");
        }
    }
    let none = machine.get("keys?q=nobody").await.must_be(200).json();
    assert_eq!(names(&none), [""; 0]);
}

#[tokio::test]
async fn invitations_are_found_by_an_address_in_any_spelling() {
    let Ground { app, lumen, machine, .. } = ground().await;
    app.invitation(&lumen, Role::User, "josé@lumen.example").await;
    for q in ["jos%C3%A9", "JOS%C3%89", "jose%CC%81%40", "LUMEN.EXAMPLE"] {
        let found = machine.get(&format!("invitations?q={q}")).await.must_be(200).json();
        assert_eq!(found["data"][0]["email"], "josé@lumen.example", "{q}");
    }
    let again = json!({ "emails": ["JOSE\u{301}@lumen.example"], "role": "user" });
    let answer = machine.send("POST", "invitations", again).await;
    assert!(!answer.text().contains("e\u{301}"), "{}", answer.text());
    assert_eq!(app.query("SELECT email AS text FROM invitations WHERE outcome IS NULL").await.len(), 1);
}

#[tokio::test]
async fn people_and_organizations_are_sorted_as_readers_do() {
    let Ground { app, lumen, browser, machine } = ground().await;
    for (number, name) in ["Tomasz", "Élodie", "anna", "Łukasz", "Zoë", "Ørjan"].iter().enumerate() {
        let member = app.member(&lumen, Role::User, &format!("Person {number}")).await;
        app.log_in_as(&member).await.post("/account/name", &[("name", name)]).await.must_be(303);
        app.organization(name, &lumen.owner).await;
        machine.send("POST", "keys", json!({ "name": name })).await.must_be(201);
    }
    let sorted = ["anna", "Élodie", "Łukasz", "Ørjan", "Tomasz", "Zoë"];
    let is_one = |name: &&str| sorted.contains(name);
    let members = machine.whole_list("members?sort=name").await;
    let members: Vec<&str> = members.iter().filter_map(|one| one["name"].as_str()).filter(is_one).collect();
    assert_eq!(members, sorted);
    let keys = machine.whole_list("keys?sort=name").await;
    assert_eq!(keys.iter().filter_map(|one| one["name"].as_str()).collect::<Vec<_>>(), sorted);
    let mut keys = machine.whole_list("keys?sort=-name").await;
    keys.reverse();
    assert_eq!(keys.iter().filter_map(|one| one["name"].as_str()).collect::<Vec<_>>(), sorted);
    let page = browser.get(&lumen.url("users")).await.must_be(200).html();
    let shown = page.texts("#members tbody .cell-main bdi");
    assert_eq!(shown.iter().map(String::as_str).filter(is_one).collect::<Vec<_>>(), sorted);
    let page = browser.get("/orgs").await.must_be(200).html().main_text();
    let places: Vec<Option<usize>> = sorted.iter().map(|name| page.find(name)).collect();
    assert!(places.iter().all(Option::is_some) && places.is_sorted(), "{places:?} {page}");
}

#[tokio::test]
async fn the_name_beside_a_key_may_be_written_in_any_way() {
    let Ground { app: _app, machine, .. } = ground().await;
    let key = machine.send("POST", "keys", json!({ "name": "Café" })).await.must_be(201).json();
    let secret = key["secret"].as_str().expect("the secret");
    for (name, status) in [("Café", 204), ("cafe\u{301}", 204), ("Cafe", 401)] {
        let request = basic(name, secret);
        let answer = machine.client.request("GET", "/auth").header("authorization", &request).send().await;
        assert_eq!(answer.status, status, "{name}");
    }
}

#[tokio::test]
async fn an_account_from_before_the_rules_for_addresses_gets_in() {
    let app = TestApp::spawn().await;
    let dana = app.user("Dana Whitfield").await;
    for address in ["dana@127.0.0.1", "ｄａｎａ@lumen.example", "a\u{3164}@lumen.example"] {
        app.execute(&format!("UPDATE users SET email = '{address}' WHERE id = '{}'", dana.id)).await;
        let browser = app.client();
        let fields = [("email", address), ("password", PASSWORD)];
        browser.post("/login", &fields).await.must_be(303);
        browser.get("/orgs").await.must_be(200);
        app.client().post("/forgot-password", &[("email", address)]).await.must_be(303);
    }
    for address in ["dana@127.0.0.1", "ｄａｎａ@lumen.example", "a\u{3164}@lumen.example", "a@x.123"] {
        let fields = [("name", "Dana"), ("email", address), ("password", PASSWORD)];
        app.client().post("/signup", &fields).await.must_be(422);
    }
}

#[tokio::test]
async fn an_organization_is_removed_by_what_there_is_to_see_of_its_name() {
    let Ground { app, lumen, browser, .. } = ground().await;
    app.execute("UPDATE organizations SET name = 'Cafe\u{301}\u{2060} \u{200B}Lumen'").await;
    let remove = async |name: &str| browser.post(&lumen.url("settings/remove"), &[("name", name)]).await;
    for other in ["", "café lumen", "Cafe Lumen", "Café"] {
        remove(other).await.must_be(422);
    }
    remove(" Café Lumen").await.must_be(303);
    let left = "SELECT name AS text FROM organizations WHERE removed_at IS NULL";
    assert_eq!(app.query(left).await, [""; 0]);
}

#[tokio::test]
async fn metadata_is_kept_as_it_was_typed_or_refused() {
    let Ground { app: _app, lumen, browser, machine } = ground().await;
    let create = async |name: &str, metadata: &str| {
        let body = format!(r#"{{"name":"{name}","metadata":{metadata}}}"#);
        machine.request("POST", &machine.url("keys")).body("application/json", body).send().await
    };
    for (metadata, reason) in [
        (r#"{"a":12345678901234567890123}"#, "12345678901234567890123 in quotation marks"),
        (r#"{"a":[1e400]}"#, "1e400 in quotation marks"),
        (r#"{"a":0.12345678901234567890}"#, "in quotation marks"),
        (r#"{"a":1,"a":2}"#, "appears twice"),
        (&format!(r#"{{"a":{}{}}}"#, "[".repeat(200), "]".repeat(200)), "The JSON is nested too deeply"),
        ("[1]", "Enter a JSON object"),
        ("7", "Enter a JSON object"),
    ] {
        let refused = create("Refused", metadata).await;
        assert!([400, 422].contains(&refused.status), "{metadata}: {}", refused.status);
        assert!(refused.text().contains(reason), "{metadata}: {}", refused.text());
        let form_id = FormId::new(START).as_str().to_owned();
        let fields =
            [("name", "Refused"), ("duration", "none"), ("metadata", metadata), ("form_id", &form_id)];
        let page = browser.post(&lumen.url("api/keys"), &fields).await.must_be(422);
        assert!(page.html().main_text().contains(reason) || page.text().contains(reason), "{metadata}");
    }
    for (number, metadata) in [
        r#"{"a":18446744073709551615,"b":-9223372036854775808,"c":1.0,"d":0.1}"#,
        r#"{"z":1,"a":{"ä":"\"1e400\"","n":null}}"#,
    ]
    .into_iter()
    .enumerate()
    {
        let key = create(&format!("Key {number}"), metadata).await.must_be(201);
        assert!(key.text().contains(&format!(r#""metadata":{metadata}"#)), "{}", key.text());
        let secret = key.json()["secret"].as_str().expect("a secret").to_owned();
        let body = json!({ "key": secret });
        let request =
            machine.request("POST", "/api/v2/keys/verify").body("application/json", body.to_string());
        let verified = request.send().await.must_be(200);
        assert!(verified.text().contains(metadata), "{}", verified.text());
    }
    let nothing = create("Nothing", "null").await.must_be(201).json();
    assert_eq!(nothing["metadata"], Value::Null);
}

fn basic(user: &str, password: &str) -> String {
    use base64::{Engine, engine::general_purpose::STANDARD};
    format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
}

fn names(list: &Value) -> Vec<&str> {
    list["data"].as_array().expect("a list").iter().filter_map(|one| one["name"].as_str()).collect()
}

//! Each format by the vectors of its own system.

use serde_json::json;
use time::macros::datetime;

use super::*;
use crate::hex;

const KEY: &str = "sk_live_3f9c1b7a2d5e4f608192a3b4c5d6e7f8";
const HEX: &str = "412d859887746cfeef98036eb873c8faffc26ca99304b3803eaa380a6471b802";
const BASE64: &str = "QS2FmId0bP7vmANuuHPI+v/CbKmTBLOAPqo4CmRxuAI=";
const BASE64_FOR_URLS: &str = "QS2FmId0bP7vmANuuHPI-v_CbKmTBLOAPqo4CmRxuAI";

const DRF_KEY: &str = "Ab3dEf7h.Q1w2E3r4T5y6U7i8O9p0A1s2D3f4G5h6";
const DRF_HASH: &str = "sha512$$d74d9157db6f1ddbe81569c21dd409c1c68932aabd533405dc2343c12bdbdda64d4c042d61063418d5bf0d6f1e501eeedc1a3004c8e90c964a7fd77bb0c90a89";
const KNOX_KEY: &str = "9b1deb4d3b7d4bad9bdd2b0d7b3dcb6d9b1deb4d3b7d4bad9bdd2b0d7b3dcb6d";
const KNOX_DIGEST: &str = "c3ab5d29ee87f7005b1e9753c5ac7418800c49edf6267ec0f31a4f2ca85d67d39dd72f97d2680df3ed655c3cd3ae0a4e7657edc53a7e9d2a464f4993d19a60da";
const SANCTUM_KEY: &str = "17|T0kenT0kenT0kenT0kenT0kenT0kenT0kenT0kena3a10200";
const SANCTUM_DIGEST: &str = "b3461a0c5abd6a91f86b5154f6bbe921d98d5e73feb4195acf49d2636e2d363e";
const SEAM_KEY: &str = "mycompany_BRTRKFsL_51FwqftsmMDHHbJAMEXXHCgG";
const SEAM_DIGEST: &str = "d70d981d87b449c107327c2a2afbf00d4b58070d6ba571aac35d7ea3e7c79f37";

fn lines(format: ImportFormat, text: &str) -> Vec<Line> {
    read(format, text).unwrap_or_else(|error| panic!("{format:?}: {error}"))
}

fn only_key(format: ImportFormat, text: &str) -> ForeignKey {
    let mut lines = lines(format, text);
    assert_eq!(lines.len(), 1, "{lines:?}");
    lines.remove(0).key.unwrap_or_else(|reason| panic!("{format:?}: {reason}"))
}

fn only_refusal(format: ImportFormat, text: &str) -> String {
    let mut lines = lines(format, text);
    assert_eq!(lines.len(), 1, "{lines:?}");
    lines.remove(0).key.unwrap_err()
}

/// Whether what was read of a file is what `presented` is looked for by, and fits it.
fn opens(key: &ForeignKey, presented: &str) -> bool {
    let StoredSecret { scheme, look_up, verifier } = &key.secret;
    let is_found = match scheme {
        Scheme::Sha256 => *look_up == scheme::sha256(presented),
        _ => Scheme::readings(presented).contains(&(*scheme, look_up.clone())),
    };
    is_found && scheme.check(verifier.as_deref(), presented) == Check::Opens
}

#[test]
fn every_system_knows_its_own_key_by_what_it_stored() {
    let cases = [
        (ImportFormat::Csv, format!("name,key\nA,{KEY}\n"), KEY),
        (ImportFormat::Csv, format!("name,digest\nA,{HEX}\n"), KEY),
        (ImportFormat::Csv, format!("name,digest\nA,sha256:{}\n", HEX.to_uppercase()), KEY),
        (ImportFormat::Csv, format!("name,digest\nA,{BASE64}\n"), KEY),
        (ImportFormat::Csv, format!("name,digest,algorithm\nA,{BASE64_FOR_URLS},SHA-256\n"), KEY),
        (ImportFormat::JsonLines, json!({ "name": "A", "digest": HEX }).to_string(), KEY),
        (ImportFormat::Csv, format!("digest,algorithm\n{KNOX_DIGEST},sha512\n"), KNOX_KEY),
        // As spreadsheets write it where a comma is for decimals, and with tabs.
        (ImportFormat::Csv, format!("name;key\n\"A, B\";{KEY}\n"), KEY),
        (ImportFormat::Aws, format!("Key\tName\n{KEY}\tA;B\n"), KEY),
        (ImportFormat::Aws, format!("\n\nKey;Name;\"Used, lately\"\n{KEY};A;B\n"), KEY),
        (ImportFormat::Aws, format!("Key,NAME\n{KEY},A\n"), KEY),
        (ImportFormat::Unkey, json!({ "hash": BASE64, "name": "A" }).to_string(), KEY),
        (ImportFormat::Unkey, json!({ "keys": [{ "hash": BASE64 }] }).to_string(), KEY),
        (ImportFormat::BetterAuth, json!({ "key": BASE64_FOR_URLS }).to_string(), KEY),
        (ImportFormat::BetterAuth, json!({ "key": KEY }).to_string(), KEY),
        (ImportFormat::Drf, format!("id,prefix,hashed_key\nAb3dEf7h.x,Ab3dEf7h,{DRF_HASH}\n"), DRF_KEY),
        (ImportFormat::Knox, format!("digest,token_key\n{KNOX_DIGEST},9b1deb4d3b7d4ba\n"), KNOX_KEY),
        (ImportFormat::Sanctum, format!("id,token\n17,{SANCTUM_DIGEST}\n"), SANCTUM_KEY),
        (ImportFormat::Seam, format!("short_token,long_token_hash\nBRTRKFsL,{SEAM_DIGEST}\n"), SEAM_KEY),
        (
            ImportFormat::Kong,
            format!("consumers: [{{username: a, keyauth_credentials: [{{key: {KEY}}}]}}]"),
            KEY,
        ),
        (
            ImportFormat::Apisix,
            format!("consumers: [{{username: a, plugins: {{key-auth: {{key: {KEY}}}}}}}]"),
            KEY,
        ),
        (ImportFormat::Tyk, format!("hash\n{HEX}\n"), KEY),
    ];
    for (format, text, presented) in cases {
        let key = only_key(format, &text);
        assert!(opens(&key, presented), "{format:?}: {text}");
        let other = format!("{}x", &presented[..presented.len() - 1]);
        assert!(!opens(&key, &other), "{format:?} takes another key: {text}");
    }
}

#[test]
fn a_field_that_is_there_in_two_spellings_is_refused() {
    let twice = json!({ "name": "A", "key": KEY, "expires_at": "2027-01-01", "expiresAt": "" });
    let text = format!("{}\n{twice}\n", json!({ "name": "B", "digest": HEX }));
    let [good, wrong] = <[Line; 2]>::try_from(lines(ImportFormat::JsonLines, &text)).unwrap();
    assert!(good.key.is_ok());
    assert_eq!(wrong.key.unwrap_err(), "“expiresAt” is in it twice, written in two ways.");
}

#[test]
fn what_stands_beside_the_digest_is_compared_too() {
    let sanctum = only_key(ImportFormat::Sanctum, &format!("id,token\n17,{SANCTUM_DIGEST}\n"));
    assert!(!opens(&sanctum, &SANCTUM_KEY.replacen("17", "18", 1)));
    assert!(!opens(&sanctum, &SANCTUM_KEY.replacen("17|", "", 1)));
    let seam = only_key(ImportFormat::Seam, &format!("shortToken,longTokenHash\nBRTRKFsL,{SEAM_DIGEST}\n"));
    assert!(!opens(&seam, &SEAM_KEY.replace("BRTRKFsL", "other")));
}

#[test]
fn a_slow_hash_is_found_by_the_prefix_and_computed_then() {
    let hash = "pbkdf2_sha256$600000$salt$YmFzZTY0";
    let key = only_key(ImportFormat::Drf, &format!("prefix,hashed_key\nAb3dEf7h,{hash}\n"));
    assert_eq!((key.secret.scheme, key.secret.look_up.as_slice()), (Scheme::Django, b"Ab3dEf7h".as_slice()));
    assert!(Scheme::readings(DRF_KEY).contains(&(Scheme::Django, b"Ab3dEf7h".to_vec())));
    assert_eq!(Scheme::Django.check(key.secret.verifier.as_deref(), DRF_KEY), Check::Hash(hash));
    assert_eq!(key.masked, "Ab3dEf7h.…");
    for (hash, reason) in [
        ("bcrypt_sha256$$2b$12$abc", "Hashes made by bcrypt_sha256 can’t be verified"),
        ("pbkdf2_sha256$0$salt$hash", "isn’t “pbkdf2_sha256$iterations$salt$hash”"),
        ("md5$salt$hash", "no hash that is known"),
    ] {
        let refused = only_refusal(ImportFormat::Drf, &format!("prefix,hashed_key\nAb3dEf7h,{hash}\n"));
        assert!(refused.contains(reason), "{refused}");
    }
}

#[test]
fn a_file_of_ones_own_says_all_that_a_key_can_have() {
    let text = format!(
        "Name,Key,Organization,Expires At,Enabled,Environment,Scopes,Description,Metadata,rate_limit,monthly_quota\n\
         Billing,{KEY},Lumen,2027-01-31,no,Test,\"invoices:read, invoices:write\",Sends,\"{{\"\"customer\"\":4711}}\",\
         100/minute,5000\n"
    );
    let key = only_key(ImportFormat::Csv, &text);
    assert_eq!(key.owner.as_deref(), Some("Lumen"));
    assert_eq!(key.expires_at, Some(datetime!(2027-01-31 0:00)));
    assert_eq!((key.is_enabled, key.environment), (false, crate::vocabulary::Environment::Test));
    assert_eq!(key.scopes, ["invoices:read", "invoices:write"]);
    assert_eq!(key.description.as_deref(), Some("Sends"));
    assert_eq!(Value::from(key.metadata), json!({ "customer": 4711 }));
    assert_eq!((key.limits.rate.as_deref(), key.limits.monthly_quota), (Some("100/minute"), Some(5000)));
    assert_eq!(key.masked, "sk_live_3f9c…e7f8");
}

#[test]
fn a_line_says_why_it_is_refused_and_the_others_go_on() {
    let text = format!(
        "name,digest,key,expires_at\nA,{HEX},,\nB,{},,\nC,,,\nD,{HEX},{KEY},\nE,,{KEY},soon\nF,{HEX}\n",
        HEX.get(..63).unwrap()
    );
    let lines = lines(ImportFormat::Csv, &text);
    let reasons: Vec<(usize, &str)> =
        lines.iter().map(|line| (line.number, line.key.as_ref().err().map_or("", String::as_str))).collect();
    let starts = [
        "",
        "The digest can’t be read",
        "There is neither",
        "Use either",
        "“expires_at” can’t be read",
        "This line has 2 cells",
    ];
    for ((at, (number, reason)), start) in reasons.iter().enumerate().zip(starts) {
        assert_eq!(*number, at + 2);
        assert!(reason.starts_with(start) && reason.is_empty() == start.is_empty(), "{number}: {reason}");
    }
    assert_eq!(lines[1].name.as_deref(), Some("B"));
}

#[test]
fn a_file_that_is_another_is_refused_as_a_whole() {
    for (format, text, reason) in [
        (ImportFormat::Csv, "name,kye\nA,x\n", "no “key” or “digest”"),
        (ImportFormat::Csv, "name,key,expire_at\nA,x,2027-01-31\n", "“expireat” is unknown"),
        (ImportFormat::Csv, "", "empty"),
        (ImportFormat::Aws, "name,value\nA,x\n", "no “Key”"),
        (ImportFormat::Unkey, "[]", "no keys"),
        (ImportFormat::Knox, "{\"token\": \"x\"}", "no “digest”"),
        (ImportFormat::Kong, "consumers: [{username: a}]", "no “keyauth_credentials”"),
        (ImportFormat::Kong, "a: [", "no valid YAML"),
        (ImportFormat::Apisix, "{\"list\": []}", "no consumers with the plugin"),
    ] {
        let refused = read(format, text).unwrap_err().to_string();
        assert!(refused.contains(reason), "{format:?}: {refused}");
    }
}

#[test]
fn of_a_key_that_amazons_file_has_twice_the_last_line_counts() {
    let text =
        format!("NAME,key,Description,enabled,usageplanIds\nA,{KEY},One,TRUE,\nB,{KEY},Two,false,a|b\n");
    let lines = lines(ImportFormat::Aws, &text);
    assert_eq!(lines[0].key.as_ref().unwrap_err(), "The same key is in line 3 again, which counts.");
    let last = lines[1].key.as_ref().unwrap();
    assert_eq!((last.description.as_deref(), last.is_enabled), (Some("Two"), false));
}

#[test]
fn unkey_tells_what_its_rows_and_its_body_have() {
    let row = json!({
        "hash": BASE64, "start": "sk_live_3f9c", "name": "A", "meta": "{\"plan\":\"pro\"}", "expires": "2027-01-31 00:00:00.000",
        "enabled": 1, "remaining_requests": 10, "refill_day": 1, "refill_amount": 1000, "deleted_at_m": null,
        "external_id": "lumen",
    });
    let key = only_key(ImportFormat::Unkey, &row.to_string());
    assert_eq!((key.masked.as_str(), key.owner.as_deref()), ("sk_live_3f9c…", Some("lumen")));
    assert_eq!(key.expires_at, Some(datetime!(2027-01-31 0:00)));
    assert_eq!(Value::from(key.metadata), json!({ "plan": "pro" }));
    assert_eq!(key.limits, Limits { monthly_quota: Some(1000), ..Limits::default() });
    let body = json!({ "keys": [{
        "hash": BASE64, "externalId": "lumen", "meta": { "plan": "pro" }, "roles": ["reader"],
        "permissions": ["documents.read"], "expires": 1_801_353_600_000_u64, "enabled": false,
        "credits": { "remaining": 5, "refill": { "interval": "daily", "amount": 5 } },
        "ratelimits": [{ "name": "x", "limit": 10, "duration": 60_000, "autoApply": true }],
    }]});
    let key = only_key(ImportFormat::Unkey, &body.to_string());
    assert_eq!(key.scopes, ["documents.read", "reader"]);
    assert_eq!(key.expires_at, Some(datetime!(2027-01-31 0:00)));
    assert!(!key.is_enabled);
    assert_eq!(key.limits.rate.as_deref(), Some("10/minute"));
    assert_eq!(key.limits.unknown.as_deref(), Some("A refill of 5 requests a day"));
    let deleted = json!({ "hash": BASE64, "deleted_at_m": 1_801_390_830_000_u64 });
    assert!(only_refusal(ImportFormat::Unkey, &deleted.to_string()).contains("was deleted"));
}

#[test]
fn better_auth_tells_what_its_rows_have() {
    let row = json!({
        "key": BASE64_FOR_URLS, "start": "sk_liv", "userId": "u1", "enabled": true, "expiresAt": "2027-01-31T00:00:00.000Z",
        "permissions": "{\"files\":[\"read\",\"write\"]}", "metadata": "{\"plan\":\"pro\"}",
        "rateLimitEnabled": true, "rateLimitTimeWindow": 86_400_000, "rateLimitMax": 10,
    });
    let key = only_key(ImportFormat::BetterAuth, &row.to_string());
    assert_eq!((key.masked.as_str(), key.owner.as_deref()), ("sk_liv…", Some("u1")));
    assert_eq!(key.scopes, ["files:read", "files:write"]);
    assert_eq!(key.limits.unknown.as_deref(), Some("A limit of 10 requests in 86400 seconds"));
}

#[test]
fn django_and_laravel_tell_who_has_a_key() {
    let drf = format!(
        "id,created,name,revoked,expiry_date,hashed_key,prefix\nx,,A,1,2027-01-31 00:00:00+00,{DRF_HASH},Ab3dEf7h\n"
    );
    let key = only_key(ImportFormat::Drf, &drf);
    assert_eq!((key.is_enabled, key.expires_at), (false, Some(datetime!(2027-01-31 0:00))));
    let knox = format!("digest,token_key,user_id,expiry\n{KNOX_DIGEST},9b1deb4d3b7d4ba,7,\\N\n");
    let key = only_key(ImportFormat::Knox, &knox);
    assert_eq!((key.masked.as_str(), key.owner.as_deref(), key.expires_at), ("9b1deb4d…", Some("7"), None));
    let sanctum = format!(
        "id,tokenable_type,tokenable_id,name,token,abilities\n17,App\\Models\\User,5,A,{SANCTUM_DIGEST},\"[\"\"*\"\"]\"\n"
    );
    let key = only_key(ImportFormat::Sanctum, &sanctum);
    assert_eq!((key.masked.as_str(), key.owner.as_deref()), ("17|…", Some("User:5")));
    assert_eq!((key.scopes.len(), Value::from(key.metadata)), (0, json!({ "abilities": ["*"] })));
}

#[test]
fn gateways_tell_whose_a_key_is() {
    let deck = format!(
        "_format_version: \"3.0\"\nconsumers:\n- username: lumen\n  keyauth_credentials:\n  - key: {KEY}\n    tags:\n    - a\n"
    );
    let key = only_key(ImportFormat::Kong, &deck);
    assert_eq!((key.owner.as_deref(), Value::from(key.metadata)), (Some("lumen"), json!({ "tags": ["a"] })));
    let export = format!(
        "_format_version: '3.0'\nconsumers:\n- id: 0b1d\n  username: lumen\nkeyauth_credentials:\n- id: 9\n  consumer: 0b1d\n  \
         key: {KEY}\n  created_at: 1801390830\n  ttl: 60\n"
    );
    let line = lines(ImportFormat::Kong, &export).remove(0);
    let key = line.key.unwrap();
    assert_eq!((line.name.as_deref(), key.owner.as_deref()), (Some("lumen"), Some("lumen")));
    assert_eq!(key.expires_at, Some(datetime!(2027-01-31 10:21:30)));
    // The name of one may be another one's id elsewhere.
    let export = format!(
        "consumers: [{{username: alice}}, {{username: bob, custom_id: alice}}]\n\
         keyauth_credentials: [{{consumer: alice, key: {KEY}}}]\n"
    );
    assert_eq!(only_key(ImportFormat::Kong, &export).owner.as_deref(), Some("alice"));
    let json =
        json!({ "consumers": [{ "username": "lumen", "keyauth_credentials": [{ "key": KEY, "ttl": 60 }] }] });
    assert!(only_refusal(ImportFormat::Kong, &json.to_string()).contains("its end is unknown"));
    let admin = json!({ "list": [
        { "key": "/apisix/consumers/a", "value": { "username": "a", "plugins": { "key-auth": { "key": KEY } } } },
        { "value": { "username": "b", "plugins": { "key-auth": { "key": "$env://KEY_OF_B_3f9c1b7a2d5e4f60" } } } },
    ]});
    let lines = lines(ImportFormat::Apisix, &admin.to_string());
    assert_eq!(lines[0].key.as_ref().unwrap().owner.as_deref(), Some("a"));
    assert!(lines[1].key.as_ref().unwrap_err().contains("kept elsewhere"));
}

#[test]
fn a_murmur_hash_is_no_secret() {
    for hash in ["6e2a5f8c9b7d4e31", "6e2a5f8c9b7d4e316e2a5f8c9b7d4e31"] {
        assert!(only_refusal(ImportFormat::Tyk, &format!("hash\n{hash}\n")).contains("murmur"), "{hash}");
    }
}

#[test]
fn a_key_in_the_clear_is_nowhere_in_what_was_read() {
    let key = only_key(ImportFormat::Csv, &format!("name,key\nA,{KEY}\n"));
    assert!(!format!("{key:?}").contains("1b7a2d5e"));
    assert_eq!(hex::of(&key.secret.look_up), HEX);
}

#[test]
fn rows_are_numbered_as_in_the_file() {
    let text = format!("{{\"digest\":\"{HEX}\"}}\n\nbroken\n{{\"digest\":\"{KNOX_DIGEST}\"}}\n");
    let lines = lines(ImportFormat::JsonLines, &text);
    assert_eq!(lines.iter().map(|line| line.number).collect::<Vec<_>>(), [1, 3, 4]);
    assert!(lines[1].key.as_ref().unwrap_err().starts_with("This is no JSON object"));
}

//! `tessera import`: keys of other systems, beside a server that runs.

use std::fs;

use super::instance::{Instance, Output};
use crate::support::{Client, until};

const KEY: &str = "sk_live_3f9c1b7a2d5e4f608192a3b4c5d6e7f8";
const KNOX_DIGEST: &str = "c3ab5d29ee87f7005b1e9753c5ac7418800c49edf6267ec0f31a4f2ca85d67d39dd72f97d2680df3ed655c3cd3ae0a4e7657edc53a7e9d2a464f4993d19a60da";

/// A server on the example, and a file beside it.
fn ground(name: &str, text: &str) -> (Instance, String) {
    let mut instance = Instance::prepare();
    assert_eq!(instance.run(&["demo"]).status, Some(0));
    let file = instance.folder().join(name);
    fs::write(&file, text).expect("a file");
    instance.start_again();
    (instance, file.to_str().expect("a path in UTF-8").to_owned())
}

#[tokio::test]
async fn keys_are_imported_beside_a_server_that_takes_them_from_then_on() {
    let text = format!(
        "name,key,digest,organization\nTheirs,{KEY},,Lumen Logistics\nKnox,,{KNOX_DIGEST},lumen logistics\n"
    );
    let (instance, file) = ground("keys.csv", &text);
    let client = Client::new(&instance.url());
    let accepted = async || {
        let request = client.request("GET", "/auth").header("authorization", &format!("Bearer {KEY}"));
        request.send().await.status == 204
    };
    let import =
        |flags: &[&str]| instance.run(&[&["import", "keys", &file, "--format", "csv"], flags].concat());
    assert!(!accepted().await);

    let rehearsed = import(&["--dry-run"]);
    assert_eq!(rehearsed.status, Some(0), "{rehearsed:?}");
    assert_eq!(rehearsed.stdout, "2: would be imported: Theirs\n3: would be imported: Knox\n");
    assert_eq!(rehearsed.stderr, "2 would be imported, 0 here already, 0 would be rejected\n");
    assert_eq!(status(&instance), "No keys were imported.\n");
    assert!(!accepted().await);

    let imported = import(&[]);
    assert_eq!(
        (imported.status, imported.stderr.as_str()),
        (Some(0), "2 imported, 0 here already, 0 rejected\n")
    );
    assert_eq!(imported.stdout, "2: imported: Theirs\n3: imported: Knox\n");
    until(accepted).await;

    let again = import(&["--organization", "Lumen Logistics"]);
    let place = |name: &str| format!("It’s “{name}” of “Lumen Logistics”.");
    let lines =
        format!("2: here already: Theirs: {}\n3: here already: Knox: {}\n", place("Theirs"), place("Knox"));
    assert_eq!(again.stdout, lines);
    assert_eq!((again.status, again.stderr.as_str()), (Some(0), "0 imported, 2 here already, 0 rejected\n"));
    until(async || status(&instance).ends_with("\n\n1 of 2 have called since the import.\n")).await;
}

fn status(instance: &Instance) -> String {
    let Output { status, stdout, stderr } = instance.run(&["import", "status"]);
    assert_eq!((status, stderr.as_str()), (Some(0), ""));
    stdout
}

#[test]
fn lines_that_are_rejected_say_why_and_the_others_are_imported() {
    let text = format!(
        "name,key,organization\nWeak,secret,Lumen Logistics\nNobody's,{KEY},Nobody\nTheirs,{KEY},Lumen Logistics\n"
    );
    let (instance, file) = ground("keys.csv", &text);
    let rejected = instance.run(&["import", "keys", &file, "--format", "csv"]);
    assert_eq!(
        (rejected.status, rejected.stderr.as_str()),
        (Some(1), "1 imported, 0 here already, 2 rejected\n")
    );
    let lines: Vec<&str> = rejected.stdout.lines().collect();
    assert!(lines[0].starts_with("2: rejected: Weak: This key is too easy to guess: about "), "{lines:#?}");
    assert_eq!(lines[1], "3: rejected: Nobody's: There is no organization “Nobody”.");
    assert_eq!(lines[2], "4: imported: Theirs");
    assert!(!rejected.stdout.contains(KEY));
}

#[test]
fn a_file_says_whose_keys_are_whose() {
    let rows = format!(
        "{{\"token\":\"{}\",\"id\":1,\"tokenable_type\":\"App\\\\Models\\\\User\",\"tokenable_id\":5,\"name\":\"A\"}}",
        "ab".repeat(32)
    );
    let (instance, file) = ground("tokens.jsonl", &rows);
    let map = instance.folder().join("owners.csv");
    fs::write(&map, "Owner, Organization\nUser:5, Lumen Logistics\n").expect("a file");
    let map = map.to_str().expect("a path in UTF-8");
    let imported = instance.run(&["import", "keys", &file, "--format", "sanctum", "--map", map]);
    assert_eq!((imported.status, imported.stdout.as_str()), (Some(0), "1: imported: A\n"), "{imported:?}");
}

#[test]
fn a_wrong_file_or_flag_is_one_line_and_status_2() {
    let (instance, file) = ground("keys.csv", "name,secret\nA,b\n");
    for (arguments, told) in [
        (&["--format", "csv"][..], "The file has no “key” or “digest”."),
        (&["--format", "kong"], "The file is"),
        (&["--format", "excel"], "--format"),
        (&["--format", "csv", "--organization", "A", "--map", "B"], "conflicts with another argument"),
        (&[], "--format"),
    ] {
        let rejected = instance.run(&[&["import", "keys", &file][..], arguments].concat());
        assert_eq!((rejected.status, rejected.stdout.as_str()), (Some(2), ""), "{rejected:?}");
        assert!(rejected.stderr.contains(told) && rejected.stderr.lines().count() == 1, "{rejected:?}");
    }
    fs::write(&file, format!("name,key\nA,{KEY}\n")).expect("a file");
    for (arguments, told) in [
        (["--organization", "Nobody"], "--organization: There is no organization “Nobody”."),
        (["--map", "absent.csv"], "absent.csv can’t be read"),
    ] {
        let rejected =
            instance.run(&[&["import", "keys", &file, "--format", "csv"][..], &arguments].concat());
        assert_eq!((rejected.status, rejected.stdout.as_str()), (Some(2), ""), "{rejected:?}");
        assert!(rejected.stderr.contains(told), "{rejected:?}");
    }
    let absent = instance.run(&["import", "keys", "absent.csv", "--format", "csv"]);
    assert_eq!(absent.status, Some(2), "{absent:?}");
}

//! `tessera users`: accounts and links by the hand of the operator.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use super::{
    database::execute,
    instance::{Instance, Output, run},
};
use crate::support::Client;

const PASSWORD: &str = "a violet umbrella in the rain";

#[tokio::test]
async fn the_operator_makes_an_account_and_links_while_the_server_runs() {
    let instance = Instance::start();
    let folder = instance.folder().to_owned();
    let base = instance.url();
    let environment = [("TESSERA_DATABASE_URL", "tessera.db"), ("TESSERA_PUBLIC_URL", base.as_str())];
    let users = |arguments: &[&str]| run(&folder, &[&["users"], arguments].concat(), &environment);

    let made = users(&["create", "dana@lumen.example", "--name", "Dana Whitfield"]);
    assert_eq!(made.status, Some(0), "{made:?}");
    assert!(made.stderr.contains("For dana@lumen.example, works once until"), "{made:?}");
    let link = made.stdout.trim_end().strip_prefix(base.as_str()).expect("the public URL").to_owned();

    let dana = Client::new(&base);
    let page = dana.get(&link).await.must_be(200).html();
    assert_eq!(page.heading(), "Choose a password");
    assert!(!page.main_text().contains("new password") && !page.main_text().contains("logged out"));
    let saved = dana.post(&page.action("Save"), &[("password", PASSWORD)]).await.must_be(303);
    assert_eq!(dana.follow(&saved).await.html().toast(), "Password saved. Log in to continue.");
    dana.post("/login", &[("email", "dana@lumen.example"), ("password", PASSWORD)]).await.must_be(303);
    dana.get("/orgs").await.must_be(200);
    dana.get(&link).await.must_be(404);

    let again = users(&["reset-password", "Dana@Lumen.Example"]);
    assert_eq!((again.status, again.stdout.lines().count()), (Some(0), 1), "{again:?}");
    let link = again.stdout.trim_end().strip_prefix(base.as_str()).expect("the public URL").to_owned();
    let page = Client::new(&base).get(&link).await.must_be(200).html();
    assert_eq!(page.heading(), "Choose a new password");
    assert!(page.main_text().contains("You’ll be logged out of all devices."));
    for (arguments, told) in [
        (
            &["create", "dana@lumen.example", "--name", "Dana"][..],
            "there is an account with this email already",
        ),
        (&["link", "nobody@lumen.example"], "there is no account with this email"),
        (&["link", "nowhere"], "email"),
        (&["promote", "nobody@lumen.example"], "there is no account with this email"),
        (&["create", "x@lumen.example", "--name", ""], "name"),
    ] {
        let refused = users(arguments);
        assert_eq!((refused.status, refused.stdout.as_str()), (Some(1), ""), "{refused:?}");
        assert!(refused.stderr.contains(told), "{refused:?}");
        assert_eq!(refused.stderr.lines().count(), 1, "{refused:?}");
    }
}

#[tokio::test]
async fn the_operator_manages_accounts_beside_the_server_and_it_follows_immediately() {
    let instance = Instance::start();
    let folder = instance.folder().to_owned();
    let base = instance.url();
    let environment = [("TESSERA_DATABASE_URL", "tessera.db"), ("TESSERA_PUBLIC_URL", base.as_str())];
    let users = |arguments: &[&str]| run(&folder, &[&["users"], arguments].concat(), &environment);
    let done = |arguments: &[&str]| {
        let output = users(arguments);
        assert_eq!(output.status, Some(0), "{output:?}");
        output
    };
    let refused = |arguments: &[&str], told: &str| {
        let output = users(arguments);
        assert_eq!((output.status, output.stdout.as_str()), (Some(1), ""), "{output:?}");
        assert!(output.stderr.contains(told) && output.stderr.lines().count() == 1, "{output:?}");
    };
    let link_in = |output: &Output| {
        output.stdout.trim_end().strip_prefix(base.as_str()).expect("the public URL").to_owned()
    };
    let (dana, ravi) = ("dana@lumen.example", "ravi@lumen.example");
    let of_dana = link_in(&done(&["create", dana, "--name", "Dana Whitfield"]));
    refused(&["link", dana], "isn’t confirmed yet");
    let browser = Client::new(&base);
    let page = browser.get(&of_dana).await.must_be(200).html();
    browser.post(&page.action("Save"), &[("password", PASSWORD)]).await.must_be(303);
    browser.post("/login", &[("email", dana), ("password", PASSWORD)]).await.must_be(303);
    browser.get("/instance/people").await.must_be(404);

    done(&["promote", dana]);
    let page = browser.get("/instance/people").await.must_be(200).html();
    assert!(page.texts("#people tbody tr").concat().contains("Instance administrator"));
    done(&["create", ravi, "--name", "Ravi Menon"]);
    done(&["promote", ravi]);
    for verb in [&["demote", dana][..], &["disable", dana], &["delete", dana, "--yes"]] {
        refused(verb, "This is the last instance administrator.");
    }
    let listed = done(&["list"]).stdout;
    assert!(listed.contains("not confirmed") && listed.contains("Dana Whitfield"), "{listed}");

    let link = link_in(&done(&["link", dana]));
    let other = Client::new(&base);
    let page = other.get(&link).await.must_be(200).html();
    assert!(page.main_text().contains(dana), "{}", page.main_text());
    other.post(&link, &[]).await.must_be(303);
    other.get("/orgs").await.must_be(200);
    other.get(&link).await.must_be(404);
    Client::new(&base).post(&link, &[]).await.must_be(404);

    done(&["log-out", dana]);
    other.get("/orgs").await.must_be(303);
    browser.get("/orgs").await.must_be(303);

    done(&["disable", ravi]);
    refused(&["reset-password", ravi], "deactivated");
    done(&["enable", ravi]);
    assert_eq!(users(&["delete", ravi]).status, Some(2), "it asks for --yes");
    done(&["delete", ravi, "--yes"]);
    refused(&["enable", ravi], "there is no account with this email");
}

#[test]
fn only_a_database_that_is_there_and_of_this_version_is_opened_and_nothing_is_made_or_migrated() {
    let mut instance = Instance::start();
    assert_eq!(instance.stop(), Some(0));
    let folder = instance.folder().to_owned();
    let copy = |name: &str, sql: &str| {
        fs::copy(instance.database(), folder.join(name)).expect("a copy");
        execute(&folder.join(name), sql);
    };
    copy(
        "older.db",
        "DELETE FROM __diesel_schema_migrations WHERE version = (SELECT max(version) FROM __diesel_schema_migrations)",
    );
    copy("newer.db", "INSERT INTO __diesel_schema_migrations (version) VALUES ('99990101000000')");
    copy(
        "numbered.db",
        "UPDATE __diesel_schema_migrations SET version = '0001' WHERE version = '20261123210000'",
    );
    fs::write(folder.join("empty.db"), "").expect("a file");
    fs::write(folder.join("letter.txt"), "Dear Sir or Madam, ".repeat(1000)).expect("a letter");
    execute(&folder.join("another.db"), "CREATE TABLE notes (text TEXT)");
    let before = contents(&folder);
    for (file, told) in [
        ("mistyped.db", "mistyped.db: there is no such file"),
        ("empty.db", "this isn't a database of Tessera"),
        ("another.db", "this isn't a database of Tessera"),
        ("letter.txt", "file is not a database"),
        ("older.db", "this database is of an older version of Tessera (migration "),
        (
            "numbered.db",
            "this database is of an older version of Tessera (migration 20261123210000 is missing)",
        ),
        ("newer.db", "this database was written by a newer version of Tessera (migration 99990101000000)"),
    ] {
        for arguments in [
            &["users", "create", "dana@lumen.example", "--name", "Dana"][..],
            &["users", "link", "dana@lumen.example"],
            &["users", "promote", "dana@lumen.example"],
            &["users", "list"],
        ] {
            let output = run(&folder, arguments, &[("TESSERA_DATABASE_URL", file)]);
            assert_eq!((output.status, output.stdout.as_str()), (Some(2), ""), "{file}: {output:?}");
            assert_eq!(output.stderr.lines().count(), 1, "{file}: {output:?}");
            let begin = format!("tessera: the database could not be opened: {file}: ");
            assert!(output.stderr.starts_with(&begin) && output.stderr.contains(told), "{file}: {output:?}");
        }
    }
    assert_eq!(contents(&folder), before, "something was written");
}

/// Every file in the folder with what is in it.
fn contents(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let files = fs::read_dir(folder).expect("the folder").map(|file| file.expect("a file").path());
    files.map(|file| (file.clone(), fs::read(&file).expect("its contents"))).collect()
}

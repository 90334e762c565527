//! What several servers on one database are measured by.

use std::process::{Command, Output};

use crate::database::TestDatabase;

#[test]
fn the_measurement_of_several_nodes_wants_an_empty_database_and_prints_what_it_measured() {
    let database = TestDatabase::empty();
    let output = bench(&database);
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{output:?}");
    for line in [
        "bare actix",
        "one on SQLite",
        "node 1 of 2",
        "node 2 of 2",
        "5 revocations, each on one of 2 nodes",
        "answer of the node that is asked",
        "after it, until every other node refuses",
        "keys (de)activated by the API",
        "the log alone, 100 changes a transaction",
        "with indexes",
    ] {
        assert_eq!(
            printed.lines().filter(|printed| printed.starts_with(line)).count(),
            1,
            "{line}: {printed}"
        );
    }
    let again = bench(&database);
    let told = String::from_utf8_lossy(&again.stderr).into_owned();
    assert_eq!((again.status.code(), again.stdout.len()), (Some(1), 0), "{told}");
    assert!(told.contains("isn’t empty (there are rows in api_keys)") && told.lines().count() == 1, "{told}");
}

fn bench(database: &TestDatabase) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tessera"));
    command.args([
        "bench",
        "nodes",
        "--database-url",
        database.argument(),
        "--keys",
        "50",
        "--connections",
        "4",
    ]);
    command.args(["--rounds", "1", "--seconds", "1", "--revocations", "5"]);
    command.output().expect("the program")
}

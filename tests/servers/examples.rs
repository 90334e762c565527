//! The examples of the reference, run as a reader would: copied from the page, with the variables that it names.

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    process::{Command, Output, Stdio},
};

use scraper::{Html, Selector};
use serde_json::Value;
use tempfile::TempDir;
use tessera::domain::token_access::TokenAccess;

use crate::support::{Company, TestApp};

const LANGUAGES: [&str; 4] = ["curl", "javascript", "python", "go"];

/// What the reference has for a secret.
const SECRET: &str = "tess_9fQ2…";

/// The reference as a stranger reads it, and a place to run what it shows.
struct Reader {
    app: TestApp,
    company: Company,
    programs: BTreeMap<(String, &'static str), String>,
    folder: TempDir,
}

impl Reader {
    async fn new() -> Self {
        let app = TestApp::spawn().await;
        let page = app.client().get("/api/docs").await.must_be(200).text();
        let page = Html::parse_document(&page);
        let select = |selector: &str| Selector::parse(selector).expect("a selector");
        let (origin, address) = (app.state.config.public_url.origin(), format!("http://{}", app.address()));
        let mut programs = BTreeMap::new();
        for unit in page.select(&select(".unit")) {
            let heading = unit.select(&select("h3")).next().expect("a heading");
            for language in LANGUAGES {
                let program = select(&format!("pre[data-language={language}]"));
                if let Some(program) = unit.select(&program).next() {
                    let program = program.text().collect::<String>().replace(&origin, &address);
                    programs.insert((heading.attr("id").expect("an id").to_owned(), language), program);
                }
            }
        }
        Self { company: app.lumen().await, app, programs, folder: tempfile::tempdir().expect("a folder") }
    }

    /// The example of an operation, with what a reader changes in it.
    fn program(&self, operation: &str, language: &'static str, changes: &[(&str, &str)]) -> String {
        let program = self.programs[&(operation.to_owned(), language)].clone();
        changes.iter().fold(program, |program, (from, to)| {
            assert!(program.contains(from), "no {from} in {program}");
            program.replace(from, to)
        })
    }

    fn write(&self, name: &str, program: &str) -> String {
        let file = self.folder.path().join(name);
        fs::write(&file, program).expect("a file");
        file.to_str().expect("a path in UTF-8").to_owned()
    }

    fn run(&self, language: &str, program: &str, token: &str) -> Output {
        let (interpreter, arguments) = match language {
            "curl" => ("sh", vec![self.write("example.sh", program)]),
            "javascript" => ("node", vec![self.write("example.mjs", program)]),
            "python" => ("python3", vec![self.write("example.py", program)]),
            _ => ("go", vec!["run".to_owned(), self.write("example.go", program)]),
        };
        command(interpreter, self.folder.path())
            .args(arguments)
            .env("TESSERA_TOKEN", token)
            .env("ORGANIZATION", &self.company.id)
            .output()
            .unwrap_or_else(|error| panic!("{interpreter} is installed, see tests/run: {error}"))
    }

    /// What an example prints, in JSON's own spelling.
    fn printed(&self, language: &str, program: &str, token: &str) -> String {
        let output = self.run(language, program, token);
        let printed = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{program}\n{printed}\n{}", String::from_utf8_lossy(&output.stderr));
        printed.replace('\'', "\"").replace("True", "true").replace("\": ", "\":").replace(['\n', ' '], "")
    }
}

fn command(program: &str, folder: &Path) -> Command {
    let mut command = Command::new(program);
    command.current_dir(folder).stdin(Stdio::null());
    command
}

#[tokio::test]
async fn keys_are_created_listed_verified_and_removed_in_each_language() {
    let reader = Reader::new().await;
    let machine = reader.app.machine(&reader.company, TokenAccess::Keys).await;
    let token = &machine.credential;
    for language in LANGUAGES {
        let name = format!("Worker-in-{language}");
        let create = reader.program("create_key", language, &[("Billing worker", &name)]);
        let created = reader.printed(language, &create, token);
        let secret = created.split_once("secret").and_then(|(_, rest)| rest.split_once("tess_"));
        let secret = secret.expect("the secret").1.chars().take_while(char::is_ascii_alphanumeric);
        let secret: String = secret.collect();
        let secret = format!("tess_{secret}");

        let listed = reader.printed(language, &reader.program("list_keys", language, &[]), token);
        assert!(listed.contains(&name), "{language}: {listed}");

        let verify = reader.program("verify_key", language, &[(SECRET, &secret)]);
        let verified = reader.printed(language, &verify, token);
        let is_valid = verified.contains("\"valid\":true") || verified.contains("valid:true");
        assert!(is_valid && verified.contains(&name), "{language}: {verified}");

        let keys: Vec<Value> = machine.whole_list("keys").await;
        let key = keys.iter().find(|key| key["name"] == name.as_str()).expect("the key that was created");
        assert_eq!(key["scopes"], serde_json::json!(["invoices:read"]), "{language}: {key}");
        assert!(key["expires_at"].is_string(), "{language}: {key}");
        let id = key["id"].as_str().expect("an id");
        let place = "019a8f41-03aa-7c51-8d7e-61b2c3d4e5f6";
        reader.printed(language, &reader.program("remove_key", language, &[(place, id)]), token);
        assert_eq!(machine.get(&format!("keys/{id}")).await.status, 404, "{language}");
    }
}

#[tokio::test]
async fn a_program_says_that_it_was_rejected() {
    let reader = Reader::new().await;
    for language in LANGUAGES {
        let output = reader.run(language, &reader.program("list_keys", language, &[]), "tess_m_nobodys");
        // curl prints what it gets, whatever that is.
        assert_eq!(output.status.success(), language == "curl", "{language}");
        let printed = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
        assert!(
            printed.contains("401") || printed.contains("/problems/unauthorized"),
            "{language}: {printed}"
        );
    }
}

/// The others are not run, but read by those who would run them.
#[tokio::test]
async fn every_example_is_a_program() {
    let reader = Reader::new().await;
    let mut files: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for ((operation, language), program) in &reader.programs {
        let ending = match *language {
            "curl" => "sh",
            "javascript" => "mjs",
            "python" => "py",
            _ => "go",
        };
        // A file ends with a line's end, which copying leaves out.
        files
            .entry(language)
            .or_default()
            .push(reader.write(&format!("{operation}.{ending}"), &format!("{program}\n")));
    }
    let folder = reader.folder.path();
    let check = |program: &str, arguments: &[&str]| -> String {
        let output = command(program, folder).args(arguments).output();
        let output = output.unwrap_or_else(|error| panic!("{program}, see tests/run: {error}"));
        let printed = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {printed}");
        printed.into_owned()
    };
    for language in LANGUAGES {
        let files: Vec<&str> = files[language].iter().map(String::as_str).collect();
        assert!(files.len() > 40, "only {} examples in {language}", files.len());
        match language {
            "curl" => files.iter().for_each(|file| _ = check("sh", &["-n", file])),
            "javascript" => files.iter().for_each(|file| _ = check("node", &["--check", file])),
            "python" => _ = check("python3", &[&["-m", "py_compile"], files.as_slice()].concat()),
            // Names the files that it would write otherwise.
            _ => assert_eq!(check("gofmt", &[&["-l"], files.as_slice()].concat()), ""),
        }
    }
}

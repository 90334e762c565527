//! A process of the real binary, on a port and a database of its own.

use std::{
    io::{BufRead, BufReader, Read, Write},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

use tempfile::TempDir;

pub(crate) struct Instance {
    /// Where it listens, `127.0.0.1:40123`.
    pub(crate) address: String,
    process: Option<Child>,
    log: Arc<Mutex<String>>,
    folder: TempDir,
}

/// What a process left that has ended.
#[derive(Debug)]
pub(crate) struct Output {
    pub(crate) status: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Instance {
    pub(crate) fn start() -> Self {
        let mut instance = Self::prepare();
        instance.start_again();
        instance
    }

    /// A place for a database, nothing running yet.
    pub(crate) fn prepare() -> Self {
        let folder = tempfile::tempdir().expect("a folder for the database");
        Self { address: String::new(), process: None, log: Arc::default(), folder }
    }

    /// Starts the server on the same database and another free port, and waits until it listens.
    pub(crate) fn start_again(&mut self) {
        self.start_with(&[]);
    }

    /// [`Instance::start_again`] with these variables, too.
    pub(crate) fn start_with(&mut self, variables: &[(&str, &str)]) {
        let mut process = command(self.folder.path())
            .args(["serve", "--public-url", "http://localhost:8080"])
            .env("TESSERA_DATABASE_URL", self.database())
            .envs(variables.iter().copied())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary starts");
        let mut stderr = BufReader::new(process.stderr.take().expect("the log"));
        self.process = Some(process);
        self.address = loop {
            let mut line = String::new();
            assert_ne!(stderr.read_line(&mut line).expect("a line"), 0, "the server ended: {}", self.log());
            self.log.lock().expect("the log").push_str(&line);
            if let Some((_, rest)) = line.split_once("listening on ") {
                break rest.split(',').next().unwrap_or_default().to_owned();
            }
        };
        let log = self.log.clone();
        // Read on, or the server would wait for room in the pipe.
        thread::spawn(move || {
            while let Some(Ok(line)) = stderr.by_ref().lines().next() {
                log.lock().expect("the log").push_str(&format!("{line}\n"));
            }
        });
    }

    /// Ends the process as a power cut would: at once, with nothing finished (SIGKILL).
    pub(crate) fn pull_the_plug(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().expect("the process can be killed");
            process.wait().expect("the process is over");
        }
    }

    /// Asks the process to stop (SIGTERM) and gives its status.
    pub(crate) fn stop(&mut self) -> Option<i32> {
        self.stop_with("TERM")
    }

    /// Sends the process the signal of this name, which ends it, and gives its status.
    pub(crate) fn stop_with(&mut self, signal: &str) -> Option<i32> {
        self.send(signal);
        self.wait()
    }

    /// Sends the process the signal of this name.
    pub(crate) fn send(&self, signal: &str) {
        let asked =
            Command::new("kill").args([&format!("-{signal}"), &self.process_id().to_string()]).status();
        assert!(asked.expect("kill").success());
    }

    /// The number by which the system knows the process.
    pub(crate) fn process_id(&self) -> u32 {
        self.process.as_ref().expect("a running process").id()
    }

    /// Waits until the process has ended, and gives its status.
    pub(crate) fn wait(&mut self) -> Option<i32> {
        let mut process = self.process.take().expect("a running process");
        process.wait().expect("the process is over").code()
    }

    /// Runs the binary to its end on the same database.
    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        let database = self.database();
        let database = database.to_str().expect("a path in UTF-8");
        run(self.folder.path(), arguments, &[("TESSERA_DATABASE_URL", database)])
    }

    /// The folder of the database.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Waits until the log has these words.
    pub(crate) async fn wait_for_log(&self, words: &str) {
        while !self.log().contains(words) {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn database(&self) -> PathBuf {
        self.folder.path().join("tessera.db")
    }

    /// What the server has written so far.
    pub(crate) fn log(&self) -> String {
        self.log.lock().expect("the log").clone()
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        self.pull_the_plug();
    }
}

/// Runs the binary to its end in `folder`, with these variables and no others.
pub(crate) fn run(folder: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    run_with_input(folder, arguments, variables, "")
}

/// As [`run`], with this on standard input.
pub(crate) fn run_with_input(
    folder: &Path,
    arguments: &[&str],
    variables: &[(&str, &str)],
    input: &str,
) -> Output {
    let mut process = command(folder)
        .args(arguments)
        .envs(variables.iter().copied())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary starts");
    let mut stdin = process.stdin.take().expect("standard input");
    // One that does not read it may be over already.
    let _ = stdin.write_all(input.as_bytes());
    drop(stdin);
    let output = process.wait_with_output().expect("the binary ends");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    Output { status: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

/// A port of its own for each server, since tests run side by side: the default one may be taken.
pub(crate) const LISTEN: (&str, &str) = ("TESSERA_LISTEN", "127.0.0.1:0");

pub(crate) fn command(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tessera"));
    command.env_clear().env(LISTEN.0, LISTEN.1).current_dir(folder).stdin(Stdio::null());
    command
}

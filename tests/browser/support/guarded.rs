//! Child processes that cannot outlive the tests.

use std::fs::File;
use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// Runs the program given as arguments until standard input closes, then ends its whole process group, because
/// a chromedriver that is told to end leaves its browsers running.
///
/// The kernel closes that pipe when the test process ends, in whatever way it ends: statics are never dropped,
/// and a killed process drops nothing at all.
const UNTIL_INPUT_CLOSES: &str = r#"
"$@" </dev/null &
while read -r _; do :; done
trap '' TERM
kill 0
wait "$!"
rm -rf "$SCRATCH"
"#;

/// A program that is stopped on drop, and at the latest when this process ends.
pub(crate) struct Guarded {
    shell: Child,
}

impl Guarded {
    /// Starts `command`, with all its output in `log` and `scratch` as its directory for temporary files,
    /// which is removed when the program has ended.
    pub(crate) fn start(command: &Command, log: &Path, scratch: &Path) -> Self {
        let output = File::create(log).expect("the log file can be created");
        let mut shell = Command::new("sh");
        shell.args(["-c", UNTIL_INPUT_CLOSES, "guarded"]);
        shell.arg(command.get_program()).args(command.get_args());
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => shell.env(name, value),
                None => shell.env_remove(name),
            };
        }
        shell.env("TMPDIR", scratch).env("SCRATCH", scratch);
        // The group to end; an interrupt at the keyboard reaches it through the pipe alone.
        shell.process_group(0);
        shell.stdin(Stdio::piped()).stderr(output.try_clone().expect("a second handle")).stdout(output);
        let shell = shell.spawn().expect("sh can be started");
        Self { shell }
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        // The shell does the rest; waiting here would hold up the other journeys.
        drop(self.shell.stdin.take());
    }
}

/// A port of the loopback interface that nothing listens on.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    listener.local_addr().expect("an address").port()
}

//! The package for Debian: made of the program that is tested, taken apart and looked at.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// Runs a program to its end, which must be a good one; what it wrote.
fn run(command: &mut Command) -> String {
    let output = command.stdin(Stdio::null()).output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The package, in `folder`.
fn package(folder: &Path) -> PathBuf {
    // Its debug information would take long to compress.
    let program = folder.join("tessera");
    run(Command::new("strip").arg("-o").arg(&program).arg(env!("CARGO_BIN_EXE_tessera")));
    let name = run(Command::new(root().join("packaging/deb")).arg(&program).arg(folder));
    folder.join(name.trim())
}

#[test]
fn the_package_holds_what_an_administrator_expects() {
    let folder = tempfile::tempdir().expect("a folder");
    let package = package(folder.path());
    let field = |name: &str| run(Command::new("dpkg-deb").arg("--field").arg(&package).arg(name));
    assert_eq!(field("Version").trim(), env!("CARGO_PKG_VERSION"));
    assert!(field("Depends").starts_with("libc6 (>= 2."), "{}", field("Depends"));

    let tree = folder.path().join("tree");
    run(Command::new("dpkg-deb").arg("--raw-extract").arg(&package).arg(&tree));
    let program = tree.join("usr/bin/tessera");
    assert_eq!(
        run(Command::new(&program).arg("--version")),
        run(Command::new(folder.path().join("tessera")).arg("--version"))
    );
    let unit = fs::read_to_string(tree.join("usr/lib/systemd/system/tessera.service")).expect("a unit");
    assert!(
        unit.contains("\nExecStart=/usr/bin/tessera serve\n") && !unit.contains("\nExecStart=/usr/local")
    );
    let settings = tree.join("etc/tessera/tessera.toml");
    assert_eq!(
        fs::read_to_string(tree.join("DEBIAN/conffiles")).expect("a list"),
        "/etc/tessera/tessera.toml\n"
    );

    // Each command has its page, and completions know the commands.
    let manual = tree.join("usr/share/man/man1");
    let pages = fs::read_dir(&manual).expect("pages").count();
    assert!(pages > 40, "only {pages} pages");
    for page in ["tessera.1.gz", "tessera-serve.1.gz", "tessera-keys-create.1.gz"] {
        let text = run(Command::new("gzip").args(["-dc"]).arg(manual.join(page)));
        assert!(text.contains(".TH tessera") && text.contains(".SH DESCRIPTION"), "{page}: {text}");
    }
    for completions in [
        "usr/share/bash-completion/completions/tessera",
        "usr/share/zsh/vendor-completions/_tessera",
        "usr/share/fish/vendor_completions.d/tessera.fish",
    ] {
        assert!(fs::read_to_string(tree.join(completions)).expect("a script").contains("organizations"));
    }
    for script in ["postinst", "prerm", "postrm"] {
        let script = tree.join("DEBIAN").join(script);
        run(Command::new("sh").arg("-n").arg(&script));
        assert_eq!(fs::metadata(&script).expect("a script").permissions().mode() & 0o777, 0o755);
    }
    // As they are, and with the signs taken away, the settings are understood.
    let text = fs::read_to_string(&settings).expect("settings");
    let used: String = text
        .lines()
        .map(|line| {
            line.strip_prefix('#').filter(|rest| !rest.starts_with(' ')).unwrap_or(line).to_owned() + "\n"
        })
        .collect();
    assert!(used.contains("\npublic_url = "), "{used}");
    for text in [text, used] {
        fs::write(&settings, text).expect("settings");
        let shown = run(Command::new(&program).env_clear().arg("config").arg("--config").arg(&settings));
        assert!(shown.contains("TESSERA_PUBLIC_URL"), "{shown}");
    }
}

#[test]
fn a_package_is_made_of_a_program_and_into_a_folder_or_not_at_all() {
    let script = root().join("packaging/deb");
    for arguments in [vec![], vec!["/no-such-program"], vec!["/no-such-program", "/tmp"]] {
        let output = Command::new(&script).args(&arguments).output().expect("an answer");
        assert!(!output.status.success(), "{arguments:?}");
        assert!(!output.stderr.is_empty(), "{arguments:?}");
    }
}

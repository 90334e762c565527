use std::{ffi::OsString, path::PathBuf};

use super::*;

fn parse_line(line: &str, environment: &[(&str, &str)]) -> Result<Command, Exit> {
    let arguments = std::iter::once("tessera").chain(line.split_whitespace()).map(OsString::from);
    parse_with(arguments, |name| {
        environment.iter().find(|(key, _)| *key == name).map(|(_, value)| OsString::from(value))
    })
}

fn serve(line: &str, environment: &[(&str, &str)]) -> Config {
    match parse_line(line, environment) {
        Ok(Command::Serve(config)) => *config,
        other => panic!("expected to serve, got {other:?}"),
    }
}

/// The one line that a wrong value of `name` gives, as a variable and as a flag alike.
fn mistake(name: &str, value: &str) -> String {
    let exit = parse_line("", &[(name, value)]).expect_err(value);
    assert_eq!(exit.code, 2, "{exit:?}");
    assert!(!exit.message.contains('\n'), "one line: {exit:?}");
    assert!(exit.message.starts_with(&format!("tessera: {name} ")), "names the setting: {exit:?}");
    let flag = format!("--{}", name.trim_start_matches("TESSERA_").to_lowercase().replace('_', "-"));
    let arguments = ["tessera", &flag, value].map(OsString::from);
    assert_eq!(parse_with(arguments, |_| None).expect_err(value), exit);
    exit.message
}

#[test]
fn nothing_set_serves_on_loopback() {
    let config = serve("", &[]);
    assert_eq!(config.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(config.public_url.to_string(), "http://127.0.0.1:8080");
    assert_eq!(config.url_for_gateways(), &config.public_url);
    assert_eq!(config.database.to_string(), "tessera.db");
    assert!(config.smtp.is_none());
    assert_eq!(config.mail_from.to_string(), "Tessera <no-reply@localhost>");
    assert_eq!(config.brand.as_str(), "Tessera");
    assert!(config.trusted_proxies == TrustedProxies::default());
    assert_eq!((config.sign_up.value, config.founders.value), (SignUp::Open, Founders::Everyone));
    assert_eq!(config.keys_in_memory, 1_000_000);
    assert_eq!(config.requests_per_minute.get(), 600);
    assert_eq!(config.rules, InstanceRules::default());
    assert_eq!(config.rules.keys, 100_000);
    assert!(config.leak_secret.is_none() && config.leak_keys.is_none());
    assert!(config.webhook_networks.is_empty());
    assert!(config.metrics_listen.is_none());
    assert_eq!((config.log.as_str(), config.log_format), ("info", LogFormat::Text));
}

#[test]
fn every_setting_comes_from_the_environment() {
    let config = serve(
        "serve",
        &[
            ("TESSERA_LISTEN", "0.0.0.0:9000, unix:/run/tessera/tessera.sock"),
            ("TESSERA_PUBLIC_URL", "https://keys.example.com/"),
            ("TESSERA_INTERNAL_URL", "http://tessera:9000"),
            ("TESSERA_DATABASE_URL", "sqlite:/var/lib/tessera.db"),
            ("TESSERA_SMTP_URL", "smtp://user:hunter2@mail.example.com:587?tls=required"),
            ("TESSERA_MAIL_FROM", "Keys <keys@example.com>"),
            ("TESSERA_BRAND", "Lumen Keys"),
            ("TESSERA_TRUSTED_PROXIES", "10.0.0.0/8, unix, 192.0.2.7,::1"),
            ("TESSERA_KEY_HEADERS", "X-Auth-Token, X-Key"),
            ("TESSERA_SIGN_UP", "lumen.example, fern.example"),
            ("TESSERA_CREATE_ORGANIZATIONS", "instance-administrators"),
            ("TESSERA_KEYS_IN_MEMORY", "50000"),
            ("TESSERA_REQUESTS_PER_MINUTE", "60"),
            ("TESSERA_KEY_PREFIX", "acme"),
            ("TESSERA_ENVIRONMENTS", "yes"),
            ("TESSERA_MAX_KEYS", "1"),
            ("TESSERA_MAX_MASTER_TOKENS", "2"),
            ("TESSERA_MAX_WEBHOOKS", "3"),
            ("TESSERA_MAX_ORGANIZATIONS", "4"),
            ("TESSERA_MAX_INVITATIONS_PER_DAY", "5"),
            ("TESSERA_LEAK_SECRET", "hunter2-hunter2-hunter2-hunter2-hunter2"),
            ("TESSERA_WEBHOOK_NETWORKS", "10.1.0.0/16,fd00::/8"),
            ("TESSERA_METRICS_LISTEN", "127.0.0.1:9100"),
            ("TESSERA_LOG", "warn,tessera=debug"),
            ("TESSERA_LOG_FORMAT", "json"),
        ],
    );
    assert_eq!(config.listen.to_string(), "0.0.0.0:9000, unix:/run/tessera/tessera.sock");
    assert_eq!(config.public_url.join("/orgs"), "https://keys.example.com/orgs");
    assert_eq!(config.url_for_gateways().origin(), "http://tessera:9000");
    assert_eq!(config.database, DatabaseUrl::from(PathBuf::from("/var/lib/tessera.db")));
    assert!(config.smtp.as_ref().is_some_and(|url| url.expose().contains("hunter2")));
    assert!(config.leak_secret.as_ref().is_some_and(|secret| secret.expose().len() == 39));
    assert!(!format!("{config:?}").contains("hunter2"), "a password is never printed");
    assert_eq!(config.mail_from.to_string(), "Keys <keys@example.com>");
    assert_eq!(config.brand.as_str(), "Lumen Keys");
    let networks: Vec<_> = config.trusted_proxies.networks.iter().map(ToString::to_string).collect();
    assert_eq!(networks, ["10.0.0.0/8", "192.0.2.7/32", "::1/128"]);
    assert!(config.trusted_proxies.on_unix_sockets);
    assert_eq!(config.key_headers, ["x-auth-token", "x-key"]);
    assert_eq!(config.sign_up.value.to_string(), "lumen.example, fern.example");
    assert_eq!(config.founders.value, Founders::InstanceAdministrators);
    assert_eq!(config.keys_in_memory, 50_000);
    assert_eq!(config.requests_per_minute.get(), 60);
    let InstanceRules {
        key_prefix,
        has_environments,
        keys,
        master_tokens,
        webhooks,
        organizations,
        invitations_per_day,
    } = config.rules;
    assert_eq!((key_prefix.as_str(), has_environments), ("acme", true));
    assert_eq!([keys, master_tokens, webhooks, organizations, invitations_per_day], [1, 2, 3, 4, 5]);
    let networks: Vec<_> = config.webhook_networks.iter().map(ToString::to_string).collect();
    assert_eq!(networks, ["10.1.0.0/16", "fd00::/8"]);
    assert_eq!(config.metrics_listen.map(|address| address.port()), Some(9100));
    assert_eq!((config.log.as_str(), config.log_format), ("warn,tessera=debug", LogFormat::Json));
}

#[test]
fn a_flag_wins_over_its_variable_with_and_without_the_command() {
    for line in ["--listen 127.0.0.1:9001", "serve --listen 127.0.0.1:9001"] {
        let config = serve(line, &[("TESSERA_LISTEN", "127.0.0.1:9000")]);
        assert_eq!(config.listen.first_tcp().map(|address| address.port()), Some(9001), "{line}");
    }
}

#[test]
fn an_empty_variable_counts_as_not_set() {
    assert!(serve("", &[("TESSERA_SMTP_URL", ""), ("TESSERA_BRAND", "")]).smtp.is_none());
}

#[test]
fn the_public_url_follows_the_listener() {
    for (listen, url) in [
        ("0.0.0.0:80", "http://127.0.0.1"),
        ("[::]:8081", "http://127.0.0.1:8081"),
        ("[::1]:8081", "http://[::1]:8081"),
        ("192.0.2.1:8081", "http://192.0.2.1:8081"),
        ("unix:/run/tessera.sock,[::1]:8081,192.0.2.1:8081", "http://[::1]:8081"),
    ] {
        assert_eq!(serve("", &[("TESSERA_LISTEN", listen)]).public_url.origin(), url);
    }
}

#[test]
fn a_unix_socket_alone_needs_a_public_url() {
    let listen = ("TESSERA_LISTEN", "unix:/run/tessera.sock");
    let message = refused("serve", &[listen]);
    assert_eq!(message, "tessera: TESSERA_PUBLIC_URL must be set, since TESSERA_LISTEN names no IP address");
    let config = serve("", &[listen, ("TESSERA_PUBLIC_URL", "https://keys.example.com")]);
    assert_eq!((config.listen.to_string().as_str(), config.listen.first_tcp()), (listen.1, None));
}

#[test]
fn what_is_no_list_of_addresses_is_refused() {
    for listen in ["", "127.0.0.1:80,", "unix:", "unix:tessera.sock", "/run/tessera.sock", "localhost:80"] {
        let refused = Listen::parse(listen).expect_err(listen);
        assert!(refused.contains("unix:/run/tessera/tessera.sock"), "{refused}");
    }
    assert_eq!(TrustedProxies::parse("unix").map(|proxies| proxies.on_unix_sockets), Ok(true));
    for proxies in ["", "unix,", "unix,10.0.0.1/", "unix:/run/nginx.sock"] {
        assert!(TrustedProxies::parse(proxies).is_err(), "{proxies}");
    }
}

#[test]
fn the_default_sender_carries_the_brand_and_the_public_host() {
    let config = serve("", &[("TESSERA_BRAND", "Keys, Inc"), ("TESSERA_PUBLIC_URL", "https://a.example")]);
    assert_eq!(config.mail_from.to_string(), "\"Keys, Inc\" <no-reply@a.example>");
    let config = serve("", &[("TESSERA_PUBLIC_URL", "http://[::1]:8080")]);
    assert_eq!(config.mail_from.email.to_string(), "no-reply@localhost");
}

#[test]
fn a_public_url_knows_its_parts() {
    let url = ServerUrl::parse("https://Keys.Example.com:8443").expect("valid");
    assert_eq!(url.origin(), "https://keys.example.com:8443");
    assert_eq!(url.host(), "keys.example.com");
    assert_eq!((url.port(), url.known_port()), (Some(8443), 8443));
    let implied = ServerUrl::parse("https://keys.example.com:443").expect("valid");
    assert_eq!((implied.port(), implied.known_port()), (None, 443));
    assert!(url.is_https() && !url.is_loopback());
    for loopback in ["http://localhost:1", "http://a.localhost", "http://127.9.9.9", "http://[::1]"] {
        assert!(ServerUrl::parse(loopback).is_ok_and(|url| url.is_loopback()), "{loopback}");
    }
}

#[test]
fn demo_takes_only_the_database() {
    for (line, path) in [("demo", "tessera.db"), ("demo --database-url sqlite:demo.db", "demo.db")] {
        match parse_line(line, &[("TESSERA_LISTEN", "not read here")]) {
            Ok(Command::Demo { database, .. }) => assert_eq!(database.to_string(), path),
            other => panic!("expected the demo, got {other:?}"),
        }
    }
    assert_eq!(parse_line("demo --listen 127.0.0.1:1", &[]).expect_err("refused").code, 2);
}

#[test]
fn database_paths_are_read_with_and_without_prefix() {
    for (text, path) in [
        ("a b.db", "a b.db"),
        ("sqlite:data/t.db", "data/t.db"),
        ("sqlite://t.db", "t.db"),
        ("sqlite:///var/t.db", "/var/t.db"),
    ] {
        assert_eq!(DatabaseUrl::parse(text).expect(text).to_string(), path);
    }
}

#[test]
fn wrong_values_give_one_line_that_names_the_setting() {
    for (name, values) in [
        ("TESSERA_LISTEN", &["8080", "localhost:8080", "127.0.0.1", "127.0.0.1:99999"][..]),
        (
            "TESSERA_PUBLIC_URL",
            &[
                "example.com",
                "ftp://example.com",
                "https://example.com/a//b",
                "https://example.com?x=1",
                "https://example.com#x",
                "https://user@example.com",
            ],
        ),
        ("TESSERA_INTERNAL_URL", &["tessera:8080", "http://tessera:8080/auth", "http://user@tessera"]),
        ("TESSERA_DATABASE_URL", &[":memory:", "sqlite:", "mysql://host/db", "file:x.db"]),
        (
            "TESSERA_SMTP_URL",
            &[
                "mail.example.com",
                "http://mail.example.com",
                "smtp://h?tls=maybe",
                "smtp://user@h",
                "smtp://user:hunter2@ss#x@h",
            ],
        ),
        ("TESSERA_MAIL_FROM", &["nobody", "a@b@c", "A <a@example.com", "A\r\nBcc: x <a@example.com>"]),
        ("TESSERA_BRAND", &["a brand name that is far too long to be shown", "two\nlines"]),
        ("TESSERA_KEY_HEADERS", &["X-Key,", "X Key", "Cookie", "authorization"]),
        ("TESSERA_TRUSTED_PROXIES", &["10.0.0.0/33", "proxy.example.com", "10.0.0.1,"]),
        (
            "TESSERA_SIGN_UP",
            &[
                "opne",
                "Open",
                "everyone",
                "open, lumen.example",
                "lumen.example,",
                "lumen.example fern.example",
                "*.lumen.example",
                ".lumen.example",
                "@lumen.example",
                "dana@lumen.example",
                "lumen.example.",
                "localhost",
                "10.0.0.7",
                "https://lumen.example",
            ],
        ),
        ("TESSERA_CREATE_ORGANIZATIONS", &["nobody", "Everyone", "instance administrators", "admins"]),
        ("TESSERA_REQUESTS_PER_MINUTE", &["0", "1.5", "1000001", "many"]),
        ("TESSERA_KEY_PREFIX", &["a", "Acme", "ac_me", "acme_", "abcdefghijklmnopq"]),
        ("TESSERA_ENVIRONMENTS", &["on", "live,test", "Yes"]),
        ("TESSERA_MAX_KEYS", &["0", "1.5", "10000001", "many"]),
        ("TESSERA_MAX_MASTER_TOKENS", &["0", "1001"]),
        ("TESSERA_MAX_WEBHOOKS", &["0", "1001"]),
        ("TESSERA_MAX_ORGANIZATIONS", &["0", "1000001"]),
        ("TESSERA_MAX_INVITATIONS_PER_DAY", &["0", "1000001"]),
        ("TESSERA_KEYS_IN_MEMORY", &["0", "99", "10000001", "1e6", "many"]),
        (
            "TESSERA_LEAK_SECRET",
            &["hunter2", "hunter2 hunter2 hunter2 hunter2 hunter2", "ä".repeat(40).as_str()],
        ),
        ("TESSERA_LEAK_KEYS", &["/nowhere/keys.json", "/", "Cargo.toml"]),
        ("TESSERA_WEBHOOK_NETWORKS", &["10.0.0.0/33", "erp.internal", "10.0.0.1,"]),
        ("TESSERA_METRICS_LISTEN", &["9100", "localhost:9100"]),
        ("TESSERA_LOG", &["tessera=loud"]),
        ("TESSERA_LOG_FORMAT", &["JSON", "logfmt"]),
    ] {
        for value in values {
            let line = mistake(name, value);
            assert!(line.contains(" must be "), "says what is expected: {line}");
        }
    }
}

#[test]
fn a_postgresql_url_shows_no_password() {
    let text = "postgres://tessera:hunter%2F2@db.example:5433/keys?connect_timeout=3";
    let url = DatabaseUrl::parse(text).expect("a URL");
    assert_eq!(url.to_string(), "postgres://tessera@db.example:5433/keys");
    assert!(!format!("{url:?}").contains("hunter"), "{url:?}");
    let DatabaseUrl::Postgres(inside) = &url else { panic!("{url:?}") };
    assert_eq!(inside.expose(), text);
    assert_eq!(inside.secrets().collect::<Vec<_>>(), [text, "hunter%2F2", "hunter/2"]);
    let socket =
        DatabaseUrl::parse("postgresql:///keys?host=/var/run/postgresql&password=hunter2").expect("a URL");
    assert_eq!(socket.to_string(), "postgresql:///keys");

    for text in ["postgres://tessera:hunter2@ss#x@db/keys", "postgres://tessera:hunter2@db:port/keys"] {
        let line = mistake("TESSERA_DATABASE_URL", text);
        assert!(line.contains("must be postgres://") && !line.contains("hunter2"), "{line}");
    }
    for mode in ["require", "verify-ca", "verify-full"] {
        let text = format!("postgres://tessera:hunter2@db/keys?sslmode={mode}");
        let line = mistake("TESSERA_DATABASE_URL", &text);
        assert!(line.contains("without TLS") && !line.contains("hunter2"), "{line}");
    }
    for mode in ["disable", "prefer", "allow"] {
        assert!(DatabaseUrl::parse(&format!("postgres://db/keys?sslmode={mode}")).is_ok(), "{mode}");
    }
}

#[test]
fn a_mistake_never_repeats_a_password() {
    let url = "smtp://user:hunter2@mail.example.com?tls=sometimes";
    assert!(!mistake("TESSERA_SMTP_URL", url).contains("hunter2"));
    assert!(!mistake("TESSERA_LEAK_SECRET", "hunter2").contains("hunter2"));
    for line in [url.to_owned(), format!("serve {url}"), format!("--smtp={url}"), format!("demo {url}")] {
        let exit = parse_line(&line, &[]).expect_err("refused");
        assert_eq!(exit.code, 2);
        assert!(!exit.message.contains("hunter2") && !exit.message.contains('\n'), "{exit:?}");
    }
}

#[test]
fn unknown_and_unfinished_arguments_give_one_line() {
    for (line, message) in [
        ("--lisen x", "tessera: there is no --lisen, did you mean --listen?; see tessera --help"),
        ("wurzel", "tessera: there is no command or flag like wurzel; see tessera --help"),
        ("serv", "tessera: there is no serv, did you mean serve?; see tessera --help"),
        ("keys lst", "tessera: there is no lst, did you mean list?; see tessera --help"),
        ("--listen", "tessera: --listen <LIST> needs a value; see tessera --help"),
    ] {
        let exit = parse_line(line, &[]).expect_err(line);
        assert_eq!((exit.code, exit.message.as_str()), (2, message));
    }
}

#[test]
fn a_group_of_commands_alone_shows_what_is_in_it() {
    for group in ["keys", "members", "invitations", "activity", "users", "email"] {
        let exit = parse_line(group, &[]).expect_err(group);
        assert_eq!(exit.code, 2);
        assert!(exit.message.contains(&format!("Usage: tessera {group} ")), "{}", exit.message);
    }
}

#[test]
fn a_variable_that_is_no_setting_is_told_with_the_one_that_was_meant() {
    let names = ["TESSERA_DATABASE", "TESSERA_LISTEN", "TESSERA_TOKEN", "TESSERA_QQQ", "HOME", "tessera_log"];
    let unknown = super::unknown_variables(names.map(Into::into));
    let told: Vec<(&str, Option<&str>)> =
        unknown.iter().map(|unknown| (unknown.name.as_str(), unknown.similar.as_deref())).collect();
    assert_eq!(told, [("TESSERA_DATABASE", Some("TESSERA_DATABASE_URL")), ("TESSERA_QQQ", None)]);
}

#[test]
fn help_lists_every_setting_with_its_variable_and_default() {
    let exit = parse_line("serve --help", &[]).expect_err("help");
    assert_eq!(exit.code, 0);
    for name in [
        "LISTEN",
        "PUBLIC_URL",
        "INTERNAL_URL",
        "DATABASE_URL",
        "SMTP_URL",
        "MAIL_FROM",
        "BRAND",
        "TRUSTED_PROXIES",
        "KEY_HEADERS",
        "SIGN_UP",
        "CREATE_ORGANIZATIONS",
        "KEYS_IN_MEMORY",
        "REQUESTS_PER_MINUTE",
        "MAX_KEYS",
        "MAX_MASTER_TOKENS",
        "MAX_WEBHOOKS",
        "MAX_ORGANIZATIONS",
        "MAX_INVITATIONS_PER_DAY",
        "LEAK_SECRET",
        "LEAK_KEYS",
        "BACKUP_FOLDER",
        "BACKUP_HOURS",
        "BACKUP_KEEP",
        "BACKUP_BUCKET",
        "DRAIN_SECONDS",
        "CONFIG",
        "WEBHOOK_NETWORKS",
        "METRICS_LISTEN",
        "TLS_CERTIFICATE",
        "TLS_KEY",
        "LOG",
        "LOG_FORMAT",
    ] {
        assert!(exit.message.contains(&format!("[env: TESSERA_{name}]")), "{name}:\n{}", exit.message);
    }
    assert_eq!(exit.message.matches("[default: ").count(), 34);
    assert_eq!(parse_line("--version", &[]).expect_err("version").code, 0);
}

#[test]
fn a_client_call_knows_its_server_and_hides_its_token() {
    let call = |line: &str, environment: &[(&str, &str)]| match parse_line(line, environment) {
        Ok(Command::Client(call)) => *call,
        other => panic!("expected a client call, got {other:?}"),
    };
    let token = ("TESSERA_TOKEN", "tess_m_hunter2");
    let plain = call("keys list", &[token]);
    assert_eq!(plain.url, "http://127.0.0.1:8080");
    assert!(!plain.json && !format!("{plain:?}").contains("hunter2"));
    let url = ("TESSERA_URL", "https://keys.example.com/");
    assert_eq!(call("activity list", &[token, url]).url, "https://keys.example.com");
    assert_eq!(call("members --url http://[::1]:9 list", &[token, url]).url, "http://[::1]:9");
}

#[test]
fn a_wrong_server_or_token_is_never_repeated() {
    for (name, value) in [
        ("TESSERA_URL", "keys.example.com"),
        ("TESSERA_URL", "ftp://keys.example.com"),
        ("TESSERA_URL", "https://dana:hunter2@keys.example.com"),
        ("TESSERA_URL", "https://keys.example.com/?token=hunter2"),
        ("TESSERA_TOKEN", "tess_m_hunter2 and more"),
    ] {
        let token = ("TESSERA_TOKEN", "tess_m_hunter2");
        let exit = parse_line("keys list", &[(name, value), token]).expect_err(value);
        assert!(exit.code == 2 && exit.message.starts_with(&format!("tessera: {name} must be ")), "{exit:?}");
        assert!(!exit.message.contains("hunter2") && !exit.message.contains('\n'), "{exit:?}");
    }
}

#[test]
fn a_copy_names_two_databases_of_any_kind() {
    match parse_line("database copy --from sqlite:a.db --to postgres://u:hunter2@db/tessera", &[]) {
        Ok(Command::DatabaseCopy(call)) => {
            assert_eq!(call.from.to_string(), "a.db");
            assert_eq!(call.to.to_string(), "postgres://u@db/tessera");
        }
        other => panic!("expected a copy, got {other:?}"),
    }
    for line in [
        "--from a.db --to mysql://u:hunter2@db/x",
        "--from postgres://u:hunter2@db/x?sslmode=require --to a.db",
    ] {
        let exit = parse_line(&format!("database copy {line}"), &[]).expect_err(line);
        assert!(
            exit.code == 2 && !exit.message.contains("hunter2") && !exit.message.contains('\n'),
            "{exit:?}"
        );
    }
}

#[test]
fn a_test_email_has_the_settings_of_the_server() {
    let call = |line: &str, environment: &[(&str, &str)]| match parse_line(line, environment) {
        Ok(Command::EmailTest(call)) => *call,
        other => panic!("expected a test email, got {other:?}"),
    };
    let url = ("TESSERA_SMTP_URL", "smtps://mail.example.com");
    let public_url = ("TESSERA_PUBLIC_URL", "https://keys.example.com");
    let plain = call("email test dana@example.com", &[url, public_url, ("TESSERA_BRAND", "Keys")]);
    assert_eq!(plain.recipient, "dana@example.com");
    assert_eq!(plain.smtp.map(|smtp| smtp.expose().to_owned()).as_deref(), Some(url.1));
    assert_eq!(plain.mail_from.to_string(), "Keys <no-reply@keys.example.com>");
    assert_eq!(plain.public_url.origin(), public_url.1);
    let flag = "email test dana@example.com --smtp-url smtp://other.example --mail-from a@b.example";
    let flag = call(flag, &[url]);
    assert_eq!(flag.smtp.map(|smtp| smtp.expose().to_owned()).as_deref(), Some("smtp://other.example"));
    assert_eq!(flag.mail_from.to_string(), "a@b.example");
    assert!(call("email test dana@example.com", &[]).smtp.is_none());
    assert_eq!(parse_line("email test", &[]).expect_err("no address").code, 2);
}

#[test]
fn a_password_goes_over_tls_unless_one_says_otherwise() {
    for (given, used) in [
        ("smtp://user:hunter2@mail.example.com:587", "smtp://user:hunter2@mail.example.com:587?tls=required"),
        ("smtp://user:hunter2@mail.example.com?tls=none", "smtp://user:hunter2@mail.example.com"),
        ("smtp://user:hunter2@h?tls=opportunistic", "smtp://user:hunter2@h?tls=opportunistic"),
        ("smtps://user:hunter2@mail.example.com", "smtps://user:hunter2@mail.example.com"),
        ("smtp://127.0.0.1:2525", "smtp://127.0.0.1:2525"),
        ("smtp://127.0.0.1:2525?tls=none", "smtp://127.0.0.1:2525"),
    ] {
        assert_eq!(SmtpUrl::parse(given).map(|url| url.expose().to_owned()), Ok(used.to_owned()), "{given}");
    }
}

#[test]
fn what_a_mail_server_says_loses_the_password_in_every_form() {
    let url = SmtpUrl::parse("smtp://us%40er:hunter%2F2@mail.example.com").expect("a URL");
    // "hunter/2" as it is, as it stands in the URL, and as AUTH LOGIN and AUTH PLAIN send it.
    for form in ["hunter/2", "hunter%2F2", "aHVudGVyLzI=", "AHVzQGVyAGh1bnRlci8y"] {
        assert_eq!(url.without_password(&format!("535 no: {form} is wrong")), "535 no: <password> is wrong");
    }
    // A short one leaves the words around it alone.
    let text = |password: &str| {
        let url = SmtpUrl::parse(&format!("smtp://user:{password}@mail.example.com")).expect("a URL");
        url.without_password("535 a mailbox was not found (user=mail, auth=AHVzZXIAYQ==)")
    };
    assert_eq!(text("a"), "535 a mailbox was not found (user=mail, auth=<password>)");
    assert_eq!(text("mail"), "535 a mailbox was not found (user=<password>, auth=AHVzZXIAYQ==)");
    let open = SmtpUrl::parse("smtp://mail.example.com").expect("a URL");
    assert_eq!(open.without_password("250 fine"), "250 fine");
}

/// A folder with files, each a name and what is in it.
fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

/// The one line of a line of arguments that is refused.
fn refused(line: &str, environment: &[(&str, &str)]) -> String {
    let exit = parse_line(line, environment).expect_err(line);
    assert_eq!((exit.code, exit.message.contains('\n')), (2, false), "{exit:?}");
    exit.message
}

#[test]
fn a_flag_wins_over_the_environment_and_that_over_the_file() {
    let text = "listen = '127.0.0.1:1111'\nbrand = 'From file'\nmax_keys = 7\n\
                trusted_proxies = ['10.0.0.0/8', '192.0.2.7']\nlog = ''\n";
    let folder = folder(&[("tessera.toml", text)]);
    let file = folder.path().join("tessera.toml");
    let file = file.to_str().unwrap();
    let environment = [("TESSERA_CONFIG", file), ("TESSERA_BRAND", "From environment")];
    let config = serve("serve --listen 127.0.0.1:3333", &environment);
    assert_eq!(config.listen.to_string(), "127.0.0.1:3333");
    assert_eq!(config.brand.as_str(), "From environment");
    assert_eq!((config.rules.keys, config.trusted_proxies.networks.len()), (7, 2));
    assert_eq!(config.log.as_str(), "info", "what is empty counts as not set");

    for line in [format!("serve --config {file}"), format!("--config {file}")] {
        assert_eq!(serve(&line, &[]).brand.as_str(), "From file");
    }
    let Ok(Command::Config(settings)) =
        parse_line(&format!("config --config {file} --max-keys 9"), &environment[1..])
    else {
        panic!("the settings");
    };
    let origin_of = |name: &str| {
        let setting = settings.iter().find(|setting| setting.name == name).unwrap();
        (setting.value.as_str(), setting.origin.to_string())
    };
    assert_eq!(origin_of("TESSERA_MAX_KEYS"), ("9", "flag".to_owned()));
    assert_eq!(origin_of("TESSERA_BRAND"), ("From environment", "environment".to_owned()));
    assert_eq!(origin_of("TESSERA_LISTEN"), ("127.0.0.1:1111", file.to_owned()));
    assert_eq!(origin_of("TESSERA_PUBLIC_URL"), ("http://127.0.0.1:1111", "default".to_owned()));
    assert_eq!(origin_of("TESSERA_KEYS_IN_MEMORY"), ("1000000", "default".to_owned()));
}

#[test]
fn every_secret_comes_from_a_file_or_a_credential_too_and_from_one_place_alone() {
    for (name, value) in [
        ("TESSERA_SMTP_URL", "smtp://user:hunter2@mail.example.com?tls=required"),
        ("TESSERA_DATABASE_URL", "postgres://tessera:hunter2@db.example.com/tessera"),
        ("TESSERA_LEAK_SECRET", "hunter2-hunter2-hunter2-hunter2-hunter2"),
    ] {
        let by_file = format!("{name}_FILE");
        let folder = folder(&[(name, &format!("\u{feff}{value}\n")), ("wrong", "hunter2"), ("toml", "")]);
        let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
        let (file, directory) = (path(name), folder.path().to_str().unwrap());
        let directly = format!("{:?}", serve("", &[(name, value)]));
        assert_eq!(format!("{:?}", serve("", &[(&by_file, &file)])), directly);
        assert_eq!(format!("{:?}", serve("", &[("CREDENTIALS_DIRECTORY", directory)])), directly);

        let ways = [(name, value), (by_file.as_str(), file.as_str()), ("CREDENTIALS_DIRECTORY", directory)];
        for one in 0..ways.len() {
            for other in one + 1..ways.len() {
                let message = refused("", &[ways[one], ways[other]]);
                assert!(message.contains("is set twice") && !message.contains("hunter2"), "{message}");
            }
        }
        let missing = path("missing");
        let message = refused("", &[(&by_file, &missing)]);
        assert!(message.contains(&format!("{name} can't be read from {missing}")), "{message}");
        if name != "TESSERA_DATABASE_URL" {
            let message = refused("", &[(&by_file, &path("wrong"))]);
            assert!(message.contains(&path("wrong")) && !message.contains("hunter2"), "{message}");
        }

        // Nor is it shown where the settings are.
        let Ok(Command::Config(settings)) = parse_line("config", &[(&by_file, &file)]) else {
            panic!("settings")
        };
        let setting = settings.iter().find(|setting| setting.name == name).unwrap();
        assert_eq!(setting.origin.to_string(), file);
        assert!(!setting.value.contains("hunter2"), "{setting:?}");
        let names = [by_file.as_str().into()];
        assert_eq!(super::unknown_variables(names), []);
    }
}

#[test]
fn a_mistake_in_the_file_is_one_line_that_says_where() {
    let long = format!("brand = '{}'", "x".repeat(100_000));
    for (text, expected) in [
        ("brand = 'a'\nlisten = ", ", line 2: "),
        ("brand = 'a'\nbrand = 'b'", ", line 2: "),
        ("max_kyes = 7", ": max_kyes is no setting; did you mean max_keys?"),
        ("Brand = 'a'", ": Brand is no setting"),
        ("config = 'other.toml'", ": config is no setting"),
        ("smtp_url_file = 'x'", ": smtp_url_file is no setting"),
        ("[mail]\nbrand = 'a'", ": mail is no setting"),
        ("[brand]\nname = 'a'", ": brand must be a text, a number, true or false, or a list of texts"),
        ("trusted_proxies = [1]", ": trusted_proxies must be a text, a number, "),
        ("max_keys = 0", "TESSERA_MAX_KEYS, set in "),
        ("smtp_url = 'hunter2'", "TESSERA_SMTP_URL, set in "),
        (&long, "can't be read: it is too large"),
    ] {
        let folder = folder(&[("tessera.toml", text)]);
        let file = folder.path().join("tessera.toml");
        let message = refused(&format!("serve --config {}", file.display()), &[]);
        assert!(message.contains(expected) && message.contains("tessera.toml"), "{text}: {message}");
        assert!(!message.contains("hunter2"), "{message}");
    }
    assert!(refused("--config /nowhere/tessera.toml", &[]).contains("/nowhere/tessera.toml can't be read: "));
}

#[test]
fn without_a_setting_sign_up_is_open_on_loopback_alone() {
    for (listen, mode) in [
        ("127.0.0.1:0", SignUp::Open),
        ("127.8.9.10:0", SignUp::Open),
        ("[::1]:0", SignUp::Open),
        ("[::ffff:127.0.0.1]:0", SignUp::Open),
        ("0.0.0.0:0", SignUp::Invited),
        ("[::]:0", SignUp::Invited),
        ("192.0.2.7:0", SignUp::Invited),
        ("127.0.0.1:0,[::1]:0", SignUp::Open),
        ("127.0.0.1:0,192.0.2.7:0", SignUp::Invited),
        // Whoever reaches the proxy behind it.
        ("127.0.0.1:0,unix:/run/tessera.sock", SignUp::Invited),
    ] {
        let mut sign_up = serve("", &[("TESSERA_LISTEN", listen)]).sign_up;
        assert_eq!((&sign_up.value, &sign_up.origin), (&mode, &Origin::Default), "{listen}");
        assert!(sign_up.reason().starts_with("the default"), "{listen}");
        // A socket that was inherited counts by its own address.
        sign_up.follow_listener(&Listen::parse("127.0.0.1:1").unwrap());
        assert_eq!(sign_up.value, SignUp::Open, "{listen}");
        sign_up.follow_listener(&Listen::parse("0.0.0.0:1").unwrap());
        assert_eq!(sign_up.value, SignUp::Invited, "{listen}");
    }
    for (text, mode) in [("open", SignUp::Open), ("invited", SignUp::Invited), ("closed", SignUp::Closed)] {
        let mut sign_up = serve("", &[("TESSERA_SIGN_UP", text)]).sign_up;
        sign_up.follow_listener(&Listen::parse("0.0.0.0:1").unwrap());
        assert_eq!((&sign_up.value, sign_up.value.to_string().as_str()), (&mode, text));
        assert_eq!(sign_up.reason(), "set by TESSERA_SIGN_UP in the environment");
    }
}

#[test]
fn domains_of_sign_up_are_compared_in_one_form() {
    let Ok(SignUp::Domains(domains)) =
        SignUp::parse("Lumen.Example,  BÜCHER.example , xn--bcher-kva.example")
    else {
        panic!("domains")
    };
    let ascii: Vec<&str> = domains.iter().map(EmailDomain::as_ascii).collect();
    assert_eq!(ascii, ["lumen.example", "xn--bcher-kva.example"], "each is there once");
    let shown: Vec<&str> = domains.iter().map(EmailDomain::as_shown).collect();
    assert_eq!(shown, ["lumen.example", "bücher.example"]);
    assert!(
        mistake("TESSERA_SIGN_UP", "*.lumen.example").contains("a subdomain matches only where it is named")
    );
}

#[test]
fn where_sign_up_is_set_is_said() {
    let folder = folder(&[("tessera.toml", "sign_up = ['lumen.example', 'fern.example']")]);
    let file = folder.path().join("tessera.toml");
    let by_file = serve(&format!("serve --config {}", file.display()), &[]).sign_up;
    assert_eq!(by_file.value.to_string(), "lumen.example, fern.example");
    assert_eq!(by_file.reason(), format!("set by sign_up in {}", file.display()));
    let by_flag = serve("serve --sign-up closed --create-organizations everyone", &[]);
    assert_eq!(by_flag.sign_up.reason(), "set by the flag --sign-up");
    assert_eq!(by_flag.founders.reason(), "set by the flag --create-organizations");
    assert_eq!(serve("", &[]).founders.reason(), "the default");

    let shown = |environment: &[(&str, &str)]| {
        let Ok(Command::Config(settings)) = parse_line("config", environment) else { panic!("the settings") };
        let setting = settings.into_iter().find(|setting| setting.name == "TESSERA_SIGN_UP").unwrap();
        (setting.value, setting.origin)
    };
    assert_eq!(shown(&[]), ("open".to_owned(), Origin::Default));
    assert_eq!(shown(&[("TESSERA_LISTEN", "0.0.0.0:80")]), ("invited".to_owned(), Origin::Default));
    let set = shown(&[("TESSERA_SIGN_UP", "Fern.Example")]);
    assert_eq!(set, ("fern.example".to_owned(), Origin::Environment));
}

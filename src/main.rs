//! The command line.

use std::{io::Write, path::Path, process::ExitCode};

use indicatif::ProgressBar;
use tessera::{
    app::{self, Application, Finding, ImportMistake, ImportOutcome, StartError, UsersOutcome, Verdict},
    bench, client,
    clock::Clock,
    config::{
        self, AccountChange, BackupCall, Command, Config, CopyCall, DatabaseUrl, Effective, EmailTestCall,
        ImportCall, ImportVerb, LogFormat, MaintenanceCall, MigrateCall, RestoreCall, UsersCall, UsersVerb,
    },
    db::{self, Backup, CopiedTable, Db, DbError, Restored},
    domain::{
        api_keys::Taken,
        demo::{LOG_IN_EMAIL, OPERATOR_EMAIL},
        instance::{ImportedKeys, Person},
        maintenance::Maintenance,
        names::is_unprintable,
        nodes::ListedNode,
    },
    hex,
    import::Line,
    web::{api::openapi, display, routes::ROUTES},
};

fn main() -> ExitCode {
    match config::parse(std::env::args_os()) {
        Ok(Command::Serve(config)) => serve(*config),
        Ok(Command::Demo { database, is_instance }) => demo(&database, is_instance),
        Ok(Command::Nodes { database }) => nodes(&database),
        Ok(Command::Config(settings)) => print_settings(&settings),
        Ok(Command::Check(config)) => check(&config),
        Ok(Command::Health { listen, has_tls }) => client::ask_health(&listen, has_tls),
        Ok(Command::Bench(plan)) => bench(bench::run(&plan, &mut std::io::stdout())),
        Ok(Command::BenchAttacks(round)) => bench(bench::attacks::run(round, &mut std::io::stdout())),
        Ok(Command::BenchNodes(plan)) => bench(bench::nodes::run(&plan, &mut std::io::stdout())),
        Ok(Command::Users(call)) => users(&call),
        Ok(Command::Maintenance(call)) => maintenance(&call),
        Ok(Command::Import(call)) => import(&call),
        Ok(Command::Migrate(call)) => migrate(&call),
        Ok(Command::Backup(call)) => back_up(&call),
        Ok(Command::Restore(call)) => restore(&call),
        Ok(Command::DatabaseCopy(call)) => copy_database(&call),
        Ok(Command::EmailTest(call)) => test_email(&call),
        Ok(Command::OpenApi) => {
            print(&mut std::io::stdout(), &format!("{:#}", openapi::describe(ROUTES, "/")))
        }
        Ok(Command::Client(call)) => client::run(&call),
        Ok(Command::Manual(folder)) => write_manual(&folder),
        Ok(Command::Completions(shell)) => write(&mut std::io::stdout(), &config::completions(shell)),
        Err(exit) => exit.report(),
    }
}

/// Writes the manual pages.
fn write_manual(folder: &Path) -> ExitCode {
    match config::write_manual(folder) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let text =
                format!("tessera: the manual pages could not be written to {}: {error}", folder.display());
            print(&mut std::io::stderr(), &text);
            ExitCode::FAILURE
        }
    }
}

/// Fills an empty database with an example and prints how to log in.
fn demo(database: &DatabaseUrl, is_instance: bool) -> ExitCode {
    if client::stdout_leads_nowhere() {
        let text = "tessera: standard output is closed or /dev/null, but the password is shown only once; nothing was done";
        print(&mut std::io::stderr(), text);
        return ExitCode::from(2);
    }
    match app::fill_with_example(database, is_instance, &Clock::System) {
        Ok(password) => {
            let operator = if is_instance {
                format!("\n\nThe instance administrator is {OPERATOR_EMAIL}, with the same password.")
            } else {
                String::new()
            };
            let text = format!(
                "Created the example organization “Lumen Logistics” in {}.\n\n  Email     {LOG_IN_EMAIL}\n  Password  {}{operator}\n\n\
                 Now run “tessera serve” with the same database and log in.",
                database,
                password.expose()
            );
            print(&mut std::io::stdout(), &text)
        }
        Err(error) => fail(&*error),
    }
}

/// Prints the servers that use a database, those that are there first.
fn nodes(database: &DatabaseUrl) -> ExitCode {
    const COLUMNS: &[client::Column<ListedNode>] = &[
        ("Node", |listed| listed.node.name.clone()),
        ("State", |listed| if listed.is_live { "live" } else { "silent" }.to_owned()),
        ("Version", |listed| listed.node.version.clone()),
        ("Changes behind", |listed| listed.behind.to_string()),
        ("Since (UTC)", |listed| display::iso(&listed.node.started_at)),
        ("Last seen (UTC)", |listed| display::iso(&listed.node.seen_at)),
    ];
    match app::nodes(database) {
        Ok(nodes) => print(&mut std::io::stdout(), &client::table(&nodes.list(), COLUMNS)),
        Err(error) => fail(&error),
    }
}

/// Prints what the server would have, and whence.
fn print_settings(settings: &[Effective]) -> ExitCode {
    const COLUMNS: &[client::Column<Effective>] = &[
        ("Setting", |setting| setting.name.clone()),
        ("Value", |setting| setting.value.clone()),
        ("From", |setting| setting.origin.to_string()),
    ];
    print(&mut std::io::stdout(), &client::table(settings, COLUMNS))
}

/// Prints what was tried as soon as it was; fails where the server would.
fn check(config: &Config) -> ExitCode {
    let findings =
        actix_web::rt::System::new().block_on(app::check(config, &Clock::System, |finding: &Finding| {
            let Finding { subject, verdict, words } = finding;
            print(&mut std::io::stdout(), &format!("{:<6} {subject}: {words}", verdict.word()));
        }));
    if findings.iter().any(|finding| finding.verdict == Verdict::Wrong) {
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

/// Applies the migrations that a start would apply, or only says which.
fn migrate(MigrateCall { database, is_rehearsal }: &MigrateCall) -> ExitCode {
    let found = db::look_at(database).and_then(|state| {
        if !is_rehearsal {
            Db::open_alone(database)?;
        }
        Ok(state.pending_migrations)
    });
    let said = match found {
        Ok(None) if *is_rehearsal => format!("{database} is not there yet; a start creates it."),
        Ok(None) => format!("Created {database}."),
        Ok(Some(pending)) if pending.is_empty() => format!("{database} has the schema of this version."),
        Ok(Some(pending)) => {
            let what = if *is_rehearsal { "A start would apply" } else { "Applied" };
            format!("{what} to {database}:\n  {}", pending.join("\n  "))
        }
        Err(error) => return fail(&error),
    };
    print(&mut std::io::stdout(), &said)
}

/// Writes a backup, and prints what tells it from others.
fn back_up(BackupCall { database, file }: &BackupCall) -> ExitCode {
    let bar = bench::progress("backing up", 0);
    let made = db::back_up(database, file, &|done, total| {
        bar.set_length(total);
        bar.set_position(done);
    });
    bar.finish_and_clear();
    match made {
        Ok(Backup { bytes, digest }) => {
            let text = format!(
                "Backed up {database} to {}.\n\n  Size     {} bytes\n  SHA-256  {}\n\nIts integrity was checked.",
                file.display(),
                display::thousands(&i64::try_from(bytes).unwrap_or(i64::MAX)),
                hex::of(&digest)
            );
            print(&mut std::io::stdout(), &text)
        }
        Err(error) => fail(&error),
    }
}

/// Puts a backup in place, and prints what that means.
fn restore(RestoreCall { file, database }: &RestoreCall) -> ExitCode {
    match db::restore(file, database, Clock::System.now()) {
        Ok(Restored { kept, pending_migrations }) => {
            let kept = kept.map_or_else(String::new, |kept| {
                format!("\nThe database that was there is kept as {}.", kept.display())
            });
            let upgraded = if pending_migrations.is_empty() { "" } else { " The next start upgrades it." };
            let text = format!(
                "Restored {database} from {}.{upgraded}{kept}\n\n\
                 What changed after the backup is undone: keys that were deactivated or removed since then work \
                 again, and passwords and sessions are those of that time.",
                file.display()
            );
            print(&mut std::io::stdout(), &text)
        }
        Err(error) => fail(&error),
    }
}

/// Copies a database, and prints what was copied and how to go on with it.
fn copy_database(CopyCall { from, to }: &CopyCall) -> ExitCode {
    const COLUMNS: &[client::Column<CopiedTable>] = &[
        ("Table", |table| table.name.clone()),
        ("Rows", |table| table.rows.to_string()),
        ("SHA-256", CopiedTable::short_digest),
    ];
    let bar = bench::progress("copying", 0);
    let copied = db::copy(from, to, &mut |progress| {
        bar.set_length(progress.total);
        bar.set_position(progress.done);
    });
    bar.finish_and_clear();
    match copied {
        Ok(tables) => {
            let rows: u64 = tables.iter().map(|table| table.rows).sum();
            let password = match to {
                DatabaseUrl::Sqlite(_) => "",
                DatabaseUrl::Postgres(_) => " (with its password, if it has one)",
            };
            let text = format!(
                "{}\n\nCopied {rows} rows from {from} to {to}. Both have the same rows and digests.\n\
                 Start Tessera with TESSERA_DATABASE_URL={to}{password}.",
                client::table(&tables, COLUMNS)
            );
            print(&mut std::io::stdout(), &text)
        }
        Err(error) => fail(&error),
    }
}

/// Prints what the mail server returned.
fn test_email(call: &EmailTestCall) -> ExitCode {
    match app::send_test_email(call, &Clock::System) {
        Ok(answer) => {
            let text = format!("Sent to {}. The mail server returned: {answer}", call.recipient);
            print(&mut std::io::stdout(), &text)
        }
        Err(error) => fail(&*error),
    }
}

/// Does something with accounts; a link is printed this once.
fn users(call: &UsersCall) -> ExitCode {
    let makes_link = matches!(call.verb, UsersVerb::Create { .. } | UsersVerb::Link { .. });
    if makes_link && client::stdout_leads_nowhere() {
        let text = "tessera: standard output is closed or /dev/null, but the link is shown only once; nothing was done";
        print(&mut std::io::stderr(), text);
        return ExitCode::from(2);
    }
    match app::manage_users(call, &Clock::System) {
        Ok(UsersOutcome::People(people)) => print(&mut std::io::stdout(), &client::table(&people, PEOPLE)),
        Ok(UsersOutcome::Link(url, link)) => {
            let until = display::date_time_utc(&link.expires_at);
            let about = format!("For {}, works once until {until}:", link.user.email);
            print(&mut std::io::stderr(), &about);
            print(&mut std::io::stdout(), &url)
        }
        Ok(UsersOutcome::Changed(user, change)) => {
            let what = match change {
                AccountChange::LogOut => "logged out all sessions of",
                AccountChange::Disable => "deactivated",
                AccountChange::Enable => "activated",
                AccountChange::Delete => "deleted",
                AccountChange::Promote => "instance administrator now:",
                AccountChange::Demote => "not an instance administrator now:",
            };
            print(&mut std::io::stderr(), &format!("{what} {}", user.email))
        }
        Err(error) => fail(&*error),
    }
}

/// Switches maintenance, and prints what holds from now on.
fn maintenance(call: &MaintenanceCall) -> ExitCode {
    match app::manage_maintenance(call, &Clock::System) {
        Ok(Some(Maintenance { message, ends_at, .. })) => {
            let until =
                ends_at.map(|at| format!(" until {}", display::date_time_utc(&at))).unwrap_or_default();
            let message = message.map(|text| format!("\n\n  {text}")).unwrap_or_default();
            print(&mut std::io::stdout(), &format!("Maintenance is on{until}.{message}"))
        }
        Ok(None) => print(&mut std::io::stdout(), "Maintenance is off."),
        Err(error) => fail(&*error),
    }
}

/// Takes over keys and prints what became of each, or how many have called since.
fn import(call: &ImportCall) -> ExitCode {
    const COLUMNS: &[client::Column<ImportedKeys>] = &[
        ("From", |keys| keys.source.as_str().to_owned()),
        ("Keys", |keys| display::thousands(&keys.keys)),
        ("Used since", |keys| display::thousands(&keys.called)),
        ("First import (UTC)", |keys| display::iso(&keys.first_at)),
        ("Last import (UTC)", |keys| display::iso(&keys.last_at)),
    ];
    let mut printed = PrintedImport { bar: bench::progress("importing", 0), is_dry_run: is_dry_run(call) };
    let outcome = app::import(call, &Clock::System, &mut printed);
    printed.bar.finish_and_clear();
    match outcome {
        Ok(ImportOutcome::Status(sources)) => {
            let sum = |number: fn(&ImportedKeys) -> i64| {
                display::thousands(&sources.iter().map(number).sum::<i64>())
            };
            let (called, keys) = (sum(|keys| keys.called), sum(|keys| keys.keys));
            let text = match sources.as_slice() {
                [] => "No keys were imported.".to_owned(),
                _ => format!(
                    "{}\n\n{called} of {keys} have called since the import.",
                    client::table(&sources, COLUMNS)
                ),
            };
            print(&mut std::io::stdout(), &text)
        }
        Ok(ImportOutcome::Keys(report)) => {
            let would = if printed.is_dry_run { "would be " } else { "" };
            let [imported, here, rejected, without] =
                [report.imported, report.already_here, report.rejected, report.without_limits]
                    .map(|number| display::thousands(&i64::try_from(number).unwrap_or(i64::MAX)));
            let limits = match report.without_limits {
                0 => String::new(),
                _ => format!(
                    "\n{without} {would}imported without their limits; --take-limits imports those, too"
                ),
            };
            print(
                &mut std::io::stderr(),
                &format!(
                    "{imported} {would}imported, {here} here already, {rejected} {would}rejected{limits}"
                ),
            );
            if report.rejected == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(error) => {
            let status = fail(&*error);
            if error.is::<ImportMistake>() { ExitCode::from(2) } else { status }
        }
    }
}

fn is_dry_run(call: &ImportCall) -> bool {
    matches!(&call.verb, ImportVerb::Keys(keys) if keys.is_dry_run)
}

/// Prints each line of an import, and how far it is.
struct PrintedImport {
    bar: ProgressBar,
    is_dry_run: bool,
}

impl app::Progress for PrintedImport {
    fn line(&mut self, line: &Line, taken: &Taken) {
        let name = line.name.as_deref().unwrap_or("-");
        let text = match taken {
            Taken::Imported(name) if self.is_dry_run => format!("{}: would be imported: {name}", line.number),
            Taken::Imported(name) => format!("{}: imported: {name}", line.number),
            Taken::AlreadyHere(here) => format!("{}: here already: {name}: {here}", line.number),
            Taken::Rejected(reason) => format!("{}: rejected: {name}: {reason}", line.number),
        };
        // Names of a file may hold what a terminal obeys, or what shows them as another text.
        let text: String = text.chars().filter(|sign| !sign.is_control() && !is_unprintable(*sign)).collect();
        self.bar.suspend(|| print(&mut std::io::stdout(), &text));
    }

    fn done(&mut self, lines: usize, total: usize) {
        self.bar.set_length(total.try_into().unwrap_or(u64::MAX));
        self.bar.set_position(lines.try_into().unwrap_or(u64::MAX));
    }
}

/// What `tessera users list` shows of somebody.
const PEOPLE: &[client::Column<Person>] = &[
    ("Email", |person| person.user.email.clone()),
    ("Name", |person| person.user.name.clone()),
    ("State", |person| {
        match &person.user {
            user if user.is_deactivated() => "deactivated",
            user if !user.is_verified() => "not confirmed",
            _ => "active",
        }
        .to_owned()
    }),
    ("Instance administrator", |person| {
        if person.administrator_since.is_some() { "yes" } else { "no" }.to_owned()
    }),
    ("Organizations", |person| person.organizations.to_string()),
    ("Last active (UTC)", |person| {
        person.user.last_active_at.map_or_else(|| "never".to_owned(), |at| display::iso(&at))
    }),
];

fn bench(measured: Result<(), bench::BenchError>) -> ExitCode {
    match measured {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&*error),
    }
}

/// One line, whatever is logged.
fn fail(error: &(dyn std::error::Error + 'static)) -> ExitCode {
    print(&mut std::io::stderr(), &format!("tessera: {error}"));
    status_of(error)
}

/// 2, as for any wrong setting, where the database or the certificate that was named cannot be used.
fn status_of(error: &(dyn std::error::Error + 'static)) -> ExitCode {
    let is_setting =
        matches!(error.downcast_ref(), Some(StartError::Db(DbError::Open(_)) | StartError::Tls(_)))
            || matches!(error.downcast_ref(), Some(DbError::Open(_)));
    if is_setting { ExitCode::from(2) } else { ExitCode::FAILURE }
}

fn write(to: &mut impl Write, bytes: &[u8]) -> ExitCode {
    if to.write_all(bytes).is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn print(to: &mut impl Write, text: &str) -> ExitCode {
    if writeln!(to, "{text}").is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn serve(config: Config) -> ExitCode {
    app::start_log(&config);
    let log_format = config.log_format;
    for config::UnknownVariable { name, similar } in
        config::unknown_variables(std::env::vars_os().map(|(name, _)| name))
    {
        match similar {
            Some(similar) => tracing::warn!("{name} is no setting and is ignored; did you mean {similar}?"),
            None => tracing::warn!("{name} is no setting and is ignored; see tessera serve --help"),
        }
    }
    let public_url = config.public_url.join("/");
    let database = config.database.to_string();
    let served = actix_web::rt::System::new().block_on(async {
        let application = Application::build(config, Clock::System).await?;
        let emails = match () {
            () if application.sends_no_mail() => "cannot be sent",
            () if application.keeps_mail() => "are kept in the local mailbox",
            () => "go to the mail server",
        };
        tracing::info!("Tessera {}, database {database}, emails {emails}", env!("CARGO_PKG_VERSION"));
        tracing::info!("listening on {}, open {public_url}", application.addresses());
        if let Some(address) = application.metrics_address() {
            tracing::info!("metrics at http://{address}/metrics, for everyone who reaches it");
        }
        tracing::info!("sign-up: {}", application.sign_up());
        if application.is_open_by_default_to_strangers() {
            tracing::warn!(
                "everyone who opens {public_url} can sign up; set TESSERA_SIGN_UP to open, invited, closed or a list \
                 of email domains"
            );
        }
        if application.sends_no_mail() {
            tracing::warn!(
                "no mail server configured, and the local mailbox is only shown on loopback: nobody can confirm \
                 their email or be invited by email until TESSERA_SMTP_URL is set"
            );
        }
        if let Some(url) = application.setup_url() {
            tracing::info!("no instance administrator yet; to become the first, open {url}");
        }
        application.run().await?;
        Ok::<_, Box<dyn std::error::Error>>(())
    });
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if log_format == LogFormat::Json => {
            tracing::error!("{error}");
            status_of(&*error)
        }
        Err(error) => fail(&*error),
    }
}

//! `tessera email test`: whether emails go out, by the settings that the server has.

use super::instance::{Output, run};
use crate::smtp::SmtpSink;

/// Runs the command with this mail server set, off the thread on which the sink answers.
async fn test(recipient: &'static str, smtp_url: &str) -> Output {
    let smtp_url = smtp_url.to_owned();
    let run_it = move || {
        let folder = tempfile::tempdir().expect("a folder");
        let variables = [
            ("TESSERA_SMTP_URL", smtp_url.as_str()),
            ("TESSERA_PUBLIC_URL", "https://keys.example.com"),
            ("TESSERA_BRAND", "Lumen Keys"),
        ];
        let output = run(folder.path(), &["email", "test", recipient], &variables);
        assert_eq!(std::fs::read_dir(folder.path()).expect("the folder").count(), 0, "it left a file");
        output
    };
    tokio::task::spawn_blocking(run_it).await.expect("the command ends")
}

#[tokio::test]
async fn a_test_email_arrives_and_what_the_server_said_is_printed() {
    let sink = SmtpSink::start().await;
    let output = test("dana@lumen.example", &sink.url()).await;
    assert_eq!((output.status, output.stderr.as_str()), (Some(0), ""), "{output:?}");
    assert_eq!(output.stdout, "Sent to dana@lumen.example. The mail server returned: 250 taken\n");
    let mail = sink.wait_for_mail_to("dana@lumen.example").await;
    assert_eq!(mail.subject, "Test email from Lumen Keys");
    assert!(mail.header("from").contains("no-reply@keys.example.com"), "{mail:?}");
    assert!(mail.text.contains("https://keys.example.com"), "{mail:?}");
}

#[tokio::test]
async fn a_failure_is_one_line_that_says_why_and_never_the_password() {
    let sink = SmtpSink::start().await;
    sink.refuse_next(1, "550 5.7.1 not from here");
    let repeats = SmtpSink::start().await;
    repeats.repeat_log_ins();
    let with_password = repeats.url().replace("smtp://", "smtp://dana:hunter2@") + "?tls=none";
    let down = SmtpSink::start().await;
    down.set_down(true);
    for (recipient, url, told) in [
        ("dana@lumen.example", "", "no mail server configured; set TESSERA_SMTP_URL"),
        ("dana@lumen.example", &sink.url(), "the email was not sent: 550 5.7.1 not from here"),
        (
            "dana@lumen.example",
            &with_password,
            "the email was not sent: 535 5.7.8 wrong: AUTH PLAIN <password>",
        ),
        ("dana@lumen.example", &down.url(), "the email was not sent: the mail server failed: "),
        ("dana@lumen.example", "smtp://127.0.0.1:1", "Connection refused"),
        ("nowhere", &sink.url(), "email"),
    ] {
        let output = test(recipient, url).await;
        assert_eq!((output.status, output.stdout.as_str()), (Some(1), ""), "{url}: {output:?}");
        assert!(output.stderr.starts_with("tessera: ") && output.stderr.contains(told), "{url}: {output:?}");
        assert_eq!(output.stderr.lines().count(), 1, "{url}: {output:?}");
    }
}

//! Runs a journey: lends it a browser and a server of its own, and keeps the evidence when it fails.

use super::browser::{self, FAILURES, JavaScript};
use super::console;
use super::page::Page;
use super::server::Server;
use std::sync::{Arc, LazyLock, mpsc};
use thirtyfour::WebDriver;
use tokio::runtime::Builder;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::task::{LocalSet, spawn_local};

/// What a journey works with.
pub(crate) struct Stage {
    pub(crate) page: Page,
    pub(crate) server: Arc<Server>,
}

type Job = Box<dyn FnOnce() + Send>;

/// All journeys share one thread and runtime, because the browsers' connections live as long as theirs. Whatever
/// is sent here may spawn local tasks there.
static RUNTIME: LazyLock<UnboundedSender<Job>> = LazyLock::new(|| {
    let (sender, mut jobs) = unbounded_channel::<Job>();
    std::thread::spawn(move || {
        let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
        LocalSet::new().block_on(&runtime, async move {
            while let Some(job) = jobs.recv().await {
                job();
            }
        });
    });
    sender
});

/// Declares the two tests of each journey, with JavaScript and without.
#[macro_export]
macro_rules! with_and_without_javascript {
    ($($journey:ident),+ $(,)?) => {
        $($crate::journey_test!($journey, with_javascript: On, without_javascript: Off);)+
    };
}

/// Declares the tests of journeys about what only JavaScript brings.
#[macro_export]
macro_rules! with_javascript_only {
    ($($journey:ident),+ $(,)?) => {
        $($crate::journey_test!($journey, with_javascript: On);)+
    };
}

/// Declares the tests of journeys about what takes the place of JavaScript.
#[macro_export]
macro_rules! without_javascript_only {
    ($($journey:ident),+ $(,)?) => {
        $($crate::journey_test!($journey, without_javascript: Off);)+
    };
}

/// Declares the tests of one journey, for the macros above.
#[macro_export]
macro_rules! journey_test {
    ($journey:ident, $($test:ident: $mode:ident),+) => {
        mod $journey {
            $(#[test]
            fn $test() {
                let name = concat!(stringify!($journey), "-", stringify!($test));
                $crate::support::stage::run(name, $crate::support::browser::JavaScript::$mode, super::$journey);
            })+
        }
    };
}

/// Runs one journey to its end in the browser of `mode`.
pub(crate) fn run<F>(name: &'static str, mode: JavaScript, journey: impl FnOnce(Stage) -> F + Send + 'static)
where
    F: Future<Output = ()> + 'static,
{
    let (sender, outcome) = mpsc::channel();
    let job = move || {
        spawn_local(async move {
            let outcome = spawn_local(perform(name, mode, journey)).await;
            let _ = sender.send(outcome.unwrap_or_else(|panic| Err(panic.to_string())));
        });
    };
    RUNTIME.send(Box::new(job)).expect("the runtime runs");
    if let Err(evidence) = outcome.recv().expect("the runtime runs") {
        panic!("{evidence}");
    }
}

/// The journey's outcome; the error tells where the evidence lies.
async fn perform<F>(
    name: &'static str,
    mode: JavaScript,
    journey: impl FnOnce(Stage) -> F,
) -> Result<(), String>
where
    F: Future<Output = ()> + 'static,
{
    let server = Arc::new(Server::start().await);
    let mut slot = browser::borrow(mode).await;
    let browser = slot.as_ref().expect("a borrowed browser").clone();
    let page = Page::new(browser.clone(), server.url.clone());
    let stage = Stage { page: page.clone(), server: server.clone() };
    let mut failure = spawn_local(journey(stage)).await.err().map(|_| "it panicked, see above".to_owned());
    if failure.is_none() {
        let complaints = console::complaints(&browser).await;
        failure =
            (!complaints.is_empty()).then(|| format!("the console complains:\n{}", complaints.join("\n")));
    }
    let Some(failure) = failure else {
        return Ok(());
    };
    let evidence = keep_evidence(name, &browser, &page, &server).await;
    // The next journey starts with a new browser.
    *slot = None;
    let _ = browser.quit().await;
    Err(format!("{name}: {failure}\n{evidence}"))
}

/// Saves screenshot, page source and server log; returns the way the journey came.
async fn keep_evidence(name: &str, browser: &WebDriver, page: &Page, server: &Server) -> String {
    let _ = std::fs::create_dir_all(&*FAILURES);
    let place = FAILURES.join(name);
    let _ = browser.screenshot(&place.with_extension("png")).await;
    let _ = std::fs::write(place.with_extension("html"), browser.source().await.unwrap_or_default());
    let _ = std::fs::write(place.with_extension("log"), server.log());
    let address = browser.current_url().await.map(|url| url.to_string()).unwrap_or_default();
    format!("at {address}\nsaved as {}.png, .html and .log\n{}", place.display(), page.trail())
}

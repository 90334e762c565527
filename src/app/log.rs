//! What becomes of what is logged: lines of text, or of JSON for whoever collects them.

use std::{io, panic};

use tracing::{
    Event, Level, Subscriber,
    field::{self, Field, Visit},
};
use tracing_subscriber::{
    EnvFilter, Layer,
    layer::{Context, SubscriberExt as _},
    util::SubscriberInitExt as _,
};

use crate::config::{Config, LogFormat};

/// From now on writes what is logged to standard error, as the settings say. Once in a process.
pub fn start_log(config: &Config) {
    let lines = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new(config.log.as_str()))
        .with_writer(io::stderr)
        .with_ansi(false);
    match config.log_format {
        LogFormat::Text => lines.finish().with(WithoutFaultsOfClients).init(),
        LogFormat::Json => {
            let lines = lines.json().flatten_event(true).with_current_span(true).with_span_list(false);
            lines.finish().with(WithoutFaultsOfClients).init();
            log_panics();
        }
    }
}

/// Otherwise they are several lines of text among the others.
fn log_panics() {
    panic::set_hook(Box::new(|panic| {
        let cause = panic.payload_as_str().unwrap_or_default();
        tracing::error!(cause, at = panic.location().map(field::display), "a thread panicked");
    }));
}

/// actix-http calls it an error when what arrives is no request, and h2 warns of frames that break the rules. Anybody
/// can send that, and a log that strangers can fill hides what matters. The rest of what they say is kept.
struct WithoutFaultsOfClients;

impl<S: Subscriber> Layer<S> for WithoutFaultsOfClients {
    fn event_enabled(&self, event: &Event<'_>, _: Context<'_, S>) -> bool {
        let (target, level) = (event.metadata().target(), event.metadata().level());
        let mut is_fault = IsFaultOfClient(target.starts_with("h2::") && *level <= Level::WARN);
        if target == "actix_http::h1::dispatcher" {
            event.record(&mut is_fault);
        }
        !is_fault.0
    }
}

struct IsFaultOfClient(bool);

impl Visit for IsFaultOfClient {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        self.0 |= field.name() == "message" && format!("{value:?}").starts_with("stream error: ");
    }
}

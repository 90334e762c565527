//! The tab "Import": keys of other systems, previewed and taken over; and how many have called since.

use std::sync::Arc;

use actix_web::{HttpResponse, http::StatusCode};
use askama::Template;
use serde::Deserialize;

use super::{Frame, Tab};
use crate::{
    domain::{
        access::Operator,
        api_keys::{ImportPlan, Taken},
        instance::{self, Destination, Import, ImportReport, ImportedKeys, InstanceError},
    },
    import::{self, Line},
    page,
    vocabulary::ImportFormat,
    web::{
        compression::HoldsNoSecret,
        display,
        error::AppError,
        filters,
        form::{FieldErrors, Submitted},
        shell::Shell,
        view,
        visit::Visit,
    },
};

/// Lines in one transaction, so that whoever else writes does not wait for long.
const LINES_AT_ONCE: usize = 500;

/// Lines that are shown; those that are rejected come first.
const LINES_SHOWN: usize = 200;

/// Bytes of text that are taken from the page.
const MAX_TEXT: usize = 1_000_000;

/// `GET /instance/import`.
#[derive(Template)]
#[template(path = "instance/import.html", blocks = ["title", "content", "tabs", "panel"])]
struct ImportTab {
    shell: Shell,
    frame: Frame,
    sources: Vec<ImportedKeys>,
    form: ImportForm,
    errors: FieldErrors,
    outcome: Option<Outcome>,
}

page!(ImportTab);

/// What was pasted, and how it is to be taken over.
#[derive(Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ImportForm {
    format: String,
    organization: String,
    /// The file. It may hold keys in the clear.
    keys: String,
    take_limits: Option<String>,
    step: Step,
}

/// Which button was pressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Step {
    #[default]
    Preview,
    Import,
}

/// What became of the lines, or would.
struct Outcome {
    is_preview: bool,
    report: ImportReport,
    lines: Vec<OutcomeLine>,
    hidden: usize,
}

struct OutcomeLine {
    number: usize,
    name: String,
    taken: Taken,
}

/// A file that can be read, and where its keys go.
struct Readable {
    lines: Arc<Vec<Line>>,
    destination: Destination,
    plan: ImportPlan,
}

/// Shows the tab.
pub async fn index(visit: Visit<Operator>) -> Result<HttpResponse, AppError> {
    show(&visit, ImportForm::default(), FieldErrors::default(), None).await
}

/// Shows what an import would do, or imports; with 422 what needs a change.
pub async fn submit(visit: Visit<Operator, Submitted<ImportForm>>) -> Result<HttpResponse, AppError> {
    let (visit, Submitted(form)) = visit.split();
    let readable = match read(&visit, &form).await? {
        Ok(readable) => readable,
        Err(errors) => return show(&visit, form, errors, None).await,
    };
    let (lines, takes_limits) = (readable.lines.clone(), readable.plan.takes_limits);
    let taken = match form.step {
        Step::Preview => preview(&visit, readable).await?,
        Step::Import => import(&visit, readable).await?,
    };
    let outcome = Outcome::of(&lines, taken, form.step == Step::Preview, takes_limits);
    // What is imported is asked for no more.
    let form = match form.step {
        Step::Preview => form,
        Step::Import => ImportForm { keys: String::new(), ..form },
    };
    show(&visit, form, FieldErrors::default(), Some(outcome)).await
}

/// Reads what was pasted, off the async workers: it may be long.
async fn read(visit: &Visit<Operator>, form: &ImportForm) -> Result<Result<Readable, FieldErrors>, AppError> {
    let (form, max_keys) = (form.clone(), visit.state.config.rules.keys);
    let read = move |connection: &mut _, operator: &Operator| {
        let mut errors = FieldErrors::default();
        let format = form.format.parse::<ImportFormat>().map_err(|_| "Choose a format.");
        let format = errors.check("format", format);
        let destination = match form.organization.trim() {
            "" => Some(Destination::ByOwner(std::collections::HashMap::new())),
            named => {
                let found = instance::organization_called(connection, operator, named)?;
                errors.check("organization", found).map(Destination::One)
            }
        };
        let lines = match format {
            Some(_) if form.keys.len() > MAX_TEXT => {
                errors.add("keys", "This is more than 1 MB. Run “tessera import keys” on the server.");
                None
            }
            Some(format) => errors.check("keys", import::read(format, &form.keys)),
            None => None,
        };
        Ok::<_, InstanceError>(match (format, destination, lines) {
            (Some(source), Some(destination), Some(lines)) => Ok(Readable {
                lines: Arc::new(lines),
                destination,
                plan: ImportPlan {
                    source,
                    takes_limits: form.take_limits.is_some(),
                    is_dry_run: form.step == Step::Preview,
                    max_keys,
                },
            }),
            _ => Err(errors),
        })
    };
    visit.read(read).await
}

async fn preview(visit: &Visit<Operator>, readable: Readable) -> Result<Vec<Taken>, AppError> {
    let (Readable { lines, destination, plan }, now) = (readable, visit.now);
    let preview = move |connection: &mut _, operator: &Operator| {
        let mut import = Import::new(destination, plan);
        instance::preview_import(connection, operator, &mut import, &lines, now)
    };
    visit.read(preview).await
}

async fn import(visit: &Visit<Operator>, readable: Readable) -> Result<Vec<Taken>, AppError> {
    let Readable { lines, destination, plan } = readable;
    let (mut import, mut all_taken) = (Import::new(destination, plan), Vec::new());
    while all_taken.len() < lines.len() {
        let (begin, lines) = (all_taken.len(), lines.clone());
        let (taken, under_way) = visit
            .change(move |tx, operator, now| {
                let end = lines.len().min(begin + LINES_AT_ONCE);
                let batch = lines.get(begin..end).unwrap_or_default();
                let taken = instance::import_keys(tx, operator, &mut import, batch, now)?;
                Ok::<_, InstanceError>((taken, import))
            })
            .await??;
        import = under_way;
        all_taken.extend(taken);
    }
    Ok(all_taken)
}

async fn show(
    visit: &Visit<Operator>,
    form: ImportForm,
    errors: FieldErrors,
    outcome: Option<Outcome>,
) -> Result<HttpResponse, AppError> {
    let sources = visit.read(|connection, operator| instance::imported_keys(connection, operator)).await?;
    let status = if errors.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let frame = Frame::of(Tab::Import);
    let page = ImportTab { shell: visit.shell(), frame, sources, form, errors, outcome };
    let mut response = view::show_with_status(&page, status)?;
    if !page.form.keys.is_empty() {
        // What was pasted is in the form again.
        response.extensions_mut().remove::<HoldsNoSecret>();
    }
    Ok(response)
}

impl Outcome {
    fn of(lines: &[Line], taken: Vec<Taken>, is_preview: bool, takes_limits: bool) -> Self {
        let mut report = ImportReport::default();
        let all: Vec<OutcomeLine> = lines
            .iter()
            .zip(taken)
            .map(|(line, taken)| {
                report.count(line, &taken, takes_limits);
                let name = match &taken {
                    Taken::Imported(name) => Some(name.clone()),
                    Taken::AlreadyHere(_) | Taken::Rejected(_) => line.name.clone(),
                };
                OutcomeLine { number: line.number, name: name.unwrap_or_default(), taken }
            })
            .collect();
        let hidden = all.len().saturating_sub(LINES_SHOWN);
        let (mut shown, others): (Vec<_>, Vec<_>) =
            all.into_iter().partition(|line| matches!(line.taken, Taken::Rejected(_)));
        shown.extend(others);
        shown.truncate(LINES_SHOWN);
        Self { is_preview, report, lines: shown, hidden }
    }

    /// "2 keys would be imported, 1 is here already, 1 would be rejected."
    fn words(&self) -> String {
        let [imported, here, rejected] =
            [self.report.imported, self.report.already_here, self.report.rejected].map(number);
        let limits = match (self.report.without_limits, self.is_preview) {
            (0, _) => String::new(),
            (without, true) => format!(" {} would lose their limits.", keys(without)),
            (without, false) => format!(" {} lost their limits.", keys(without)),
        };
        if self.is_preview {
            format!(
                "{imported} would be imported, {here} are here already, {rejected} would be rejected.{limits}"
            )
        } else {
            format!("{imported} imported, {here} were here already, {rejected} rejected.{limits}")
        }
    }

    fn can_be_imported(&self) -> bool {
        self.is_preview && self.report.imported > 0
    }
}

impl ImportTab {
    /// "1,204 of 1,300 have called since the import."
    fn called_words(&self) -> String {
        let sum = |number: fn(&ImportedKeys) -> i64| {
            display::thousands(&self.sources.iter().map(number).sum::<i64>())
        };
        let (called, all) = (sum(|keys| keys.called), sum(|keys| keys.keys));
        format!("{called} of {all} have called since the import.")
    }

    /// "Import 1,300 keys".
    fn import_words(&self) -> String {
        self.outcome
            .as_ref()
            .map_or_else(String::new, |outcome| format!("Import {}", keys(outcome.report.imported)))
    }

    fn label(&self, format: &ImportFormat) -> String {
        let mut letters = format.label().chars();
        // One that is a name is written as it is.
        match letters.next() {
            Some(first) if format.label().starts_with("a ") => {
                format!("{}{}", first.to_uppercase(), letters.as_str())
            }
            _ => format.label().to_owned(),
        }
    }

    /// The sign and the words of what became of a line.
    fn badge(&self, line: &OutcomeLine) -> (&'static str, &'static str) {
        let is_preview = self.outcome.as_ref().is_some_and(|outcome| outcome.is_preview);
        match (&line.taken, is_preview) {
            (Taken::Imported(_), true) => ("ok", "Ready"),
            (Taken::Imported(_), false) => ("ok", "Imported"),
            (Taken::AlreadyHere(_), _) => ("off", "Here already"),
            (Taken::Rejected(_), _) => ("bad", "Rejected"),
        }
    }
}

impl OutcomeLine {
    fn reason(&self) -> String {
        match &self.taken {
            Taken::Rejected(reason) => reason.clone(),
            Taken::AlreadyHere(here) => here.to_string(),
            Taken::Imported(_) => String::new(),
        }
    }
}

fn number(number: usize) -> String {
    display::thousands(&i64::try_from(number).unwrap_or(i64::MAX))
}

fn keys(number: usize) -> String {
    display::count(&i64::try_from(number).unwrap_or(i64::MAX), "key", "keys")
}

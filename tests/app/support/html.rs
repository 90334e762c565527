//! A page or a part of one, read as people read it: by labels, headings and words.

use scraper::{ElementRef, Selector};

pub(crate) struct Html(scraper::Html);

impl Html {
    pub(crate) fn parse(text: &str) -> Self {
        // A fragment's <title> and rows keep their places in a document, too.
        Self(scraper::Html::parse_document(text))
    }

    /// The words of `<main>`; of everything, where there is none.
    pub(crate) fn main_text(&self) -> String {
        self.try_one("main").map_or_else(|| words_of(self.0.root_element()), words_of)
    }

    /// The page's main heading.
    #[track_caller]
    pub(crate) fn heading(&self) -> String {
        words_of(self.one("h1"))
    }

    pub(crate) fn title(&self) -> String {
        words_of(self.one("title"))
    }

    /// The heading of the open dialog.
    #[track_caller]
    pub(crate) fn dialog_title(&self) -> String {
        words_of(self.one("dialog[open] h2"))
    }

    pub(crate) fn has_dialog(&self) -> bool {
        self.try_one("dialog[open]").is_some()
    }

    /// The words of the dialog.
    #[track_caller]
    pub(crate) fn dialog_text(&self) -> String {
        words_of(self.one("dialog[open]"))
    }

    /// The words of every toast.
    pub(crate) fn toasts(&self) -> Vec<String> {
        self.all(".toast > span").map(words_of).collect()
    }

    /// The words of the one toast.
    #[track_caller]
    pub(crate) fn toast(&self) -> String {
        match self.toasts().as_slice() {
            [toast] => toast.clone(),
            toasts => panic!("not one toast: {toasts:?}"),
        }
    }

    /// What stands in the field with this label; the chosen value of a group of radio buttons.
    #[track_caller]
    pub(crate) fn value(&self, label: &str) -> String {
        let control = self.control(label);
        match control.value().name() {
            "textarea" => control.text().collect(),
            "select" => {
                let chosen = Selector::parse("option[selected]").expect("a selector");
                control
                    .select(&chosen)
                    .next()
                    .and_then(|option| option.attr("value"))
                    .unwrap_or_default()
                    .into()
            }
            _ => control.attr("value").unwrap_or_default().to_owned(),
        }
    }

    /// The value of the radio button that is chosen under `name`.
    #[track_caller]
    pub(crate) fn chosen(&self, name: &str) -> String {
        let radio = self.one(&format!("input[type=radio][name='{name}'][checked]"));
        radio.attr("value").unwrap_or_default().to_owned()
    }

    /// The value of the hidden field `name`, of `<main>` first: what stands around it has forms, too.
    #[track_caller]
    pub(crate) fn hidden(&self, name: &str) -> String {
        let field = format!("input[type=hidden][name='{name}']");
        let field = self.try_one(&format!("main {field}")).unwrap_or_else(|| self.one(&field));
        field.attr("value").unwrap_or_default().to_owned()
    }

    /// The error that belongs to the field with this label.
    #[track_caller]
    pub(crate) fn field_error(&self, label: &str) -> String {
        self.try_field_error(label).unwrap_or_else(|| panic!("“{label}” has no error: {}", self.main_text()))
    }

    #[track_caller]
    pub(crate) fn try_field_error(&self, label: &str) -> Option<String> {
        let control = self.control(label);
        if control.attr("aria-invalid") != Some("true") {
            return None;
        }
        let id = control.attr("aria-describedby").unwrap_or_default();
        let error = id.split_whitespace().find_map(|id| self.try_one(&format!("[id='{id}'].error")));
        Some(words_of(error.unwrap_or_else(|| panic!("“{label}” is invalid and does not say why"))))
    }

    /// Where the link with these words leads.
    #[track_caller]
    pub(crate) fn link(&self, words: &str) -> String {
        self.try_link(words).unwrap_or_else(|| panic!("no link “{words}”: {}", self.main_text()))
    }

    pub(crate) fn try_link(&self, words: &str) -> Option<String> {
        let link = self.all("a[href]").find(|link| words_of(*link) == words)?;
        Some(link.attr("href").unwrap_or_default().to_owned())
    }

    pub(crate) fn has_button(&self, words: &str) -> bool {
        self.all("button").any(|button| words_of(button) == words)
    }

    /// Where the form with a button of these words, or of this name, is sent.
    #[track_caller]
    pub(crate) fn action(&self, button: &str) -> String {
        self.try_action(button).unwrap_or_else(|| panic!("no form with “{button}”: {}", self.main_text()))
    }

    pub(crate) fn try_action(&self, button: &str) -> Option<String> {
        let buttons = Selector::parse("button").expect("a selector");
        let is_it =
            |found: ElementRef<'_>| words_of(found) == button || found.attr("aria-label") == Some(button);
        let form = self.all("form").find(|form| form.select(&buttons).any(is_it))?;
        Some(form.attr("action").unwrap_or_default().to_owned())
    }

    /// The words of every element that `selector` finds.
    pub(crate) fn texts(&self, selector: &str) -> Vec<String> {
        self.all(selector).map(words_of).collect()
    }

    /// An attribute of every element that `selector` finds and that has it.
    pub(crate) fn attributes(&self, selector: &str, name: &str) -> Vec<String> {
        self.all(selector).filter_map(|element| element.attr(name)).map(str::to_owned).collect()
    }

    /// The start tag of every element that `selector` finds.
    pub(crate) fn tags(&self, selector: &str) -> Vec<String> {
        self.all(selector).map(|element| format!("{:?}", element.value())).collect()
    }

    /// The words of the one element that `selector` finds.
    #[track_caller]
    pub(crate) fn text(&self, selector: &str) -> String {
        words_of(self.one(selector))
    }

    pub(crate) fn has(&self, selector: &str) -> bool {
        self.try_one(selector).is_some()
    }

    /// The row of a table whose heading begins with `name`, in words.
    #[track_caller]
    pub(crate) fn row(&self, name: &str) -> String {
        self.try_row(name).unwrap_or_else(|| panic!("no row “{name}”: {}", self.main_text()))
    }

    pub(crate) fn try_row(&self, name: &str) -> Option<String> {
        let heads = Selector::parse("th[scope=row]").expect("a selector");
        let row = self
            .all("tr")
            .find(|row| row.select(&heads).next().is_some_and(|head| words_of(head).starts_with(name)))?;
        Some(words_of(row))
    }

    /// The control that a `<label>` with these words names.
    #[track_caller]
    fn control(&self, label: &str) -> ElementRef<'_> {
        let found = self.all("label").find(|candidate| {
            let words = words_of(*candidate);
            words == label || words.strip_suffix(" optional") == Some(label)
        });
        let found = found.unwrap_or_else(|| panic!("no field “{label}”: {}", self.main_text()));
        match found.attr("for") {
            Some(id) => self.one(&format!("[id='{id}']")),
            None => {
                let inside = Selector::parse("input, select, textarea").expect("a selector");
                found.select(&inside).next().unwrap_or_else(|| panic!("“{label}” names no field"))
            }
        }
    }

    fn all(&self, selector: &str) -> impl Iterator<Item = ElementRef<'_>> {
        let selector = Selector::parse(selector).unwrap_or_else(|error| panic!("{selector}: {error}"));
        self.0.select(&selector).collect::<Vec<_>>().into_iter()
    }

    fn try_one(&self, selector: &str) -> Option<ElementRef<'_>> {
        self.all(selector).next()
    }

    #[track_caller]
    fn one(&self, selector: &str) -> ElementRef<'_> {
        self.try_one(selector).unwrap_or_else(|| panic!("no {selector}: {}", words_of(self.0.root_element())))
    }
}

/// The words of an element, as if read aloud: one space between them, none around, and nothing of
/// what is there for the eye alone.
fn words_of(element: ElementRef<'_>) -> String {
    let mut words = Vec::new();
    collect_words(element, &mut words);
    words.join(" ")
}

fn collect_words<'a>(element: ElementRef<'a>, words: &mut Vec<&'a str>) {
    for child in element.children() {
        match (child.value().as_text(), ElementRef::wrap(child)) {
            (Some(text), _) => words.extend(text.split_whitespace()),
            (_, Some(inner)) if inner.attr("aria-hidden") != Some("true") => collect_words(inner, words),
            _ => {}
        }
    }
}

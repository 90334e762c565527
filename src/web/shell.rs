//! What every page shows around its content: brand, user menu, theme, toasts, an open dialog.

use std::fmt;

use actix_web::HttpRequest;
use askama::{Template, filters::HtmlSafe};
use serde::{Deserialize, Serialize};
use strum::{EnumString, IntoStaticStr};

use super::{filters, fragment::Fragment, urls};
use crate::{config::BasePath, domain::maintenance::Maintenance};

/// The data of `templates/layouts/`. Page structs hold it as `shell`.
#[derive(Clone, Debug, Default)]
pub struct Shell {
    /// The product's or the company's name, as configured.
    pub brand: String,
    /// The version of the program, in the footer.
    pub version: &'static str,
    /// Host of the public address.
    pub public_host: String,
    /// The path of the public address, which links begin with.
    pub base_path: BasePath,
    /// The path of the page, to come back to it; empty where it holds a secret or is no page.
    pub path: String,
    /// The colours that the visitor chose.
    pub theme: Theme,
    /// Who is logged in.
    pub user: Option<ShellUser>,
    /// Whether mails are kept here instead of sent.
    pub mailbox: bool,
    /// Whether a banner says so and links to the mailbox; the visitor may have hidden it.
    pub mailbox_banner: bool,
    /// Whether no email can be sent at all; pages then say so instead of asking to look for one.
    pub sends_no_mail: bool,
    /// What the page says while maintenance is on.
    pub maintenance: Option<Maintenance>,
    /// Results of what was just done.
    pub toasts: Vec<Toast>,
    /// The part of the page that is asked for.
    pub fragment: Fragment,
    /// A `<dialog>` over the page when it has its own address; the page behind is inert.
    pub dialog: Option<Markup>,
}

impl Shell {
    /// `url` of a dialog over this page, which comes back to what the page shows: to its filter, its
    /// search and its page number.
    pub fn over(&self, url: impl AsRef<str>) -> String {
        urls::with_query_of(url.as_ref(), &self.path)
    }

    /// Marks `#panel` to be swapped where it stands, when the answer's own target is a dialog.
    pub fn panel_swap(&self) -> Markup {
        swap(self.fragment == Fragment::Dialog)
    }

    /// Marks the tabs, whose counts a change moves, to be swapped where they stand.
    pub fn tabs_swap(&self) -> Markup {
        swap(matches!(self.fragment, Fragment::Dialog | Fragment::Panel))
    }
}

fn swap(out_of_band: bool) -> Markup {
    Markup(if out_of_band { r#" hx-swap-oob="true""#.to_owned() } else { String::new() })
}

/// The logged-in person, as the user menu shows them.
#[derive(Clone, Debug)]
pub struct ShellUser {
    /// Full name.
    pub name: String,
    /// Address.
    pub email: String,
    /// Invitations that wait for an answer.
    pub pending_invitations: i64,
    /// Whether they operate the instance.
    pub is_operator: bool,
}

/// The colours a visitor chose, kept in a cookie.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, EnumString, IntoStaticStr)]
#[strum(serialize_all = "lowercase")]
pub enum Theme {
    /// As the operating system says.
    #[default]
    System,
    /// Dark text on a light page.
    Light,
    /// Light text on a dark page.
    Dark,
}

/// The cookie that keeps the chosen theme.
pub const THEME_COOKIE: &str = "theme";

impl Theme {
    /// The theme that the visitor chose.
    pub fn of(request: &HttpRequest) -> Self {
        request.cookie(THEME_COOKIE).map(|cookie| Self::parse(cookie.value())).unwrap_or_default()
    }

    /// Every theme, in the order of the menu.
    pub const ALL: [Self; 3] = [Self::System, Self::Light, Self::Dark];

    /// Reads the value of the cookie or the form; anything unknown is the system's theme.
    pub fn parse(id: &str) -> Self {
        id.parse().unwrap_or_default()
    }

    /// The value in cookie and form.
    pub fn id(self) -> &'static str {
        self.into()
    }

    /// The name in the menu.
    pub fn label(self) -> &'static str {
        match self {
            Self::System => "System",
            Self::Light => "Light",
            Self::Dark => "Dark",
        }
    }

    /// The icon in the menu.
    pub fn icon(self) -> &'static str {
        match self {
            Self::System => "monitor",
            Self::Light => "sun",
            Self::Dark => "moon",
        }
    }
}

/// The result of an action, shown for some seconds; kept in the session over a redirect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Toast {
    /// Whether the action worked.
    pub kind: ToastKind,
    /// One sentence.
    pub text: String,
    /// The reverse action, where there is one.
    pub undo: Option<UndoForm>,
}

/// Whether an action worked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ToastKind {
    /// It did.
    Ok,
    /// It did not; such a toast stays until dismissed.
    Bad,
}

/// The form behind "Undo".
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UndoForm {
    /// Where the form posts to.
    pub action: String,
}

impl Toast {
    /// Says that something worked.
    pub fn ok(text: impl Into<String>) -> Self {
        Self { kind: ToastKind::Ok, text: text.into(), undo: None }
    }

    /// Says that something did not work.
    pub fn bad(text: impl Into<String>) -> Self {
        Self { kind: ToastKind::Bad, text: text.into(), undo: None }
    }

    /// Offers the reverse action.
    pub fn with_undo(self, action: impl Into<String>) -> Self {
        Self { undo: Some(UndoForm { action: action.into() }), ..self }
    }

    /// The same with no more than so many letters.
    pub fn cut(self, most: usize) -> Self {
        match self.text.char_indices().nth(most) {
            Some((end, _)) => {
                Self { text: format!("{}…", self.text.get(..end).unwrap_or_default()), ..self }
            }
            None => self,
        }
    }

    /// Whether it tells of a failure.
    pub fn is_bad(&self) -> bool {
        self.kind == ToastKind::Bad
    }
}

/// Toasts for a page that stays: htmx appends them to `#toasts`, whatever else it swaps.
#[derive(Template)]
#[template(path = "components/toasts.html")]
pub struct ToastsFragment<'a> {
    /// What to append.
    pub toasts: &'a [Toast],
}

/// HTML that is already escaped, such as a rendered template.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Markup(String);

impl Markup {
    /// Renders a template, whose links begin with `base_path`.
    ///
    /// # Errors
    /// When the template fails to render.
    pub fn render(template: &impl Template, base_path: &BasePath) -> askama::Result<Self> {
        template.render_with_values(base_path).map(Self)
    }

    /// Escapes a text.
    pub fn escaped(text: &str) -> Self {
        Self(
            askama::filters::escape(text, askama::filters::Html)
                .map(|safe| safe.to_string())
                .unwrap_or_default(),
        )
    }

    /// Escapes a text in which code stands between backticks, and marks that up. One that is left
    /// alone is text.
    pub fn with_code(text: &str) -> Self {
        let (mut html, mut rest) = (String::with_capacity(text.len()), text);
        while let Some((before, (code, after))) =
            rest.split_once('`').and_then(|(before, rest)| Some((before, rest.split_once('`')?)))
        {
            html.extend([Self::escaped(before).0.as_str(), "<code>", &Self::escaped(code).0, "</code>"]);
            rest = after;
        }
        html.push_str(&Self::escaped(rest).0);
        Self(html)
    }

    /// A program or JSON as the content of an element: what stands between double quotation marks is marked up,
    /// but for the names of fields. URLs may break at their slashes.
    pub fn code(text: &str) -> Self {
        // Quotation marks, of which there are many, are plain in the content of an element.
        let escaped = |text: &str| text.replace('&', "&#38;").replace('<', "&#60;").replace('>', "&#62;");
        let (mut html, mut rest) = (String::with_capacity(text.len() * 2), text);
        while let Some((before, from)) = rest.split_once('"') {
            let mut is_escaped = false;
            let end = from.find(|letter| {
                let ends = letter == '"' && !is_escaped;
                is_escaped = letter == '\\' && !is_escaped;
                ends
            });
            let Some((quoted, after)) = end.and_then(|end| from.split_at_checked(end)) else { break };
            rest = after.strip_prefix('"').unwrap_or(after);
            html.push_str(&escaped(before));
            let [start, end] = if rest.starts_with(':') { ["", ""] } else { ["<i>", "</i>"] };
            let mut quoted = escaped(quoted);
            if quoted.contains("://") {
                quoted = quoted.replace('/', "/<wbr>");
            }
            html.extend([start, "\"", &quoted, "\"", end]);
        }
        html.push_str(&escaped(rest));
        Self(html)
    }

    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The text in it, as `textContent` has it.
    pub fn text(&self) -> String {
        let (mut text, mut rest) = (String::with_capacity(self.0.len()), self.0.as_str());
        while let Some((before, tag)) = rest.split_once('<') {
            text.push_str(before);
            rest = tag.split_once('>').map_or("", |(_, after)| after);
        }
        text.push_str(rest);
        for (escaped, letter) in
            [("&#60;", "<"), ("&#62;", ">"), ("&#34;", "\""), ("&#39;", "'"), ("&#38;", "&")]
        {
            text = text.replace(escaped, letter);
        }
        text
    }

    /// Escapes a text in which each of the `marks` is marked.
    pub fn with_marks<'a>(text: &str, marks: impl Iterator<Item = &'a str> + Clone) -> Self {
        let (mut html, mut rest) = (String::with_capacity(text.len()), text);
        let next = |rest: &str| {
            let found = marks.clone().filter_map(|mark| Some((rest.find(mark)?, mark)));
            found.min_by_key(|(start, _)| *start)
        };
        while let Some((before, mark, after)) = next(rest).and_then(|(start, mark)| {
            let (before, marked) = rest.split_at(start);
            Some((before, mark, marked.strip_prefix(mark)?))
        }) {
            html.extend([Self::escaped(before).0.as_str(), "<mark>", &Self::escaped(mark).0, "</mark>"]);
            rest = after;
        }
        html.push_str(&Self::escaped(rest).0);
        Self(html)
    }

    /// The HTML itself.
    pub fn into_string(self) -> String {
        self.0
    }
}

impl fmt::Display for Markup {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl askama::FastWritable for Markup {
    fn write_into(&self, destination: &mut dyn fmt::Write, _: &dyn askama::Values) -> askama::Result<()> {
        Ok(destination.write_str(&self.0)?)
    }
}

impl HtmlSafe for Markup {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_theme_is_the_systems() {
        assert_eq!(Theme::parse("dark"), Theme::Dark);
        assert_eq!(Theme::parse("\"><script>"), Theme::System);
    }

    #[test]
    fn code_in_a_text_is_marked_up_and_nothing_of_it_is_html() {
        let html = |text: &str| Markup::with_code(text).into_string();
        assert_eq!(html("Check `valid` and `code`."), "Check <code>valid</code> and <code>code</code>.");
        assert_eq!(html("<b>`<i>` & ` alone"), "&#60;b&#62;<code>&#60;i&#62;</code> &#38; ` alone");
        assert_eq!(html("no code"), "no code");
    }

    #[test]
    fn quoted_values_in_code_are_marked_up_and_its_words_stay() {
        let code = Markup::code(r#"{ "a": "<b> \"c\"", d: 'e & f' }"#);
        assert_eq!(code.clone().into_string(), r#"{ "a": <i>"&#60;b&#62; \"c\""</i>, d: 'e &#38; f' }"#);
        assert_eq!(code.text(), r#"{ "a": "<b> \"c\"", d: 'e & f' }"#);
        let url = Markup::code(r#""http://a/b""#);
        assert_eq!(url.text(), r#""http://a/b""#);
        assert_eq!(url.into_string(), r#"<i>"http:/<wbr>/<wbr>a/<wbr>b"</i>"#);
        assert_eq!(Markup::code(r#"one " alone"#).text(), r#"one " alone"#);
    }

    #[test]
    fn marks_in_a_text_are_marked_wherever_they_are() {
        let html = |text: &str| Markup::with_marks(text, ["<a>", "b:1"].into_iter()).into_string();
        assert_eq!(html("b:1 & <a>b:1"), "<mark>b:1</mark> &#38; <mark>&#60;a&#62;</mark><mark>b:1</mark>");
        assert_eq!(html("<b>"), "&#60;b&#62;");
    }

    #[test]
    fn a_toast_is_escaped_and_survives_the_session() {
        let toast = Toast::ok("“<b>” deactivated").with_undo("/orgs/o/api/keys/k/activate");
        let kept: Toast = serde_json::from_str(&serde_json::to_string(&toast).unwrap()).unwrap();
        assert_eq!(kept, toast);
        let html = ToastsFragment { toasts: &[kept] }.render_with_values(&BasePath::default()).unwrap();
        assert!(html.contains("“&#60;b&#62;” deactivated"), "{html}");
        assert!(html.contains(r#"action="/orgs/o/api/keys/k/activate""#), "{html}");
        assert!(html.contains(r#"hx-swap-oob="beforeend""#), "{html}");
    }
}

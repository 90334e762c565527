//! What takes the focus when a dialog opens.

use tessera::web::access::{Access, Route};

use super::{
    exchange::{method, send_htmx},
    fixture::Fixture,
    routes,
};
use crate::support::{Html, Response};

/// What somebody fills in or chooses.
const FIELDS: &str = "dialog input:not([type=hidden]), dialog textarea, dialog select";

/// Every dialog that opens by its address.
pub(super) async fn dialogs(fixture: &Fixture) -> Vec<(&'static Route, Response)> {
    let browser = fixture.app.log_in_as(&fixture.lumen.owner).await;
    let mut dialogs = Vec::new();
    for route in routes(|access| matches!(access, Access::Member(_) | Access::Account)) {
        if method(route) == "GET" {
            let path = fixture.path(route, &fixture.lumen_ids);
            let answer = send_htmx(&browser, route, &path).await;
            if answer.text().contains("<dialog") {
                dialogs.push((route, answer));
            }
        }
    }
    assert!(dialogs.len() > 10, "only {} dialogs", dialogs.len());
    dialogs
}

/// The first field, or the choice that is made in the first group; without any field Cancel, or what
/// there is to read. Never the button that closes the dialog.
#[tokio::test]
async fn the_first_field_of_a_dialog_takes_the_focus() {
    let fixture = Fixture::new().await;
    for (route, answer) in dialogs(&fixture).await {
        let dialog = answer.html();
        let focused = dialog.tags("dialog [autofocus]");
        assert_eq!(focused.len(), 1, "{}: {focused:?}", route.pattern);
        assert!(!dialog.has(".dialog-head [autofocus]"), "{}: {focused:?}", route.pattern);
        let fields = dialog.tags(FIELDS);
        if let Some(first) = first_field(&dialog, &fields) {
            assert_eq!(focused, [first], "{}", route.pattern);
        }
    }
}

/// Of radio buttons the one that is chosen: it is where the keyboard enters the group.
fn first_field(dialog: &Html, fields: &[String]) -> Option<String> {
    let first = fields.first()?;
    let name = dialog.attributes(FIELDS, "name").into_iter().next()?;
    let chosen = dialog.tags(&format!("dialog input[type=radio][name='{name}'][checked]"));
    Some(chosen.into_iter().next().unwrap_or_else(|| first.clone()))
}

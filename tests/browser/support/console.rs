//! What the browser's console says about a page.

use thirtyfour::{BrowserLogEntry, WebDriver};

/// Errors, warnings and violations of the content security policy since the last call.
pub(crate) async fn complaints(browser: &WebDriver) -> Vec<String> {
    let entries = browser.browser_log().await.expect("the console can be read");
    entries
        .iter()
        .filter(|entry| is_complaint(entry))
        .map(|entry| format!("{}: {}", entry.level, entry.message))
        .collect()
}

/// The browser reports every answer from 400 up as an error, but a refused form or page is what it should be;
/// a fault of the server is not.
fn is_complaint(entry: &BrowserLogEntry) -> bool {
    let expected = entry.message.contains("the server responded with a status of 4")
        || entry.message.contains("Response Status Error Code 4");
    matches!(entry.level.as_str(), "SEVERE" | "WARNING") && !expected
}

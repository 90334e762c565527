//! Pages and their forms, as a browser with JavaScript and one without meet them.

mod account_settings;
mod accounts;
mod activity;
mod api_docs;
mod api_keys;
mod bad_requests;
mod bounded_key;
mod expiry;
mod filters;
mod gateway_setup;
mod invitation_answers;
mod invitations;
mod key_page;
pub(crate) mod key_rotation;
mod key_settings;
mod leaks;
mod mailbox;
mod master_tokens;
mod members;
mod my_organizations;
mod pauses;
mod preferences;
mod settings;
mod sign_up;
mod stale_forms;
mod token_page;
mod troubleshoot;
mod webhooks;

/// Names that a page has to show as they are: markup, text that runs from right to left, and the
/// longest that can be.
fn unusual_names() -> [String; 3] {
    let longest = format!("{}Name\u{1F511}", "Wide ".repeat(15));
    assert_eq!(longest.chars().count(), 80);
    ["<b>Ada</b> & \"Söhne\" 'x'".to_owned(), "مؤسسة النور".to_owned(), longest]
}

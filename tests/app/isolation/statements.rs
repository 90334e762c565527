//! How much a page asks of the database.

use super::{exchange::send_htmx, fixture::Fixture, focus::dialogs};

/// Statements of the tab "API", the door and the frame included, however many keys there are.
const MOST_FOR_THE_TAB: usize = 8;
/// Statements of a dialog that opens over a page which is there already.
const MOST_FOR_A_DIALOG: usize = 4;

#[tokio::test]
async fn the_api_tab_asks_for_all_its_keys_together() {
    let fixture = Fixture::new().await;
    for number in 0..60 {
        fixture.app.api_key(&fixture.lumen, &format!("Key {number}")).await;
    }
    let browser = fixture.app.log_in_as(&fixture.lumen.owner).await;
    // What is searched is found first and then counted, for all keys there is a count.
    for (address, most) in [("api", MOST_FOR_THE_TAB), ("api?q=key&show=unused&page=2", MOST_FOR_THE_TAB + 2)]
    {
        let url = fixture.lumen.url(address);
        browser.get(&url).await.must_be(200);
        let statements = fixture.app.statements(browser.get(&url)).await;
        let number = statements.len();
        assert!(number <= most, "{address}: {number}\n{}", statements.join("\n"));
        assert!(number > 0, "nothing is counted");
    }
}

#[tokio::test]
async fn a_dialog_does_not_read_the_page_behind_it() {
    let fixture = Fixture::new().await;
    let browser = fixture.app.log_in_as(&fixture.lumen.owner).await;
    let mut over = String::new();
    for (route, _) in dialogs(&fixture).await {
        let path = fixture.path(route, &fixture.lumen_ids);
        let statements = fixture.app.statements(send_htmx(&browser, route, &path)).await;
        if statements.len() > MOST_FOR_A_DIALOG {
            over += &format!("{}: {}\n{}\n\n", route.pattern, statements.len(), statements.join("\n"));
        }
    }
    assert!(over.is_empty(), "{over}");
}

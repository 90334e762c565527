//! Accessibility: axe-core over a page, in the sizes and colour schemes that people use.

use super::console;
use super::page::Page;
use serde::Deserialize;
use serde_json::json;
use std::path::PathBuf;
use thirtyfour::WebDriver;
use thirtyfour::error::WebDriverResult;

/// See `vendor/README.md` for version, licence and hash.
const AXE: &str = include_str!("../vendor/axe.min.js");

/// Every rule but those of level AAA, which asks for more contrast than the design has, and the deprecated ones;
/// with an argument of true only those about colours.
const RUN: &str = r#"
const [coloursOnly, done] = arguments;
const rules = axe.getRules()
  .filter(rule => !rule.tags.includes('wcag2aaa') && !rule.tags.includes('deprecated'))
  .map(rule => rule.ruleId)
  .filter(rule => !coloursOnly || ['color-contrast', 'link-in-text-block'].includes(rule));
axe.run(document, { runOnly: { type: 'rule', values: rules }, resultTypes: ['violations'] }).then(
  result => done(result.violations.map(violation => ({
    rule: violation.id, help: violation.help,
    places: violation.nodes.map(node => `${node.target.join(' ')}  ${node.html.slice(0, 160)}`),
  }))),
  error => done([{ rule: 'axe', help: String(error), places: [] }]));
"#;

/// Size of the window and colour scheme of the system.
#[derive(Clone, Copy)]
pub(crate) struct Look {
    width: u32,
    height: u32,
    scheme: &'static str,
}

#[derive(Deserialize)]
struct Violation {
    rule: String,
    help: String,
    places: Vec<String>,
}

impl Look {
    pub(crate) const DESKTOP_LIGHT: Look = Look { width: 1280, height: 800, scheme: "light" };
    pub(crate) const PHONE_LIGHT: Look = Look { width: 390, height: 844, ..Look::DESKTOP_LIGHT };
    pub(crate) const ALL: [Look; 4] = [
        Look::DESKTOP_LIGHT,
        Look { scheme: "dark", ..Look::DESKTOP_LIGHT },
        Look::PHONE_LIGHT,
        Look { width: 390, height: 844, scheme: "dark" },
    ];

    pub(crate) async fn apply(self, browser: &WebDriver) -> WebDriverResult<()> {
        let cdp = browser.cdp();
        cdp.emulation().set_device_metrics_override(self.width, self.height, 1.0, false).await?;
        let features = json!([
            { "name": "prefers-color-scheme", "value": self.scheme },
            { "name": "prefers-reduced-motion", "value": "reduce" },
        ]);
        cdp.send_raw("Emulation.setEmulatedMedia", json!({ "features": features })).await?;
        Ok(())
    }

    /// In which no page scrolls sideways either: half a screen, where tables are at their narrowest, and 1280
    /// pixels at 200 % and at 400 % (WCAG 1.4.4, 1.4.10).
    const NARROWED: [Look; 3] = [
        Look { width: 660, height: 800, ..Look::DESKTOP_LIGHT },
        Look { width: 640, height: 400, ..Look::DESKTOP_LIGHT },
        Look { width: 320, height: 568, ..Look::DESKTOP_LIGHT },
    ];

    fn file_name(self, page: &str) -> String {
        format!("{page}-{}x{}-{}.png", self.width, self.height, self.scheme)
    }
}

/// Gathers what is wrong over many pages, so that one run shows all of it.
#[derive(Default)]
pub(crate) struct Inspection {
    findings: Vec<String>,
    without_scripts: bool,
}

impl Inspection {
    /// Lets the pages that come run no scripts of their own.
    pub(crate) async fn without_scripts(page: &Page) -> Self {
        allow_scripts(page.browser(), false).await;
        Self { without_scripts: true, ..Self::default() }
    }

    /// Looks at the page as it stands in each look. With `TESSERA_SCREENSHOTS` set to a directory, also saves a
    /// screenshot of each there.
    pub(crate) async fn look_at(&mut self, page: &Page, name: &str) {
        let name = if self.without_scripts { &format!("{name}-without-scripts") } else { name };
        allow_scripts(page.browser(), true).await;
        for look in Look::ALL {
            look.apply(page.browser()).await.expect("the look can be set");
            let place = look.file_name(name);
            if let Some(directory) = std::env::var_os("TESSERA_SCREENSHOTS") {
                let directory = PathBuf::from(directory);
                std::fs::create_dir_all(&directory).expect("the directory for screenshots");
                page.browser().screenshot(&directory.join(&place)).await.expect("a screenshot");
            }
            for Violation { rule, help, places } in violations(page.browser(), look.scheme == "dark").await {
                self.findings.push(format!("{place}: {rule}: {help}\n    {}", places.join("\n    ")));
            }
            let findings = misplaced(page.browser()).await;
            self.findings.extend(findings.iter().map(|finding| format!("{place}: {finding}")));
        }
        self.measure_in(&Look::NARROWED, page, name).await;
        let complaints = console::complaints(page.browser()).await;
        self.findings.extend(complaints.iter().map(|complaint| format!("{name}: console: {complaint}")));
        Look::DESKTOP_LIGHT.apply(page.browser()).await.expect("the look can be set");
        allow_scripts(page.browser(), !self.without_scripts).await;
    }

    /// Only sees to it that the page as it stands fits into each window.
    pub(crate) async fn measure(&mut self, page: &Page, name: &str) {
        let [desktop, _, phone, _] = Look::ALL;
        self.measure_in(&[desktop, phone], page, name).await;
        self.measure_in(&Look::NARROWED, page, name).await;
        Look::DESKTOP_LIGHT.apply(page.browser()).await.expect("the look can be set");
    }

    async fn measure_in(&mut self, looks: &[Look], page: &Page, name: &str) {
        for look in looks {
            look.apply(page.browser()).await.expect("the look can be set");
            let (findings, place) = (misplaced(page.browser()).await, look.file_name(name));
            self.findings.extend(findings.iter().map(|finding| format!("{place}: {finding}")));
        }
    }

    /// # Panics
    /// When anything was found.
    pub(crate) fn conclude(self) {
        assert!(self.findings.is_empty(), "{} findings:\n{}", self.findings.len(), self.findings.join("\n"));
    }
}

/// `colours_only`: the page was looked at in other colours already, and nothing else changes with them.
async fn violations(browser: &WebDriver, colours_only: bool) -> Vec<Violation> {
    let loaded = browser.execute("return 'axe' in window", []).await.expect("a script runs");
    if !loaded.convert::<bool>().expect("a truth value") {
        browser.execute(AXE, []).await.expect("axe can be loaded");
    }
    let result = browser.execute_async(RUN, [colours_only.into()]).await.expect("axe runs");
    result.convert().expect("axe answers with violations")
}

/// Whether the pages that come may run scripts. axe itself needs them, so a browser that forbids them for good
/// cannot be inspected; one that forbids them while a page loads can.
pub(crate) async fn allow_scripts(browser: &WebDriver, allowed: bool) {
    let parameters = json!({ "value": !allowed });
    let answer = browser.cdp().send_raw("Emulation.setScriptExecutionDisabled", parameters).await;
    answer.expect("scripts can be switched on and off");
}

/// Whether the page is wider than the window, and the innermost element that reaches beyond it.
const TOO_WIDE: &str = r#"
const room = document.documentElement.clientWidth;
if (document.documentElement.scrollWidth <= room) return null;
const beyond = [...document.body.querySelectorAll('*')]
  .filter(element => element.getBoundingClientRect().right > room + 1);
const innermost = beyond.find(element => !beyond.some(other => other !== element && element.contains(other)));
return `${Math.round(document.documentElement.scrollWidth)} px wide: ${innermost?.outerHTML.slice(0, 160)}`;
"#;

/// A word of ours that stands in two lines. Only names, addresses and what people typed may be that long.
const BROKEN_WORD: &str = r#"
for (const element of document.querySelectorAll('label, legend, button, .btn, th, h1, h2, h3, dt, nav a')) {
  const texts = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
  for (let text = texts.nextNode(); text; text = texts.nextNode()) {
    if (text.parentElement.closest('[dir=auto], bdi, time, code') || text.data.includes('@')) continue;
    for (const word of text.data.matchAll(/\p{L}+/gu)) {
      if (word[0].length > 30) continue;
      const range = document.createRange();
      range.setStart(text, word.index);
      range.setEnd(text, word.index + word[0].length);
      const lines = new Set([...range.getClientRects()].map(rect => Math.round(rect.top)));
      if (lines.size > 1) return `${word[0]} is broken: ${element.outerHTML.slice(0, 160)}`;
    }
  }
}
return null;
"#;

/// What does not fit.
async fn misplaced(browser: &WebDriver) -> Vec<String> {
    let mut findings = Vec::new();
    for script in [TOO_WIDE, BROKEN_WORD] {
        let answer = browser.execute(script, []).await.expect("a script runs");
        findings.extend(answer.convert::<Option<String>>().expect("what was found, if anything was"));
    }
    findings
}

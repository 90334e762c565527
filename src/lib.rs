//! Tessera: organizations, their members and their API keys.
//!
//! Nothing imports upwards (`tests/app/architecture.rs` reads the imports and fails on one that does):
//!
//! ```text
//! main -> bench -> app -> { web, mail, webhooks } -> domain -> db
//! main -> client
//! ```
//!
//! * [`vocabulary`] has the words that the database, the API, forms and the command line share;
//!   [`api_types`] has what the API is asked and what it answers, for server and client;
//!   [`config`] reads the command line and the environment; [`import`] reads files with keys of other systems; [`clock`] tells the time;
//!   [`http_client`] asks other servers; [`machine`] asks the operating system; [`fair_turns`] tells
//!   whose turn it is; [`folding`] gives texts the form in which they are compared; [`hex`] writes
//!   bytes; [`metrics`] counts. They are leaves that every floor may use.
//! * [`db`] opens SQLite or PostgreSQL and hands out connections for reads and transactions for writes.
//! * [`domain`] knows accounts, organizations, invitations, keys and tokens; no HTTP, no HTML.
//!   What belongs to an organization is reached through a proof from [`domain::access`].
//! * [`mail`] renders the messages of the outbox and sends them after the commit.
//! * [`webhooks`] delivers the messages about keys and members to the addresses that ask for them.
//! * [`web`] turns requests into domain calls and their results into pages, fragments and JSON.
//!   [`web::routes`] is the one table of addresses.
//! * [`app`] puts the parts together and runs them; [`mod@bench`] measures them.
//! * [`client`] asks a running server over its API and knows nothing else of it.
//!
//! The domain has floors of its own, the lowest first. A unit imports from below, or beside it where
//! that leads nowhere back, and each table is written in one unit only; both are read from the
//! sources by `tests/app/architecture`.
//!
//! ```text
//! ground      budgets email id names page passwords schema search secret throttles, ...
//! records     gcra instance_access key_settings organization outbox rotation token_access user
//! rights      access email_links managed sessions
//! events      what is done: noted in the audit log, queued for webhooks
//! audit       reads what was noted
//! subjects    accounts api_keys members organizations
//!             calendar_links diagnosis instance_tokens invitations master_tokens member_changes webhooks
//! machinery   expiry_notices leaks verification
//!             rejections usage
//! instance    all organizations and all people, for those who operate it
//! samples     bulk demo
//! ```
//!
//! So has the web: what knows nothing of a request (`urls`, `display`, `chart`, ...), then `error` and
//! what every handler stands on (`state`, `view`, `form`, `visit`), then the handlers of `api` and
//! `pages`, each with floors of their own, and above them `routes`, `problem` and `middleware`.
//!
//! An event is noted as facts ([`domain::events::Detail`]), which the audit log keeps, the API answers
//! and webhooks send as they are. Words for people are made of them on the web floor
//! ([`web::details`]).
//!
//! A feature bears the same name on every floor: `domain/api_keys.rs`, `web/pages/api_keys.rs`,
//! `templates/api_keys/`, `tests/app/pages/api_keys.rs`.

pub mod api_types;
pub mod app;
pub mod bench;
pub mod client;
pub mod clock;
pub mod config;
pub mod db;
pub mod domain;
pub mod fair_turns;
pub mod folding;
pub mod hex;
pub mod http_client;
pub mod import;
pub mod machine;
pub mod mail;
pub mod metrics;
pub mod vocabulary;
pub mod web;
pub mod webhooks;

//! The web: pages, fragments and the API, on top of the domain.

pub mod activity_file;
pub mod api;
pub mod assets;
pub mod chart;
pub mod display;
pub mod error;
pub mod extract;
pub mod form;
pub mod forwarded;
pub mod icalendar;
pub mod limits;
pub mod middleware;
pub mod pager;
pub mod pages;
pub mod problem;
pub mod request_id;
pub mod routes;
pub mod session_store;
pub mod shell;
pub mod state;
pub mod urls;
pub mod view;

//! The web: pages, fragments and the API, on top of the domain.

pub mod access;
pub mod activity_file;
pub mod api;
pub mod assets;
pub mod chart;
pub mod details;
pub mod display;
pub mod error;
pub mod form;
pub mod form_id;
pub mod forwarded;
pub mod fragment;
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
pub mod visit;

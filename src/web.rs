//! The web: pages, fragments and the API, on top of the domain.

pub mod assets;
pub mod display;
pub mod pager;
pub mod pages;
pub mod shell;

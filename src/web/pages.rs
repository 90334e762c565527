//! One module per feature: forms, page structs, handlers.

pub mod docs;
pub mod error;
pub mod landing;

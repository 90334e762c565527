//! What a statement that writes returns of its rows.

use diesel::Selectable;

use super::Backend;

/// The columns of a `T`, for `returning`: what diesel's own `as_returning` gives is of one engine.
pub fn columns_of<T: Selectable<Backend>>() -> T::SelectExpression {
    T::construct_selection()
}

//! A condition on a list of any length that is one statement for all of them.

use diesel::{
    expression::{AppearsOnTable, Expression, SelectableExpression, ValidGrouping},
    prelude::*,
    query_builder::{AstPass, QueryFragment, QueryId},
    sql_types::{Bool, Text},
};

use super::Backend;

/// `expression IN (…)`. With diesel's own `eq_any` each length of the list is another statement, which is
/// parsed anew each time.
pub fn one_of<E: Expression<SqlType = Text>>(
    expression: E,
    list: impl IntoIterator<Item = impl AsRef<str>>,
) -> OneOf<E> {
    OneOf { expression, list: json_array(list) }
}

/// Without a [`serde_json::Value`] for each text: pages ask for fifty ids three times.
pub(super) fn json_array(list: impl IntoIterator<Item = impl AsRef<str>>) -> String {
    let mut array = Vec::from(b"[");
    for text in list {
        if array.len() > 1 {
            array.push(b',');
        }
        // Writing a text into memory cannot fail.
        let _ = serde_json::to_writer(&mut array, text.as_ref());
    }
    array.push(b']');
    String::from_utf8(array).unwrap_or_default()
}

/// See [`one_of`].
#[derive(Clone, Debug, QueryId, ValidGrouping)]
pub struct OneOf<E> {
    expression: E,
    /// The list as JSON.
    list: String,
}

impl<E> Expression for OneOf<E> {
    type SqlType = Bool;
}

impl<E: AppearsOnTable<Source>, Source> AppearsOnTable<Source> for OneOf<E> {}

impl<E: SelectableExpression<Source>, Source> SelectableExpression<Source> for OneOf<E> {}

impl<E: QueryFragment<Backend>> QueryFragment<Backend> for OneOf<E> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Backend>) -> QueryResult<()> {
        self.expression.walk_ast(out.reborrow())?;
        out.push_sql(" IN (SELECT value FROM json_each(");
        out.push_bind_param::<Text, _>(&self.list)?;
        out.push_sql("))");
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_json_whatever_is_in_it() {
        let texts = ["", "a", "\"quoted\"", "über\n", "\u{202e}"];
        for number in 0..=texts.len() {
            let some = texts.get(..number).unwrap();
            let read: Vec<String> = serde_json::from_str(&json_array(some)).unwrap();
            assert_eq!(read, some);
        }
    }
}

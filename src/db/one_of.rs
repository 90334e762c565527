//! A condition on a list of any length that is one statement for all of them.

use diesel::{
    expression::{AppearsOnTable, Expression, SelectableExpression, ValidGrouping, is_aggregate},
    pg::Pg,
    prelude::*,
    query_builder::{AstPass, QueryFragment, QueryId},
    sql_types::{Bool, Text},
    sqlite::Sqlite,
};

use super::Backend;

/// `expression IN (…)`. With diesel's own `eq_any` each length of the list is another statement, which is
/// parsed anew each time.
pub fn one_of<E: Expression<SqlType = Text>>(
    expression: E,
    list: impl IntoIterator<Item = impl AsRef<str>>,
) -> OneOf<E> {
    OneOf { expression, list: Elements::new(list) }
}

/// See [`one_of`].
#[derive(Clone, Debug, QueryId, ValidGrouping)]
pub struct OneOf<E> {
    expression: E,
    list: Elements,
}

impl<E> Expression for OneOf<E> {
    type SqlType = Bool;
}

impl<E: AppearsOnTable<Source>, Source> AppearsOnTable<Source> for OneOf<E> {}

impl<E: SelectableExpression<Source>, Source> SelectableExpression<Source> for OneOf<E> {}

impl<E: QueryFragment<Backend>> QueryFragment<Backend> for OneOf<E> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Backend>) -> QueryResult<()> {
        self.expression.walk_ast(out.reborrow())?;
        out.push_sql(" IN (SELECT value FROM ");
        self.list.walk_ast(out.reborrow())?;
        out.push_sql(")");
        Ok(())
    }
}

/// A list of texts as rows with a column `value`.
#[derive(Clone, Debug, QueryId)]
pub(super) struct Elements {
    json: String,
}

impl Elements {
    pub(super) fn new(list: impl IntoIterator<Item = impl AsRef<str>>) -> Self {
        Self { json: json_array(list) }
    }
}

impl ValidGrouping<()> for Elements {
    type IsAggregate = is_aggregate::Never;
}

impl QueryFragment<Backend> for Elements {
    fn walk_ast<'b>(&'b self, out: AstPass<'_, 'b, Backend>) -> QueryResult<()> {
        Backend::walk_variant_ast(self, out)
    }
}

impl QueryFragment<Sqlite> for Elements {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        out.push_sql("json_each(");
        out.push_bind_param::<Text, _>(&self.json)?;
        out.push_sql(")");
        Ok(())
    }
}

impl QueryFragment<Pg> for Elements {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql("json_array_elements_text(CAST(");
        out.push_bind_param::<Text, _>(&self.json)?;
        out.push_sql(" AS json)) AS listed (value)");
        Ok(())
    }
}

/// Without a [`serde_json::Value`] for each text: pages ask for fifty ids three times.
fn json_array(list: impl IntoIterator<Item = impl AsRef<str>>) -> String {
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

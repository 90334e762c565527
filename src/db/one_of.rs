//! A condition on a list of any length that is one statement for all of them.

use diesel::{
    expression::{AppearsOnTable, Expression, SelectableExpression, ValidGrouping},
    prelude::*,
    query_builder::{AstPass, QueryFragment, QueryId},
    sql_types::{Bool, Text},
    sqlite::Sqlite,
};

/// `expression IN (…)`. With diesel's own `eq_any` each length of the list is another statement, which is
/// parsed anew each time.
pub fn one_of<E: Expression<SqlType = Text>>(
    expression: E,
    list: impl IntoIterator<Item = impl Into<serde_json::Value>>,
) -> OneOf<E> {
    OneOf { expression, list: list.into_iter().map(Into::into).collect::<serde_json::Value>().to_string() }
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

impl<E: QueryFragment<Sqlite>> QueryFragment<Sqlite> for OneOf<E> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        self.expression.walk_ast(out.reborrow())?;
        out.push_sql(" IN (SELECT value FROM json_each(");
        out.push_bind_param::<Text, _>(&self.list)?;
        out.push_sql("))");
        Ok(())
    }
}

//! A condition on two columns together, as an index of both finds them.

use diesel::{
    expression::{AppearsOnTable, Expression, SelectableExpression, ValidGrouping, is_aggregate},
    prelude::*,
    query_builder::{AstPass, QueryFragment, QueryId},
    sql_types::{Bool, Text},
};

use super::{Backend, one_of::Elements};

/// `(columns) IN ((scope, …), …)` for each id in the list. As two conditions it would let SQLite walk all
/// that the scope has, which it takes for little.
pub fn pair_of<A, B>(
    columns: (A, B),
    scope: &str,
    ids: impl IntoIterator<Item = impl AsRef<str>>,
) -> PairOf<A, B> {
    PairOf { columns, scope: scope.to_owned(), ids: Elements::new(ids) }
}

/// See [`pair_of`].
#[derive(Clone, Debug, QueryId)]
pub struct PairOf<A, B> {
    columns: (A, B),
    scope: String,
    ids: Elements,
}

impl<A: Expression, B: Expression> Expression for PairOf<A, B> {
    type SqlType = Bool;
}

impl<A, B> ValidGrouping<()> for PairOf<A, B> {
    type IsAggregate = is_aggregate::No;
}

impl<A: AppearsOnTable<Source>, B: AppearsOnTable<Source>, Source> AppearsOnTable<Source> for PairOf<A, B> {}

impl<A, B, Source> SelectableExpression<Source> for PairOf<A, B>
where
    A: SelectableExpression<Source>,
    B: SelectableExpression<Source>,
{
}

impl<A: QueryFragment<Backend>, B: QueryFragment<Backend>> QueryFragment<Backend> for PairOf<A, B> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Backend>) -> QueryResult<()> {
        out.push_sql("(");
        self.columns.0.walk_ast(out.reborrow())?;
        out.push_sql(", ");
        self.columns.1.walk_ast(out.reborrow())?;
        out.push_sql(") IN (SELECT ");
        out.push_bind_param::<Text, _>(&self.scope)?;
        out.push_sql(", value FROM ");
        self.ids.walk_ast(out.reborrow())?;
        out.push_sql(")");
        Ok(())
    }
}

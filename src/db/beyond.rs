//! The rows beyond a place in the order of two columns, as an index finds them.

use diesel::{
    expression::{AppearsOnTable, AsExpression, Expression, ValidGrouping, is_aggregate},
    prelude::*,
    query_builder::{AstPass, QueryFragment, QueryId},
    sql_types::{Bool, SingleValue, SqlType},
};

use super::Backend;

/// `columns > values`, or `<` where the order is `descending`, by the first column and among equals by the
/// second.
/// Written with `OR` instead, it would be two searches whose results are sorted anew.
pub fn beyond<A, B, X, Y>(
    columns: (A, B),
    values: (X, Y),
    descending: bool,
) -> Beyond<A, B, X::Expression, Y::Expression>
where
    A: Expression<SqlType: SqlType + SingleValue>,
    B: Expression<SqlType: SqlType + SingleValue>,
    X: AsExpression<A::SqlType>,
    Y: AsExpression<B::SqlType>,
{
    Beyond { columns, values: (values.0.as_expression(), values.1.as_expression()), descending }
}

/// See [`beyond`].
#[derive(Clone, Debug)]
pub struct Beyond<A, B, X, Y> {
    columns: (A, B),
    values: (X, Y),
    descending: bool,
}

impl<A, B, X, Y> Expression for Beyond<A, B, X, Y> {
    type SqlType = Bool;
}

impl<A, B, X, Y, Source> AppearsOnTable<Source> for Beyond<A, B, X, Y>
where
    A: AppearsOnTable<Source>,
    B: AppearsOnTable<Source>,
    X: AppearsOnTable<Source>,
    Y: AppearsOnTable<Source>,
{
}

impl<A, B, X, Y> ValidGrouping<()> for Beyond<A, B, X, Y> {
    type IsAggregate = is_aggregate::No;
}

impl<A, B, X, Y> QueryId for Beyond<A, B, X, Y> {
    type QueryId = ();
    // The direction is not part of the type.
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<A, B, X, Y> QueryFragment<Backend> for Beyond<A, B, X, Y>
where
    A: QueryFragment<Backend>,
    B: QueryFragment<Backend>,
    X: QueryFragment<Backend>,
    Y: QueryFragment<Backend>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Backend>) -> QueryResult<()> {
        out.push_sql("(");
        self.columns.0.walk_ast(out.reborrow())?;
        out.push_sql(", ");
        self.columns.1.walk_ast(out.reborrow())?;
        out.push_sql(if self.descending { ") < (" } else { ") > (" });
        self.values.0.walk_ast(out.reborrow())?;
        out.push_sql(", ");
        self.values.1.walk_ast(out.reborrow())?;
        out.push_sql(")");
        Ok(())
    }
}

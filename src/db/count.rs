//! Counting no further than somebody wants to know.

use diesel::{
    prelude::*,
    query_builder::{AstPass, Query, QueryFragment, QueryId},
    sql_types::BigInt,
};

use super::{Backend, Connection, DbError};

/// How many rows `query` has, which has to be limited.
///
/// # Errors
/// When the database fails.
pub fn count_of<Q>(connection: &mut Connection, query: Q) -> Result<i64, DbError>
where
    Q: QueryFragment<Backend> + QueryId,
{
    Ok(CountOf(query).get_result(connection)?)
}

/// `SELECT count(*) FROM (…)`: diesel counts a table, not what a limit leaves of it.
#[derive(Clone, Debug, QueryId)]
struct CountOf<Q>(Q);

impl<Q> Query for CountOf<Q> {
    type SqlType = BigInt;
}

impl<Q> RunQueryDsl<Connection> for CountOf<Q> {}

impl<Q: QueryFragment<Backend>> QueryFragment<Backend> for CountOf<Q> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Backend>) -> QueryResult<()> {
        out.push_sql("SELECT count(*) FROM (");
        self.0.walk_ast(out.reborrow())?;
        out.push_sql(") AS counted");
        Ok(())
    }
}

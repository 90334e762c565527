//! The terms of a row, written by one statement however many there are.

use diesel::{
    prelude::*,
    query_builder::{AstPass, QueryFragment, QueryId},
    sql_types::Text,
};

use super::{Backend, one_of::Elements};

/// Terms of a row of a list in a scope, to be executed. As many rows by themselves would each be a statement, which is
/// most of what an import of many keys costs.
pub fn insert_terms(
    (scope, list, row_id): (&str, &str, &str),
    terms: impl IntoIterator<Item = impl AsRef<str>>,
) -> InsertTerms {
    let [scope, list, row_id] = [scope, list, row_id].map(str::to_owned);
    InsertTerms { scope, list, row_id, terms: Elements::new(terms) }
}

/// See [`insert_terms`].
#[derive(Clone, Debug, QueryId)]
pub struct InsertTerms {
    scope: String,
    list: String,
    row_id: String,
    terms: Elements,
}

impl<Conn> RunQueryDsl<Conn> for InsertTerms {}

impl QueryFragment<Backend> for InsertTerms {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Backend>) -> QueryResult<()> {
        out.push_sql("INSERT INTO search_terms (scope, list, row_id, term) SELECT ");
        for text in [&self.scope, &self.list, &self.row_id] {
            out.push_bind_param::<Text, _>(text)?;
            out.push_sql(", ");
        }
        out.push_sql("value FROM ");
        self.terms.walk_ast(out.reborrow())
    }
}

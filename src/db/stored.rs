//! Values of our own types in columns, written alike to both engines.

/// Keeps a type in columns of the SQL type `$sql`, as what `$write` makes of a value.
macro_rules! to_sql {
    ($type:ty, $sql:ident, |$value:ident| $write:expr) => {
        const _: () = {
            use diesel::{
                pg::Pg,
                serialize::{IsNull, Output, Result, ToSql},
                sql_types::$sql,
                sqlite::Sqlite,
            };

            impl ToSql<$sql, Sqlite> for $type {
                fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> Result {
                    let $value = self;
                    out.set_value($write);
                    Ok(IsNull::No)
                }
            }

            impl ToSql<$sql, Pg> for $type {
                fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> Result {
                    let $value = self;
                    ToSql::<$sql, Pg>::to_sql(&$write, &mut out.reborrow())
                }
            }

            impl ToSql<$sql, $crate::db::Backend> for $type {
                fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, $crate::db::Backend>) -> Result {
                    out.set_value(($sql, self));
                    Ok(IsNull::No)
                }
            }
        };
    };
}
pub(crate) use to_sql;

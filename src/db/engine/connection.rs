//! SQLite and PostgreSQL as one kind of connection.
//!
//! What both have in common of SQL, values and rows is what diesel derives. The connection itself is by hand:
//! the derived one writes the text of a statement anew each time, although it is prepared already, which is a
//! fifth of what a short one takes.

use diesel::{
    backend::Backend,
    connection::{
        AnsiTransactionManager, CacheSize, Connection, Instrumentation, LoadConnection, SimpleConnection,
        TransactionManager, TransactionManagerStatus,
    },
    expression::QueryMetadata,
    internal::derives::multiconnection::{ConnectionSealed, MultiConnectionHelper},
    migration::MigrationConnection,
    pg::PgConnection,
    prelude::*,
    query_builder::{AstPass, Query, QueryBuilder as _, QueryFragment, QueryId},
    r2d2::R2D2Connection,
    sql_types::{TypeMetadata, Untyped},
    sqlite::SqliteConnection,
};

use derived::{MultiBackend, MultiRow};

mod derived {
    use diesel::{pg::PgConnection, sqlite::SqliteConnection};

    #[derive(diesel::MultiConnection)]
    #[expect(dead_code, reason = "only what is derived is used")]
    pub enum Engines {
        Sqlite(SqliteConnection),
        Postgres(PgConnection),
    }
}

/// A connection to either engine.
pub enum EngineConnection {
    /// To a file.
    Sqlite(SqliteConnection),
    /// To a server.
    Postgres(PgConnection),
}

type Builder = <MultiBackend as Backend>::QueryBuilder;
type Binds<'a> = <MultiBackend as Backend>::BindCollector<'a>;

/// Does the same with a connection of either engine.
macro_rules! with_either {
    ($connection:expr, $either:ident => $work:expr) => {
        match $connection {
            EngineConnection::Sqlite($either) => $work,
            EngineConnection::Postgres($either) => $work,
        }
    };
}

impl SimpleConnection for EngineConnection {
    fn batch_execute(&mut self, query: &str) -> QueryResult<()> {
        with_either!(self, connection => connection.batch_execute(query))
    }
}

impl ConnectionSealed for EngineConnection {}

impl Connection for EngineConnection {
    type Backend = MultiBackend;
    type TransactionManager = EngineTransactions;

    /// A file, unless the text is a URL of PostgreSQL.
    fn establish(url: &str) -> ConnectionResult<Self> {
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            PgConnection::establish(url).map(Self::Postgres)
        } else {
            SqliteConnection::establish(url).map(Self::Sqlite)
        }
    }

    fn execute_returning_count<T>(&mut self, source: &T) -> QueryResult<usize>
    where
        T: QueryFragment<MultiBackend> + QueryId,
    {
        match self {
            Self::Sqlite(sqlite) => sqlite.execute_returning_count(&OfSqlite::new(source)),
            Self::Postgres(postgres) => postgres.execute_returning_count(&OfPostgres::new(source)),
        }
    }

    fn transaction_state(&mut self) -> &mut Self {
        self
    }

    fn instrumentation(&mut self) -> &mut dyn Instrumentation {
        with_either!(self, connection => connection.instrumentation())
    }

    fn set_instrumentation(&mut self, instrumentation: impl Instrumentation) {
        with_either!(self, connection => connection.set_instrumentation(instrumentation));
    }

    fn set_prepared_statement_cache_size(&mut self, size: CacheSize) {
        with_either!(self, connection => connection.set_prepared_statement_cache_size(size));
    }
}

impl LoadConnection for EngineConnection {
    type Cursor<'connection, 'query> = EngineCursor<'connection, 'query>;
    type Row<'connection, 'query> = MultiRow<'connection, 'query>;

    fn load<'connection, 'query, T>(
        &'connection mut self,
        source: T,
    ) -> QueryResult<EngineCursor<'connection, 'query>>
    where
        T: Query + QueryFragment<MultiBackend> + QueryId + 'query,
        MultiBackend: QueryMetadata<T::SqlType>,
    {
        Ok(match self {
            Self::Sqlite(sqlite) => EngineCursor::Sqlite(<SqliteConnection as LoadConnection>::load(
                sqlite,
                OfSqlite::new(source),
            )?),
            Self::Postgres(postgres) => EngineCursor::Postgres(<PgConnection as LoadConnection>::load(
                postgres,
                OfPostgres::new(source),
            )?),
        })
    }
}

/// The rows of a statement, read one by one.
pub enum EngineCursor<'connection, 'query> {
    /// Of a file.
    Sqlite(<SqliteConnection as LoadConnection>::Cursor<'connection, 'query>),
    /// Of a server.
    Postgres(<PgConnection as LoadConnection>::Cursor<'connection, 'query>),
}

impl<'connection, 'query> Iterator for EngineCursor<'connection, 'query> {
    type Item = QueryResult<MultiRow<'connection, 'query>>;

    fn next(&mut self) -> Option<Self::Item> {
        match self {
            Self::Sqlite(rows) => rows.next().map(|row| row.map(MultiRow::Sqlite)),
            Self::Postgres(rows) => rows.next().map(|row| row.map(MultiRow::Postgres)),
        }
    }
}

/// Transactions as each engine has them.
#[derive(Debug)]
pub struct EngineTransactions;

impl TransactionManager<EngineConnection> for EngineTransactions {
    type TransactionStateData = EngineConnection;

    fn begin_transaction(connection: &mut EngineConnection) -> QueryResult<()> {
        with_either!(connection, it => AnsiTransactionManager::begin_transaction(it))
    }

    fn rollback_transaction(connection: &mut EngineConnection) -> QueryResult<()> {
        with_either!(connection, it => AnsiTransactionManager::rollback_transaction(it))
    }

    fn commit_transaction(connection: &mut EngineConnection) -> QueryResult<()> {
        with_either!(connection, it => AnsiTransactionManager::commit_transaction(it))
    }

    fn transaction_manager_status_mut(connection: &mut EngineConnection) -> &mut TransactionManagerStatus {
        with_either!(connection, it => AnsiTransactionManager::transaction_manager_status_mut(it))
    }

    fn is_broken_transaction_manager(connection: &mut EngineConnection) -> bool {
        with_either!(connection, it => AnsiTransactionManager::is_broken_transaction_manager(it))
    }
}

impl MigrationConnection for EngineConnection {
    fn setup(&mut self) -> QueryResult<usize> {
        with_either!(self, connection => connection.setup())
    }
}

impl R2D2Connection for EngineConnection {
    fn ping(&mut self) -> QueryResult<()> {
        with_either!(self, connection => connection.ping())
    }

    fn is_broken(&mut self) -> bool {
        with_either!(self, connection => connection.is_broken())
    }
}

/// A statement of both engines as one of a single engine.
macro_rules! statement_of {
    ($name:ident, $connection:ty, $variant:ident) => {
        struct $name<T> {
            of_both: T,
            backend: MultiBackend,
        }

        impl<T> $name<T> {
            fn new(of_both: T) -> Self {
                Self { of_both, backend: MultiBackend::$variant(Default::default()) }
            }
        }

        impl<T: QueryFragment<MultiBackend>> $name<T> {
            fn text(&self) -> QueryResult<String> {
                let mut builder = Builder::$variant(Default::default());
                self.of_both.to_sql(&mut builder, &self.backend)?;
                Ok(builder.finish())
            }

            fn collect<'b>(
                &'b self,
                out: &mut <<$connection as Connection>::Backend as Backend>::BindCollector<'b>,
                lookup: &mut <<$connection as Connection>::Backend as TypeMetadata>::MetadataLookup,
            ) -> QueryResult<()> {
                let mut binds = Binds::$variant(Default::default());
                let lookup = <$connection as MultiConnectionHelper>::to_any(lookup);
                self.of_both.collect_binds(&mut binds, lookup, &self.backend)?;
                if let Binds::$variant(binds) = binds {
                    *out = binds;
                }
                Ok(())
            }
        }

        impl<T: QueryFragment<MultiBackend>> QueryFragment<<$connection as Connection>::Backend>
            for $name<T>
        {
            fn walk_ast<'b>(
                &'b self,
                mut pass: AstPass<'_, 'b, <$connection as Connection>::Backend>,
            ) -> QueryResult<()> {
                use diesel::internal::derives::multiconnection::AstPassHelper;

                // What asks through a reference comes here for all that the methods below do.
                if let Some((formatter, _)) = pass.debug_binds() {
                    let shown = AstPass::<MultiBackend>::collect_debug_binds_pass(formatter, &self.backend);
                    return self.of_both.walk_ast(shown);
                }
                if let Some((out, lookup)) = pass.bind_collector() {
                    return self.collect(out, lookup);
                }
                if !self.of_both.is_safe_to_cache_prepared(&self.backend)? {
                    pass.unsafe_to_cache_prepared();
                }
                pass.push_sql(&self.text()?);
                Ok(())
            }

            fn to_sql(
                &self,
                out: &mut <<$connection as Connection>::Backend as Backend>::QueryBuilder,
                _: &<$connection as Connection>::Backend,
            ) -> QueryResult<()> {
                out.push_sql(&self.text()?);
                Ok(())
            }

            fn collect_binds<'b>(
                &'b self,
                out: &mut <<$connection as Connection>::Backend as Backend>::BindCollector<'b>,
                lookup: &mut <<$connection as Connection>::Backend as TypeMetadata>::MetadataLookup,
                _: &'b <$connection as Connection>::Backend,
            ) -> QueryResult<()> {
                self.collect(out, lookup)
            }

            fn is_safe_to_cache_prepared(
                &self,
                _: &<$connection as Connection>::Backend,
            ) -> QueryResult<bool> {
                self.of_both.is_safe_to_cache_prepared(&self.backend)
            }
        }

        impl<T: QueryId> QueryId for $name<T> {
            type QueryId = T::QueryId;

            const HAS_STATIC_QUERY_ID: bool = T::HAS_STATIC_QUERY_ID;
        }

        impl<T: Query> Query for $name<T> {
            type SqlType = Untyped;
        }
    };
}

statement_of!(OfSqlite, SqliteConnection, Sqlite);
statement_of!(OfPostgres, PgConnection, Postgres);

//! Types that a column keeps as text. What cannot be read from it is an error, never a default.

use crate::vocabulary::{
    DeliveryState, Environment, GracePeriod, ImportFormat, InstanceAccess, LeakPolicy, MailState, Outcome,
    Role, Span, Starts, TokenAccess, WebhookFailure,
};

/// Keeps types in columns of text: as the text of their `Display`, read by their `FromStr`; enums as
/// the `word` that strum has for each variant; anything else as `json`.
macro_rules! stored_as_text {
    (word $($type:ty),+) => {$(
        $crate::domain::stored_text::stored_as_text!(@derive $type);
        $crate::domain::stored_text::stored_as_text!(@impl $type,
            |text| text.parse().map_err(|_| format!("{text:?} is no {}", stringify!($type)).into()),
            |value| <&'static str>::from(value)
        );
    )+};
    (json $type:ty) => {
        $crate::domain::stored_text::stored_as_text!(@derive $type);
        $crate::domain::stored_text::stored_as_text!(@impl $type,
            |text| Ok(serde_json::from_str(&text)?),
            |value| serde_json::to_string(value)?
        );
    };
    (@derive $type:ty) => {
        const _: () = {
            #[derive(diesel::deserialize::FromSqlRow, diesel::expression::AsExpression)]
            #[diesel(foreign_derive, sql_type = diesel::sql_types::Text)]
            #[expect(dead_code, reason = "what is derived is for the type inside")]
            struct Stored($type);
        };
    };
    (@impl $type:ty, |$text:ident| $read:expr, |$value:ident| $write:expr) => {
        impl<DB: diesel::backend::Backend> diesel::deserialize::FromSql<diesel::sql_types::Text, DB> for $type
        where
            String: diesel::deserialize::FromSql<diesel::sql_types::Text, DB>,
        {
            fn from_sql(bytes: DB::RawValue<'_>) -> diesel::deserialize::Result<Self> {
                let $text =
                    <String as diesel::deserialize::FromSql<diesel::sql_types::Text, DB>>::from_sql(bytes)?;
                $read
            }
        }

        $crate::db::to_sql!($type, Text, |$value| $write);
    };
    ($type:ty) => {
        $crate::domain::stored_text::stored_as_text!(@impl $type,
            |text| Ok(text.parse()?),
            |value| value.to_string()
        );
    };
}
pub(super) use stored_as_text;

stored_as_text!(
    word DeliveryState, Environment, GracePeriod, ImportFormat, InstanceAccess, LeakPolicy, MailState, Outcome, Role, Span, Starts, TokenAccess, WebhookFailure
);

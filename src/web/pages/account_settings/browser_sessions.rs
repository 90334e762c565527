//! End log-ins in other browsers (ASVS 7.5.2).

use actix_web::{HttpResponse, web::Path};

use crate::{
    db::DbError,
    domain::{accounts, sessions},
    web::{error::AppError, extract::CurrentUser, shell::Toast, urls, view},
};

/// Ends one log-in; that of this browser is a log-out.
///
/// # Errors
/// 404 for a session of somebody else.
pub async fn end(current: CurrentUser, path: Path<String>) -> Result<HttpResponse, AppError> {
    let CurrentUser { visitor, user, session_id } = current;
    let ended_id = path.into_inner();
    let is_own = ended_id == session_id;
    let (ip, now) = (visitor.ip, visitor.now);
    let was_there = visitor
        .state
        .db
        .write(move |tx| {
            let was_there = sessions::end(tx, &user, &ended_id)?;
            if was_there {
                accounts::record_sessions_ended(tx, &user, is_own, ip, now)?;
            }
            Ok::<_, DbError>(was_there)
        })
        .await?;
    if !was_there {
        return Err(AppError::NotFound);
    }
    if is_own {
        visitor.log_out();
        return view::go(&visitor, None, urls::LOG_IN);
    }
    view::go(&visitor, Some(Toast::ok("That log-in has ended.")), urls::ACCOUNT)
}

/// Ends every log-in but this one.
///
/// # Errors
/// When the database fails.
pub async fn end_others(current: CurrentUser) -> Result<HttpResponse, AppError> {
    let CurrentUser { visitor, user, session_id } = current;
    let (ip, now) = (visitor.ip, visitor.now);
    visitor
        .state
        .db
        .write(move |tx| {
            sessions::end_all(tx, &user.id, Some(&session_id))?;
            accounts::record_sessions_ended(tx, &user, false, ip, now)
        })
        .await?;
    view::go(&visitor, Some(Toast::ok("All other log-ins have ended.")), urls::ACCOUNT)
}

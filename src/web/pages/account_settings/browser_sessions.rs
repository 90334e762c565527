//! Log out in other browsers (ASVS 7.5.2).

use actix_web::HttpResponse;

use crate::{
    db::DbError,
    domain::{accounts, sessions},
    web::{
        error::AppError,
        shell::Toast,
        urls,
        visit::{Account, Visit},
    },
};

/// Ends one session; that of this browser is a log-out.
pub async fn end(visit: Visit<Account>) -> Result<HttpResponse, AppError> {
    let (ended_id, ip) = (visit.path("session"), visit.ip);
    if ended_id == visit.proof.session_id {
        visit.log_out().await;
        return visit.go(None, urls::LOG_IN);
    }
    let ended = visit.change(move |tx, Account { user, .. }, now| {
        let was_there = sessions::end(tx, user, &ended_id)?;
        if was_there {
            accounts::record_sessions_ended(tx, user, false, ip, now)?;
        }
        Ok::<_, DbError>(was_there)
    });
    if !ended.await?? {
        return Err(AppError::NotFound);
    }
    visit.go(Some(Toast::ok("Session logged out")), urls::ACCOUNT)
}

/// Ends every session but this one.
pub async fn end_others(visit: Visit<Account>) -> Result<HttpResponse, AppError> {
    let ip = visit.ip;
    let ended = visit.change(move |tx, Account { user, session_id }, now| {
        sessions::end_all(tx, &user.id, Some(session_id))?;
        accounts::record_sessions_ended(tx, user, false, ip, now)
    });
    ended.await??;
    visit.go(Some(Toast::ok("All other sessions logged out")), urls::ACCOUNT)
}

//! Maintenance by the hand of the operator, on the machine itself, and how servers follow it. A database tells nobody
//! of what another process writes to a file, so each server looks.

use std::time::Duration;

use tokio::{sync::watch::Sender, time::sleep};

use crate::{
    clock::Clock,
    config::{MaintenanceCall, MaintenanceVerb},
    db::Db,
    domain::maintenance::{self, Maintenance},
};

/// How often a server looks.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// Does what the operator asks for; the answer is what holds from now on.
///
/// # Errors
/// When the end is over already, or the database cannot be used.
pub fn manage_maintenance(
    call: &MaintenanceCall,
    clock: &Clock,
) -> Result<Option<Maintenance>, Box<dyn std::error::Error>> {
    let (db, now) = (Db::open_existing(&call.database)?, clock.now());
    match &call.verb {
        MaintenanceVerb::On { message, until } => {
            let ends_at = until.as_ref().map(|until| until.from(now));
            if ends_at.is_some_and(|ends_at| ends_at <= now) {
                return Err("the end of the maintenance must be in the future".into());
            }
            let what_holds = Maintenance { message: message.clone(), began_at: now, ends_at };
            db.write_blocking(|tx| maintenance::switch_on(tx, &what_holds))?;
        }
        MaintenanceVerb::Off => db.write_blocking(maintenance::switch_off)?,
        MaintenanceVerb::Show => {}
    }
    let current = db.read_blocking(maintenance::current)?;
    Ok(current.filter(|maintenance| !maintenance.is_over(now)))
}

/// Looks again and again whether it was switched on or off, and tells `told`. While the database does not answer, what
/// held goes on.
pub(super) async fn follow(db: Db, told: Sender<Option<Maintenance>>) {
    loop {
        sleep(LOOK_INTERVAL).await;
        let Ok(found) = db.read(maintenance::current).await else { continue };
        let has_changed = told.send_if_modified(|current| {
            let has_changed = *current != found;
            *current = found;
            has_changed
        });
        if has_changed {
            log(told.borrow().as_ref());
        }
    }
}

/// Says in the log what holds.
pub(super) fn log(maintenance: Option<&Maintenance>) {
    match maintenance {
        Some(Maintenance { ends_at: Some(ends_at), .. }) => {
            tracing::warn!(
                "maintenance is on until {ends_at} UTC: keys are verified, nothing else is changed"
            );
        }
        Some(_) => tracing::warn!("maintenance is on: keys are verified, nothing else is changed"),
        None => tracing::info!("maintenance is off"),
    }
}

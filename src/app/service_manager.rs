//! What systemd is told of the server, and what it hands over: the protocols of sd_notify(3) and
//! sd_listen_fds(3). Without it nothing of this does anything.

use std::{io, net::TcpListener, time::Duration};

use listenfd::ListenFd;
use sd_notify::NotifyState;

use crate::{db::Db, domain::instance_secrets};

/// The socket that systemd opened for the server, if it did: connections wait there while another one starts.
///
/// # Errors
/// When what it handed over is no socket of TCP that listens.
pub(super) fn inherited_socket() -> io::Result<Option<TcpListener>> {
    let mut handed_over = ListenFd::from_env();
    if handed_over.len() > 1 {
        return Err(io::Error::other(
            "more than one socket was handed over (LISTEN_FDS); Tessera listens on one",
        ));
    }
    let socket = handed_over.take_tcp_listener(0)?;
    if let Some(socket) = &socket {
        socket.set_nonblocking(true)?;
    }
    Ok(socket)
}

/// Tells systemd, if it asked to be told.
pub(super) fn tell(state: NotifyState<'_>) {
    if let Err(error) = sd_notify::notify(&[state]) {
        tracing::warn!(%error, "systemd can't be told how the server is");
    }
}

/// Says that the server runs, and again as long as it does: twice within the time after which systemd takes it for
/// stuck (`WatchdogSec=`). A database that does not answer is no reason to start anew, a thread that
/// waits for it for ever is.
pub(super) async fn tell_while_alive(db: Db) {
    tell(NotifyState::Ready);
    let Some(patience) = sd_notify::watchdog_enabled() else { return };
    loop {
        // Whatever it says, it came back.
        let _ = db.read(instance_secrets::ping).await;
        tell(NotifyState::Watchdog);
        tokio::time::sleep(pause(patience)).await;
    }
}

fn pause(patience: Duration) -> Duration {
    (patience / 2).min(Duration::from_secs(10))
}

//! What systemd is told of the server, and what it hands over: the protocols of sd_notify(3) and
//! sd_listen_fds(3). Without it nothing of this does anything.

use std::{io, time::Duration};

use listenfd::ListenFd;
use sd_notify::NotifyState;

use super::sockets::Socket;
use crate::{db::Db, domain::instance_secrets};

/// The sockets that systemd opened for the server, if it did: connections wait there while another one starts.
///
/// # Errors
/// When something that it handed over is no socket of TCP or of the file system that listens.
pub(super) fn inherited_sockets() -> io::Result<Vec<Socket>> {
    let mut handed_over = ListenFd::from_env();
    (0..handed_over.len()).map(|index| take(&mut handed_over, index)).collect()
}

fn take(handed_over: &mut ListenFd, index: usize) -> io::Result<Socket> {
    // What is of another kind stays where it is.
    if let Ok(Some(socket)) = handed_over.take_unix_listener(index) {
        socket.set_nonblocking(true)?;
        return Ok(Socket::Unix(socket));
    }
    let socket = handed_over.take_tcp_listener(index)?;
    let socket = socket.ok_or_else(|| io::Error::other("a socket was handed over twice (LISTEN_FDS)"))?;
    socket.set_nonblocking(true)?;
    Ok(Socket::Tcp(socket))
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

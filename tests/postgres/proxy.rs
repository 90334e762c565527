//! A network that fails: between a node and its database.

use std::{net::SocketAddr, sync::Arc};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::watch,
};

/// Hands on what it gets, until it is [cut](Self::cut): then it takes everything and hands on nothing.
pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
    is_open: Arc<watch::Sender<bool>>,
}

impl Proxy {
    pub(crate) async fn to(target: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let is_open = Arc::new(watch::Sender::new(true));
        let opened = is_open.clone();
        tokio::spawn(async move {
            while let Ok((here, _)) = listener.accept().await {
                let (target, opened) = (target.clone(), opened.clone());
                tokio::spawn(async move {
                    let mut open = opened.subscribe();
                    if open.wait_for(|open| *open).await.is_err() {
                        return;
                    }
                    let Ok(there) = TcpStream::connect(target).await else { return };
                    let ((from_here, to_here), (from_there, to_there)) =
                        (here.into_split(), there.into_split());
                    tokio::join!(
                        hand_on(from_here, to_there, open.clone()),
                        hand_on(from_there, to_here, open)
                    );
                });
            }
        });
        Self { address, is_open }
    }

    /// From now on nothing gets through.
    pub(crate) fn cut(&self) {
        self.is_open.send_replace(false);
    }

    /// From now on everything does, what was held back first.
    pub(crate) fn mend(&self) {
        self.is_open.send_replace(true);
    }
}

async fn hand_on(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut open: watch::Receiver<bool>) {
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let Ok(read @ 1..) = from.read(&mut buffer).await else { return };
        if open.wait_for(|open| *open).await.is_err() || to.write_all(&buffer[..read]).await.is_err() {
            return;
        }
    }
}

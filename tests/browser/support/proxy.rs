//! A reverse proxy in front of a server whose public URL has a path.

use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};

/// The path of the public URL behind a proxy.
pub(crate) const PATH: &str = "/team/keys";

/// What a proxy does with the path of a request. Both know nothing outside of it, so that no link may lead there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Proxy {
    /// Passes it on as it came.
    PassesOn,
    /// Takes the path of the public URL off.
    Strips,
}

impl Proxy {
    /// The one before every server, where the journeys are to be walked below a path:
    /// `TESSERA_TEST_PROXY=strips tests/run --test browser`.
    pub(crate) fn of_environment() -> Option<Self> {
        match std::env::var("TESSERA_TEST_PROXY").as_deref() {
            Ok("passes-on") => Some(Self::PassesOn),
            Ok("strips") => Some(Self::Strips),
            Ok(other) => panic!("TESSERA_TEST_PROXY is passes-on or strips, not {other}"),
            Err(_) => None,
        }
    }

    /// Starts it in front of the server at `port`; the answer is its own port.
    pub(crate) async fn start(self, port: u16) -> u16 {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
        let own = listener.local_addr().expect("an address").port();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                // A browser closes connections as it likes.
                tokio::spawn(async move { self.pass_on(client, port).await.ok() });
            }
        });
        own
    }

    /// One request, and its response.
    async fn pass_on(self, mut client: TcpStream, port: u16) -> std::io::Result<()> {
        let mut read = Vec::new();
        let end = loop {
            if let Some(end) = read.windows(4).position(|end| end == b"\r\n\r\n") {
                break end;
            }
            if client.read_buf(&mut read).await? == 0 {
                return Ok(());
            }
        };
        let (head, body) = read.split_at(end);
        let head = String::from_utf8_lossy(head).into_owned();
        let Some(head) = self.rewritten(&head) else {
            let answer =
                "HTTP/1.1 404 Not Found\r\nContent-Length: 16\r\nConnection: close\r\n\r\nanother program\n";
            client.write_all(answer.as_bytes()).await?;
            return client.shutdown().await;
        };
        let mut server = TcpStream::connect(("127.0.0.1", port)).await?;
        server.write_all(head.as_bytes()).await?;
        server.write_all(body).await?;
        copy_bidirectional(&mut client, &mut server).await.map(drop)
    }

    /// The head of a request as the server gets it, without its end; `None` where it is for another program.
    fn rewritten(self, head: &str) -> Option<String> {
        let (line, headers) = head.split_once("\r\n")?;
        let (method, rest) = line.split_once(' ')?;
        let below = rest.strip_prefix(PATH).filter(|below| below.starts_with(['/', ' ', '?']))?;
        let target = match self {
            Self::PassesOn => rest.to_owned(),
            Self::Strips if below.starts_with('/') => below.to_owned(),
            Self::Strips => format!("/{below}"),
        };
        let kept = headers.split("\r\n").filter(|header| !header.to_lowercase().starts_with("connection:"));
        let kept: Vec<&str> = kept.collect();
        Some(format!("{method} {target}\r\n{}\r\nConnection: close", kept.join("\r\n")))
    }
}

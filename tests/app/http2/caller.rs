//! Clients of HTTP/2: one that keeps its rules, and frames for what no good client sends.

use std::{collections::BTreeMap, net::SocketAddr, sync::Arc, time::Duration};

use h2::client::{self, SendRequest};
use hyper::{
    HeaderMap, Request,
    body::Bytes,
    http::{HeaderName, HeaderValue, request::Builder},
};
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, ServerName, pem::PemObject as _},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinHandle,
    time::timeout,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

use crate::command_line::tls::file;

/// Longer than any time-out that is to be seen here.
const PATIENCE: Duration = Duration::from_secs(120);

/// A connection to a server with the first certificate, and what the client offers to speak.
pub(super) async fn connect(address: SocketAddr, forms: &[&str]) -> TlsStream<TcpStream> {
    let mut roots = RootCertStore::empty();
    let certificate = CertificateDer::from_pem_file(file("first.pem")).expect("a certificate");
    roots.add(certificate).expect("a certificate that can be trusted");
    let config = ClientConfig::builder_with_provider(rustls::crypto::ring::default_provider().into());
    let config = config.with_safe_default_protocol_versions().expect("versions of TLS");
    let mut config = config.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = forms.iter().map(|form| form.as_bytes().to_vec()).collect();
    let stream = TcpStream::connect(address).await.expect("a connection");
    let name = ServerName::try_from("localhost").expect("a name");
    TlsConnector::from(Arc::new(config)).connect(name, stream).await.expect("a handshake")
}

/// A client with a connection of its own, which keeps cookies as a browser does.
pub(super) struct Caller {
    pub(super) requests: SendRequest<Bytes>,
    /// How the connection ends.
    pub(super) ending: JoinHandle<Result<(), h2::Error>>,
    pub(super) cookies: BTreeMap<String, String>,
}

/// An answer that has arrived whole.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

impl Answer {
    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    #[track_caller]
    pub(super) fn must_be(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{:?} {}", self.headers, self.text());
        self
    }
}

/// A request that is put together, from the site itself.
pub(super) fn request(method: &str, path: &str) -> Builder {
    let uri = format!("https://localhost{path}");
    Request::builder().method(method).uri(uri).header("sec-fetch-site", "same-origin")
}

impl Caller {
    pub(super) async fn connect(address: SocketAddr) -> Self {
        Self::with(address, &client::Builder::new()).await
    }

    pub(super) async fn with(address: SocketAddr, settings: &client::Builder) -> Self {
        let stream = connect(address, &["h2"]).await;
        let (requests, connection) = settings.handshake(stream).await.expect("a connection of HTTP/2");
        Self { requests, ending: tokio::spawn(connection), cookies: BTreeMap::new() }
    }

    pub(super) async fn get(&mut self, path: &str) -> Answer {
        self.ask(request("GET", path), "").await
    }

    pub(super) async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        form.extend_pairs(fields);
        let head = request("POST", path).header("content-type", "application/x-www-form-urlencoded");
        self.ask(head, &form.finish()).await
    }

    pub(super) async fn ask(&mut self, mut head: Builder, body: &str) -> Answer {
        // Each in a field of its own, as browsers send them over HTTP/2.
        for (name, value) in &self.cookies {
            head = head.header("cookie", format!("{name}={value}"));
        }
        let answer = ask(self.requests.clone(), head, body).await.expect("an answer");
        for cookie in answer.headers.get_all("set-cookie") {
            let (pair, _) = cookie.to_str().expect("a cookie").split_once(';').expect("attributes");
            let (name, value) = pair.split_once('=').expect("name=value");
            self.cookies.insert(name.to_owned(), value.to_owned());
        }
        answer
    }
}

/// Sends a request as soon as the server lets it, and waits for the answer.
pub(super) async fn ask(
    requests: SendRequest<Bytes>,
    head: Builder,
    body: &str,
) -> Result<Answer, h2::Error> {
    let request = head.body(()).expect("a request");
    let mut ready = requests.ready().await?;
    let (answer, mut sending) = ready.send_request(request, body.is_empty())?;
    if !body.is_empty() {
        // What is left of it when the answer comes is not wanted.
        let _ = sending.send_data(Bytes::copy_from_slice(body.as_bytes()), true);
    }
    timeout(PATIENCE, whole(answer)).await.expect("an answer in time")
}

/// An answer with all of its body.
pub(super) async fn whole(answer: client::ResponseFuture) -> Result<Answer, h2::Error> {
    let (head, mut reading) = answer.await?.into_parts();
    let mut body = Vec::new();
    while let Some(part) = reading.data().await {
        let part = part?;
        reading.flow_control().release_capacity(part.len())?;
        body.extend_from_slice(&part);
    }
    Ok(Answer { status: head.status.as_u16(), headers: head.headers, body })
}

pub(super) const DATA: u8 = 0;
pub(super) const HEADERS: u8 = 1;
pub(super) const RESET: u8 = 3;
pub(super) const SETTINGS: u8 = 4;
pub(super) const PING: u8 = 6;
pub(super) const GO_AWAY: u8 = 7;
pub(super) const CONTINUATION: u8 = 9;
pub(super) const END_STREAM: u8 = 1;
pub(super) const END_HEADERS: u8 = 4;

/// A connection on which any frames can be sent.
pub(super) struct Frames {
    stream: TlsStream<TcpStream>,
    read: Vec<u8>,
}

/// A frame that was received.
#[derive(Debug)]
pub(super) struct Received {
    pub(super) kind: u8,
    pub(super) stream: u32,
    pub(super) payload: Vec<u8>,
}

/// The bytes of a frame (RFC 9113, 4.1).
pub(super) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("a short payload").to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// Fields as they are written without any compression (RFC 7541, 6.2.2).
pub(super) fn fields(fields: &[(&str, &[u8])]) -> Vec<u8> {
    let text = |text: &[u8]| {
        let length = u8::try_from(text.len()).ok().filter(|length| *length < 127).expect("a short text");
        [&[length][..], text].concat()
    };
    fields.iter().flat_map(|(name, value)| [vec![0], text(name.as_bytes()), text(value)].concat()).collect()
}

/// The fields of a request, and others behind them.
pub(super) fn request_fields(method: &str, path: &str, others: &[(&str, &[u8])]) -> Vec<u8> {
    let own: [(&str, &[u8]); 4] = [
        (":method", method.as_bytes()),
        (":scheme", b"https"),
        (":authority", b"localhost"),
        (":path", path.as_bytes()),
    ];
    fields(&[&own[..], others].concat())
}

impl Frames {
    pub(super) async fn connect(address: SocketAddr) -> Self {
        let mut frames = Self { stream: connect(address, &["h2"]).await, read: Vec::new() };
        let begin = [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".as_slice(), &frame(SETTINGS, 0, 0, b"")].concat();
        frames.send(&begin).await;
        frames
    }

    /// Sends bytes; what a server does not take any more is lost.
    pub(super) async fn send(&mut self, bytes: &[u8]) {
        let _ = self.stream.write_all(bytes).await;
        let _ = self.stream.flush().await;
    }

    /// The next frame of one of these kinds; `None` once the connection is over.
    pub(super) async fn next(&mut self, kinds: &[u8]) -> Option<Received> {
        loop {
            while let Some(received) = self.take() {
                if kinds.contains(&received.kind) {
                    return Some(received);
                }
            }
            let mut part = [0; 16 * 1024];
            let read = timeout(PATIENCE, self.stream.read(&mut part)).await.expect("something happens");
            match read {
                Ok(0) | Err(_) => return None,
                Ok(length) => self.read.extend_from_slice(&part[..length]),
            }
        }
    }

    fn take(&mut self) -> Option<Received> {
        let length = usize::from(*self.read.first()?) << 16
            | usize::from(*self.read.get(1)?) << 8
            | usize::from(*self.read.get(2)?);
        if self.read.len() < 9 + length {
            return None;
        }
        let bytes: Vec<u8> = self.read.drain(..9 + length).collect();
        let stream = u32::from_be_bytes([bytes[5], bytes[6], bytes[7], bytes[8]]);
        Some(Received { kind: bytes[3], stream, payload: bytes[9..].to_vec() })
    }

    /// Why the server ends the connection, as it says in its last word; `None` where it says none.
    pub(super) async fn farewell(&mut self) -> Option<u32> {
        let mut reason = None;
        while let Some(received) = self.next(&[GO_AWAY]).await {
            reason = Some(code(&received.payload[4..]));
        }
        reason
    }
}

/// The code of an error at the beginning of `bytes`.
pub(super) fn code(bytes: &[u8]) -> u32 {
    u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])
}

/// A head with so many fields of this length.
pub(super) fn with_fields(mut head: Builder, number: usize, length: usize) -> Builder {
    for index in 0..number {
        let name = HeaderName::from_bytes(format!("x-{index}").as_bytes()).expect("a name");
        head = head.header(name, HeaderValue::from_str(&"v".repeat(length)).expect("a value"));
    }
    head
}

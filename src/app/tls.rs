//! TLS of the server's own, by a certificate and a key in files.

mod validity;

use std::{
    io,
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
};

use rustls::{
    ServerConfig,
    crypto::ring,
    pki_types::{
        CertificateDer, PrivateKeyDer,
        pem::{self, PemObject},
    },
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
    version::{TLS12, TLS13},
};
use time::OffsetDateTime;
use tokio::net::TcpStream;
use tokio_rustls::{TlsAcceptor, server::TlsStream};

use self::validity::Validity;
use crate::{clock::Clock, config::TlsFiles};

/// How long before its end a certificate is pointed out. Who renews by a program does so weeks before.
const SOON: time::Duration = time::Duration::days(14);
/// What the two forms of HTTP are called where a client chooses (ALPN, RFC 7301).
const HTTP_1: &[u8] = b"http/1.1";
const HTTP_2: &[u8] = b"h2";

/// Makes connections encrypted ones.
pub(super) struct Tls {
    acceptor: TlsAcceptor,
    of_http_1: TlsAcceptor,
    shown: Arc<Shown>,
    files: TlsFiles,
    clock: Clock,
}

/// The certificate that new connections get.
#[derive(Debug)]
struct Shown(RwLock<Arc<CertifiedKey>>);

impl ResolvesServerCert for Shown {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.read().unwrap_or_else(PoisonError::into_inner).clone())
    }
}

impl Tls {
    /// # Errors
    /// What is wrong with the files.
    pub(super) fn open(files: &TlsFiles, clock: &Clock) -> Result<Self, TlsError> {
        let key = load(files)?;
        warn_of(files, &term_of(&key, clock));
        let shown = Arc::new(Shown(RwLock::new(Arc::new(key))));
        let config = ServerConfig::builder_with_provider(ring::default_provider().into())
            .with_protocol_versions(&[&TLS13, &TLS12])
            .map_err(TlsError::Unusable)?
            .with_no_client_auth();
        let config = config.with_cert_resolver(shown.clone());
        let acceptor = |forms: &[&[u8]]| {
            let mut config = config.clone();
            config.alpn_protocols = forms.iter().map(|form| form.to_vec()).collect();
            TlsAcceptor::from(Arc::new(config))
        };
        let (acceptor, of_http_1) = (acceptor(&[HTTP_2, HTTP_1]), acceptor(&[HTTP_1]));
        Ok(Self { acceptor, of_http_1, shown, files: files.clone(), clock: clock.clone() })
    }

    /// Reads the files again. New connections get what they hold; where that cannot be used, they go on getting what
    /// was there before.
    pub(super) fn reload(&self) {
        match load(&self.files) {
            Ok(key) => {
                let term = term_of(&key, &self.clock);
                *self.shown.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(key);
                tracing::info!("reloaded the TLS certificate: {}", term.words());
                warn_of(&self.files, &term);
            }
            Err(error) => tracing::error!(%error, "kept the TLS certificate that was in use"),
        }
    }

    /// Encrypts a connection that was just accepted. Its client chooses the form of HTTP.
    pub(super) async fn accept(&self, stream: TcpStream) -> io::Result<Box<TlsStream<TcpStream>>> {
        self.acceptor.accept(stream).await.map(Box::new)
    }

    /// Encrypts a connection for HTTP/1.1.
    pub(super) async fn accept_http_1(&self, stream: TcpStream) -> io::Result<Box<TlsStream<TcpStream>>> {
        self.of_http_1.accept(stream).await.map(Box::new)
    }
}

/// Whether a client chose HTTP/2. Who chooses nothing speaks HTTP/1.1.
pub(super) fn chose_http_2(stream: &TlsStream<TcpStream>) -> bool {
    stream.get_ref().1.alpn_protocol() == Some(HTTP_2)
}

/// Why a certificate cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// One of the files cannot be read.
    #[error("{name}: {} can't be read: {reason}", file.display())]
    Unreadable {
        /// The setting that names the file.
        name: &'static str,
        /// The file.
        file: PathBuf,
        /// What the system says, or what is wrong with what is in it.
        reason: String,
    },
    /// Both are there, and do not fit.
    #[error("TESSERA_TLS_KEY is not the key of TESSERA_TLS_CERTIFICATE")]
    OfAnother,
    /// Something in them is of a kind that is not known.
    #[error("TESSERA_TLS_CERTIFICATE and TESSERA_TLS_KEY can't be used: {0}")]
    Unusable(rustls::Error),
}

fn load(files: &TlsFiles) -> Result<CertifiedKey, TlsError> {
    let no_certificate = |error| unreadable("TESSERA_TLS_CERTIFICATE", &files.certificate, error);
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_file_iter(&files.certificate)
        .and_then(Iterator::collect)
        .map_err(no_certificate)?;
    if chain.is_empty() {
        return Err(no_certificate(pem::Error::NoItemsFound));
    }
    let key = PrivateKeyDer::from_pem_file(&files.key);
    let key = key.map_err(|error| unreadable("TESSERA_TLS_KEY", &files.key, error))?;
    CertifiedKey::from_der(chain, key, &ring::default_provider()).map_err(|error| match error {
        rustls::Error::InconsistentKeys(_) => TlsError::OfAnother,
        other => TlsError::Unusable(other),
    })
}

fn unreadable(name: &'static str, file: &Path, error: pem::Error) -> TlsError {
    let reason = match error {
        pem::Error::Io(error) => error.to_string(),
        pem::Error::NoItemsFound => "nothing of that is in it in the form PEM".to_owned(),
        other => other.to_string(),
    };
    TlsError::Unreadable { name, file: file.to_owned(), reason }
}

/// How a certificate's time stands.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Term {
    Good(Validity),
    EndsSoon(Validity),
    NotYet(Validity),
    Over(Validity),
    /// It does not say so in a form that is understood.
    Unknown,
}

impl Term {
    fn at(validity: Option<Validity>, now: OffsetDateTime) -> Self {
        match validity {
            None => Self::Unknown,
            Some(validity) if now < validity.from => Self::NotYet(validity),
            Some(validity) if now > validity.until => Self::Over(validity),
            Some(validity) if validity.until - now < SOON => Self::EndsSoon(validity),
            Some(validity) => Self::Good(validity),
        }
    }

    /// In words.
    pub(super) fn words(&self) -> String {
        match self {
            Self::Good(validity) => format!("the certificate is valid until {}", validity.until.date()),
            Self::EndsSoon(validity) => {
                format!("the certificate expires soon, on {}; renew it", validity.until.date())
            }
            Self::NotYet(validity) => format!("the certificate is not valid before {}", validity.from.date()),
            Self::Over(validity) => format!("the certificate expired on {}", validity.until.date()),
            Self::Unknown => "it is not known until when the certificate is valid".to_owned(),
        }
    }
}

fn term_of(key: &CertifiedKey, clock: &Clock) -> Term {
    let validity = key.cert.first().and_then(|certificate| Validity::of(certificate));
    Term::at(validity, clock.now().assume_utc())
}

fn warn_of(files: &TlsFiles, term: &Term) {
    if !matches!(term, Term::Good(_)) {
        tracing::warn!("{}: {}", files.certificate.display(), term.words());
    }
}

/// How the time of the certificate in these files stands, if they can be used.
pub(super) fn term(files: &TlsFiles, clock: &Clock) -> Result<Term, TlsError> {
    load(files).map(|key| term_of(&key, clock))
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn a_certificate_is_pointed_out_outside_of_its_time_and_shortly_before_its_end() {
        let validity =
            Validity { from: datetime!(2026-01-01 0:00 UTC), until: datetime!(2026-03-01 0:00 UTC) };
        let words = |now| Term::at(Some(validity), now).words();
        assert_eq!(words(datetime!(2025-12-31 0:00 UTC)), "the certificate is not valid before 2026-01-01");
        assert_eq!(words(datetime!(2026-02-14 0:00 UTC)), "the certificate is valid until 2026-03-01");
        let soon = words(datetime!(2026-02-16 0:00 UTC));
        assert_eq!(soon, "the certificate expires soon, on 2026-03-01; renew it");
        assert_eq!(words(datetime!(2026-03-02 0:00 UTC)), "the certificate expired on 2026-03-01");
        assert_eq!(Term::at(None, datetime!(2026-03-02 0:00 UTC)), Term::Unknown);
    }
}

//! The bucket that copies of backups go to, at any server that speaks S3.

use std::fmt;

use percent_encoding::percent_decode_str;
use rusty_s3::{Bucket, Credentials, UrlStyle};
use secrecy::{ExposeSecret, SecretString};
use url::{Host, Url};

/// What servers take that know of no regions, and the one of AWS that is meant without a name.
const DEFAULT_REGION: &str = "us-east-1";

/// Where a bucket is, and with what it is opened: `https://ID:SECRET@HOST/BUCKET/PREFIX?region=REGION`. Holds the secret,
/// so it prints as redacted.
#[derive(Clone)]
pub struct BucketUrl {
    bucket: Bucket,
    /// What the names of objects begin with; empty, or with a slash at its end.
    prefix: String,
    key_id: String,
    secret: SecretString,
}

impl BucketUrl {
    /// # Errors
    /// What the address of a bucket has to look like, without the text that was given.
    pub fn parse(text: &str) -> Result<Self, String> {
        Self::read(text).ok_or_else(|| {
            "must be https://ID:SECRET@HOST/BUCKET, with a prefix after the bucket if you like and ?region=REGION if \
             the server has regions (special characters as in a URL, for example %2F for /)"
                .to_owned()
        })
    }

    fn read(text: &str) -> Option<Self> {
        let url = Url::parse(text).ok()?;
        // On the way to another machine everybody would read it along.
        let is_private = match url.host()? {
            Host::Domain(name) => name == "localhost",
            Host::Ipv4(ip) => ip.is_loopback(),
            Host::Ipv6(ip) => ip.is_loopback(),
        };
        if !(url.scheme() == "https" || (url.scheme() == "http" && is_private)) || url.fragment().is_some() {
            return None;
        }
        let decoded = |text: &str| percent_decode_str(text).decode_utf8().map(|text| text.into_owned()).ok();
        let (key_id, secret) = (decoded(url.username())?, decoded(url.password()?)?);
        let mut region = DEFAULT_REGION.to_owned();
        for (name, value) in url.query_pairs() {
            match &*name {
                "region" => region = value.into_owned(),
                _ => return None,
            }
        }
        let path = decoded(url.path())?;
        let mut parts = path.split('/').filter(|part| !part.is_empty());
        let name = parts.next()?.to_owned();
        let prefix: String = parts.map(|part| format!("{part}/")).collect();
        if key_id.is_empty() || secret.is_empty() || region.is_empty() {
            return None;
        }
        let mut endpoint = url.clone();
        endpoint.set_path("");
        endpoint.set_query(None);
        endpoint.set_username("").ok()?;
        endpoint.set_password(None).ok()?;
        let bucket = Bucket::new(endpoint, UrlStyle::Path, name, region).ok()?;
        Some(Self { bucket, prefix, key_id, secret: SecretString::from(secret) })
    }

    /// The bucket.
    pub fn bucket(&self) -> &Bucket {
        &self.bucket
    }

    /// What the names of its objects begin with.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// What opens it.
    pub fn credentials(&self) -> Credentials {
        Credentials::new(self.key_id.clone(), self.secret.expose_secret())
    }
}

/// Without what opens it.
impl fmt::Display for BucketUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.bucket.base_url())?;
        formatter.write_str(if self.bucket.base_url().path().ends_with('/') { "" } else { "/" })?;
        formatter.write_str(&self.prefix)
    }
}

impl fmt::Debug for BucketUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "BucketUrl({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_is_known_by_its_address_and_never_tells_its_secret() {
        let url =
            "https://AKIA:s%2Fcret%2B@s3.eu-central-1.amazonaws.com/copies/tessera/one?region=eu-central-1";
        let bucket = BucketUrl::parse(url).unwrap();
        assert_eq!(bucket.to_string(), "https://s3.eu-central-1.amazonaws.com/copies/tessera/one/");
        assert_eq!((bucket.bucket().region(), bucket.prefix()), ("eu-central-1", "tessera/one/"));
        assert_eq!((bucket.credentials().key(), bucket.credentials().secret()), ("AKIA", "s/cret+"));
        assert!(!format!("{bucket:?}").contains("cret"), "{bucket:?}");
        let plain = BucketUrl::parse("http://id:secret@127.0.0.1:9000/copies").unwrap();
        assert_eq!((plain.to_string().as_str(), plain.prefix()), ("http://127.0.0.1:9000/copies/", ""));
    }

    #[test]
    fn what_is_no_bucket_is_refused_without_being_repeated() {
        for wrong in [
            "",
            "copies",
            "s3://id:hunter2@copies/tessera",
            "http://id:hunter2@s3.example.com/copies",
            "https://s3.example.com/copies",
            "https://id@s3.example.com/copies",
            "https://id:hunter2@s3.example.com",
            "https://id:hunter2@s3.example.com/",
            "https://id:hunter2@s3.example.com/copies?regoin=eu",
            "https://id:hunter2@s3.example.com/copies#x",
            "https://id:hunter2@/copies",
        ] {
            let error = BucketUrl::parse(wrong).expect_err(wrong);
            assert!(error.starts_with("must be https://") && !error.contains("hunter2"), "{wrong}: {error}");
        }
    }
}

//! Copies of backups in a bucket, at any server that speaks S3.

use std::{io, path::Path, time::Duration};

use reqwest::{Client, Response, header::CONTENT_LENGTH};
use rusty_s3::{Credentials, S3Action, actions::ListObjectsV2};
use tokio::fs::File;

use crate::{config::BucketUrl, http_client};

/// How long a signed address counts. The server begins to read long before.
const SIGNED_FOR: Duration = Duration::from_secs(900);

/// How long a server may take to answer what is small.
const PATIENCE: Duration = Duration::from_secs(30);

/// Slower than this is no way to a bucket.
const LEAST_BYTES_PER_SECOND: u64 = 128 * 1024;

/// What is shown at most of an answer.
const MAX_TOLD: usize = 300;

/// Why a bucket does not do what it is asked for.
#[derive(Debug, thiserror::Error)]
pub(super) enum BucketError {
    /// The server cannot be reached, or takes too long.
    #[error("the bucket can't be reached: {0}")]
    Unreachable(String),
    /// It refuses.
    #[error("the bucket answered {status}: {words}")]
    Refused {
        /// By this status.
        status: u16,
        /// In these words.
        words: String,
    },
    /// It answers something else than S3.
    #[error("the bucket's answer can't be read: {0}")]
    Unreadable(String),
    /// The copy's own file fails.
    #[error("the backup can't be read: {0}")]
    File(#[from] io::Error),
}

/// A signed address says what is allowed by it: none is told.
impl From<reqwest::Error> for BucketError {
    fn from(error: reqwest::Error) -> Self {
        let error = error.without_url();
        let causes = std::iter::successors(std::error::Error::source(&error), |cause| cause.source());
        let told = causes.fold(error.to_string(), |told, cause| format!("{told}: {cause}"));
        Self::Unreachable(told)
    }
}

/// A bucket, with what asks it.
pub(super) struct Bucket {
    place: BucketUrl,
    credentials: Credentials,
    client: Client,
}

impl Bucket {
    pub(super) fn new(place: &BucketUrl) -> Result<Self, BucketError> {
        let client = http_client::builder().connect_timeout(PATIENCE).build()?;
        Ok(Self { place: place.clone(), credentials: place.credentials(), client })
    }

    /// Puts a copy of a file there, under this name.
    pub(super) async fn put(&self, name: &str, file: &Path) -> Result<(), BucketError> {
        let file = File::open(file).await?;
        let bytes = file.metadata().await?.len();
        let object = format!("{}{name}", self.place.prefix());
        let url = self.place.bucket().put_object(Some(&self.credentials), &object).sign(SIGNED_FOR);
        // S3 takes nothing whose length it is not told before.
        let request = self.client.put(url).header(CONTENT_LENGTH, bytes).body(file);
        let patience = PATIENCE + Duration::from_secs(bytes / LEAST_BYTES_PER_SECOND);
        accepted(request.timeout(patience).send().await?).await.map(drop)
    }

    /// The names of all that is there, without the prefix.
    pub(super) async fn names(&self) -> Result<Vec<String>, BucketError> {
        let (mut names, mut next) = (Vec::new(), None);
        loop {
            let mut list = self.place.bucket().list_objects_v2(Some(&self.credentials));
            list.with_prefix(self.place.prefix());
            if let Some(token) = next.take() {
                list.with_continuation_token(token);
            }
            let request = self.client.get(list.sign(SIGNED_FOR)).timeout(PATIENCE);
            let text = accepted(request.send().await?).await?.text().await?;
            let part = ListObjectsV2::parse_response(&text)
                .map_err(|error| BucketError::Unreadable(error.to_string()))?;
            let own = part.contents.into_iter();
            names.extend(own.filter_map(|one| Some(one.key.strip_prefix(self.place.prefix())?.to_owned())));
            next = part.next_continuation_token;
            if next.is_none() {
                return Ok(names);
            }
        }
    }

    /// Removes what has this name.
    pub(super) async fn remove(&self, name: &str) -> Result<(), BucketError> {
        let object = format!("{}{name}", self.place.prefix());
        let url = self.place.bucket().delete_object(Some(&self.credentials), &object).sign(SIGNED_FOR);
        accepted(self.client.delete(url).timeout(PATIENCE).send().await?).await.map(drop)
    }
}

async fn accepted(answer: Response) -> Result<Response, BucketError> {
    if answer.status().is_success() {
        return Ok(answer);
    }
    let status = answer.status().as_u16();
    let words: String = answer.text().await.unwrap_or_default();
    let words = words.chars().filter(|sign| !sign.is_control()).take(MAX_TOLD).collect();
    Err(BucketError::Refused { status, words })
}

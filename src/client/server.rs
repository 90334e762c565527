//! The server behind the API: requests, their repetition, and what rejections mean.

use std::{io::Write, time::Duration};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::{
    Client, Method, RequestBuilder, Response, StatusCode,
    header::{CONTENT_TYPE, HeaderMap, RETRY_AFTER},
};
use secrecy::{ExposeSecret, SecretString};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use uuid::Uuid;

use super::{
    Failure,
    explain::{explain, told},
    output::printable,
    say,
};
use crate::{
    api_types::{List, PresentedToken, ProblemDocument},
    config::ClientCall,
    http_client,
};

/// How long a connection may take to stand.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long the server may keep silent.
const READ_TIMEOUT: Duration = Duration::from_secs(60);
/// The pauses before a request is sent again.
const PAUSES: [Duration; 3] =
    [Duration::from_millis(200), Duration::from_millis(400), Duration::from_millis(800)];
/// The longest wait that a server may ask for; a longer one is told instead.
const MAX_WAIT: Duration = Duration::from_secs(30);
/// How often such a wait is kept for one request.
const MAX_WAITS: usize = 5;
/// Items in one part of a list, the most that the server gives.
const PART: usize = 100;
/// What is encoded in a part of an address; ids are as they are.
const SPECIAL: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-');
/// What says that a rejection is Tessera's (RFC 9457).
const PROBLEM: &str = "application/problem+json";

/// A server, asked with a token.
pub(super) struct Server {
    client: Client,
    url: String,
    token: SecretString,
}

/// The organization of the token.
pub(super) struct Organization {
    /// `/api/v2/organizations/…`, to put something behind.
    path: String,
    pub(super) name: String,
}

/// Parameters behind the address.
pub(super) type Query<'a> = [(&'a str, &'a str)];

/// A request that can be sent several times.
struct Call<'a> {
    method: Method,
    path: &'a str,
    query: &'a Query<'a>,
    body: Value,
    /// Has the server carry out a repetition once.
    idempotency_key: Option<String>,
}

/// A whole answer.
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Server {
    pub(super) fn new(call: &ClientCall) -> Result<Self, Failure> {
        let client = http_client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .read_timeout(READ_TIMEOUT)
            .build()
            .map_err(|error| Failure::NoServer(format!("can't send requests: {}", explain(&error))))?;
        Ok(Self { client, url: call.url.clone(), token: call.token.clone() })
    }

    /// What the token belongs to.
    pub(super) async fn organization(&self) -> Result<Organization, Failure> {
        let PresentedToken { organization, .. } = self.get("/api/v2/token", &[]).await?;
        let path = format!("/api/v2/organizations/{}", encoded(&organization.id));
        Ok(Organization { path, name: organization.name })
    }

    pub(super) async fn get<T: DeserializeOwned>(&self, path: &str, query: &Query<'_>) -> Result<T, Failure> {
        self.json(Call { query, ..Call::new(Method::GET, path) }).await
    }

    /// Carries something out, once however often it has to be sent; `()` is no body.
    pub(super) async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, Failure> {
        let idempotency_key = Some(Uuid::new_v4().to_string());
        let body = json(body)?;
        self.json(Call { body, idempotency_key, ..Call::new(Method::POST, path) }).await
    }

    pub(super) async fn patch<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, Failure> {
        self.json(Call { body: json(body)?, ..Call::new(Method::PATCH, path) }).await
    }

    pub(super) async fn delete(&self, path: &str) -> Result<(), Failure> {
        self.accepted(Call::new(Method::DELETE, path)).await.map(drop)
    }

    /// The items of a list, `most` of them at most.
    pub(super) async fn list<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &Query<'_>,
        most: usize,
    ) -> Result<Vec<T>, Failure> {
        let (mut items, mut cursor) = (Vec::new(), None::<String>);
        loop {
            let limit = PART.min(most.saturating_sub(items.len())).to_string();
            let mut query = query.to_vec();
            query.push(("limit", &limit));
            if let Some(cursor) = &cursor {
                query.push(("cursor", cursor));
            }
            let List { data, next_cursor } = self.get(path, &query).await?;
            // A server that gives nothing, or the same part again, is not asked for ever.
            let is_last = data.is_empty() || next_cursor == cursor;
            items.extend(data);
            match next_cursor.filter(|_| !is_last && items.len() < most) {
                Some(next) => cursor = Some(next),
                None => {
                    items.truncate(most);
                    return Ok(items);
                }
            }
        }
    }

    /// Copies an answer to `to` as it comes.
    pub(super) async fn download(
        &self,
        path: &str,
        query: &Query<'_>,
        to: &mut impl Write,
    ) -> Result<(), Failure> {
        let call = Call { query, ..Call::new(Method::GET, path) };
        let mut response = self.request(&call).send().await.map_err(|error| self.no_answer(&error))?;
        if !response.status().is_success() {
            let answer = whole(response).await.map_err(|error| self.no_answer(&error))?;
            return Err(self.rejection(&answer));
        }
        while let Some(chunk) = response.chunk().await.map_err(|error| self.no_answer(&error))? {
            to.write_all(&chunk)?;
        }
        Ok(to.flush()?)
    }

    async fn json<T: DeserializeOwned>(&self, call: Call<'_>) -> Result<T, Failure> {
        let answer = self.accepted(call).await?;
        serde_json::from_slice(&answer.body).map_err(|error| {
            self.stranger(&format!("unexpected response: {}", printable(&error.to_string())))
        })
    }

    async fn accepted(&self, call: Call<'_>) -> Result<Answer, Failure> {
        let answer = self.exchange(call).await.map_err(|error| self.no_answer(&error))?;
        if answer.status.is_success() { Ok(answer) } else { Err(self.rejection(&answer)) }
    }

    /// Sends a request, again where that is safe and may help.
    async fn exchange(&self, call: Call<'_>) -> Result<Answer, reqwest::Error> {
        let may_repeat = call.method == Method::GET || call.idempotency_key.is_some();
        let (mut pauses, mut waits) = (PAUSES.into_iter().filter(|_| may_repeat), 0..MAX_WAITS);
        loop {
            let answer = match self.request(&call).send().await {
                Ok(response) => whole(response).await,
                Err(error) => Err(error),
            };
            let again_after = match &answer {
                Ok(answer) if answer.status == StatusCode::TOO_MANY_REQUESTS => {
                    answer.wait().filter(|_| waits.next().is_some())
                }
                Ok(answer) if answer.status == StatusCode::SERVICE_UNAVAILABLE => pauses.next(),
                Ok(_) => None,
                Err(_) => pauses.next(),
            };
            match again_after {
                Some(pause) => tokio::time::sleep(pause).await,
                None => return answer,
            }
        }
    }

    fn request(&self, call: &Call<'_>) -> RequestBuilder {
        let mut request = self
            .client
            .request(call.method.clone(), format!("{}{}", self.url, call.path))
            .query(call.query)
            .bearer_auth(self.token.expose_secret());
        if let Some(key) = &call.idempotency_key {
            request = request.header("Idempotency-Key", key);
        }
        if call.body.is_null() { request } else { request.json(&call.body) }
    }

    fn rejection(&self, answer: &Answer) -> Failure {
        let is_problem = answer.header(CONTENT_TYPE.as_str()).starts_with(PROBLEM);
        let problem = serde_json::from_slice::<ProblemDocument>(&answer.body).ok().filter(|_| is_problem);
        let Some(problem) = problem else {
            return self.stranger(&format!("it returned {} without problem details", answer.status.as_u16()));
        };
        let message = told(&problem);
        match answer.status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Failure::NotPermitted(message),
            StatusCode::NOT_FOUND => Failure::NotFound(message),
            _ => Failure::Refused(message),
        }
    }

    fn no_answer(&self, error: &reqwest::Error) -> Failure {
        Failure::NoServer(format!(
            "{} doesn't respond: {}. Check TESSERA_URL and that the server is running.",
            printable(&self.url),
            explain(error)
        ))
    }

    fn stranger(&self, what: &str) -> Failure {
        Failure::NoServer(format!(
            "{} isn't a Tessera server: {what}. Check TESSERA_URL.",
            printable(&self.url)
        ))
    }
}

impl<'a> Call<'a> {
    fn new(method: Method, path: &'a str) -> Self {
        Self { method, path, query: &[], body: Value::Null, idempotency_key: None }
    }
}

impl Organization {
    /// The address of `parts` in it.
    pub(super) fn path(&self, parts: &[&str]) -> String {
        parts.iter().fold(self.path.clone(), |path, part| format!("{path}/{}", encoded(part)))
    }
}

impl Answer {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// How long the server asks to wait, if that is bearable.
    fn wait(&self) -> Option<Duration> {
        let seconds = self.header(RETRY_AFTER.as_str()).parse().ok()?;
        let wait = Duration::from_secs(seconds);
        if wait > MAX_WAIT {
            return None;
        }
        say(format_args!("Too many requests; retrying in {seconds} s."));
        Some(wait)
    }
}

async fn whole(response: Response) -> Result<Answer, reqwest::Error> {
    let (status, headers) = (response.status(), response.headers().clone());
    Ok(Answer { status, headers, body: response.bytes().await?.to_vec() })
}

fn json(body: &impl Serialize) -> Result<Value, Failure> {
    serde_json::to_value(body).map_err(|error| Failure::Usage(format!("this can't be sent: {error}")))
}

/// A part of an address, whatever stands in it.
pub(super) fn encoded(part: &str) -> String {
    utf8_percent_encode(part, SPECIAL).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_named_stays_one_part_of_the_address() {
        let organization = Organization { path: "/o".to_owned(), name: String::new() };
        assert_eq!(organization.path(&["keys", "../a?b#c"]), "/o/keys/%2E%2E%2Fa%3Fb%23c");
    }
}

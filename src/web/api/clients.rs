//! Who presents a key: the client's address and what it calls itself. Gateways pass both on.

use std::net::IpAddr;

use actix_web::{
    HttpMessage, HttpRequest,
    http::header::{HeaderValue, USER_AGENT},
};

use crate::{domain::usage::Client, web::extract::RequestContext};

/// The client behind a request.
pub fn of(request: &HttpRequest) -> Client<'_> {
    let ip: Option<IpAddr> = request.extensions().get::<RequestContext>().and_then(|context| context.ip);
    let user_agent = request.headers().get(USER_AGENT).map(HeaderValue::to_str).and_then(Result::ok);
    Client { ip, user_agent: user_agent.unwrap_or_default() }
}

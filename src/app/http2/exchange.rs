//! One request of a connection, and its answer.

use std::{future::poll_fn, rc::Rc, time::Duration};

use h2::{Reason, RecvStream, SendStream, server::SendResponse};
use hyper::{
    Request, Response,
    body::{Body as _, Bytes, Incoming},
};
use tokio::time::timeout;

use super::{
    Session, heads,
    line::{Line, Upload},
};

/// How long one answer may take, a long file included; as long as a connection of HTTP/1.1 may.
pub(super) const MAX_ANSWER: Duration = Duration::from_secs(600);
/// How long a client may take none of what it is sent, by leaving no window for it. Where it does not read from its
/// socket, the socket has a time-out as long.
pub(super) const UNREAD_TIMEOUT: Duration = Duration::from_secs(30);
/// Bytes of an answer that ask for a window at once, so that others get their turn.
const PIECE: usize = 16 * 1024;

/// Answers a request, or resets it where that cannot be.
pub(super) async fn answer(
    session: Rc<Session>,
    request: Request<RecvStream>,
    mut respond: SendResponse<Bytes>,
) {
    let exchange = timeout(MAX_ANSWER, exchange(&session, request, &mut respond));
    if let Err(reason) = exchange.await.unwrap_or(Err(Reason::CANCEL)) {
        respond.send_reset(reason);
    }
}

async fn exchange(
    session: &Session,
    request: Request<RecvStream>,
    respond: &mut SendResponse<Bytes>,
) -> Result<(), Reason> {
    let (head, body) = request.into_parts();
    let (head, length) = heads::of_request(head)?;
    let mut line = session.line().await?;
    let asked = line.ask(Request::from_parts(head, Upload::new(body, length)));
    let answer = tokio::select! {
        biased;
        // Of a body with a fault, or one that is taken back: the stream is reset already, and nothing more is said.
        answer = asked => answer.map_err(|_| Reason::INTERNAL_ERROR)?,
        _ = poll_fn(|context| respond.poll_reset(context)) => return Err(Reason::CANCEL),
    };
    let (head, answer) = answer.into_parts();
    let is_whole = answer.is_end_stream();
    let head = Response::from_parts(heads::of_answer(head), ());
    let mut sending = respond.send_response(head, is_whole).map_err(|_| Reason::CANCEL)?;
    if !is_whole {
        send_on(&mut line, answer, &mut sending).await?;
    }
    session.keep(line).await;
    Ok(())
}

/// Sends the body of an answer, as it comes.
async fn send_on(
    line: &mut Line,
    mut answer: Incoming,
    sending: &mut SendStream<Bytes>,
) -> Result<(), Reason> {
    loop {
        let next = tokio::select! {
            biased;
            next = line.next(&mut answer) => next,
            _ = poll_fn(|context| sending.poll_reset(context)) => return Err(Reason::CANCEL),
        };
        let Some(frame) = next else {
            return sending.send_data(Bytes::new(), true).map_err(|_| Reason::CANCEL);
        };
        let Ok(bytes) = frame.map_err(|_| Reason::INTERNAL_ERROR)?.into_data() else { continue };
        let is_last = answer.is_end_stream();
        if !bytes.is_empty() || is_last {
            send(sending, bytes, is_last).await?;
        }
        if is_last {
            return Ok(());
        }
    }
}

/// Hands on only what the client has a window for: nothing waits where nobody counts it.
async fn send(sending: &mut SendStream<Bytes>, mut bytes: Bytes, is_last: bool) -> Result<(), Reason> {
    while !bytes.is_empty() {
        sending.reserve_capacity(bytes.len().min(PIECE));
        let room = match sending.capacity() {
            0 => {
                let granted = timeout(UNREAD_TIMEOUT, poll_fn(|context| sending.poll_capacity(context)));
                granted.await.ok().flatten().and_then(Result::ok).ok_or(Reason::CANCEL)?
            }
            room => room,
        };
        if room > 0 {
            let part = bytes.split_to(room.min(bytes.len()));
            let is_end = is_last && bytes.is_empty();
            sending.send_data(part, is_end).map_err(|_| Reason::CANCEL)?;
        }
    }
    Ok(())
}

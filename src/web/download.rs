//! A file that is streamed in parts, so that its length does not matter.

use std::future::Future;

use actix_web::{
    HttpResponse,
    http::header::{CACHE_CONTROL, ContentDisposition, DispositionParam, DispositionType},
    web::Bytes,
};
use futures_util::stream::{self, StreamExt};

use super::error::AppError;

/// Answers with a file of this name and media type: `head`, and then whatever `next_part` reads from where the file
/// stands, until that is nothing.
///
/// # Errors
/// When the first part cannot be read. What fails later breaks the answer off.
pub async fn in_parts<S: 'static, F>(
    (name, content_type): (&str, &'static str),
    head: Option<Bytes>,
    progress: S,
    next_part: impl Fn(S) -> F + Copy + 'static,
) -> Result<HttpResponse, AppError>
where
    F: Future<Output = Option<(Result<Bytes, AppError>, S)>> + 'static,
{
    let mut first = Vec::from_iter(head);
    let mut rest = None;
    if let Some((part, progress)) = next_part(progress).await {
        first.push(part?);
        rest = Some(progress);
    }
    let rest = stream::unfold(rest, move |progress| async move {
        let (part, progress) = next_part(progress?).await?;
        Some((part, Some(progress)))
    });
    let parts = stream::iter(first.into_iter().map(Ok)).chain(rest);
    let file = ContentDisposition {
        disposition: DispositionType::Attachment,
        parameters: vec![DispositionParam::Filename(name.to_owned())],
    };
    Ok(HttpResponse::Ok()
        .content_type(content_type)
        .insert_header(file)
        .insert_header((CACHE_CONTROL, "no-store"))
        .streaming(Box::pin(parts)))
}

use std::time::Duration;

/// Waits for what a worker does in its own time, which may be long on a machine with other work.
pub(crate) async fn until(is_so: impl AsyncFn() -> bool) {
    for _ in 0..1200 {
        if is_so().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("it did not come so far within 60 seconds");
}

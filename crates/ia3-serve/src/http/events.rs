//! The events of a request that runs.

use tokio::sync::mpsc::UnboundedReceiver;

use crate::engine::Event;
use crate::error::ServeError;

/// The next event, or the error of an engine that has ended.
pub(super) async fn next(receiver: &mut UnboundedReceiver<Event>) -> Event {
    receiver.recv().await.unwrap_or(Event::Failed(ServeError::Ending))
}

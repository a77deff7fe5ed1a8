//! The connections of a server: how many there are, and how long a client may take to ask and to listen.

use std::convert::Infallible;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use hyper::body::{Body as HttpBody, Frame, Incoming, SizeHint};
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio_io_timeout::TimeoutStream;

use super::app::ServerOptions;
use super::places::{Answering, Place, Places};

/// How long to wait before the next connection when the operating system has no room for one.
const PAUSE: Duration = Duration::from_millis(200);

/// Answers until `stop` is ready. Then it takes no more connections, and returns when all requests are answered. There are up to
/// `connections` of the options at a time: a further one takes the place of the one that has waited longest for a request, or waits
/// if all are being answered.
pub(super) async fn answer(
    listener: TcpListener,
    router: Router,
    options: &ServerOptions,
    stop: impl Future<Output = ()> + Send,
) {
    let (graceful, places) = (GracefulShutdown::new(), Arc::new(Places::new(options.connections)));
    let mut stop = pin!(stop);
    loop {
        let next = async { (accepted(&listener).await, places.enter().await) };
        let (stream, place) = tokio::select! {
            next = next => next,
            () = &mut stop => break,
        };
        let place = Arc::new(place);
        let (service, of_service) = (TowerToHyperService::new(router.clone()), place.clone());
        let service = service_fn(move |request| answered(service.clone(), request, &of_service));
        let mut server = http1::Builder::new();
        server.timer(TokioTimer::new()).header_read_timeout(options.patience);
        let mut stream = TimeoutStream::new(stream);
        stream.set_write_timeout(Some(options.patience));
        let connection = graceful.watch(server.serve_connection(TokioIo::new(Box::pin(stream)), service));
        tokio::spawn(async move {
            tokio::select! {
                // A client that goes away, or takes too long, is no concern of the server.
                _ = connection => (),
                () = place.needed() => (),
            }
        });
    }
    drop(listener);
    graceful.shutdown().await;
}

/// The response to a request, which keeps the place of its connection until it is sent.
fn answered(
    service: TowerToHyperService<Router>,
    request: Request<Incoming>,
    place: &Arc<Place>,
) -> impl Future<Output = Result<Response<Kept>, Infallible>> + use<> {
    let answering = place.answering();
    async move { Ok(service.call(request).await?.map(|body| Kept { body, _answering: answering })) }
}

/// The body of a response of a connection that keeps its place.
struct Kept {
    body: Body,
    _answering: Answering,
}

impl HttpBody for Kept {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// The next connection. A failure of one connection, or of the operating system for a while, ends no server.
async fn accepted(listener: &TcpListener) -> TcpStream {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                // A token is sent as soon as it is there.
                let _ = stream.set_nodelay(true);
                return stream;
            }
            Err(_) => tokio::time::sleep(PAUSE).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpStream as Client;

    use axum::routing::get;
    use tokio::sync::oneshot;

    use super::*;

    /// More than the buffers of a connection on loopback hold.
    const LARGE: usize = 64 << 20;

    fn ask(address: std::net::SocketAddr, path: &str) -> Client {
        let mut client = Client::connect(address).unwrap();
        client.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        write!(client, "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
        client
    }

    fn rest(mut client: Client) -> usize {
        let mut bytes = vec![];
        let _ = client.read_to_end(&mut bytes); // A connection that is reset has ended too.
        bytes.len()
    }

    /// Serves a large and a small answer to what `clients` does.
    async fn serve(
        connections: usize,
        patience: Duration,
        clients: impl FnOnce(std::net::SocketAddr) + Send + 'static,
    ) {
        let router = Router::new()
            .route("/large", get(|| async { vec![0u8; LARGE] }))
            .route("/small", get(|| async { "small" }));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let options = ServerOptions::new("x").with_connections(connections).with_patience(patience);
        let (stop, stopped) = oneshot::channel::<()>();
        let server = tokio::spawn(async move {
            let stop = async { drop(stopped.await) };
            answer(listener, router, &options, stop).await;
        });
        tokio::task::spawn_blocking(move || clients(address)).await.unwrap();
        stop.send(()).unwrap();
        server.await.unwrap();
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_client_that_never_listens_loses_its_connection() {
        let clients = |address| {
            let deaf = ask(address, "/large");
            // There is one connection at a time, and it is being answered, so this one is when the first one has ended.
            assert!(rest(ask(address, "/small")) > 5);
            assert!(rest(deaf) < LARGE);
            assert!(rest(ask(address, "/large")) > LARGE, "a client that listens gets everything");
        };
        serve(1, Duration::from_millis(300), clients).await;
    }

    /// Without patience running out: new connections take the places of those that say nothing.
    #[tokio::test(flavor = "multi_thread")]
    async fn many_connections_that_say_nothing_keep_nobody_away() {
        let clients = |address| {
            let silent: Vec<Client> = (0..400).map(|_| Client::connect(address).unwrap()).collect();
            assert!(rest(ask(address, "/small")) > 5);
            drop(silent);
        };
        serve(8, Duration::from_secs(3600), clients).await;
    }
}

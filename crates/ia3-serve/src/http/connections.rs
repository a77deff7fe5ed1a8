//! The connections of a server: how many there are, and how long a client may take to ask and to listen.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_io_timeout::TimeoutStream;

use super::app::ServerOptions;

/// How long to wait before the next connection when the operating system has no room for one.
const PAUSE: Duration = Duration::from_millis(200);

/// Answers up to `connections` of the options at a time until `stop` is ready. Then it takes no more of them, and returns when all requests are
/// answered. Further connections wait for one that ends.
pub(super) async fn answer(
    listener: TcpListener,
    router: Router,
    options: &ServerOptions,
    stop: impl Future<Output = ()> + Send,
) {
    let (graceful, places) = (GracefulShutdown::new(), Arc::new(Semaphore::new(options.connections)));
    let mut stop = pin!(stop);
    loop {
        let next = async {
            let place = places.clone().acquire_owned().await;
            (accepted(&listener).await, place)
        };
        let (stream, place) = tokio::select! {
            next = next => next,
            () = &mut stop => break,
        };
        let service = TowerToHyperService::new(router.clone());
        let mut server = http1::Builder::new();
        server.timer(TokioTimer::new()).header_read_timeout(options.patience);
        let mut stream = TimeoutStream::new(stream);
        stream.set_write_timeout(Some(options.patience));
        let connection = graceful.watch(server.serve_connection(TokioIo::new(Box::pin(stream)), service));
        tokio::spawn(async move {
            // A client that goes away, or takes too long, is no concern of the server.
            let _ = connection.await;
            drop(place);
        });
    }
    drop(listener);
    graceful.shutdown().await;
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

    #[tokio::test(flavor = "multi_thread")]
    async fn a_client_that_never_listens_loses_its_connection() {
        let router = Router::new()
            .route("/large", get(|| async { vec![0u8; LARGE] }))
            .route("/small", get(|| async { "small" }));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let options = ServerOptions::new("x").with_connections(1).with_patience(Duration::from_millis(300));
        let (stop, stopped) = oneshot::channel::<()>();
        let server = tokio::spawn(async move {
            let stop = async { drop(stopped.await) };
            answer(listener, router, &options, stop).await;
        });
        let clients = tokio::task::spawn_blocking(move || {
            let deaf = ask(address, "/large");
            // There is one connection at a time, so this one is answered when the first one has ended.
            assert!(rest(ask(address, "/small")) > 5);
            assert!(rest(deaf) < LARGE);
            assert!(rest(ask(address, "/large")) > LARGE, "a client that listens gets everything");
        });
        clients.await.unwrap();
        stop.send(()).unwrap();
        server.await.unwrap();
    }
}

//! Clients that say nothing, too little, too much, or do not listen.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::common::options;
use crate::server::Server;

fn server() -> Server {
    Server::start(options().with_tokens(4096), |options| {
        options.with_connections(8).with_patience(Duration::from_millis(300))
    })
}

fn connect(server: &Server) -> TcpStream {
    let client = TcpStream::connect(server.address).unwrap();
    client.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    client
}

/// What the server sends until it closes the connection.
fn rest(mut client: TcpStream) -> String {
    let mut bytes = vec![];
    // A connection that is reset has been closed too.
    let _ = client.read_to_end(&mut bytes);
    String::from_utf8_lossy(&bytes).into_owned()
}

#[test]
fn connections_that_say_nothing_do_not_keep_others_away() {
    let server = server();
    let silent: Vec<TcpStream> = (0..40)
        .map(|i| {
            let mut client = connect(&server);
            client.write_all(&b"POST /v1/completions HTTP/1.1\r\nHost: x\r\nX: "[..i]).unwrap();
            client
        })
        .collect();
    let start = Instant::now();
    assert_eq!(server.get("/health").status, 200);
    // Five times eight of them are before it, each of which has 300 ms.
    assert!(start.elapsed() < Duration::from_secs(30), "{:?}", start.elapsed());
    drop(silent);
    server.stop();
}

#[test]
fn a_body_that_does_not_come_ends_the_request() {
    let server = server();
    let mut client = connect(&server);
    write!(client, "POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{{").unwrap();
    let answer = rest(client);
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    assert!(answer.contains("the body of the request cannot be read"), "{answer}");
    server.stop();
}

#[test]
fn heads_that_are_too_long_are_refused() {
    let server = server();
    let mut client = connect(&server);
    let _ = write!(client, "GET /health HTTP/1.1\r\nHost: x\r\nX: {}\r\n\r\n", "x".repeat(1 << 20));
    let answer = rest(client);
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 431 "), "{answer}");
    let mut client = connect(&server);
    let _ = write!(client, "GET /health HTTP/1.1\r\n{}\r\n", "X: y\r\n".repeat(10_000));
    let answer = rest(client);
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 431 "), "{answer}");
    assert_eq!(server.get("/health").status, 200);
    server.stop();
}

#[test]
fn a_client_that_does_not_listen_holds_no_row() {
    let server = server();
    let body = json!({"model": "tiny", "prompt": "w3", "max_tokens": 4000, "stream": true}).to_string();
    let mut clients: Vec<TcpStream> = (0..options().rows)
        .map(|_| {
            let mut client = connect(&server);
            let length = body.len();
            write!(
                client,
                "POST /v1/completions HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
            )
            .unwrap();
            client
        })
        .collect();
    let next = server.post("/v1/completions", &json!({"model": "tiny", "prompt": "w3", "max_tokens": 2}));
    assert_eq!(next.status, 200);
    // The whole stream is there when the client listens at last.
    let stream = rest(clients.remove(0));
    assert!(
        stream.trim_end().ends_with("0") && stream.contains("data: [DONE]"),
        "{}",
        &stream[stream.len() - 200..]
    );
    drop(clients);
    server.stop();
}

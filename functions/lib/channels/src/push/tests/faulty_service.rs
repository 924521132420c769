//! Push service that misbehaves as configured, and answers correctly afterwards.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

use ::tests::request::Arrival;

pub const CREATED: &str = "HTTP/1.1 201 Created\r\nLocation: /m/1\r\nContent-Length: 0\r\n\r\n";

/// One action on a request.
#[derive(Debug, Clone)]
pub enum Act {
    /// Sends this text.
    Say(String),
    /// Sends this text again and again until the client stops reading.
    Flood(&'static str),
    /// Sends this text, one byte at a time.
    Drip(String),
    /// Sends nothing until the client closes the connection.
    Wait,
    /// Closes the connection.
    Close,
    /// Closes the connection with unread data, so that the system resets it.
    Reset,
}

pub fn say(text: impl Into<String>) -> Act {
    Act::Say(text.into())
}

/// The service. Requests beyond the configured ones are answered with 201.
pub struct FaultyPushService {
    pub origin: String,
    pub requests: Arc<AtomicUsize>,
    pub connections: Arc<AtomicUsize>,
    /// Number of bytes that the client, or the system in between, accepted.
    pub taken_bytes: Arc<AtomicUsize>,
}

impl FaultyPushService {
    /// Starts a service that runs the n-th list of actions on the n-th request.
    pub async fn doing(acts: Vec<Vec<Act>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let service =
            Self { origin, requests: Arc::default(), connections: Arc::default(), taken_bytes: Arc::default() };
        let (requests, connections, taken) =
            (Arc::clone(&service.requests), Arc::clone(&service.connections), Arc::clone(&service.taken_bytes));
        let acts = Arc::new(acts);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                connections.fetch_add(1, Ordering::SeqCst);
                let (requests, acts, taken) = (Arc::clone(&requests), Arc::clone(&acts), Arc::clone(&taken));
                tokio::spawn(async move { connection(stream, &requests, &acts, &taken).await });
            }
        });
        service
    }

    pub fn count(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }
}

async fn connection(stream: TcpStream, requests: &AtomicUsize, acts: &[Vec<Act>], taken: &AtomicUsize) {
    let mut stream = BufReader::new(stream);
    loop {
        // Data that is only peeked at stays unread.
        let mut first = [0];
        if !matches!(stream.get_ref().peek(&mut first).await, Ok(1)) && stream.buffer().is_empty() {
            return;
        }
        let number = requests.fetch_add(1, Ordering::SeqCst);
        let acts = acts.get(number).cloned().unwrap_or_else(|| vec![say(CREATED)]);
        if matches!(acts[..], [Act::Reset, ..]) {
            return;
        }
        if Arrival::read(&mut stream).await.is_none() {
            return;
        }
        for act in acts {
            if !act.done_on(&mut stream, taken).await {
                return;
            }
        }
    }
}

impl Act {
    /// Runs the action. Returns `true` if the connection continues.
    async fn done_on(self, stream: &mut BufReader<TcpStream>, taken: &AtomicUsize) -> bool {
        match self {
            Self::Say(text) => stream.write_all(text.as_bytes()).await.is_ok(),
            Self::Flood(text) => {
                let many = text.repeat(16 * 1024 / text.len() + 1);
                while let Ok(length @ 1..) = stream.write(many.as_bytes()).await {
                    taken.fetch_add(length, Ordering::SeqCst);
                }
                false
            }
            Self::Drip(text) => {
                for byte in text.bytes() {
                    if stream.write_all(&[byte]).await.is_err() {
                        return false;
                    }
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
                true
            }
            Self::Wait => {
                let _ = stream.read_u8().await;
                false
            }
            Self::Close | Self::Reset => false,
        }
    }
}

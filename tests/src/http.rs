//! A small HTTP/1.1 server for the fakes of AWS and of push services.

use std::future::Future;
use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

use super::faults::Faults;
use super::request::Arrival;

/// A scripted response.
#[derive(Debug, Clone)]
pub enum Reply {
    Answer {
        status: u16,
        headers: Vec<(&'static str, String)>,
        body: Vec<u8>,
    },
    /// Sends these bytes, which need not be a valid response, and closes the connection.
    Raw(Vec<u8>),
    /// Responds once the semaphore has a permit.
    Held(Arc<Semaphore>, Box<Reply>),
    /// Sends nothing until the client disconnects.
    Silence,
    /// Closes the connection without a response.
    HangUp,
}

impl Reply {
    pub fn status(status: u16) -> Self {
        Self::Answer { status, headers: Vec::new(), body: Vec::new() }
    }

    pub fn text(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self::Answer { status, headers: Vec::new(), body: body.into() }
    }

    pub fn raw(bytes: impl Into<Vec<u8>>) -> Self {
        Self::Raw(bytes.into())
    }

    /// The same response, once `gate` has a permit.
    pub fn held(self, gate: &Arc<Semaphore>) -> Self {
        Self::Held(Arc::clone(gate), Box::new(self))
    }

    pub fn with(mut self, name: &'static str, value: &str) -> Self {
        if let Self::Answer { headers, .. } = &mut self {
            headers.push((name, value.to_owned()));
        }
        self
    }
}

/// Serves on a free port of this machine for the rest of the test, until a simulated crash of the client. Returns the
/// origin.
pub async fn serve<H, F>(faults: Faults, handler: H) -> String
where
    H: Fn(Arrival) -> F + Clone + Send + 'static,
    F: Future<Output = Reply> + Send,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (faults, handler) = (faults.clone(), handler.clone());
            tokio::spawn(async move { connection(stream, faults, handler).await });
        }
    });
    origin
}

async fn connection<H, F>(stream: TcpStream, faults: Faults, handler: H)
where
    H: Fn(Arrival) -> F,
    F: Future<Output = Reply>,
{
    let mut stream = BufReader::new(stream);
    while let Some(arrival) = Arrival::read(&mut stream).await {
        let reply = match faults.begins(&arrival) {
            Some(number) => Some(handler(arrival.clone()).await).filter(|_| faults.outcome_counts(number, &arrival)),
            None => None,
        };
        let mut reply = reply.unwrap_or(Reply::Silence);
        if let Reply::Held(gate, then) = reply {
            gate.acquire().await.unwrap().forget();
            reply = *then;
        }
        match reply {
            Reply::HangUp | Reply::Held(..) => return,
            Reply::Raw(bytes) => {
                let _ = stream.write_all(&bytes).await;
                return;
            }
            Reply::Silence => {
                let _ = stream.read_u8().await;
                return;
            }
            Reply::Answer { status, headers, body } => {
                let mut head = format!("HTTP/1.1 {status} X\r\nContent-Length: {}\r\n", body.len());
                for (name, value) in headers {
                    head.push_str(&format!("{name}: {value}\r\n"));
                }
                let whole = [head.as_bytes(), b"\r\n", &body].concat();
                if stream.write_all(&whole).await.is_err() {
                    return;
                }
            }
        }
    }
}

//! A push service's verification of a request, and a server that records requests and sends scripted responses.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use p256::ecdsa::signature::Verifier;
use p256::ecdsa::{Signature, VerifyingKey};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use super::request::Arrival;

/// The claims of a `vapid t=..., k=...` header that `public_key` signed (RFC 8292 section 3).
pub fn verified_claims(authorization: &str, public_key: &str) -> Value {
    let (token, key) = authorization.strip_prefix("vapid t=").unwrap().split_once(", k=").unwrap();
    assert_eq!(key, public_key);
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let (header, claims) = signed.split_once('.').unwrap();
    let decode = |part| URL_SAFE_NO_PAD.decode(part).unwrap();
    let key = VerifyingKey::from_sec1_bytes(&decode(key)).unwrap();
    key.verify(signed.as_bytes(), &Signature::from_slice(&decode(signature)).unwrap()).unwrap();
    let header: Value = serde_json::from_slice(&decode(header)).unwrap();
    assert_eq!((&header["alg"], &header["typ"]), (&"ES256".into(), &"JWT".into()));
    serde_json::from_slice(&decode(claims)).unwrap()
}

/// A push service on this machine: the n-th response belongs to the n-th request, over any number of connections.
pub struct ScriptedPushService {
    pub origin: String,
    arrivals: mpsc::UnboundedReceiver<Arrival>,
    pub connections: std::sync::Arc<std::sync::atomic::AtomicUsize>,
}

impl ScriptedPushService {
    pub async fn answering(answers: &[&str]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let answers: Vec<String> = answers.iter().map(|&answer| answer.to_owned()).collect();
        let (sender, arrivals) = mpsc::unbounded_channel();
        let connections = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
        tokio::spawn(serve(listener, answers, sender, connections.clone()));
        Self { origin, arrivals, connections }
    }

    /// The next recorded request.
    pub fn arrival(&mut self) -> Option<Arrival> {
        self.arrivals.try_recv().ok()
    }
}

async fn serve(
    listener: TcpListener,
    answers: Vec<String>,
    sender: mpsc::UnboundedSender<Arrival>,
    connections: std::sync::Arc<std::sync::atomic::AtomicUsize>,
) {
    let mut answers = answers.into_iter();
    while let Ok((stream, _)) = listener.accept().await {
        connections.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        let mut stream = BufReader::new(stream);
        while let Some(arrival) = Arrival::read(&mut stream).await {
            let answer = answers.next();
            let _ = sender.send(arrival);
            match answer.as_deref() {
                // Sends nothing until the client disconnects.
                Some("silence") => drop(stream.read_u8().await),
                Some(answer) => stream.write_all(answer.as_bytes()).await.unwrap(),
                None => break,
            }
        }
    }
}

//! A request as a fake server receives it.

use std::collections::HashMap;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::net::TcpStream;

/// A received request; header names in lower case.
#[derive(Debug, Clone)]
pub struct Arrival {
    /// Request line, without its line break.
    pub line: String,
    pub headers: HashMap<String, String>,
    pub body: Vec<u8>,
}

impl Arrival {
    /// Reads one request; `None` at the end of the connection.
    pub async fn read(stream: &mut BufReader<TcpStream>) -> Option<Self> {
        let mut line = String::new();
        stream.read_line(&mut line).await.ok().filter(|&length| length > 0)?;
        let mut headers = HashMap::new();
        loop {
            let mut header = String::new();
            stream.read_line(&mut header).await.ok()?;
            let Some((name, value)) = header.trim_end().split_once(':') else { break };
            headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
        }
        let length = headers.get("content-length").map_or(0, |length| length.parse().unwrap());
        let mut body = vec![0; length];
        stream.read_exact(&mut body).await.ok()?;
        Some(Self { line: line.trim_end().to_owned(), headers, body })
    }

    /// Path with its query.
    pub fn path(&self) -> &str {
        self.line.split(' ').nth(1).unwrap()
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    /// The fields of a form, in the query protocol of AWS.
    pub fn form(&self) -> HashMap<String, String> {
        let text = String::from_utf8(self.body.clone()).unwrap();
        let decode = |part: &str| {
            let bytes = part.replace('+', " ").into_bytes();
            let mut out = Vec::new();
            let mut rest = bytes.as_slice();
            while let Some((&byte, tail)) = rest.split_first() {
                if byte == b'%' {
                    out.push(u8::from_str_radix(std::str::from_utf8(&tail[..2]).unwrap(), 16).unwrap());
                    rest = &tail[2..];
                } else {
                    out.push(byte);
                    rest = tail;
                }
            }
            String::from_utf8(out).unwrap()
        };
        text.split('&').filter_map(|pair| pair.split_once('=')).map(|(k, v)| (decode(k), decode(v))).collect()
    }
}

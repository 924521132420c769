//! A minimal HTTP server for this bench. It responds from plain threads, which take nothing from the runtime under
//! measurement, and keeps connections open, as the real services do.

use std::io::{BufRead, BufReader, Read, Result, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;

/// A request.
#[derive(Debug, Default)]
pub struct Asked {
    /// Request line without the version, such as `GET /path`.
    pub line: String,
    /// Headers, with names in lower case.
    pub headers: Vec<(String, String)>,
    /// Body, unchanged.
    pub body: Vec<u8>,
}

impl Asked {
    /// Value of a header.
    pub fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }
}

/// Status, headers and body.
pub type ServedAnswer = (u16, Vec<(&'static str, String)>, Vec<u8>);

/// Responds to every request with `answer` until the process ends, and returns the `host:port` that it listens on. For
/// `None` it sends nothing until the client disconnects.
pub fn serve(answer: impl Fn(Asked) -> Option<ServedAnswer> + Send + Sync + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let answer = Arc::new(answer);
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let answer = Arc::clone(&answer);
            // The client may disconnect at any time.
            std::thread::spawn(move || converse(&stream, answer.as_ref()).ok());
        }
    });
    address
}

fn converse(stream: &TcpStream, answer: &dyn Fn(Asked) -> Option<ServedAnswer>) -> Result<()> {
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream);
    while let Some(asked) = read(&mut reader)? {
        match answer(asked) {
            Some((status, headers, body)) => write(stream, status, &headers, &body)?,
            None => return reader.read_to_end(&mut Vec::new()).map(drop),
        }
    }
    Ok(())
}

fn read(reader: &mut impl BufRead) -> Result<Option<Asked>> {
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let line = line.rsplit_once(" HTTP/").map_or(line.as_str(), |(line, _)| line).to_owned();
    let mut asked = Asked { line, ..Asked::default() };
    loop {
        let mut header = String::new();
        reader.read_line(&mut header)?;
        let Some((name, value)) = header.split_once(':') else { break };
        asked.headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    asked.body.resize(asked.header("content-length").parse().unwrap_or(0), 0);
    reader.read_exact(&mut asked.body)?;
    Ok(Some(asked))
}

fn write(mut stream: &TcpStream, status: u16, headers: &[(&str, String)], body: &[u8]) -> Result<()> {
    let mut head = format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\n", body.len()).into_bytes();
    for (name, value) in headers {
        write!(head, "{name}: {value}\r\n")?;
    }
    head.extend_from_slice(b"\r\n");
    head.extend_from_slice(body);
    stream.write_all(&head)
}

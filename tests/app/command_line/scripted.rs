//! A server that answers what it was told to, and keeps what it was asked.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    thread::{self, JoinHandle},
};

pub(super) struct ScriptedServer {
    address: SocketAddr,
    thread: JoinHandle<Vec<String>>,
}

/// An answer: status, further headers with a line break behind each, body.
pub(super) type Answer = (u16, &'static str, String);

pub(super) fn json(status: u16, body: &serde_json::Value) -> Answer {
    (status, "content-type: application/json\r\n", body.to_string())
}

impl ScriptedServer {
    /// Gives these answers, one a connection, then ends. `None` hangs up without one.
    pub(super) fn start(answers: Vec<Option<Answer>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        let thread = thread::spawn(move || {
            let give = |answer| {
                let (stream, _) = listener.accept().expect("a connection");
                answer_one(stream, answer)
            };
            answers.into_iter().map(give).collect()
        });
        Self { address, thread }
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What was asked, once every answer is given.
    pub(super) fn requests(self) -> Vec<String> {
        self.thread.join().expect("the script is played")
    }
}

fn answer_one(mut stream: TcpStream, answer: Option<Answer>) -> String {
    let mut reader = BufReader::new(stream.try_clone().expect("the connection"));
    let (mut request, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).expect("a header");
        if let Some((_, value)) =
            line.split_once(':').filter(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        {
            length = value.trim().parse().expect("a length");
        }
        request.push_str(&line);
        if line.trim().is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).expect("the body");
    request.push_str(std::str::from_utf8(&body).expect("UTF-8"));
    if let Some((status, headers, body)) = answer {
        let head = format!(
            "HTTP/1.1 {status} x\r\nconnection: close\r\ncontent-length: {}\r\n{headers}\r\n",
            body.len()
        );
        stream.write_all(format!("{head}{body}").as_bytes()).expect("the answer is taken");
    }
    request
}

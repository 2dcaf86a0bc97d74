//! Messages over Unix sockets that are too large, that are no JSON, or whose heads are faulty.

use rpc::{Framing, Limits, Server};
use serde_json::{Value, json};

use super::{FRAMINGS, Served, call};

fn small() -> Server {
    Server::builder()
        .method("echo", |(text,): (String,)| async move { text })
        .limits(Limits::default().max_request_bytes(1000))
        .build()
}

fn is_error_of_nobody(answer: &Value, code: i64) -> bool {
    answer["id"] == json!(null) && answer["error"]["code"] == code
}

#[tokio::test]
async fn too_large_message_is_answered_and_skipped() {
    for framing in FRAMINGS {
        let served = Served::start(&small(), framing).await;
        let mut peer = served.connect().await;
        for len in [1001, 100_000] {
            let answer = peer.ask(&call("echo", &format!(r#"["{}"]"#, "x".repeat(len)), 1)).await;
            assert!(is_error_of_nobody(&answer, -32090), "{answer}");
            assert_eq!(answer["error"]["data"], "a message may have at most 1000 bytes");
            assert_eq!(answer["rpc"], json!({"rpc-refused": "all", "rpc-retry": "no"}));
        }
        assert_eq!(peer.ask(&call("echo", r#"["y"]"#, 2)).await["result"], "y");
    }
}

#[tokio::test]
async fn session_goes_on_after_what_is_no_json() {
    for framing in FRAMINGS {
        let served = Served::start(&small(), framing).await;
        let mut peer = served.connect().await;
        for bytes in [&b"{\"jsonrpc\""[..], b"nonsense", b"\xff\xfe", b"{\"id\":\"\xff\"}"] {
            let head = format!("Content-Length: {}\r\n\r\n", bytes.len());
            let framed = match framing {
                Framing::Lines => [bytes, b"\r\n"].concat(),
                _ => [head.as_bytes(), bytes].concat(),
            };
            peer.send_bytes(&framed).await;
            let answer = peer.receive().await;
            assert!(is_error_of_nobody(&answer, -32700), "{answer}");
        }
        assert_eq!(peer.ask(&call("echo", r#"["y"]"#, 2)).await["result"], "y");
    }
}

#[tokio::test]
async fn empty_lines_are_ignored() {
    let served = Served::start(&small(), Framing::Lines).await;
    let mut peer = served.connect().await;
    peer.send_bytes(b"\n\r\n  \n").await;
    assert_eq!(peer.ask(&call("echo", r#"["y"]"#, 2)).await["id"], 2);
}

#[tokio::test]
async fn faulty_head_is_answered_and_ends_the_connection() {
    let long = format!("{}\r\n\r\n", "x: ".repeat(500));
    for (head, why) in [
        ("Content-Type: text/plain\r\n\r\n", "must have a Content-Length"),
        ("Content-Length: -1\r\n\r\n", "must be one decimal number"),
        ("Content-Length: 3\r\nContent-Length: 4\r\n\r\n", "must be one decimal number"),
        ("{\"jsonrpc\":\"2.0\"}\r\n\r\n", "must have a Content-Length"),
        ("no header\r\n\r\n", "is no header"),
        ("Content-Length: 2\r\nContent-Type: application/json; charset=latin1\r\n\r\n{}", "charset"),
        (&long, "too long"),
    ] {
        let served = Served::start(&small(), Framing::ContentLength).await;
        let mut peer = served.connect().await;
        peer.send(&call("echo", r#"["before"]"#, 1)).await;
        assert_eq!(peer.receive().await["result"], "before");
        peer.send_bytes(head.as_bytes()).await;
        let answer = peer.receive().await;
        assert!(is_error_of_nobody(&answer, -32700), "{answer}");
        assert!(answer["error"]["data"].as_str().unwrap().contains(why), "{answer}");
        peer.until_end().await;
    }
}

#[tokio::test]
async fn messages_arrive_whatever_the_parts_of_their_bytes() {
    for framing in FRAMINGS {
        let served = Served::start(&small(), framing).await;
        let mut peer = served.connect().await;
        let text = call("echo", r#"["é"]"#, 1);
        let framed = match framing {
            Framing::Lines => format!("{text}\n"),
            _ => format!("content-length:{}\nX: y\n\n{text}", text.len()),
        };
        for byte in framed.bytes() {
            peer.send_bytes(&[byte]).await;
            tokio::task::yield_now().await;
        }
        assert_eq!(peer.receive().await["result"], "é");
        peer.send_bytes(framed.repeat(3).as_bytes()).await;
        for _ in 0..3 {
            assert_eq!(peer.receive().await["result"], "é");
        }
    }
}

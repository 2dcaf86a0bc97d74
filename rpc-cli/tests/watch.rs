//! `rpc watch`: items, losses, ends and ctrl-c.

use futures_util::{StreamExt, stream};
use rpc::openrpc::Info;
use rpc::{After, At, ErrorObject, Server, Stream};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

use crate::binary::{Ended, rpc};

#[rpc::service(namespace = "log", openrpc)]
trait Log {
    /// Lines behind a cursor. Those before 3 are no longer there.
    #[rpc(stream, resume)]
    fn lines(&self, after: After<u64>) -> impl Stream<Item = At<u64, String>> + Send;

    /// A line, and no other.
    #[rpc(stream, resume)]
    fn tail(&self, after: After<u64>) -> impl Stream<Item = At<u64, u64>> + Send;
}

struct Lines;

impl Log for Lines {
    fn lines(&self, after: After<u64>) -> impl Stream<Item = At<u64, String>> + Send {
        let first = after.cursor().map_or(3, |last| last + 1);
        let lines = (first.max(3)..6).map(move |number| {
            let line = At::new(number, format!("line {number}"));
            if number == 3 && first < 3 { line.after_gap() } else { line }
        });
        stream::iter(lines)
    }

    fn tail(&self, _: After<u64>) -> impl Stream<Item = At<u64, u64>> + Send {
        stream::iter([At::new(5, 1)]).chain(stream::pending())
    }
}

async fn serve() -> String {
    let server = Server::builder()
        .service(LogServer::new(Lines))
        .stream("hang", || async { stream::iter([1]).chain(stream::pending()) })
        .try_stream("fails", |(early,): (bool,)| async move {
            if early {
                return Err(ErrorObject::new(1, "refused"));
            }
            Ok(stream::iter([Ok(1), Err(ErrorObject::new(2, "broken"))]))
        })
        .openrpc(Info::new("Log", "1.0.0"))
        .build();
    format!("http://{}", support::serve(&server).await)
}

async fn watch(url: &str, args: &[&str]) -> Ended {
    rpc(&[&["watch", url], args].concat()).run().await
}

fn ended(exit: i32, stdout: &str, stderr: &str) -> Ended {
    Ended { exit, stdout: stdout.to_owned(), stderr: stderr.to_owned() }
}

#[tokio::test]
async fn each_item_is_a_line() {
    let url = serve().await;
    assert_eq!(watch(&url, &["log.lines"]).await, ended(0, "\"line 3\"\n\"line 4\"\n\"line 5\"\n", ""));
    assert_eq!(watch(&url, &["log.lines", "-n", "1"]).await, ended(0, "\"line 3\"\n", ""));
    assert_eq!(watch(&url, &["log.lines", "--after", "4"]).await, ended(0, "\"line 5\"\n", ""));
}

#[tokio::test]
async fn losses_are_reported_on_standard_error() {
    let run = watch(&serve().await, &["log.lines", "--after", "1", "-n", "1"]).await;
    assert_eq!((run.exit, &*run.stdout), (0, "\"line 3\"\n"));
    assert!(run.stderr.starts_with("lost: ") && run.stderr.lines().count() == 1, "{run:?}");
}

#[tokio::test]
async fn errors_before_and_within_the_stream_have_an_exit_code() {
    let url = serve().await;
    let refused = "error: the server answered with an error: refused (code 1)\n";
    assert_eq!(watch(&url, &["fails", "[true]"]).await, ended(1, "", refused));
    let broken = "error: the server answered with an error: broken (code 2)\n";
    assert_eq!(watch(&url, &["fails", "[false]"]).await, ended(1, "1\n", broken));
    let unknown = watch(&url, &["nothing"]).await;
    assert_eq!((unknown.exit, &*unknown.stdout), (1, ""), "{unknown:?}");
}

#[tokio::test]
async fn cursor_needs_a_stream_that_can_be_resumed() {
    let url = serve().await;
    let run = watch(&url, &["hang", "--after", "1"]).await;
    assert_eq!((run.exit, &*run.stdout), (2, ""), "{run:?}");
    assert!(run.stderr.contains("--resume"), "{run:?}");
    let run = watch(&url, &["log.lines", "--after", "x"]).await;
    assert!(run.exit == 2 && run.stderr.contains("the cursor is not JSON"), "{run:?}");
}

#[tokio::test]
async fn ctrl_c_says_how_to_continue() {
    let url = serve().await;
    for (method, said) in [("hang", ""), ("log.tail", "continue with: --after '5'\n")] {
        let mut run = rpc(&["watch", &url, method]).spawn();
        let mut lines = BufReader::new(run.stdout.take().unwrap()).lines();
        assert_eq!(lines.next_line().await.unwrap().as_deref(), Some("1"));
        let pid = run.id().unwrap().to_string();
        assert!(Command::new("kill").args(["-s", "INT", &pid]).status().await.unwrap().success());
        let output = run.wait_with_output().await.unwrap();
        assert_eq!((output.status.code(), &*output.stderr), (Some(130), said.as_bytes()), "{method}");
    }
}

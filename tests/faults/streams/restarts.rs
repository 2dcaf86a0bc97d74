//! A server that is killed and starts again, while a client reads a stream.

use std::env;
use std::net::SocketAddr;
use std::time::Duration;

use futures_util::{Stream, StreamExt, stream};
use rpc::{After, At, Client, Limits, Retry, Server};
use support::child::{self, Child};
use support::raw_http::TEST_TIMEOUT;
use tokio::time::timeout;

use crate::reliability::proxy::rebind;

/// The address of the child's server. Only the child has this variable, so other runs skip the test.
const ADDR: &str = "RPC_TEST_STREAM_ADDR";

/// An address for this test alone. No other test takes its ports while nothing listens.
const FIRST_ADDR: &str = "127.0.0.79:0";

const KILLS: usize = 6;
const ITEMS_BETWEEN: usize = 40;

#[rpc::service]
trait Endless {
    /// All numbers behind the cursor, without end. They come so slowly that the connection never holds many.
    #[rpc(stream, resume)]
    fn numbers(&self, after: After<u64>) -> impl Stream<Item = At<u64, u64>> + Send;
}

struct Numbers;

impl Endless for Numbers {
    fn numbers(&self, after: After<u64>) -> impl Stream<Item = At<u64, u64>> + Send {
        let first = after.cursor().map_or(1, |last| last + 1);
        stream::iter(first..).then(|number| async move {
            tokio::time::sleep(Duration::from_millis(1)).await;
            At::new(number, number)
        })
    }
}

#[tokio::test]
#[ignore = "is the child process of the other test, which starts it"]
async fn serves_until_it_is_killed() {
    let Ok(addr) = env::var(ADDR) else { return };
    let addr: SocketAddr = addr.parse().unwrap();
    if addr.port() != 0 {
        // The socket of the killed process may still hold the port.
        drop(rebind(addr).await);
    }
    let limits = Limits::default().stream_heartbeat(Duration::from_secs(1));
    let server = Server::builder().service(EndlessServer::new(Numbers)).limits(limits).build();
    let bound = server.bind(addr).await.unwrap();
    child::say(format_args!("listening {}", bound.local_addr()));
    bound.serve().await;
}

async fn start(addr: &str) -> (Child, String) {
    let mut command = child::command(module_path!(), "serves_until_it_is_killed");
    command.env(ADDR, addr);
    let mut child = Child::spawn(command);
    let addr = child.line("listening ").await;
    (child, addr)
}

#[tokio::test]
async fn stream_goes_on_after_each_kill_of_its_server() {
    for is_http2 in [false, true] {
        let (mut child, addr) = start(FIRST_ADDR).await;
        let retry = Retry::exponential().base(Duration::from_millis(1)).cap(Duration::from_millis(20));
        let builder = Client::builder().endpoint(format!("http://{addr}")).retry(retry);
        let builder = if is_http2 { builder.http2_prior_knowledge() } else { builder };
        let mut numbers = EndlessClient::new(builder.build().unwrap()).numbers().await.unwrap();
        let mut expected = 1..;
        for kill in 0..=KILLS {
            for number in expected.by_ref().take(ITEMS_BETWEEN) {
                let next = timeout(TEST_TIMEOUT, numbers.next()).await.expect("the stream does not hang");
                assert_eq!(next.unwrap().unwrap(), number, "after {kill} kills");
            }
            if kill < KILLS {
                child.kill().await;
                child = start(&addr).await.0;
            }
        }
        drop(numbers);
        child.kill().await;
    }
}

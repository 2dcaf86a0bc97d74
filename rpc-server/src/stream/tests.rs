use std::sync::Arc;
use std::task::{Context as TaskContext, Poll, Waker};

use futures_util::{Stream, stream};
use rpc::{Dispatch, RequestContext, Server, SessionEvent, SessionProtocol};

#[rpc::service(namespace = "feed")]
trait Feed {
    #[rpc(stream, lag = "drop_oldest(2)")]
    fn numbers(&self) -> impl Stream<Item = u64> + Send;
}

struct Numbers;

impl Feed for Numbers {
    fn numbers(&self) -> impl Stream<Item = u64> + Send {
        stream::iter(0..5)
    }
}

#[test]
fn stream_without_a_runtime_waits_for_its_client() {
    let server = Server::builder().service(FeedServer::new(Numbers)).build();
    let mut session = server.open(Arc::new(RequestContext::default()), SessionProtocol::RpcV1).unwrap();
    session.receive(r#"{"jsonrpc":"2.0","method":"feed.numbers","id":1}"#.into());
    let mut message = || {
        let mut output = Vec::new();
        let polled = session.poll_message(&mut TaskContext::from_waker(Waker::noop()), &mut output);
        assert_eq!(polled, Poll::Ready(SessionEvent::Message));
        String::from_utf8(output).unwrap()
    };
    assert!(message().contains("rpc.accepted"));
    for number in 0..5 {
        assert!(message().ends_with(&format!(r#""params":{{"subscription":1,"result":{number}}}}}"#)));
    }
    assert_eq!(message(), r#"{"jsonrpc":"2.0","result":null,"id":1}"#);
}

//! Calls over WebSockets that are cut. A call with a key runs once, and its caller gets the answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use rpc::{Client, Retry, Server};
use support::raw_http::TEST_TIMEOUT;
use support::serve;
use tokio::time::timeout;

use crate::streams::cutting_proxy::{Cut, CuttingProxy, How};

fn counting(count: &Arc<AtomicUsize>) -> Server {
    let count = Arc::clone(count);
    let pay = move || {
        let paid = count.fetch_add(1, Ordering::Relaxed) + 1;
        async move { paid }
    };
    Server::builder().method("pay", pay).build()
}

fn client(proxy: &CuttingProxy) -> Client {
    let retry = Retry::exponential().base(Duration::from_millis(1));
    Client::builder().endpoint(proxy.url().replace("http://", "ws://")).retry(retry).build().unwrap()
}

#[tokio::test]
async fn call_through_a_cut_runs_once_and_gets_its_answer() {
    let whole = {
        let proxy = CuttingProxy::start(serve(&counting(&Arc::default())).await, []).await;
        assert_eq!(client(&proxy).call::<usize>("pay", ()).await.unwrap(), 1);
        proxy.sent()
    };
    let (mut cut_answers, count) = (0, Arc::<AtomicUsize>::default());
    let addr = serve(&counting(&count)).await;
    let places = (0..whole).step_by(3).flat_map(|after| [How::Close, How::Reset].map(|how| Cut { after, how }));
    for (number, cut) in (1..).zip(places) {
        let proxy = CuttingProxy::start(addr, [cut]).await;
        let client = client(&proxy);
        let call = timeout(TEST_TIMEOUT, client.call::<usize>("pay", ()).into_future());
        assert_eq!(call.await.expect("the call does not hang").unwrap(), number, "{cut:?}");
        assert_eq!(count.load(Ordering::Relaxed), number, "{cut:?}");
        assert_eq!(proxy.cuts_left(), 0);
        cut_answers += usize::from(cut.after + 40 > whole);
    }
    assert!(cut_answers > 10, "some cuts are between a request and its answer");
}

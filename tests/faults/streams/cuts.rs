//! Cuts at every byte of a stream, and several cuts in one stream.

use std::pin::pin;
use std::time::Duration;

use futures_util::{StreamExt, stream};
use support::raw_http::TEST_TIMEOUT;
use tokio::time::timeout;

use super::cutting_proxy::{Cut, CuttingProxy, How};
use super::numbers::{CALM, HEARTBEAT, LAST, NumbersClient, Protocol, client, item, serve_numbers};
use crate::reliability::plan::Random;

/// How many streams are read at once.
const AT_ONCE: usize = 16;

/// What a client has read of a stream without cursors.
#[derive(Debug, PartialEq)]
enum Read {
    Item(u64),
    Gap,
    Cut,
}

async fn read_plain(client: &NumbersClient, resubscribe: bool) -> Result<Vec<Read>, rpc::Error> {
    let call = client.plain();
    let mut numbers = if resubscribe { call.resubscribe().await? } else { call.await? };
    let mut read = Vec::new();
    while let Some(number) = timeout(TEST_TIMEOUT, numbers.next()).await.expect("the stream does not hang") {
        read.push(match number {
            Ok(number) => Read::Item(number),
            Err(error) if error.is_gap() => Read::Gap,
            Err(error) if error.is_cut() => Read::Cut,
            Err(error) => panic!("{error:?}"),
        });
    }
    Ok(read)
}

/// Reads a stream with cursors. Each item must come once and in order.
async fn assert_complete(client: &NumbersClient, about: &str) {
    let mut items = timeout(TEST_TIMEOUT, client.resumable()).await.expect("the call does not hang").unwrap();
    for number in 1..=LAST {
        let next = timeout(TEST_TIMEOUT, items.next()).await;
        let next = next.unwrap_or_else(|_| panic!("{about}: the stream hangs after {:?}", items.cursor()));
        assert_eq!(next.map(|next| next.map_err(|error| error.to_string())), Some(Ok(item(number))), "{about}");
        assert_eq!(items.cursor(), Some(number), "{about}");
    }
    let end = timeout(TEST_TIMEOUT, items.next()).await.expect("the stream does not hang at its end");
    assert!(end.is_none(), "{about}: {end:?}");
}

/// Returns how many bytes an answer has without a cut.
async fn length(protocol: Protocol, is_resumable: bool) -> usize {
    let proxy = CuttingProxy::start(serve_numbers(CALM).await, []).await;
    let client = client(&proxy.url(), protocol);
    if is_resumable {
        assert_complete(&client, "without a cut").await;
    } else {
        assert_eq!(read_plain(&client, false).await.unwrap(), (1..=LAST).map(Read::Item).collect::<Vec<_>>());
    }
    proxy.sent()
}

/// Returns a cut after each byte, and a reset after some. `step` is the distance between the cuts.
fn each_byte(length: usize, step: usize) -> impl Iterator<Item = Cut> {
    (0..=length).step_by(step).flat_map(move |after| {
        let reset = ((after / step).is_multiple_of(7)).then_some(Cut { after, how: How::Reset });
        [Some(Cut { after, how: How::Close }), reset].into_iter().flatten()
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn resumable_stream_gives_each_item_once_wherever_it_is_cut() {
    let upstream = serve_numbers(CALM).await;
    // A client of reqwest is expensive to make, and HTTP/2 has the same events in its frames.
    for (protocol, step) in [(Protocol::Http1, 1), (Protocol::Http2, 5), (Protocol::Reqwest, 19)] {
        let cuts: Vec<Cut> = each_byte(length(protocol, true).await, step).collect();
        println!("{protocol:?}: {} cut points", cuts.len());
        assert!(cuts.len() > 2000 / step);
        let mut reading = pin!(
            stream::iter(cuts)
                .map(|cut| async move {
                    let proxy = CuttingProxy::start(upstream, [cut]).await;
                    assert_complete(&client(&proxy.url(), protocol), &format!("{protocol:?}, {cut:?}")).await;
                    assert_eq!(proxy.cuts_left(), 0);
                })
                .buffer_unordered(AT_ONCE)
        );
        while reading.next().await.is_some() {}
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn plain_stream_ends_with_its_cut_or_tells_a_gap() {
    let upstream = serve_numbers(CALM).await;
    let length = length(Protocol::Http1, false).await;
    let cuts = each_byte(length, 3).flat_map(|cut| [(cut, false), (cut, true)]);
    let mut reading = pin!(
        stream::iter(cuts)
            .map(|(cut, resubscribe)| async move {
                let proxy = CuttingProxy::start(upstream, [cut]).await;
                let read = read_plain(&client(&proxy.url(), Protocol::Http1), resubscribe).await.unwrap();
                assert_plain(&read, resubscribe, &format!("{cut:?}, {read:?}"));
                usize::from(read != (1..=LAST).map(Read::Item).collect::<Vec<_>>())
            })
            .buffer_unordered(AT_ONCE)
    );
    let mut lossy = 0;
    while let Some(is_lossy) = reading.next().await {
        lossy += is_lossy;
    }
    println!("{lossy} cuts after the acceptance");
    assert!(lossy > 1000);
}

/// Asserts that a stream that was cut at most once tells so.
fn assert_plain(read: &[Read], resubscribe: bool, about: &str) {
    let all: Vec<Read> = (1..=LAST).map(Read::Item).collect();
    if read == all {
        return;
    }
    let loss = if resubscribe { Read::Gap } else { Read::Cut };
    let at = read.iter().position(|read| *read == loss).unwrap_or_else(|| panic!("a silent loss: {about}"));
    assert_eq!(read[..at], all[..at], "{about}");
    // A stream that is opened again begins anew.
    assert_eq!(&read[at + 1..], if resubscribe { &all[..] } else { &[] }, "{about}");
}

/// Chooses up to six cuts of answers with this many bytes. A stall comes after the first `head` bytes, because the
/// client knows no heartbeat before.
fn several(random: &mut Random, head: usize, length: usize) -> Vec<Cut> {
    let count = 1 + random.below(6);
    (0..count)
        .map(|_| {
            let how = match random.below(8) {
                0 => How::Stall,
                1 | 2 => How::Reset,
                _ => How::Close,
            };
            let least = if how == How::Stall { head } else { 0 };
            Cut { after: least + usize::try_from(random.below((length - least) as u64)).unwrap(), how }
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn resumable_stream_survives_a_thousand_series_of_cuts_resets_and_stalls() {
    let upstream = serve_numbers(HEARTBEAT).await;
    let mut lengths = Vec::new();
    for protocol in [Protocol::Http1, Protocol::Http2, Protocol::Reqwest] {
        lengths.push((protocol, length(protocol, true).await));
    }
    let mut reading = pin!(
        stream::iter(0..1000_u64)
            .map(|seed| {
                let (protocol, length) = lengths[usize::try_from(seed % 20).unwrap().saturating_sub(17)];
                async move {
                    let cuts = several(&mut Random::new(seed), 600, length);
                    let (count, about) = (cuts.len(), format!("seed {seed}, {protocol:?}, {cuts:?}"));
                    let proxy = CuttingProxy::start(upstream, cuts).await;
                    assert_complete(&client(&proxy.url(), protocol), &about).await;
                    count - proxy.cuts_left()
                }
            })
            .buffer_unordered(AT_ONCE * 4)
    );
    let mut cuts = 0;
    while let Some(count) = reading.next().await {
        cuts += count;
    }
    println!("1,000 streams, {cuts} cuts");
    assert!(cuts > 2000);
}

#[tokio::test]
async fn silent_connection_is_a_cut_after_three_heartbeats() {
    let upstream = serve_numbers(HEARTBEAT).await;
    let proxy = CuttingProxy::start(upstream, [Cut { after: 1000, how: How::Stall }]).await;
    let start = tokio::time::Instant::now();
    let read = read_plain(&client(&proxy.url(), Protocol::Http1), false).await.unwrap();
    assert_eq!(read.last(), Some(&Read::Cut));
    assert!(start.elapsed() >= HEARTBEAT * 3 && start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
}

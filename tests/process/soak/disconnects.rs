//! Callers that leave before they are answered. Effects that have begun are performed once and completely.

use std::collections::HashSet;

use support::raw_http::{Connection, post};

use crate::soak::child::{Process, call};

const DISCONNECTS: u64 = 1000;

/// How many calls run at a time.
const WAVE: u64 = 100;

#[tokio::test]
async fn an_effect_that_was_begun_is_done_once_and_whole_when_its_caller_is_gone() {
    let server = Process::start().await;
    let soak = server.soak();
    for first in (0..DISCONNECTS).step_by(WAVE as usize) {
        let mut callers = Vec::new();
        for number in first..first + WAVE {
            let mut caller = Connection::open(server.addr).await;
            caller.send(&post(call("soak.transfer", number))).await;
            callers.push(caller);
        }
        // Each handler waits for its caller to leave, which happens only now.
        soak.begun((first + WAVE) as usize).await.unwrap();
        drop(callers);
    }
    let mut transfers = soak.transfers().await.unwrap();
    transfers.sort_unstable();
    let whole: Vec<_> = (0..DISCONNECTS).map(|number| (number, 1, 1)).collect();
    assert_eq!(transfers, whole);
}

#[tokio::test]
async fn wherever_a_request_is_cut_its_effect_is_whole_or_was_never_begun() {
    let server = Process::start().await;
    for number in 0..DISCONNECTS {
        let request = post(call("soak.transfer", number));
        // Half of the requests are sent in full. The others are cut at a point that varies, because 7 and the length
        // have no common factor.
        let sent = if number % 2 == 0 { request.len() } else { (number as usize * 7) % request.len() };
        let mut caller = Connection::open(server.addr).await;
        caller.send(&request[..sent]).await;
    }
    server.until_connections_are_closed().await;
    let transfers = server.soak().transfers().await.unwrap();
    assert!(transfers.iter().all(|(_, begun, ended)| (*begun, *ended) == (1, 1)), "{transfers:?}");
    let begun: HashSet<_> = transfers.iter().map(|(number, ..)| *number).collect();
    assert!(begun.iter().all(|number| number % 2 == 0), "a request that was cut has run: {begun:?}");
    // The server begins at least some of the complete requests before it notices that their callers have left.
    assert!(!begun.is_empty());
}

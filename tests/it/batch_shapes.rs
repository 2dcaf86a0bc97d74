//! The type of a batch's results follows from the type of its calls, and each result is at its call's position.

use rpc::{Call, Client, Error, Failure, Server};
use support::client_of;

async fn client() -> Client {
    client_of(&Server::builder().method("echo", |(number,): (u8,)| async move { number }).build()).await
}

fn echo(client: &Client, number: u8) -> Call<u8> {
    client.call("echo", (number,))
}

/// Sends a tuple of calls, and asserts that each position of the result holds its own number.
macro_rules! assert_places {
    ($client:ident: $($place:ident = $number:literal),+) => {{
        let ($($place,)+) = $client.batch(($(echo(&$client, $number),)+)).await.unwrap();
        $( assert_eq!($place.unwrap(), $number); )+
    }};
}

#[tokio::test]
async fn tuples_of_one_to_twelve_keep_every_place() {
    let client = client().await;
    assert_places!(client: a = 1);
    assert_places!(client: a = 1, b = 2);
    assert_places!(client: a = 1, b = 2, c = 3);
    assert_places!(client: a = 1, b = 2, c = 3, d = 4);
    assert_places!(client: a = 1, b = 2, c = 3, d = 4, e = 5);
    assert_places!(client: a = 1, b = 2, c = 3, d = 4, e = 5, f = 6);
    assert_places!(client: a = 1, b = 2, c = 3, d = 4, e = 5, f = 6, g = 7);
    assert_places!(client: a = 1, b = 2, c = 3, d = 4, e = 5, f = 6, g = 7, h = 8);
    assert_places!(client: a = 1, b = 2, c = 3, d = 4, e = 5, f = 6, g = 7, h = 8, i = 9);
    assert_places!(client: a = 1, b = 2, c = 3, d = 4, e = 5, f = 6, g = 7, h = 8, i = 9, j = 10);
    assert_places!(client: a = 1, b = 2, c = 3, d = 4, e = 5, f = 6, g = 7, h = 8, i = 9, j = 10, k = 11);
    assert_places!(client: a = 1, b = 2, c = 3, d = 4, e = 5, f = 6, g = 7, h = 8, i = 9, j = 10, k = 11, l = 12);
}

#[tokio::test]
async fn a_tuple_holds_results_of_different_types() {
    let server = Server::builder()
        .method("text", || async { "text" })
        .method("list", || async { [1, 2] })
        .method("nothing", || async {})
        .build();
    let client = client_of(&server).await;
    let calls = (client.call("text", ()), client.call("list", ()), client.call("nothing", ()));
    let (text, list, nothing): (Result<String, _>, Result<Vec<u8>, _>, Result<(), _>) =
        client.batch(calls).await.unwrap();
    assert_eq!((text.unwrap().as_str(), list.unwrap()), ("text", vec![1, 2]));
    nothing.unwrap();
}

#[tokio::test]
async fn arrays_and_vecs_keep_length_and_order() {
    let client = client().await;
    let array: [Result<u8, Error>; 3] = client.batch([5, 6, 7].map(|n| echo(&client, n))).await.unwrap();
    assert_eq!(array.map(Result::unwrap), [5, 6, 7]);
    let calls: Vec<Call<u8>> = (0..200).map(|n| echo(&client, n)).collect();
    let answers: Vec<Result<u8, Error>> = client.batch(calls).await.unwrap();
    assert_eq!(answers.into_iter().map(Result::unwrap).collect::<Vec<_>>(), (0..200).collect::<Vec<_>>());
}

#[tokio::test]
async fn an_option_is_answered_where_it_holds_a_call() {
    let client = client().await;
    let calls = (Some(echo(&client, 1)), None::<Call<u8>>, echo(&client, 2), Some(Some(echo(&client, 3))));
    let (some, none, plain, nested) = client.batch(calls).await.unwrap();
    assert_eq!(some.unwrap().unwrap(), 1);
    assert!(none.is_none());
    assert_eq!(plain.unwrap(), 2);
    assert_eq!(nested.flatten().unwrap().unwrap(), 3);
}

#[tokio::test]
async fn shapes_nest_in_each_other() {
    let client = client().await;
    let pair = |n: u8| (echo(&client, n), Some(echo(&client, n + 1)));
    let calls = vec![[pair(0), pair(2)], [pair(4), pair(6)]];
    let answers = client.batch((echo(&client, 100), (calls, ((echo(&client, 101),),)))).await.unwrap();
    let (first, (pairs, ((last,),))) = answers;
    assert_eq!((first.unwrap(), last.unwrap()), (100, 101));
    let flat: Vec<u8> = pairs.into_iter().flatten().flat_map(|(a, b)| [a.unwrap(), b.unwrap().unwrap()]).collect();
    assert_eq!(flat, (0..8).collect::<Vec<_>>());
}

#[tokio::test]
async fn notifications_stand_among_the_calls() {
    let client = client().await;
    let calls = (echo(&client, 1), echo(&client, 2).notify(), vec![echo(&client, 3).notify()], echo(&client, 4));
    let (a, b, c, d) = client.batch(calls).await.unwrap();
    assert_eq!((a.unwrap(), d.unwrap()), (1, 4));
    let b: Result<(), Failure> = b;
    let c: Vec<Result<(), Failure>> = c;
    assert!(b.is_ok() && matches!(c[..], [Ok(())]));
}

#[tokio::test]
async fn a_batch_of_only_notifications_is_run_and_not_answered() {
    let (ran, mut running) = tokio::sync::mpsc::unbounded_channel();
    let server = Server::builder()
        .method("note", move |(number,): (u8,)| {
            let ran = ran.clone();
            async move { ran.send(number).unwrap() }
        })
        .build();
    let client = client_of(&server).await;
    let calls = [1, 2, 3].map(|n| client.call::<()>("note", (n,)).notify());
    let answers: [Result<(), Failure>; 3] = client.batch(calls).await.unwrap();
    assert!(answers.iter().all(Result::is_ok));
    for expected in [1, 2, 3] {
        assert_eq!(running.recv().await.unwrap(), expected);
    }
}

#[tokio::test]
async fn a_failed_entry_leaves_the_others_alone() {
    let client = client().await;
    let unknown = client.call::<u8>("unknown", ());
    let misused = client.call::<u8>("echo", ("not a number",));
    let (a, b, c, d) = client.batch((echo(&client, 1), unknown, misused, echo(&client, 2))).await.unwrap();
    assert_eq!((a.unwrap(), d.unwrap()), (1, 2));
    assert!(matches!(b.unwrap_err(), Error::Rpc(error) if error.code().get() == -32601));
    assert!(matches!(c.unwrap_err(), Error::Rpc(error) if error.code().get() == -32602));
}

#[tokio::test]
async fn the_batching_client_sends_whatever_client_made_the_calls() {
    let client = client().await;
    let elsewhere = Client::new("http://127.0.0.1:1").unwrap();
    let (a, b) = client.batch((echo(&elsewhere, 1), echo(&client, 2))).await.unwrap();
    assert_eq!((a.unwrap(), b.unwrap()), (1, 2));
}

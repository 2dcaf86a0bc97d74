//! How `rpc::Error` and `rpc::Failure` convert into other error types.

use std::error::Error as StdError;
use std::io::ErrorKind;

use rpc::transport::{Reply, Request, Transport};
use rpc::{BoxFuture, Client, Error, ErrorObject, Failure, Outcome, Retry, RpcError};
use support::{Peer, error};

#[derive(Debug, thiserror::Error, RpcError)]
#[error("disk is full")]
#[rpc(code = 11)]
struct Full;

#[derive(Debug, thiserror::Error)]
#[error("cannot save")]
struct Unsaved {
    #[source]
    full: Full,
}

type AnyError = Box<dyn StdError + Send + Sync>;

fn unreachable_client() -> Client {
    Client::new("http://127.0.0.1:1").unwrap()
}

fn chain(error: &(dyn StdError + 'static)) -> Vec<String> {
    std::iter::successors(Some(error), |error| (*error).source()).map(ToString::to_string).collect()
}

#[tokio::test]
async fn question_mark_carries_a_failure_into_any_error() {
    async fn infallible(client: &Client) -> Result<(), Error> {
        let [answer] = client.batch([client.call::<()>("m", ())]).await?;
        answer
    }
    async fn declared(client: &Client) -> Result<(), Error<Full>> {
        client.call::<()>("m", ()).notify().await?;
        Ok(())
    }
    async fn any_object(client: &Client) -> Result<(), Error<ErrorObject>> {
        let _ = client.batch([client.call::<()>("m", ())]).await?;
        Ok(())
    }
    let client = unreachable_client();
    assert!(infallible(&client).await.unwrap_err().is_connect());
    assert!(declared(&client).await.unwrap_err().is_connect());
    assert!(any_object(&client).await.unwrap_err().is_connect());
}

#[tokio::test]
async fn question_mark_carries_everything_into_a_boxed_error() {
    async fn call(client: &Client) -> Result<(), AnyError> {
        Ok(client.call::<()>("m", ()).await?)
    }
    async fn batch(client: &Client) -> Result<(), AnyError> {
        let _ = client.batch([client.call::<()>("m", ())]).await?;
        Ok(())
    }
    fn build() -> Result<Client, AnyError> {
        Ok(Client::new("not a URL")?)
    }
    let client = unreachable_client();
    let error = call(&client).await.unwrap_err();
    assert!(error.downcast_ref::<Error>().unwrap().is_connect());
    let failure = batch(&client).await.unwrap_err();
    assert!(failure.downcast_ref::<Failure>().unwrap().is_connect());
    assert!(build().unwrap_err().downcast_ref::<Failure>().unwrap().is_builder());
}

#[test]
fn errors_are_errors_that_may_cross_threads() {
    fn assert_error<E: StdError + Send + Sync + 'static>() {}
    assert_error::<Error>();
    assert_error::<Error<Full>>();
    assert_error::<Error<ErrorObject>>();
    assert_error::<Failure>();
    assert_error::<ErrorObject>();
}

#[tokio::test]
async fn map_method_touches_the_declared_error_only() {
    let mapped = Error::Method(Full).map_method(|full| Unsaved { full });
    assert!(matches!(&mapped, Error::Method(Unsaved { .. })));
    assert_eq!(mapped.outcome(), Outcome::Executed);

    let convert = |_: Full| -> Unsaved { panic!("there is nothing to convert") };
    let rpc = Error::Rpc(ErrorObject::method_not_found()).map_method(convert);
    assert!(matches!(rpc, Error::Rpc(error) if error == ErrorObject::method_not_found()));
    let failure: Failure = unreachable_client().batch([unreachable_client().call::<()>("m", ())]).await.unwrap_err();
    assert!(Error::<Full>::from(failure).map_method(convert).is_connect());
}

#[tokio::test]
async fn widen_makes_the_error_of_any_method() {
    async fn save(client: &Client) -> Result<(), Error<Full>> {
        client.call::<()>("m", ()).await.map_err(Error::widen)
    }
    assert!(save(&unreachable_client()).await.unwrap_err().is_connect());
    let peer = Peer::answering(|request| error(&request.id(), 99, "")).await;
    assert!(matches!(save(&peer.client()).await.unwrap_err(), Error::Rpc(error) if error.code().get() == 99));
}

#[tokio::test]
async fn sources_lead_to_the_root_and_repeat_no_text() {
    let error = unreachable_client().call::<()>("m", ()).await.unwrap_err();
    let chain_of_call = chain(&error);
    assert_eq!(chain_of_call[0], "cannot connect to the server at http://127.0.0.1:1");
    assert!(chain_of_call.len() > 1);
    assert!(chain_of_call.last().unwrap().contains("refused"), "{chain_of_call:?}");
    for pair in chain_of_call.windows(2) {
        assert!(!pair[0].contains(&pair[1]), "{chain_of_call:?}");
    }

    let client = unreachable_client();
    let failure = client.batch([client.call::<()>("m", ())]).await.unwrap_err();
    assert_eq!(chain(&failure), chain_of_call, "a batch's failure says as much as a call's");
}

/// A transport with a connection that breaks each time.
#[derive(Debug)]
struct Broken;

impl Transport for Broken {
    fn send(&self, _: Request) -> BoxFuture<Result<Reply, Failure>> {
        Box::pin(async { Err(Failure::transport(std::io::Error::from(ErrorKind::ConnectionReset))) })
    }
}

#[tokio::test]
async fn each_entry_of_a_batch_has_the_source_of_its_failure_with_its_type() {
    let client = Client::builder().transport(Broken).retry(Retry::never()).build().unwrap();
    let call = || client.call::<()>("m", ());
    for answer in client.batch(vec![call(), call()]).await.unwrap() {
        let error = answer.unwrap_err();
        for error in [&error, &error.clone()] {
            let source = error.source().unwrap().downcast_ref::<std::io::Error>().unwrap();
            assert_eq!(source.kind(), ErrorKind::ConnectionReset);
        }
    }
}

#[test]
fn a_clone_says_what_the_original_says() {
    fn assert_clone<T: Clone>() {}
    assert_clone::<Error>();
    assert_clone::<Error<ErrorObject>>();
    let failure = Failure::connect("refused");
    let clone = failure.clone();
    assert_eq!(format!("{clone:?}"), format!("{failure:?}"));
    assert_eq!(chain(&clone), chain(&failure));
}

#[test]
fn a_declared_error_keeps_its_own_source() {
    let error = Error::Method(Unsaved { full: Full });
    assert_eq!(chain(&error), ["cannot save", "disk is full"]);
    assert_eq!(chain(&Error::<Full>::Rpc(ErrorObject::new(5, "five"))), ["five (code 5)"]);
}

#[tokio::test]
async fn a_failure_that_cannot_be_decoded_or_encoded_has_its_reason_as_source() {
    let peer = Peer::answering(|request| support::result(&request.id(), "\"seven\"")).await;
    let error = peer.client().call::<u8>("m", ()).await.unwrap_err();
    let [what, why] = &chain(&error)[..] else { panic!("{error:?}") };
    assert_eq!(what, "result is not of the expected type");
    assert!(why.contains("expected u8"), "{why}");

    let error = peer.client().call::<u8>("m", "scalar").await.unwrap_err();
    let [what, why] = &chain(&error)[..] else { panic!("{error:?}") };
    assert_eq!(what, "params cannot be sent");
    assert_eq!(why, "params must be an array, an object or null");
}

//! Handlers that deny a call themselves.

use rpc::{Call, Denied, Error, ErrorKind, ErrorObject, Outcome, RpcError, Server};
use support::clients_of;

#[derive(Debug, PartialEq, thiserror::Error, RpcError)]
enum DocumentError {
    #[error("no document {id}")]
    #[rpc(code = 1001)]
    NotFound { id: u64 },
    #[error(transparent)]
    #[rpc(transparent)]
    Denied(#[from] Denied),
}

#[rpc::service(namespace = "document")]
trait Documents {
    async fn variant(&self, id: u64) -> Result<u64, DocumentError>;
    async fn object(&self, id: u64) -> Result<u64, ErrorObject>;
    async fn itself(&self, id: u64) -> Result<u64, Denied>;
    async fn unknown(&self, id: u64) -> Result<u64, Denied>;
}

struct Archive;

fn open(id: u64) -> Result<u64, Denied> {
    if id == 1 { Ok(id) } else { Err(Denied::forbidden("not yours")) }
}

impl Documents for Archive {
    async fn variant(&self, id: u64) -> Result<u64, DocumentError> {
        if id == 0 { Err(DocumentError::NotFound { id }) } else { Ok(open(id)?) }
    }
    async fn object(&self, id: u64) -> Result<u64, ErrorObject> {
        Ok(open(id)?)
    }
    async fn itself(&self, id: u64) -> Result<u64, Denied> {
        open(id)
    }
    async fn unknown(&self, _: u64) -> Result<u64, Denied> {
        Err(Denied::unauthenticated(""))
    }
}

#[track_caller]
fn assert_forbidden<E: std::fmt::Debug>(result: Result<u64, Error<E>>) {
    let error = result.unwrap_err();
    assert_eq!((error.kind(), error.outcome()), (ErrorKind::Authorization, Outcome::Executed));
    let Error::Rpc(object) = error else { panic!("{error:?}") };
    assert_eq!(object, Denied::forbidden("not yours").into());
}

#[tokio::test]
async fn a_handler_that_forbids_its_call_is_understood_as_authorization_and_has_run() {
    let server = Server::builder().service(DocumentsServer::new(Archive)).build();
    for (_, client) in clients_of(&server).await {
        let documents = DocumentsClient::new(client.clone());
        assert_eq!(documents.variant(1).await.unwrap(), 1);
        assert_forbidden(documents.variant(2).await);
        assert_forbidden(documents.object(2).await);
        assert_forbidden(documents.itself(2).await);
        let calls: Vec<Call<u64, DocumentError>> = vec![documents.variant(2), documents.variant(0)];
        let mut answers = client.batch(calls).await.unwrap().into_iter();
        assert_forbidden(answers.next().unwrap());
        assert!(matches!(answers.next(), Some(Err(Error::Method(DocumentError::NotFound { id: 0 })))));
        let error = documents.unknown(1).await.unwrap_err();
        assert_eq!((error.kind(), error.outcome()), (ErrorKind::Authentication, Outcome::Executed));
    }
    assert_eq!(DocumentError::ERRORS.iter().map(|spec| spec.code.get()).collect::<Vec<_>>(), [1001]);
}

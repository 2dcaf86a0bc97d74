//! Types without a schema are reported where they are written.

#[derive(serde::Serialize, serde::Deserialize)]
struct Plain;

#[rpc::service(openrpc)]
trait Describes {
    fn param(&self, plain: Plain);
    async fn result(&self) -> Vec<Plain>;
}

#[derive(Debug, thiserror::Error, rpc::RpcError)]
#[error("no")]
#[rpc(code = 1, openrpc)]
struct Failed {
    plain: Other,
}

#[derive(Debug, serde::Serialize, serde::Deserialize)]
struct Other;

#[rpc::service(openrpc = true)]
trait WithValue {}

fn main() {}

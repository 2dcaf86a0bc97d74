use rpc::RpcError;

#[derive(Debug, thiserror::Error, RpcError)]
#[error("an error")]
enum UserError {
    NoCode,
    #[rpc(code = 1001)]
    First,
    #[rpc(code = 1001)]
    SameCode,
    #[rpc(code = -32700)]
    OfTheSpecification,
    #[rpc(code = -32095)]
    OfTheFramework,
    #[rpc(code = 9223372036854775808)]
    TooLarge,
    #[rpc(code = "1002")]
    Text,
    #[rpc(code = CODE)]
    Constant,
    #[rpc(code)]
    NoValue,
}

#[derive(Debug, thiserror::Error, RpcError)]
#[error("an error")]
struct NoCode;

#[derive(Debug, thiserror::Error, RpcError)]
#[error("an error")]
#[rpc(code = -32768)]
struct Reserved {
    id: u64,
}

const CODE: i64 = 1003;

// The types are still usable.
#[rpc::service]
trait Users {
    async fn get(&self, id: u64) -> Result<u64, UserError>;
    async fn name(&self, id: u64) -> Result<u64, NoCode>;
}

fn main() {}

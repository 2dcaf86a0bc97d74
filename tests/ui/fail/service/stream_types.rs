//! Types that a stream says twice, and that differ.

use std::fmt;

use rpc::{After, At, Stream};

#[derive(Debug, rpc::RpcError)]
#[rpc(code = 1)]
struct Refused;

#[derive(Debug, rpc::RpcError)]
#[rpc(code = 2)]
struct Broken;

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("refused")
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("broken")
    }
}

impl std::error::Error for Refused {}
impl std::error::Error for Broken {}

#[rpc::service]
trait Types {
    #[rpc(stream)]
    fn two_errors(&self) -> Result<impl Stream<Item = Result<u8, Broken>> + Send, Refused>;

    #[rpc(stream, resume)]
    fn two_cursors(&self, after: After<u32>) -> impl Stream<Item = At<u64, u8>> + Send;
}

fn main() {}

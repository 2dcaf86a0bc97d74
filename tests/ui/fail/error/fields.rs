use rpc::RpcError;

#[derive(Debug, thiserror::Error, RpcError)]
#[error("an error")]
enum UserError {
    #[rpc(code = 1001)]
    SameName {
        id: u64,
        #[rpc(name = "id")]
        other: u64,
    },
    #[rpc(code = 1002)]
    Unnamed(#[rpc(name = "id")] u64),
    #[rpc(code = 1003)]
    Empty {
        #[rpc(name = "")]
        id: u64,
    },
    #[rpc(code = 1004)]
    UnknownKey {
        #[rpc(rename = "userId")]
        id: u64,
    },
    #[rpc(code = 1005)]
    Borrowed(&'static str, Option<&'static [u8]>),
    #[rpc(code = 1006)]
    #[rustfmt::skip]
    Seventeen(u8, u8, u8, u8, u8, u8, u8, u8, u8, u8, u8, u8, u8, u8, u8, u8, u8),
}

fn main() {}

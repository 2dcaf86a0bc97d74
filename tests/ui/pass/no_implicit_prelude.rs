//! Neither macro relies on the prelude.
#![no_implicit_prelude]

#[derive(::std::fmt::Debug, ::std::cmp::PartialEq, ::rpc::RpcError)]
enum MathError {
    #[rpc(code = 1001)]
    DivisionByZero { dividend: i64 },
    #[rpc(code = 1002, retryable)]
    Busy,
    #[rpc(transparent)]
    Other(::rpc::ErrorObject),
}

impl ::std::fmt::Display for MathError {
    fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
        f.write_str("no result")
    }
}

impl ::std::error::Error for MathError {}

/// Calculates.
#[::rpc::service(namespace = "math", rename_all = "camelCase", lenient)]
trait Math {
    #[rpc(readonly, timeout = "1s")]
    async fn divide(&self, dividend: i64, divisor: i64) -> ::std::result::Result<i64, MathError>;
    #[rpc(idempotent)]
    fn add(&self, a: i64, #[rpc(default = 1)] b: i64, #[rpc(context)] cx: &::rpc::Context) -> i64;
    async fn name(&self, name: ::std::string::String, suffix: ::std::option::Option<u8>) -> ::std::string::String;
    async fn nothing(&self, #[rpc(default)] _unused: u8) {}
}

struct Calculator;

impl Math for Calculator {
    async fn divide(&self, dividend: i64, divisor: i64) -> ::std::result::Result<i64, MathError> {
        dividend.checked_div(divisor).ok_or(MathError::DivisionByZero { dividend })
    }
    fn add(&self, a: i64, b: i64, _: &::rpc::Context) -> i64 {
        a + b
    }
    async fn name(&self, name: ::std::string::String, suffix: ::std::option::Option<u8>) -> ::std::string::String {
        ::std::format!("{name}{}", suffix.unwrap_or(0))
    }
}

async fn calls() {
    let server = ::rpc::Server::builder().service(MathServer::new(Calculator)).build();
    let math = MathClient::new(::rpc::Client::in_process(&server));
    ::std::assert_eq!(math.divide(7, 2).await.unwrap(), 3);
    ::std::assert!(::std::matches!(
        math.divide(7, 0).await,
        ::std::result::Result::Err(::rpc::Error::Method(MathError::DivisionByZero { dividend: 7 }))
    ));
    ::std::assert_eq!(math.add(1, 2).await.unwrap(), 3);
    ::std::assert_eq!(math.name("a", ::std::option::Option::Some(1)).await.unwrap(), "a1");
    math.nothing(1).await.unwrap();
}

fn main() {
    ::tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(calls());
    let busy = <MathError as ::rpc::RpcError>::ERRORS.find(::rpc::ErrorCode::new(1002));
    ::std::assert!(busy.unwrap().retryable);
    let object = ::rpc::RpcError::to_error_object(&MathError::Busy);
    ::std::assert_eq!(
        <MathError as ::rpc::RpcError>::from_error_object(object),
        ::std::result::Result::Ok(MathError::Busy)
    );
}

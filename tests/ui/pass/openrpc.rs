//! Services and errors with described types, without imports and with every warning as an error.
#![deny(warnings, missing_docs)]
#![no_implicit_prelude]

use ::std::convert::Into as _;
use ::std::string::String;
use ::std::vec::Vec;

/// Params.
#[derive(Debug, ::serde::Serialize, ::serde::Deserialize, ::rpc::schemars::JsonSchema)]
#[schemars(crate = "::rpc::schemars")]
pub struct Page {
    from: u32,
}

/// An error.
#[derive(Debug, ::thiserror::Error, ::rpc::RpcError)]
#[rpc(openrpc)]
pub enum Failed {
    /// One.
    #[error("{0}, {two}", two = 1 + 1)]
    #[rpc(code = 1)]
    One(String),
    /// Another.
    #[error("none")]
    #[rpc(code = 2)]
    None,
    /// A third.
    #[error("named {type}")]
    #[rpc(code = 3)]
    Named {
        /// A field.
        #[rpc(name = "kind")]
        r#type: u8,
    },
}

/// A service.
#[::rpc::service(openrpc)]
pub trait Everything {
    /// Takes a struct.
    #[rpc(params)]
    async fn page(&self, page: Page, #[rpc(context)] cx: &::rpc::Context) -> Vec<Page>;
    /// Blocks.
    #[rpc(blocking, readonly)]
    fn hash(
        &self,
        /// What is hashed.
        #[rpc(default = "nothing".into())]
        text: String,
        #[rpc(default)] json: u8,
    ) -> ::std::result::Result<u64, Failed>;
    /// Has no params.
    #[cfg(all())]
    fn nothing(&self);
    /// Is not there.
    #[cfg(any())]
    fn missing(&self, nothing: Nothing);
    /// Blocks, with a context and all params in one.
    #[rpc(blocking, params, idempotent)]
    fn all(&self, #[rpc(context)] cx: &::rpc::Context, params: Page) -> bool;
}

/// A service in a module with its own names.
pub mod shadowing {
    #[allow(dead_code)]
    struct Unwritten;
    #[allow(dead_code)]
    struct DefaultOf;
    #[allow(dead_code)]
    struct TypeSpec;

    /// A service.
    #[::rpc::service(openrpc)]
    pub trait Shadowed {
        /// A method.
        fn method(&self, #[rpc(default = 7)] p0: u8) -> u8;
    }
}

fn main() {
    use ::rpc::Describe as _;
    let info = ::rpc::openrpc::Info::new("Everything", "1");
    let document = ::rpc::openrpc::document(&info, &[EverythingClient::SPEC, shadowing::ShadowedClient::SPEC]);
    let methods = document.as_value()["methods"].as_array().unwrap();
    ::std::assert_eq!(methods.len(), 5);
    ::std::assert_eq!(methods[1]["params"][0]["schema"]["default"], "nothing");
    ::std::assert_eq!(methods[1]["x-errors"]["3"]["data"]["required"][0], "kind");
}

//! jsonrpsee's module, from a trait as its users write it.

use jsonrpsee::RpcModule;
use jsonrpsee::core::async_trait;
use jsonrpsee::proc_macros::rpc;
use jsonrpsee::types::ErrorObjectOwned;

use crate::Result;
use crate::workload::{self, Subtract, User};

/// The service. Its client is the one that is measured too.
#[rpc(server, client)]
pub(crate) trait Api {
    #[method(name = "subtract")]
    async fn subtract(&self, a: i64, b: i64) -> Result<i64, ErrorObjectOwned>;

    #[method(name = "page")]
    async fn page(&self, offset: u64, limit: u64) -> Result<Vec<User>, ErrorObjectOwned>;

    #[method(name = "echo")]
    async fn echo(&self, text: String) -> Result<String, ErrorObjectOwned>;

    #[method(name = "burn")]
    async fn burn(&self, micros: u64) -> Result<u64, ErrorObjectOwned>;

    #[method(name = "nap")]
    async fn nap(&self, millis: u64) -> Result<u64, ErrorObjectOwned>;
}

struct Workload;

#[async_trait]
impl ApiServer for Workload {
    async fn subtract(&self, a: i64, b: i64) -> Result<i64, ErrorObjectOwned> {
        Ok(workload::subtract(a, b).await)
    }

    async fn page(&self, offset: u64, limit: u64) -> Result<Vec<User>, ErrorObjectOwned> {
        Ok(workload::page(offset, limit).await)
    }

    async fn echo(&self, text: String) -> Result<String, ErrorObjectOwned> {
        Ok(workload::echo(text).await)
    }

    async fn burn(&self, micros: u64) -> Result<u64, ErrorObjectOwned> {
        Ok(workload::burn(micros).await)
    }

    async fn nap(&self, millis: u64) -> Result<u64, ErrorObjectOwned> {
        Ok(workload::nap(millis).await)
    }
}

pub(crate) fn module() -> Result<RpcModule<()>> {
    let mut module = RpcModule::new(());
    module.merge(Workload.into_rpc())?;
    Ok(module)
}

/// Builds the module, or one with `methods` methods, `subtract` included.
pub(super) fn module_of(methods: Option<usize>) -> Result<RpcModule<()>> {
    let Some(methods) = methods else { return module() };
    let mut module = RpcModule::new(());
    for name in (1..methods).map(|number| format!("subtract_{number}")).chain(["subtract".to_owned()]) {
        // Names are `&'static` here. The process ends with its measurement.
        module.register_async_method(name.leak(), |params, _, _| async move {
            let Subtract { a, b } = params.parse()?;
            Ok::<i64, ErrorObjectOwned>(workload::subtract(a, b).await)
        })?;
    }
    Ok(module)
}

//! A service that nothing uses, depending on the features. None of its generated parts causes a warning.

#[foo::service(crate = ::foo)]
trait Unused {
    async fn get(&self, id: u64) -> u64;
    fn count(&self, #[rpc(context)] cx: &foo::Context, #[rpc(default)] limit: u64) -> u64;
    #[rpc(params)]
    async fn sum(&self, numbers: Vec<u64>, #[rpc(context)] cx: &foo::Context) -> u64;
    #[rpc(blocking, params)]
    fn hash(&self, texts: Vec<String>) -> u64;
    #[rpc(blocking)]
    fn rest(&self, #[rpc(context)] cx: &foo::Context);
}

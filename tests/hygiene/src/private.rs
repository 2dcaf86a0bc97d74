//! A service of which, depending on the features, nothing is used: no half gives a warning then.

#[foo::service(crate = ::foo)]
trait Unused {
    async fn get(&self, id: u64) -> u64;
    fn count(&self, #[rpc(context)] cx: &foo::Context, #[rpc(default)] limit: u64) -> u64;
}

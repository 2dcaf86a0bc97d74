#[derive(serde::Serialize, serde::Deserialize)]
struct Page;

#[rpc::service]
trait Lists {
    #[rpc(params)]
    fn nothing(&self);

    #[rpc(params)]
    fn context_alone(&self, #[rpc(context)] cx: &rpc::Context);

    #[rpc(params)]
    fn two(&self, page: Page, limit: u32);

    #[rpc(params)]
    fn with_default(&self, #[rpc(default)] page: Page);

    #[rpc(params)]
    fn with_name(&self, #[rpc(name = "page")] page: Page);

    #[rpc(params = "named")]
    fn with_value(&self, page: Page);

    fn on_the_parameter(&self, #[rpc(params)] page: Page);
}

fn main() {}

use rpc::Context;

#[rpc::service]
trait Users {
    fn unmarked(&self, cx: &Context);
    fn owned(&self, #[rpc(context)] cx: Context);
    fn exclusive(&self, #[rpc(context)] cx: &mut Context);
    fn pattern(&self, #[rpc(context)] &cx: &Context);
    fn second(&self, #[rpc(context)] one: &Context, #[rpc(context)] two: &Context);
    fn named(&self, #[rpc(context, name = "cx")] cx: &Context);
    fn optional(&self, #[rpc(context, default)] cx: &Context);
    fn valued(&self, #[rpc(context = true)] cx: &Context);
}

fn main() {}

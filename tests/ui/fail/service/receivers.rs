use std::pin::Pin;
use std::sync::Arc;

#[rpc::service]
trait Users {
    fn without_self();
    fn only_params(id: u64);
    fn by_value(self);
    fn exclusive(&mut self);
    fn typed(self: Arc<Self>);
    fn pinned(self: Pin<&Self>);
    fn with_a_lifetime(&'static self);
}

fn main() {}

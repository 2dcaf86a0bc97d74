#[rpc::service]
trait Computes {
    #[rpc(blocking)]
    async fn compute(&self) -> u64;

    #[rpc(blocking = true)]
    fn with_value(&self);
}

/// The result goes to another thread, so it must be `Send`.
#[rpc::service]
trait Returns {
    #[rpc(blocking)]
    fn not_send(&self) -> NotSend;
}

#[derive(serde::Serialize, serde::Deserialize)]
struct NotSend(std::marker::PhantomData<*const ()>);

fn main() {}

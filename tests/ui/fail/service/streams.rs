//! What a method with `stream` cannot return, and streams without `stream`.

use rpc::Stream;

#[rpc::service]
trait Returns {
    #[rpc(stream)]
    fn nothing(&self);

    #[rpc(stream)]
    fn a_list(&self) -> Vec<u8>;

    #[rpc(stream)]
    async fn a_boxed_stream(&self) -> Result<std::pin::Pin<Box<dyn Stream<Item = u8>>>, rpc::ErrorObject>;

    #[rpc(stream)]
    fn an_alias(&self) -> std::io::Result<impl Stream<Item = u8> + Send>;

    #[rpc(stream)]
    fn an_alias_in_items(&self) -> impl Stream<Item = std::io::Result<u8>> + Send;

    #[rpc(stream)]
    fn no_items(&self) -> impl Stream + Send;

    #[rpc(stream)]
    fn borrowed_items(&self) -> impl Stream<Item = &str> + Send;

    fn no_stream(&self) -> impl Stream<Item = u8> + Send;

    async fn no_accepted_stream(&self) -> Result<impl Stream<Item = u8> + Send, rpc::ErrorObject>;

    #[rpc(resume, lag = "end")]
    fn keys_of_streams(&self) -> u8;
}

fn main() {}

//! Streams whose cursors and `resume` do not fit together.

use rpc::{After, At, Stream};

struct Filter;

#[rpc::service]
trait Cursors {
    #[rpc(stream, resume)]
    fn no_cursors(&self, after: After<u64>) -> impl Stream<Item = u8> + Send;

    #[rpc(stream, resume)]
    fn no_parameter(&self) -> impl Stream<Item = At<u64, u8>> + Send;

    #[rpc(stream, resume)]
    fn not_the_last(&self, after: After<u64>, id: u8) -> impl Stream<Item = At<u64, u8>> + Send;

    #[rpc(stream, resume)]
    fn two(&self, one: After<u64>, other: After<u64>) -> impl Stream<Item = At<u64, u8>> + Send;

    #[rpc(stream, resume)]
    fn a_default(&self, #[rpc(default)] after: After<u64>) -> impl Stream<Item = At<u64, u8>> + Send;

    #[rpc(stream, resume, params)]
    fn all_params(&self, filter: Filter) -> impl Stream<Item = At<u64, u8>> + Send;

    #[rpc(stream, resume)]
    fn errors_with_cursors(
        &self,
        after: After<u64>,
    ) -> impl Stream<Item = At<u64, Result<u8, rpc::ErrorObject>>> + Send;

    #[rpc(stream)]
    fn at_without_resume(&self) -> impl Stream<Item = At<u64, u8>> + Send;

    #[rpc(stream)]
    fn after_without_resume(&self, after: After<u64>) -> impl Stream<Item = u8> + Send;
}

fn main() {}

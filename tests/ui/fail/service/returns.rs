use std::borrow::Cow;
use std::future::Future;

#[rpc::service]
trait Users {
    fn text(&self) -> &str;
    fn bytes(&self) -> Option<&'static [u8]>;
    fn borrowed(&self) -> Cow<'_, str>;
    fn future(&self) -> impl Future<Output = u64>;
    fn opaque(&self) -> impl std::fmt::Display;
    fn never(&self) -> !;
    fn myself(&self) -> Self;
}

fn main() {}

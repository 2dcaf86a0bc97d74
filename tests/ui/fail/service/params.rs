use std::borrow::Cow;
use std::fmt::Display;

struct User {
    id: u64,
}

#[rpc::service]
trait Users {
    fn reference(&self, name: &str);
    fn slice(&self, users: &[User]);
    fn exclusive(&self, user: &mut User);
    fn inside(&self, name: Option<&str>);
    fn borrowed(&self, name: Cow<'_, str>);
    fn opaque(&self, name: impl Display);
    fn myself(&self, other: Self);
    fn tuple(&self, (a, b): (u8, u8));
    fn pattern(&self, User { id }: User);
    fn mutable(&self, mut id: u64);
    fn unnamed(&self, _: u64);
    fn conditional(&self, #[cfg(unix)] id: u64);
    fn same_name(&self, id: u64, #[rpc(name = "id")] other: u64);
    fn unknown_key(&self, #[rpc(readonly)] id: u64);
    fn empty_name(&self, #[rpc(name = "")] id: u64);
    fn no_default(&self, #[rpc(default =)] id: u64);
    #[rustfmt::skip]
    fn seventeen(
        &self, a: u8, b: u8, c: u8, d: u8, e: u8, f: u8, g: u8, h: u8,
        i: u8, j: u8, k: u8, l: u8, m: u8, n: u8, o: u8, p: u8, q: u8,
    );
}

fn main() {}

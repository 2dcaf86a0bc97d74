#[rpc::service]
trait Users {
    fn generic<T>(&self, value: T);
    fn generic_constant<const N: usize>(&self) -> [u8; N];
    fn lifetime<'a>(&self, #[rpc(context)] cx: &'a rpc::Context);
    fn where_clause(&self)
    where
        Self: Sized;
    const fn constant(&self);
    unsafe fn not_safe(&self);
    extern "C" fn foreign(&self);
    fn variadic(&self, _: ...);
    fn clone(&self) -> u8;
    fn into(&self, unit: String) -> u8;
    fn try_into(&self) -> u8;
}

fn main() {}

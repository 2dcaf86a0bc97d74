#[rpc::service]
trait Generic<T> {
    fn get(&self) -> u8;
}

#[rpc::service]
trait Borrowing<'a> {
    fn get(&self) -> u8;
}

#[rpc::service]
trait WhereClause
where
    Self: Clone,
{
    fn get(&self) -> u8;
}

#[rpc::service]
unsafe trait Unsafe {
    fn get(&self) -> u8;
}

#[rpc::service]
trait OtherItems {
    type Item;
    const LIMIT: u32 = 10;
    get!();
    fn list(&self) -> Vec<u8>;
}

macro_rules! get {
    () => {
        fn get(&self) -> u8;
    };
}
use get;

struct Users;

// An implementation of a trait with a mistake has no mistakes of its own.
impl Generic<u8> for Users {
    fn get(&self) -> u8 {
        0
    }
}

impl OtherItems for Users {
    type Item = u8;
    fn list(&self) -> Vec<u8> {
        Vec::new()
    }
    fn get(&self) -> u8 {
        0
    }
}

fn main() {}
